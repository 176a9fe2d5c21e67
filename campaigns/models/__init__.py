"""Who and what."""

from __future__ import annotations

from campaigns.models.campaigns import Campaign, CampaignList
from campaigns.models.consent import ConsentEvent, OptOutRequest
from campaigns.models.imports import SubscriberImport
from campaigns.models.lists import CustomField, Subscriber, SubscriberList, Subscription

__all__ = [
    "Campaign",
    "CampaignList",
    "ConsentEvent",
    "CustomField",
    "OptOutRequest",
    "Subscriber",
    "SubscriberImport",
    "SubscriberList",
    "Subscription",
]

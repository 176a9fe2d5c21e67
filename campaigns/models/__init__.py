"""Who and what."""

from __future__ import annotations

from campaigns.models.campaigns import Campaign, CampaignList
from campaigns.models.imports import SubscriberImport
from campaigns.models.lists import CustomField, Subscriber, SubscriberList, Subscription

__all__ = [
    "Campaign",
    "CampaignList",
    "CustomField",
    "Subscriber",
    "SubscriberImport",
    "SubscriberList",
    "Subscription",
]

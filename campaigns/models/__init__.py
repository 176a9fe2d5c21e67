"""Who and what."""

from __future__ import annotations

from campaigns.models.calls import CallEndpoint, OutgoingCall, StaffNotice
from campaigns.models.campaigns import Campaign, CampaignList
from campaigns.models.chains import Chain, ChainBranch, ChainEvent, ChainRun, ChainStep
from campaigns.models.consent import ConsentEvent, OptOutRequest
from campaigns.models.imports import SubscriberImport
from campaigns.models.keywords import Keyword, KeywordAction
from campaigns.models.lists import CustomField, Subscriber, SubscriberList, Subscription
from campaigns.models.opt_in import OptInRequest
from campaigns.models.tags import Tag

__all__ = [
    "CallEndpoint",
    "Campaign",
    "CampaignList",
    "Chain",
    "ChainBranch",
    "ChainEvent",
    "ChainRun",
    "ChainStep",
    "ConsentEvent",
    "CustomField",
    "Keyword",
    "KeywordAction",
    "OptInRequest",
    "OptOutRequest",
    "OutgoingCall",
    "StaffNotice",
    "Subscriber",
    "SubscriberImport",
    "SubscriberList",
    "Subscription",
    "Tag",
]

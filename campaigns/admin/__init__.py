"""Who and what: the pages."""

from campaigns.admin import imports
from campaigns.admin.campaigns import CampaignAdmin
from campaigns.admin.lists import CustomFieldAdmin, SubscriberListAdmin
from campaigns.admin.subscribers import SubscriberAdmin

__all__ = ["CampaignAdmin", "CustomFieldAdmin", "SubscriberAdmin", "SubscriberListAdmin", "imports"]

"""Who and what: the pages."""

from campaigns.admin import imports, inbox_panels
from campaigns.admin.calls import CallEndpointAdmin, OutgoingCallAdmin
from campaigns.admin.campaigns import CampaignAdmin
from campaigns.admin.chain_runs import ChainRunAdmin
from campaigns.admin.chains import ChainAdmin
from campaigns.admin.consent import ConsentEventAdmin
from campaigns.admin.keywords import KeywordAdmin, TagAdmin
from campaigns.admin.lists import CustomFieldAdmin, SubscriberListAdmin
from campaigns.admin.notices import StaffNoticeAdmin
from campaigns.admin.opt_in import OptInRequestAdmin
from campaigns.admin.opt_out_requests import OptOutRequestAdmin
from campaigns.admin.subscribers import SubscriberAdmin
from messaging.admin.sources import register_source_page

register_source_page("campaign", "admin:campaigns_campaign_change")

__all__ = [
    "CallEndpointAdmin",
    "CampaignAdmin",
    "ChainAdmin",
    "ChainRunAdmin",
    "ConsentEventAdmin",
    "CustomFieldAdmin",
    "KeywordAdmin",
    "OptInRequestAdmin",
    "OptOutRequestAdmin",
    "OutgoingCallAdmin",
    "StaffNoticeAdmin",
    "SubscriberAdmin",
    "SubscriberListAdmin",
    "TagAdmin",
    "imports",
    "inbox_panels",
]

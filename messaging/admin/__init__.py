"""The transport's pages."""

from messaging.admin.accounts import AccountAdmin
from messaging.admin.alerts import AlertAdmin
from messaging.admin.batches import BatchAdmin
from messaging.admin.findings import NumberFindingAdmin
from messaging.admin.gateways import GatewayAdmin
from messaging.admin.inbound import InboundMessageAdmin, RejectedWebhookAdmin
from messaging.admin.inbox import CannedReplyAdmin, ConversationAdmin
from messaging.admin.messages import MessageAdmin
from messaging.admin.numbers import PhoneNumberAdmin
from messaging.admin.pools import SenderPoolAdmin
from messaging.admin.registrations import BrandAdmin, TenDlcCampaignAdmin, TollFreeVerificationAdmin
from messaging.admin.reviews import OptOutReviewAdmin
from messaging.admin.routes import RouteAdmin
from messaging.admin.suppressions import SuppressionAdmin

__all__ = [
    "AccountAdmin",
    "AlertAdmin",
    "BatchAdmin",
    "BrandAdmin",
    "CannedReplyAdmin",
    "ConversationAdmin",
    "GatewayAdmin",
    "InboundMessageAdmin",
    "MessageAdmin",
    "NumberFindingAdmin",
    "OptOutReviewAdmin",
    "PhoneNumberAdmin",
    "RejectedWebhookAdmin",
    "RouteAdmin",
    "SenderPoolAdmin",
    "SuppressionAdmin",
    "TenDlcCampaignAdmin",
    "TollFreeVerificationAdmin",
]

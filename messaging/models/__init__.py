"""The transport's models."""

from __future__ import annotations

from messaging.models.alerts import Alert
from messaging.models.batches import Batch
from messaging.models.conversations import CannedReply, Conversation, ConversationNote
from messaging.models.findings import NumberCheck, NumberFinding
from messaging.models.inbound import InboundMessage, RejectedWebhook
from messaging.models.messages import EarlyReport, Message
from messaging.models.numbers import PhoneNumber
from messaging.models.pools import SenderPool
from messaging.models.registration_records import CarrierRefusal, RegistrationChange, RegistrationPolicy
from messaging.models.registrations import Brand, TenDlcCampaign, TenDlcNumber, TollFreeVerification
from messaging.models.reviews import OptOutReview
from messaging.models.routes import Detour, DroppedNumber, Route
from messaging.models.suppressions import Suppression

__all__ = [
    "Alert",
    "Batch",
    "Brand",
    "CannedReply",
    "CarrierRefusal",
    "Conversation",
    "ConversationNote",
    "Detour",
    "DroppedNumber",
    "EarlyReport",
    "InboundMessage",
    "Message",
    "NumberCheck",
    "NumberFinding",
    "OptOutReview",
    "PhoneNumber",
    "RegistrationChange",
    "RegistrationPolicy",
    "RejectedWebhook",
    "Route",
    "SenderPool",
    "Suppression",
    "TenDlcCampaign",
    "TenDlcNumber",
    "TollFreeVerification",
]

"""The transport's pages."""

from messaging.admin.batches import BatchAdmin
from messaging.admin.inbound import InboundMessageAdmin, RejectedWebhookAdmin
from messaging.admin.messages import MessageAdmin
from messaging.admin.numbers import PhoneNumberAdmin
from messaging.admin.suppressions import SuppressionAdmin

__all__ = [
    "BatchAdmin",
    "InboundMessageAdmin",
    "MessageAdmin",
    "PhoneNumberAdmin",
    "RejectedWebhookAdmin",
    "SuppressionAdmin",
]

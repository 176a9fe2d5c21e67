"""The transport's models."""

from __future__ import annotations

from messaging.models.batches import Batch
from messaging.models.inbound import InboundMessage, RejectedWebhook
from messaging.models.messages import EarlyReport, Message
from messaging.models.numbers import PhoneNumber
from messaging.models.suppressions import Suppression

__all__ = ["Batch", "EarlyReport", "InboundMessage", "Message", "PhoneNumber", "RejectedWebhook", "Suppression"]

"""Reading the transport's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Count, Q, Value
from django.db.models.functions import Mod

from messaging.states import FINAL_STATES, BatchState

if TYPE_CHECKING:
    from accounts.models import User
    from messaging.models import (  # noqa: F401  named in strings below
        Alert,
        Batch,
        CannedReply,
        Conversation,
        Message,
        PhoneNumber,
        SenderPool,
        Suppression,
    )


class PhoneNumberQuerySet(models.QuerySet["PhoneNumber"]):
    """Phone numbers."""

    def sendable(self) -> Self:
        """Numbers that may send."""
        return self.filter(state="active", gateway__is_enabled=True)


class SenderPoolQuerySet(models.QuerySet["SenderPool"]):
    """Sender pools."""


class AlertQuerySet(models.QuerySet["Alert"]):
    """Alerts."""

    def open(self) -> Self:
        """Those that still need a person."""
        return self.filter(resolved_at__isnull=True)


class BatchQuerySet(models.QuerySet["Batch"]):
    """Batches."""

    def open(self) -> Self:
        """Batches that are not over."""
        return self.filter(state__in=(BatchState.LAUNCHING, BatchState.SENDING, BatchState.PAUSED))


class MessageQuerySet(models.QuerySet["Message"]):
    """Messages."""

    def counts(self) -> dict[str, int]:
        """Number of messages by state."""
        rows = self.order_by().values_list("state").annotate(n=Count("id"))
        return dict(rows)

    def canary(self, step: int) -> Self:
        """A batch's first few: the messages whose id ``step`` divides."""
        return self.alias(canary_rest=Mod("id", Value(max(1, step)))).filter(canary_rest=0)

    def cohort_counts(self) -> list[tuple[int, str, int]]:
        """(cohort, state, number of messages), for every combination there is."""
        return list(self.order_by().values_list("cohort", "state").annotate(n=Count("id")))

    def unsettled(self) -> Self:
        """Messages that are not in a final state."""
        return self.exclude(state__in=FINAL_STATES)


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    """Suppressions."""

    def active(self) -> Self:
        """Those in force."""
        return self.filter(lifted_at__isnull=True)


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """Conversations."""

    def for_user(self, user: User) -> Self:
        """Conversations that a user may see: staff see all, others those of accounts they are a member of."""
        return self if user.is_staff else self.filter(account__memberships__user=user)

    def open(self) -> Self:
        """Those that somebody has to attend to."""
        return self.filter(state="open")

    def closed(self) -> Self:
        """Those that are done with."""
        return self.filter(state="closed")

    def unread(self) -> Self:
        """Open ones that nobody has looked at since the person wrote."""
        return self.open().filter(is_unread=True)

    def unread_first(self) -> Self:
        """In the order of the inbox."""
        return self.order_by("-is_unread", "-last_message_at", "-id")


class CannedReplyQuerySet(models.QuerySet["CannedReply"]):
    """Canned replies."""

    def for_account(self, account_id: int) -> Self:
        """An account's own and those for all."""
        return self.filter(Q(account_id=account_id) | Q(account__isnull=True))

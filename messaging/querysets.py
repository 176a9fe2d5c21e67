"""Reading the transport's rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Count, Q, Value
from django.db.models.functions import Mod
from django.utils import timezone

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

    def answering(self) -> Self:
        """Numbers that may answer: those that leave do it to the last."""
        return self.filter(state__in=("active", "leaving"), gateway__is_enabled=True)

    def receiver(self, *, gateway_id: int, number: str, at: dt.datetime) -> PhoneNumber | None:
        """Whose number it was at a time: of one that was released and bought anew, each account gets its own messages only.

        Args:
            gateway_id: where a message came in.
            number: what it was sent to.
            at: when.
        """
        rows = list(self.filter(gateway_id=gateway_id, number=number).order_by("-pk"))
        now = next((row for row in rows if row.state != "released"), None)
        if now is not None and now.created_at <= at:
            return now
        then = (row for row in rows if row.released_at and row.created_at <= at < row.released_at)
        return next(then, now)

    def held(self) -> Self:
        """Numbers that somebody has: all that were not released."""
        return self.exclude(state="released")

    def held_elsewhere(self, *, gateway_id: int, numbers: Iterable[str]) -> Self:
        """Rows of numbers that somebody has at another gateway, which may share its provider's account with this one.

        Args:
            gateway_id: not there.
            numbers: E.164; a short code's digits are left out, as they are different codes in different countries.
        """
        rows = self.held().exclude(gateway_id=gateway_id).filter(number__startswith="+", number__in=numbers)
        return rows.select_related("account", "gateway")

    def unclaimed(self) -> Self:
        """Those that nobody deals with at the provider at this moment."""
        return self.filter(Q(claimed_until=None) | Q(claimed_until__lte=timezone.now()))

    def needing_attention(self) -> Self:
        """Those that stopped half-way, and those that have a problem."""
        return self.held().filter(Q(state="pending") | ~Q(problem=""))


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

"""Reading the transport's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Count, Value
from django.db.models.functions import Mod

from messaging.states import FINAL_STATES, BatchState

if TYPE_CHECKING:
    from messaging.models import Alert, Batch, Message, PhoneNumber, SenderPool, Suppression  # noqa: F401  named in strings below


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

"""Messages that may be opt-outs, until a person has looked."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from messaging.models.inbound import InboundMessage


class OptOutReview(models.Model):
    """Somebody whose words may ask to stop; they get no campaigns until it is decided.

    ::

        pending ──► opted_out     (a person, or a clear STOP of theirs)
           └──────► kept          (a person, or a START of theirs)
    """

    class State(models.TextChoices):
        """What was decided."""

        PENDING = "pending", "Waits for a decision"
        OPTED_OUT = "opted_out", "Opted out"
        KEPT = "kept", "Kept"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="opt_out_reviews")
    recipient = models.CharField("from", max_length=16, help_text="E.164.")
    inbound = models.ForeignKey(
        InboundMessage, on_delete=models.PROTECT, related_name="+", help_text="The first of them."
    )
    messages = models.ManyToManyField(InboundMessage, related_name="opt_out_reviews", help_text="All unclear ones.")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    score = models.PositiveSmallIntegerField(help_text="Points of the strongest of them.")
    rules = models.JSONField(default=list, help_text="Names of the rules that matched, with their weights.")
    created_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ("id",)
        verbose_name = "opt-out to review"
        verbose_name_plural = "opt-outs to review"
        constraints = (
            # Further unclear messages of a person join the review that waits.
            models.UniqueConstraint(
                fields=("account", "recipient"),
                condition=Q(state="pending"),
                name="messaging_review_once_while_pending",
            ),
        )

    def __str__(self) -> str:
        return f"{self.recipient}: {self.get_state_display()}"

"""Batches: messages that are launched, paused and counted together."""

from __future__ import annotations

from django.db import models

from accounts.models import Account
from broadcast.core.models import TimestampedModel
from integrations.models import Gateway
from messaging.models.numbers import PhoneNumber
from messaging.querysets import BatchQuerySet
from messaging.states import BatchState


class Batch(TimestampedModel):
    """Messages with one text, from one number, to many recipients.

    ::

        launching ──► sending ◄──► paused
            │            │            │
            │            ├────────────┴──► cancelled
            └────────────┴──► finished

    Moved only by ``messaging.services.batches``, with a conditional UPDATE for each arrow. ``finished`` means that every
    message is in a final state.
    """

    class PauseCode(models.TextChoices):
        """Who or what paused it."""

        NONE = "", "Not paused"
        PERSON = "person", "Paused by a person"
        QUIET_HOURS = "quiet_hours", "Quiet hours"
        GATEWAY = "gateway", "The provider refuses everything"
        NUMBER = "number", "The provider refuses the sending number"
        ACCOUNT = "account", "The account is not active"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="batches")
    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="batches")
    number = models.ForeignKey(PhoneNumber, on_delete=models.PROTECT, related_name="batches")
    label = models.CharField(max_length=120)
    source = models.CharField(
        max_length=64, blank=True, editable=False, help_text="The submitter's reference, e.g. campaign:12."
    )
    template = models.TextField(help_text="Text with merge fields in Liquid.")
    state = models.CharField(max_length=10, choices=BatchState, default=BatchState.LAUNCHING, editable=False)
    pause_code = models.CharField(max_length=12, choices=PauseCode, default=PauseCode.NONE, blank=True, editable=False)
    pause_reason = models.CharField(max_length=255, blank=True, editable=False)
    resume_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When a pause ends by itself.")
    respects_quiet_hours = models.BooleanField(default=True)
    launched_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = BatchQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "batches"
        constraints = (
            # A submitter that launches twice finds its first batch.
            models.UniqueConstraint(
                fields=("source",), condition=~models.Q(source=""), name="messaging_batch_once_per_source"
            ),
        )
        indexes = (
            # The sweeper looks for batches that are not over.
            models.Index(
                fields=("state",),
                condition=models.Q(state__in=("launching", "sending", "paused")),
                name="messaging_batch_open",
            ),
        )

    def __str__(self) -> str:
        return self.label

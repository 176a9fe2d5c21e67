"""What people and providers send to us."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from accounts.models import Account
from integrations.models import Gateway
from messaging.models.numbers import PhoneNumber


class InboundMessage(models.Model):
    """A message somebody sent to one of our numbers.

    ``received`` → ``handled``, or ``unrouted`` when no number of ours is its recipient.
    """

    class State(models.TextChoices):
        """What became of it."""

        RECEIVED = "received", "Received"
        HANDLED = "handled", "Handled"
        UNROUTED = "unrouted", "No such number"

    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="inbound")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="inbound", null=True, blank=True)
    number = models.ForeignKey(PhoneNumber, on_delete=models.PROTECT, related_name="inbound", null=True, blank=True)
    provider_id = models.CharField("provider's id", max_length=64)
    sender = models.CharField(max_length=16, help_text="E.164.")
    recipient = models.CharField(max_length=16, help_text="The number it was sent to.")
    body = models.TextField(blank=True)
    segments = models.PositiveSmallIntegerField(default=1, help_text="As the provider bills it.")
    idempotency_token = models.CharField(
        max_length=64, blank=True, help_text="The provider's mark of one webhook, the same in each of its attempts."
    )
    media = models.JSONField(default=list, blank=True, help_text="Pairs of URL and content type.")
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    handler = models.CharField(max_length=20, blank=True, help_text="Which handler took it.")
    decision = models.CharField(max_length=255, blank=True, help_text="Why this answer, or none.")
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            # A provider that repeats a webhook has one effect.
            models.UniqueConstraint(fields=("gateway", "provider_id"), name="messaging_inbound_once_per_provider_id"),
            models.UniqueConstraint(
                fields=("gateway", "idempotency_token"),
                condition=~models.Q(idempotency_token=""),
                name="messaging_inbound_once_per_token",
            ),
        )
        indexes = (
            # An account's inbox, newest first.
            models.Index(fields=("account", "-id"), name="messaging_inbound_inbox"),
            # A person's history.
            models.Index(fields=("account", "sender", "-id"), name="messaging_inbound_person"),
        )

    def __str__(self) -> str:
        return f"from {self.sender}"


class RejectedWebhook(models.Model):
    """A signed webhook that could not be understood, kept for staff to look at and to replay.

    ``kept`` → ``replayed``, once it is understood after all; or ``dismissed``.
    """

    class State(models.TextChoices):
        """What became of it."""

        KEPT = "kept", "Waits for a person"
        REPLAYED = "replayed", "Replayed"
        DISMISSED = "dismissed", "Dismissed"

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="rejected_webhooks")
    kind = models.CharField(max_length=10)
    body = models.TextField()
    event = models.TextField(
        blank=True, editable=False, help_text="The webhook as it stood in the stream, as JSON: what a replay reads."
    )
    error = models.CharField(max_length=255)
    received_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.KEPT)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.kind}: {self.error}"

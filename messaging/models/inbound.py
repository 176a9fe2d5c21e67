"""What people and providers send to us."""

from __future__ import annotations

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
    """A signed webhook that could not be understood, kept for staff to look at."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="rejected_webhooks")
    kind = models.CharField(max_length=10)
    body = models.TextField()
    error = models.CharField(max_length=255)
    received_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.kind}: {self.error}"

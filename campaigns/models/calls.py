"""What is told to others: signed calls to web addresses, and mails to staff."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from accounts.models import Account
from broadcast.core.fields import EncryptedJSONField
from broadcast.core.models import TimestampedModel
from messaging.models import InboundMessage


class CallEndpoint(TimestampedModel):
    """A web address that an account wants to be told at.

    After a few tries in a row that failed or were slow it is *strained*: its calls are then made one at a time, with waits that
    grow while they fail. The first that is answered quickly ends that.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="call_endpoints")
    name = models.CharField(max_length=80)
    url = models.CharField("address", max_length=500, help_text="https://… Addresses in private networks are refused.")
    secret = EncryptedJSONField(editable=False, help_text="Signs every call; known to us and to the receiver.")
    is_enabled = models.BooleanField("enabled", default=True)
    strain = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="Tries in a row that failed or were slow."
    )
    free_at = models.DateTimeField(
        default=timezone.now, editable=False, help_text="While strained, the next try is made then at the earliest."
    )

    class Meta:
        ordering = ("name",)
        verbose_name = "webhook endpoint"
        constraints = (
            models.UniqueConstraint(fields=("account", "name"), name="campaigns_endpoint_name_once_per_account"),
        )

    def __str__(self) -> str:
        return self.name


class OutgoingCall(TimestampedModel):
    """One call of an endpoint, made at least once.

    ``waiting`` → ``delivered``, or ``failed`` after 24 hours of trying; ``failed`` → ``waiting`` when staff try again. Moved by
    conditional UPDATEs in ``campaigns.services.calls`` only. A try moves ``next_at`` ahead before anything is sent, so that two
    processes never try the same call at once and a killed one's call is taken up again.
    """

    class State(models.TextChoices):
        """See above."""

        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    endpoint = models.ForeignKey(CallEndpoint, on_delete=models.CASCADE, related_name="calls")
    key = models.UUIDField("idempotency key", default=uuid.uuid4, unique=True, editable=False)
    payload = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    first_at = models.DateTimeField(
        "tried since", default=timezone.now, help_text="24 hours of trying count from here."
    )
    next_at = models.DateTimeField("next try", default=timezone.now)
    last_status = models.PositiveSmallIntegerField("last answer", null=True, blank=True, help_text="HTTP status.")
    last_error = models.CharField(max_length=255, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "webhook call"
        indexes = (
            # The task that delivers looks for calls that are due.
            models.Index(fields=("next_at",), condition=models.Q(state="waiting"), name="campaigns_call_due"),
            # It takes a few of each endpoint, the oldest first.
            models.Index(
                fields=("endpoint", "next_at"), condition=models.Q(state="waiting"), name="campaigns_call_waiting"
            ),
            # The endpoints' list counts them, the first page tells of them.
            models.Index(
                fields=("endpoint", "updated_at"), condition=models.Q(state="failed"), name="campaigns_call_failed"
            ),
            # Old ones are deleted.
            models.Index(fields=("updated_at",), condition=~models.Q(state="waiting"), name="campaigns_call_settled"),
        )

    def __str__(self) -> str:
        return f"Call {self.pk} to {self.endpoint}"


class StaffNotice(TimestampedModel):
    """A mail to staff about an inbound message.

    ``waiting`` → ``sent`` once the mail server has taken it, or ``failed`` after 24 hours of trying; ``failed`` → ``waiting`` when
    staff try again. Moved by conditional UPDATEs in ``campaigns.services.calls.notices`` only.
    """

    class State(models.TextChoices):
        """See above."""

        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="staff_notices")
    inbound = models.ForeignKey(InboundMessage, on_delete=models.CASCADE, related_name="+")
    addresses = models.JSONField(default=list)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    first_at = models.DateTimeField(
        "tried since", default=timezone.now, help_text="24 hours of trying count from here."
    )
    next_at = models.DateTimeField("next try", default=timezone.now)
    last_error = models.CharField(max_length=255, blank=True)
    sent_at = models.DateTimeField("sent", null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "mail to staff"
        verbose_name_plural = "mails to staff"
        indexes = (
            # The task that mails looks for what is due.
            models.Index(fields=("next_at",), condition=models.Q(state="waiting"), name="campaigns_notice_due"),
            # The first page tells of them.
            models.Index(fields=("updated_at",), condition=models.Q(state="failed"), name="campaigns_notice_failed"),
            # Old ones are deleted.
            models.Index(fields=("updated_at",), condition=~models.Q(state="waiting"), name="campaigns_notice_settled"),
        )

    def __str__(self) -> str:
        return self.subject

"""Suppressions: who must not be sent to."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Account
from messaging.models.messages import Message
from messaging.querysets import SuppressionQuerySet


class Suppression(models.Model):
    """A recipient whom an account must not send to, until it is lifted."""

    class Reason(models.TextChoices):
        """Why."""

        OPT_OUT = "opt_out", "Opted out"
        PROVIDER_OPT_OUT = "provider_opt_out", "Opted out at the provider"
        BAD_NUMBER = "bad_number", "Number cannot receive texts"
        REVIEW = "review", "May have opted out: to be reviewed"
        STAFF = "staff", "Suppressed by staff"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="suppressions")
    recipient = models.CharField(max_length=16, help_text="E.164.")
    reason = models.CharField(max_length=20, choices=Reason, default=Reason.STAFF)
    note = models.CharField(max_length=200, blank=True, help_text="Their words, or yours.")
    message = models.ForeignKey(
        Message,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="opt_outs",
        help_text="The last message they had when they opted out.",
    )
    opted_out_at = models.DateTimeField(
        "opted out too",
        null=True,
        blank=True,
        help_text="When they opted out themselves, of somebody suppressed by staff.",
    )
    opted_out_words = models.CharField(
        "their words",
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="With which they opted out then.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_note = models.CharField(max_length=200, blank=True)

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("account", "recipient"),
                condition=models.Q(lifted_at__isnull=True),
                name="messaging_suppression_once_while_active",
            ),
        )
        indexes = (
            # The marks of what was suppressed and lifted lately are looked after each minute.
            models.Index(fields=("created_at",), name="messaging_suppression_new"),
            models.Index(
                fields=("lifted_at",),
                condition=models.Q(lifted_at__isnull=False),
                name="messaging_suppression_lifted",
            ),
        )

    def __str__(self) -> str:
        return f"{self.recipient}: {self.get_reason_display()}"

"""Alerts: what a person should know of before they ask."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from integrations.models import Gateway
from messaging.models.batches import Batch
from messaging.querysets import AlertQuerySet


class Alert(models.Model):
    """Something that needs a person; open until its cause is gone or somebody says that it is dealt with.

    ::

        open ──► resolved     (by itself, or by a person)

    Raised and resolved by ``messaging.services.alerts`` only; the same cause raises one alert while that is open.
    """

    class Kind(models.TextChoices):
        """What is wrong."""

        REJECTIONS = "rejections", "Too many rejections"
        CANARY = "canary", "Canary stopped"
        STALLED = "stalled", "Stalled"
        EXPIRED = "expired", "Messages expired"
        GATEWAY_STOPPED = "gateway_stopped", "Provider refuses everything"
        GATEWAY_DOWN = "gateway_down", "Provider cannot be reached"
        NUMBER_STOPPED = "number_stopped", "Provider refuses a number"
        NUMBERS_DIFFER = "numbers_differ", "Numbers differ from the provider's"
        NUMBERS_UNREAD = "numbers_unread", "Numbers cannot be compared"
        CLOCK = "clock", "Clocks differ"
        FOREIGN_SECRET = "foreign_secret", "Signed with another gateway's secret"
        NUMBER_HALF_WAY = "number_half_way", "Number half-way"
        DETOUR = "detour", "Leaves through another provider"
        REGISTRATION = "registration", "Registration"
        BUDGET = "budget", "Brand budget used up"

    kind = models.CharField(max_length=20, choices=Kind)
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="alerts", null=True, blank=True)
    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="alerts", null=True, blank=True)
    subject = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="What it is about, where that is neither a batch nor a gateway, e.g. brand:3.",
    )
    text = models.CharField(max_length=500, help_text="What happened, to what, and what to do.")
    created_at = models.DateTimeField()
    emailed_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_note = models.CharField(max_length=200, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            # Whoever finds the same trouble again finds the alert that is open.
            models.UniqueConstraint(
                fields=("kind", "batch"),
                condition=Q(resolved_at__isnull=True, batch__isnull=False),
                name="messaging_alert_once_per_batch",
            ),
            models.UniqueConstraint(
                fields=("kind", "gateway"),
                condition=Q(resolved_at__isnull=True, batch__isnull=True),
                name="messaging_alert_once_per_gateway",
            ),
            models.UniqueConstraint(
                fields=("kind", "subject"),
                condition=Q(resolved_at__isnull=True, batch__isnull=True) & ~Q(subject=""),
                name="messaging_alert_once_per_subject",
            ),
        )

    def __str__(self) -> str:
        return str(self.get_kind_display())

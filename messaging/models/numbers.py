"""Phone numbers that messages leave from and arrive at."""

from __future__ import annotations

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from accounts.models import Account
from broadcast.core.models import TimestampedModel
from integrations.models import Gateway
from messaging.querysets import PhoneNumberQuerySet


class PhoneNumber(TimestampedModel):
    """A number of an account at a gateway.

    ``pending`` (bought, not wired yet) → ``active`` → ``released``; ``disabled`` in between as staff wish.
    """

    class Kind(models.TextChoices):
        """What the carriers make of it; decides the usual pace."""

        LOCAL = "local", "Long code"
        MOBILE = "mobile", "Mobile"
        TOLL_FREE = "toll_free", "Toll-free"
        SHORT_CODE = "short_code", "Short code"

    class State(models.TextChoices):
        """Only an active number sends."""

        PENDING = "pending", "Pending"
        ACTIVE = "active", "Active"
        DISABLED = "disabled", "Disabled"
        RELEASED = "released", "Released"

    #: Usual pace by kind, segments per second.
    USUAL_PACE = {Kind.LOCAL: 1, Kind.MOBILE: 1, Kind.TOLL_FREE: 3, Kind.SHORT_CODE: 100}

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="numbers")
    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="numbers")
    number = models.CharField(
        max_length=16,
        validators=[RegexValidator(r"^(\+[1-9]\d{6,14}|\d{3,8})$", "Use +14155552671, or a short code's digits.")],
        help_text="E.164 with a leading plus, or a short code's digits.",
    )
    label = models.CharField(max_length=60, blank=True)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.LOCAL)
    country = models.CharField(max_length=2, default="US")
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    provider_id = models.CharField("provider's id", max_length=64, blank=True)
    can_receive = models.BooleanField(default=True)
    can_send_media = models.BooleanField("can send media", default=False)
    pace_segments = models.PositiveIntegerField(
        "pace",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Segments per second. Empty: the usual pace of its kind.",
    )

    objects = PhoneNumberQuerySet.as_manager()

    class Meta:
        ordering = ("number",)
        constraints = (
            # An inbound message finds its account by (gateway, number): there must be one at most.
            models.UniqueConstraint(
                fields=("gateway", "number"),
                condition=~models.Q(state="released"),
                name="messaging_number_once_per_gateway",
            ),
        )

    def __str__(self) -> str:
        return f"{self.label} ({self.number})" if self.label else self.number

    @property
    def segments_per_second(self) -> int:
        """The pace at which messages may leave it."""
        if self.pace_segments:
            return self.pace_segments
        return max(self.USUAL_PACE[self.Kind(self.kind)], self.gateway.default_pace)

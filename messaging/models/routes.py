"""Routes: which sender an account's messages leave from, by country, and which one stands in for it."""

from __future__ import annotations

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import Account
from broadcast.core.models import TimestampedModel
from integrations.models import Gateway
from messaging.models.batches import Batch
from messaging.models.numbers import PhoneNumber
from messaging.models.pools import SenderPool

#: A gateway is silent for so long before another takes over, seconds.
DEFAULT_PATIENCE_SECONDS = 60
MAX_PATIENCE_SECONDS = 24 * 3600


class Route(TimestampedModel):
    """Where an account's campaigns leave from for one country, or for everywhere that has no route of its own.

    Written by ``messaging.services.routes``, which knows what fits together.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="routes")
    country = models.CharField(
        max_length=2, blank=True, help_text="ISO code; empty: everywhere that has no route of its own."
    )
    is_blocked = models.BooleanField("do not send", default=False, help_text="Nothing of a campaign goes there.")
    number = models.ForeignKey(
        PhoneNumber, on_delete=models.PROTECT, related_name="+", verbose_name="preferred number", null=True, blank=True
    )
    pool = models.ForeignKey(
        SenderPool, on_delete=models.PROTECT, related_name="+", verbose_name="preferred pool", null=True, blank=True
    )
    second_number = models.ForeignKey(
        PhoneNumber, on_delete=models.PROTECT, related_name="+", verbose_name="second number", null=True, blank=True
    )
    second_pool = models.ForeignKey(
        SenderPool, on_delete=models.PROTECT, related_name="+", verbose_name="second pool", null=True, blank=True
    )
    patience_seconds = models.PositiveIntegerField(
        "patience",
        default=DEFAULT_PATIENCE_SECONDS,
        validators=[MaxValueValidator(MAX_PATIENCE_SECONDS)],
        help_text="Seconds without an answer of a gateway after which the second sender takes over.",
    )
    when_stopped = models.BooleanField(
        "also when the provider refuses everything",
        default=True,
        help_text="Wrong credentials or a suspended account: a person has to mend it, and the second sender does not wait.",
    )
    when_disabled = models.BooleanField(
        "also when somebody disables the gateway",
        default=False,
        help_text="Otherwise a campaign is paused then: whoever disables a gateway may want nothing to leave.",
    )

    class Meta:
        ordering = ("account__name", "country")
        constraints = (
            models.UniqueConstraint(fields=("account", "country"), name="messaging_route_once_per_country"),
            models.CheckConstraint(
                condition=Q(number=None) | Q(pool=None), name="messaging_route_one_preferred_sender"
            ),
            models.CheckConstraint(
                condition=Q(second_number=None) | Q(second_pool=None), name="messaging_route_one_second_sender"
            ),
            models.CheckConstraint(
                condition=Q(is_blocked=True, number=None, pool=None, second_number=None, second_pool=None)
                & ~Q(country="")
                | Q(is_blocked=False) & (Q(number__isnull=False) | Q(pool__isnull=False)),
                name="messaging_route_sender_or_blocked",
            ),
        )

    def __str__(self) -> str:
        return f"{self.account}: {self.country or 'everywhere else'}"

    @property
    def sender(self) -> PhoneNumber | SenderPool | None:
        """The preferred one; None when nothing is sent."""
        return self.number or self.pool

    @property
    def second(self) -> PhoneNumber | SenderPool | None:
        """The one that stands in for it, if there is one."""
        return self.second_number or self.second_pool


class Detour(models.Model):
    """Messages of a batch that left through another gateway than they were to, because that did not send.

    ::

        open ──► ended     (the gateway sends again, or the batch is over)

    Kept for good: it says what happened. Written by ``messaging.services.detours`` only.
    """

    class Cause(models.TextChoices):
        """Why the gateway did not send."""

        SILENT = "silent", "It did not answer"
        STOPPED = "stopped", "It refused everything"
        DISABLED = "disabled", "It was disabled"

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="detours")
    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="+")
    through = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="+")
    number = models.ForeignKey(
        PhoneNumber, on_delete=models.PROTECT, related_name="+", help_text="Where they left from, or one of several."
    )
    cause = models.CharField(max_length=10, choices=Cause)
    since = models.DateTimeField(help_text="From when on the gateway did not send.")
    moved = models.PositiveIntegerField(default=0, help_text="Messages.")
    started_at = models.DateTimeField()
    moved_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("batch", "gateway", "through"),
                condition=Q(ended_at__isnull=True),
                name="messaging_detour_once_at_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"{self.moved:,} messages of {self.batch} through {self.through}"


class DroppedNumber(models.Model):
    """A number of a batch that may not send any more, and whose messages left from the other numbers of its pool or route.

    Kept for good: it says what happened. Written by ``messaging.services.drops`` only.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="dropped_numbers")
    number = models.ForeignKey(PhoneNumber, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=255, help_text="Why it may not send, for a person.")
    moved = models.PositiveIntegerField(default=0, help_text="Messages.")
    dropped_at = models.DateTimeField()
    moved_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        constraints = (
            # What moves later, as others come back from a sender that held them, is counted in the same row.
            models.UniqueConstraint(fields=("batch", "number"), name="messaging_dropped_once_per_batch"),
        )

    def __str__(self) -> str:
        return f"{self.number} of {self.batch}"

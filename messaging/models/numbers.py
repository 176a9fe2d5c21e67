"""Phone numbers that messages leave from and arrive at."""

from __future__ import annotations

import datetime as dt

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from accounts.models import Account
from broadcast.core.models import TimestampedModel
from integrations.models import Gateway
from messaging.querysets import PhoneNumberQuerySet


class PhoneNumber(TimestampedModel):
    """A number of an account at a gateway.

    ::

        pending ──► active ◄──► disabled
                      │ ▲          │ ▲
                      ▼ │          ▼ │
                     leaving ◄───────┘ ──► released

    While it is pending, ``step`` says how far it is::

        wanted ──► bought ──► wired ──► (active)
        awaited ──────┘                  (a port-in that the provider does not have yet)

    What went wrong on the way is in ``problem``, in words; ``messaging.services.numbers`` goes on from each step. A leaving
    number still receives and answers; it may be kept until it is given back to the provider at ``release_at``.

    What a person wants done at the provider is its ``errand`` until a background task has done it or has failed; what came of
    it is in ``outcome`` or ``problem``.
    """

    class Kind(models.TextChoices):
        """What the carriers make of it; decides the usual pace."""

        LOCAL = "local", "Long code"
        MOBILE = "mobile", "Mobile"
        TOLL_FREE = "toll_free", "Toll-free"
        SHORT_CODE = "short_code", "Short code"

    class State(models.TextChoices):
        """Only an active number sends campaigns."""

        PENDING = "pending", "Pending"
        ACTIVE = "active", "Active"
        DISABLED = "disabled", "Disabled"
        LEAVING = "leaving", "Leaving"
        RELEASED = "released", "Released"

    class Step(models.TextChoices):
        """How far a pending number is."""

        WANTED = "wanted", "Wanted: not known to be bought"
        AWAITED = "awaited", "Awaited: not known to be at the provider"
        BOUGHT = "bought", "Bought: not wired to our webhooks"
        WIRED = "wired", "Wired to our webhooks"

    class Errand(models.TextChoices):
        """What a background task is to do at the provider; ``messaging.services.numbers.errands`` moves it."""

        BUY = "buy", "Buy it, wire it and put it to use"
        BUYING = "buying", "It was begun to buy it: look whether it is ours, and go on; nothing is bought again"
        BUY_AFTER_ALL = "rebuy", "Look whether it is ours, buy it if not, and go on"
        FINISH = "finish", "Look whether it is ours, and go on; nothing is bought"
        WIRE = "wire", "Wire it to our webhooks"
        GIVE_BACK = "give_back", "Give it back"
        KEEP = "keep", "Look whether it is still ours, and keep it"
        GIVE_UP = "give_up", "Look whether it is ours, and give it up if not"
        FORGET = "forget", "Forget it without giving it back"

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
    step = models.CharField("step reached", max_length=8, choices=Step, blank=True)
    problem = models.CharField(max_length=500, blank=True, help_text="What went wrong last, and what to do.")
    checked_at = models.DateTimeField(
        "seen at the provider", null=True, blank=True, help_text="When the provider last said that it has the number."
    )
    claimed_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Somebody deals with it at the provider until then."
    )
    errand = models.CharField(
        max_length=9, choices=Errand, blank=True, editable=False, help_text="What a background task is to do with it."
    )
    asked_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its last errand was asked for."
    )
    outcome = models.CharField(max_length=500, blank=True, editable=False, help_text="What came of its last errand.")
    monthly_price = models.DecimalField(
        max_digits=10, decimal_places=4, null=True, blank=True, help_text="As it was told at the purchase."
    )
    upfront_price = models.DecimalField(
        max_digits=10, decimal_places=4, null=True, blank=True, help_text="What is paid once, as it was told."
    )
    currency = models.CharField(max_length=3, blank=True)
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

    test_recipient = models.CharField(max_length=16, blank=True, help_text="Who gets the first message, as a test.")
    test_message = models.ForeignKey(
        "messaging.Message", on_delete=models.SET_NULL, related_name="+", null=True, blank=True, editable=False
    )
    release_at = models.DateTimeField(
        "given back on", null=True, blank=True, help_text="When a leaving number is given back to the provider."
    )
    released_at = models.DateTimeField(null=True, blank=True)
    kept_state = models.CharField(
        max_length=10,
        choices=State,
        blank=True,
        editable=False,
        help_text="What a leaving number was, and is if it is kept.",
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
            models.CheckConstraint(
                condition=~models.Q(state="leaving") | models.Q(release_at__isnull=False),
                name="messaging_number_leaving_has_date",
            ),
        )
        indexes = (
            # The sweeper looks each minute for errands whose task was lost; there are few or none.
            models.Index(fields=("asked_at",), condition=~models.Q(errand=""), name="messaging_number_errands"),
        )

    def __str__(self) -> str:
        return f"{self.label} ({self.number})" if self.label else self.number

    @property
    def answers(self) -> bool:
        """Whether it answers who writes to it; a leaving number does, although it sends no campaigns."""
        return self.state in (self.State.ACTIVE, self.State.LEAVING)

    @property
    def released_since(self) -> dt.datetime | None:
        """When it was released; None for one that is not."""
        if self.state != self.State.RELEASED:
            return None
        # Those that were released before this was recorded have not changed since.
        return self.released_at or self.updated_at

    @property
    def is_claimed(self) -> bool:
        """Whether somebody deals with it at the provider at this moment."""
        return self.claimed_until is not None and self.claimed_until > timezone.now()

    @property
    def was_never_ours(self) -> bool:
        """Whether it was released without having been bought, as a purchase that the provider refused."""
        return self.state == self.State.RELEASED and self.step in (self.Step.WANTED, self.Step.AWAITED)

    @property
    def segments_per_second(self) -> int:
        """The pace at which messages may leave it."""
        if self.pace_segments:
            return self.pace_segments
        return max(self.USUAL_PACE[self.Kind(self.kind)], self.gateway.default_pace)

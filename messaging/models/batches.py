"""Batches: messages that are launched, paused and counted together."""

from __future__ import annotations

from django.db import models

from accounts.models import Account
from broadcast.core.models import TimestampedModel
from integrations.models import Gateway
from messaging.models.numbers import PhoneNumber
from messaging.models.pools import SenderPool
from messaging.querysets import BatchQuerySet
from messaging.states import BatchState

#: Usual limits of a batch.
DEFAULT_EXPIRE_MINUTES = 240
DEFAULT_CANARY_WAIT_MINUTES = 15
DEFAULT_MAX_REJECTED_PERCENT = 20
DEFAULT_MAX_OPT_OUT_PERCENT = 5


class Batch(TimestampedModel):
    """Messages with one text, from one number or a pool of them, to many recipients.

    ::

        launching ──► sending ◄──► paused
            │            │            │
            │            ├────────────┴──► cancelled
            └────────────┴──► finished

    Moved only by ``messaging.services.batches``, with a conditional UPDATE for each arrow. ``finished`` means that every
    message is in a final state.

    With a canary it sends to the first few, waits, judges, and goes on (``passed``) or is paused for a person (``failed``).
    """

    class PauseCode(models.TextChoices):
        """Who or what paused it."""

        NONE = "", "Not paused"
        PERSON = "person", "Paused by a person"
        QUIET_HOURS = "quiet_hours", "Quiet hours"
        GATEWAY = "gateway", "The provider refuses everything"
        NUMBER = "number", "The provider refuses the sending number"
        REGISTRATION = "registration", "The number is not registered"
        ACCOUNT = "account", "The account is not active"
        REJECTIONS = "rejections", "Too many rejections"
        CANARY = "canary", "The canary did badly"

    class Canary(models.TextChoices):
        """Where the first few stand, after whom the others go."""

        NONE = "", "None"
        SENDING = "sending", "Going to the first few"
        PASSED = "passed", "Passed"
        FAILED = "failed", "Did badly"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="batches")
    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="batches")
    number = models.ForeignKey(PhoneNumber, on_delete=models.PROTECT, related_name="batches")
    pool = models.ForeignKey(SenderPool, on_delete=models.PROTECT, related_name="batches", null=True, blank=True)
    sender_ids = models.JSONField(
        default=list,
        editable=False,
        help_text="Ids of the numbers that its messages leave from, as they were at launch.",
    )
    routed_ids = models.JSONField(
        default=list,
        editable=False,
        help_text="Those of them that routes brought in: a country's numbers, and those that stand in for others.",
    )
    other_gateway_ids = models.JSONField(
        default=list, editable=False, help_text="Ids of the gateways, besides its own, that some of it leaves through."
    )
    follows_country_rules = models.BooleanField(
        "country rules", default=True, help_text="Whether a country's route goes before its own number or pool."
    )
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
    places = models.JSONField(
        default=list,
        editable=False,
        help_text="Where its recipients are, each place once, as it was at launch; empty: the account's own zone.",
    )
    due_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="From when on the latest time is counted, in open minutes."
    )
    held_due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When it was due before a brand's next day moved that; counts still for numbers that no brand's cap holds up.",
    )
    expire_minutes = models.PositiveIntegerField(
        default=DEFAULT_EXPIRE_MINUTES,
        help_text="What has not left so long after it was due does not leave any more; only minutes in which the recipient may "
        "be written to count; 0: no such limit.",
    )
    expires_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="From then on nothing leaves. Moves on when somebody resumes it.",
    )
    canary_percent = models.PositiveSmallIntegerField(default=0, help_text="Who gets it first; 0: everybody at once.")
    canary_step = models.PositiveIntegerField(
        default=0, editable=False, help_text="The first few are the messages whose id it divides."
    )
    canary_wait_minutes = models.PositiveIntegerField(default=DEFAULT_CANARY_WAIT_MINUTES)
    canary_state = models.CharField(max_length=8, choices=Canary, default=Canary.NONE, blank=True, editable=False)
    canary_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the first few are judged; set when the last of them left.",
    )
    max_rejected_percent = models.PositiveSmallIntegerField(
        default=DEFAULT_MAX_REJECTED_PERCENT, help_text="Pauses when more of the last sends are refused; 0: never."
    )
    max_opt_out_percent = models.PositiveSmallIntegerField(
        default=DEFAULT_MAX_OPT_OUT_PERCENT,
        help_text="The canary stops it when more of the first few opt out; 0: never.",
    )
    moved_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When something of it was last recorded, to a few seconds."
    )
    stalled_at = models.DateTimeField(null=True, blank=True, editable=False)
    stall_reason = models.CharField(max_length=255, blank=True, editable=False)
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

    @property
    def senders(self) -> list[int]:
        """Ids of the numbers that its messages leave from."""
        return self.sender_ids or [self.number_id]

    @property
    def gateways(self) -> list[int]:
        """Ids of the gateways that its messages leave through, its own first."""
        return [self.gateway_id, *self.other_gateway_ids]

"""Messages: one text to one recipient."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from accounts.models import Account
from broadcast.core.merge import render_template
from integrations.models import Gateway
from messaging.hours import MAX_KEY_LENGTH
from messaging.models.batches import Batch
from messaging.models.numbers import PhoneNumber
from messaging.querysets import MessageQuerySet
from messaging.states import OPEN_STATES, MessageState


class Message(models.Model):
    """One message to one recipient.

    ::

        queued ─► sending ─► accepted ─► sent ─► delivered | undelivered | failed
          │          │           └────────┴────► no_report   (no delivery report came in time)
          │          ├─► failed                              (the provider refused it)
          │          └─► unknown ─► accepted, sent, …        (a report, a look-up or a repetition settled it)
          │                   └───► unresolved               (nothing ever did)
          └─► suppressed | cancelled | expired

    The state moves forward only (``messaging.states.RANK``); every change is a conditional UPDATE in
    ``messaging.engine``. A message that never left goes back from ``sending`` to ``queued``, which only the holder of its
    lease or the sweeper may do.
    """

    class Kind(models.TextChoices):
        """What it is for; a service message (the confirmation of an opt-out, HELP) also goes to who has opted out."""

        CAMPAIGN = "campaign", "Campaign"
        REPLY = "reply", "Reply"
        SERVICE = "service", "Service"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.CAMPAIGN)
    # No indexes of their own: each one costs every message three times, and those below begin with account and batch.
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="messages", db_index=False)
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="messages", null=True, blank=True, db_index=False
    )
    number = models.ForeignKey(PhoneNumber, on_delete=models.PROTECT, related_name="messages", db_index=False)
    recipient = models.CharField(max_length=16, help_text="E.164.")
    body = models.TextField(blank=True, help_text="Empty when it is rendered from the batch's template.")
    context = models.JSONField(null=True, blank=True, help_text="Values of the merge fields, as they were at launch.")
    cohort = models.BigIntegerField(
        default=0, help_text="The submitter's mark for counting: for a campaign, one bit a list the recipient is on."
    )
    place = models.CharField(
        max_length=MAX_KEY_LENGTH,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="Where the recipient may be, for quiet hours (docs/quiet-hours.md). Empty: the account's own zone.",
    )
    state = models.CharField(max_length=12, choices=MessageState, default=MessageState.QUEUED)
    reason = models.CharField(max_length=32, blank=True, help_text="Error code, or why it was suppressed.")
    reason_text = models.CharField(max_length=255, blank=True)
    provider_id = models.CharField("provider's id", max_length=64, blank=True)
    segments = models.PositiveSmallIntegerField(default=0)
    lease = models.CharField(max_length=32, blank=True, editable=False, help_text="Whose claim it is in.")
    repeats = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="How often it was sent again because nobody had answered."
    )
    created_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(help_text="When its state last changed.")
    in_reply_to = models.OneToOneField(
        "messaging.InboundMessage", on_delete=models.PROTECT, related_name="reply", null=True, blank=True
    )

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Who wrote it, when a person did.",
    )
    composer_key = models.UUIDField(
        null=True, blank=True, editable=False, help_text="Of the box it was written in: sent again, it is one message."
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            # Invariant 1: a recipient gets a batch's message once at most.
            models.UniqueConstraint(fields=("batch", "recipient"), name="messaging_message_once_per_recipient"),
            models.CheckConstraint(
                condition=models.Q(state__in=MessageState.values), name="messaging_message_state_known"
            ),
            # Only people's replies are in it, so it costs a campaign nothing.
            models.UniqueConstraint(
                fields=("composer_key",),
                condition=models.Q(composer_key__isnull=False),
                name="messaging_message_once_per_composer",
            ),
        )
        indexes = (
            # Counts of a batch by state and cohort (progress, results) from the index alone, its queued messages, and
            # whether it is over: is there a message of it that is not final?
            models.Index(fields=("batch", "state", "cohort"), name="messaging_message_by_state"),
            # The sweeper looks for messages that are not settled, oldest first.
            models.Index(
                fields=("state", "changed_at"),
                condition=models.Q(state__in=OPEN_STATES),
                name="messaging_message_open",
            ),
            # The last message to a person (opt-outs are counted with it) and a person's history.
            models.Index(fields=("account", "recipient", "-id"), name="messaging_message_person"),
            # A delivery report that does not carry our id.
            models.Index(
                fields=("provider_id",), condition=~models.Q(provider_id=""), name="messaging_message_provider"
            ),
            # A user's replies, when the user is deleted; no other message is in it, so it costs a campaign nothing.
            models.Index(fields=("author",), condition=models.Q(author__isnull=False), name="messaging_message_author"),
            # The newest answers, of all accounts and of one, whose words the inbox searches; no campaign's message is in them.
            models.Index(fields=("-id",), condition=~models.Q(kind="campaign"), name="messaging_message_said"),
            models.Index(
                fields=("account", "-id"), condition=~models.Q(kind="campaign"), name="messaging_message_said_by"
            ),
        )

    def __str__(self) -> str:
        return f"to {self.recipient}"

    @property
    def text(self) -> str:
        """What the recipient reads."""
        if self.body or self.batch is None:
            return self.body
        return render_template(self.batch.template, self.context or {})


class EarlyReport(models.Model):
    """A delivery report that came before our own record of the provider's id; applied when that is made."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="+")
    provider_id = models.CharField(max_length=64)
    state = models.CharField(max_length=12)
    error_code = models.CharField(max_length=32, blank=True)
    error_text = models.CharField(max_length=255, blank=True)
    opts_out = models.BooleanField(default=False, db_default=False)
    bad_number = models.BooleanField(default=False, db_default=False)
    received_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("gateway", "provider_id", "state"), name="messaging_early_report_once_per_state"
            ),
        )

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.state}"

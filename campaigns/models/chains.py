"""Text chains: what is asked, and what became of each exchange."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from accounts.models import Account
from broadcast.core.models import TimestampedModel
from campaigns.models.chain_values import RESERVED_LABELS, AnswerKind, EventKind, Operator, RunState, StepKind
from campaigns.models.lists import SubscriberList
from messaging.models import InboundMessage, Message, PhoneNumber

#: Thirty days.
MAX_WAIT_MINUTES = 30 * 24 * 60
MAX_TEXT_CHARACTERS = 1000


def validate_label(value: str) -> None:
    """Refuse a label that means something else in a branch or a text."""
    if value in RESERVED_LABELS:
        raise ValidationError(
            f"“{value}” has a meaning of its own here. Choose another label, for example {value}_step."
        )


class Chain(TimestampedModel):
    """An exchange of several texts: ``draft`` ◄─► ``active`` → ``archived`` → ``draft``.

    Only an active one is started. What runs goes on with the chain as it was when it started, whatever becomes of it.
    """

    class State(models.TextChoices):
        """See the drawing above."""

        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        ARCHIVED = "archived", "Archived"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="chains")
    name = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, editable=False)
    run_limit_hours = models.PositiveIntegerField(
        "longest run",
        default=72,
        validators=[MinValueValidator(1), MaxValueValidator(30 * 24)],
        help_text="In hours: an exchange that is not done by then ends without a word.",
    )
    version = models.PositiveIntegerField(default=1, editable=False, help_text="One more each time it is saved.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )

    class Meta:
        ordering = ("name",)
        verbose_name = "text chain"
        constraints = (models.UniqueConstraint(fields=("account", "name"), name="campaigns_chain_name_once"),)

    def __str__(self) -> str:
        return self.name


class ChainStep(models.Model):
    """A step of a chain. Which fields count depends on its kind; ``campaigns.services.chains.checks`` says what is missing."""

    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField(default=0)
    label = models.CharField(
        max_length=30,
        validators=[
            RegexValidator(r"^[a-z][a-z0-9_]*$", "Use small letters, digits and _, beginning with a letter."),
            validate_label,
        ],
        help_text="A short name such as guests. Other steps go to it, and later texts may use {{ guests }}.",
    )
    kind = models.CharField(max_length=10, choices=StepKind, default=StepKind.SEND)
    text = models.TextField(
        max_length=MAX_TEXT_CHARACTERS,
        blank=True,
        help_text="Merge fields: the person's, {{ score }}, and the label of an earlier question for its answer.",
    )
    goes_to = models.CharField(max_length=30, blank=True, help_text="A step's label, or end. Empty: the next step.")
    answer_kind = models.CharField("answer", max_length=8, choices=AnswerKind, default=AnswerKind.TEXT)
    choices = models.JSONField(
        default=list, blank=True, help_text="Objects with value and words, the other ways to say it."
    )
    minimum = models.CharField(
        max_length=10, blank=True, help_text="Smallest number, fewest characters, earliest date."
    )
    maximum = models.CharField(max_length=10, blank=True, help_text="Largest number, most characters, latest date.")
    retry_text = models.TextField(
        "second try",
        max_length=MAX_TEXT_CHARACTERS,
        blank=True,
        help_text="Sent when an answer is not understood. Empty: made from the kind of answer.",
    )
    most_tries = models.PositiveSmallIntegerField(default=3, validators=[MinValueValidator(1), MaxValueValidator(9)])
    then_to = models.CharField(
        "after the last try", max_length=30, blank=True, help_text="A step's label, or end. Empty: a person takes over."
    )
    save_to = models.CharField(max_length=40, blank=True, help_text="The subscriber's field that keeps the answer.")
    weights = models.JSONField(
        "score", default=dict, blank=True, help_text="Points by answer; * for each unit of a number."
    )
    list = models.ForeignKey(
        SubscriberList, on_delete=models.PROTECT, related_name="chain_steps", null=True, blank=True
    )
    assign_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        limit_choices_to={"is_staff": True, "is_active": True},
        help_text="Who attends to the conversation when a person takes over. Empty: whoever does already.",
    )
    timeout_minutes = models.PositiveIntegerField(
        "time-out",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_WAIT_MINUTES)],
        help_text="Minutes without an answer. Empty: only the longest run ends it.",
    )
    timeout_to = models.CharField(
        "then goes to", max_length=30, blank=True, help_text="A step's label. Empty: ends without a word."
    )
    reminder_minutes = models.PositiveIntegerField(
        "reminder",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_WAIT_MINUTES)],
        help_text="Minutes without an answer, fewer than the time-out. Empty: none.",
    )
    reminder_text = models.TextField(max_length=MAX_TEXT_CHARACTERS, blank=True)

    class Meta:
        ordering = ("position", "id")
        verbose_name = "step"
        constraints = (models.UniqueConstraint(fields=("chain", "label"), name="campaigns_chain_step_label_once"),)

    def __str__(self) -> str:
        return self.label

    def get_inline_title(self) -> str:
        """The heading of its form in the builder."""
        return f"{self.label}: {self.get_kind_display().lower()}"


class ChainBranch(models.Model):
    """Where a step leads under a condition; the first that holds is taken."""

    step = models.ForeignKey(ChainStep, on_delete=models.CASCADE, related_name="branches")
    position = models.PositiveIntegerField(default=0)
    subject = models.CharField(max_length=30, help_text="answer, score, or the label of a question.")
    operator = models.CharField(max_length=10, choices=Operator)
    value = models.CharField(max_length=60, blank=True)
    goes_to = models.CharField(max_length=30)

    class Meta:
        ordering = ("position", "id")
        verbose_name_plural = "branches"

    def __str__(self) -> str:
        return f"{self.subject} {self.get_operator_display()} {self.value} → {self.goes_to}"


class ChainRun(models.Model):
    """One person's way through a chain on one of our numbers.

    ``running`` → one of the other states of ``RunState``, for good. Moved only by ``campaigns.services.chains.runs``, under
    the row's lock.
    """

    State = RunState

    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="runs")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="chain_runs")
    number = models.ForeignKey(PhoneNumber, on_delete=models.PROTECT, related_name="chain_runs")
    person = models.CharField(max_length=16, help_text="E.164.")
    how = models.CharField("started by", max_length=60, blank=True)
    state = models.CharField(max_length=12, choices=RunState, default=RunState.RUNNING)
    state_reason = models.CharField(max_length=255, blank=True)
    step = models.CharField("waits at", max_length=30, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    reminded = models.BooleanField(default=False)
    answers = models.JSONField(default=dict, blank=True)
    last_answer = models.TextField(blank=True)
    score = models.IntegerField(default=0)
    unanswered = models.PositiveSmallIntegerField(
        default=0, help_text="Reminders and texts of time-outs since they wrote last."
    )
    plan: Any = models.JSONField(default=dict, editable=False, help_text="The chain as it was when it was started.")
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField("ends at the latest")
    wakes_at = models.DateTimeField("next reminder or time-out", null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "chain run"
        constraints = (
            # An answer belongs to one run at most: an inbound message finds it by (number, person).
            models.UniqueConstraint(
                fields=("number", "person"),
                condition=models.Q(state="running"),
                name="campaigns_chain_run_once_while_running",
            ),
        )
        indexes = (
            # Each minute: whose reminder or time-out is due.
            models.Index(fields=("wakes_at",), condition=models.Q(state="running"), name="campaigns_chain_run_due"),
            # The list of chains: how many runs of each go on now.
            models.Index(fields=("chain",), condition=models.Q(state="running"), name="campaigns_chain_run_running"),
            # A conversation's runs, and those an opt-out ends.
            models.Index(fields=("account", "person", "-id"), name="campaigns_chain_run_person"),
        )

    def __str__(self) -> str:
        return f"{self.chain} with {self.person}"


class ChainEvent(models.Model):
    """A line of a run's record: never changed."""

    run = models.ForeignKey(ChainRun, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=14, choices=EventKind)
    step = models.CharField(max_length=30, blank=True)
    text = models.TextField(blank=True)
    inbound = models.ForeignKey(InboundMessage, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.text}" if self.text else self.get_kind_display()

"""Subscribers and the lists they are on."""

from __future__ import annotations

from django.core.validators import MaxValueValidator
from django.db import models

from accounts.models import Account, validate_time_zone
from broadcast.core.models import TimestampedModel
from campaigns.models.tags import Tag
from campaigns.querysets import SubscriberListQuerySet, SubscriberQuerySet, SubscriptionQuerySet
from messaging.models import PhoneNumber

#: A YES counts for 30 days after the last time somebody was asked; a reminder comes well before.
MAX_REMINDER_HOURS = 14 * 24


class Subscriber(TimestampedModel):
    """A person an account may write to."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="subscribers")
    number = models.CharField(max_length=16, help_text="E.164.")
    first_name = models.CharField(max_length=80, blank=True)
    last_name = models.CharField(max_length=80, blank=True)
    email = models.EmailField("e-mail", blank=True)
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        validators=[validate_time_zone],
        help_text="Such as America/Denver, where it is known. Empty: every zone of the number's area code.",
    )
    fields = models.JSONField("custom fields", default=dict, blank=True, help_text="Names and texts, as JSON.")

    tags = models.ManyToManyField(Tag, related_name="subscribers", blank=True)

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("account", "number"), name="campaigns_subscriber_once_per_account"),
        )
        indexes = (
            # A whole number is searched for in every account, of people and of what they were asked.
            models.Index(fields=("number",), name="campaigns_subscriber_number"),
        )

    def __str__(self) -> str:
        return self.full_name or self.number

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


class SubscriberList(TimestampedModel):
    """A list that campaigns are sent to."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="lists")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=200, blank=True)
    subscribers = models.ManyToManyField(Subscriber, through="Subscription", related_name="lists")

    double_opt_in = models.BooleanField(
        "double opt-in",
        default=False,
        help_text="Whoever joins is asked first and gets campaigns once they have answered YES. Who is subscribed already stays.",
    )
    opt_in_number = models.ForeignKey(
        PhoneNumber,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        verbose_name="asks from",
        help_text="Empty: the number that the person wrote to, else the account's first active one.",
    )
    opt_in_request = models.TextField(
        "question", max_length=1600, blank=True, help_text="Merge fields in Liquid. Empty: the usual wording."
    )
    opt_in_confirmed = models.TextField(
        "answer to a YES", max_length=1600, blank=True, help_text="Merge fields in Liquid. Empty: the usual wording."
    )
    reminder_hours = models.PositiveSmallIntegerField(
        "remind after",
        default=0,
        validators=[MaxValueValidator(MAX_REMINDER_HOURS)],
        help_text="Hours without an answer until people are asked once more. 0: never.",
    )
    reminder_text = models.TextField(
        "reminder", max_length=1600, blank=True, help_text="Merge fields in Liquid. Empty: the question again."
    )

    ask_joined_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Staff chose to ask who was pending then; empty once that is done.",
    )
    ask_problem = models.CharField(
        max_length=255,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="Why asking stands still, or whom it left out.",
    )

    objects = SubscriberListQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = "list"
        constraints = (
            models.UniqueConstraint(fields=("account", "name"), name="campaigns_list_name_once_per_account"),
        )

    def __str__(self) -> str:
        return self.name


class CustomField(TimestampedModel):
    """A field that an account keeps of its subscribers beside name and e-mail; usable as a merge field."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="custom_fields")
    key = models.SlugField(max_length=40, help_text="As written in a text: {{ key }}.")
    label = models.CharField(max_length=60, help_text="As the column was headed.")

    class Meta:
        ordering = ("key",)
        constraints = (
            models.UniqueConstraint(fields=("account", "key"), name="campaigns_custom_field_once_per_account"),
            models.CheckConstraint(
                condition=models.Q(key__regex=r"^[a-z][a-z0-9_]*$"), name="campaigns_custom_field_key_is_a_name"
            ),
        )

    def __str__(self) -> str:
        return self.label


class Subscription(TimestampedModel):
    """A subscriber's place on a list: ``subscribed`` ◄─► ``unsubscribed``.

    On a list with double opt-in it begins as ``pending`` → ``subscribed`` (they said YES) or ``unsubscribed`` (they said NO, or
    opted out); who joins again is pending again.
    """

    class State(models.TextChoices):
        """Only the subscribed are sent to."""

        PENDING = "pending", "Waiting for their YES"
        SUBSCRIBED = "subscribed", "Subscribed"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"

    class EndedBy(models.TextChoices):
        """What ended it; an opt-in restores what an opt-out ended, and nothing else."""

        NOBODY = "", "Not ended"
        OPT_OUT = "opt_out", "The person's opt-out"
        STAFF = "staff", "Staff"
        DECLINED = "declined", "They did not confirm it"
        KEYWORD = "keyword", "A keyword of theirs"

    list = models.ForeignKey(SubscriberList, on_delete=models.CASCADE, related_name="subscriptions")
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="subscriptions")
    state = models.CharField(max_length=12, choices=State, default=State.SUBSCRIBED)
    source = models.CharField(max_length=60, blank=True, help_text="Where they came from, e.g. a file's name.")
    ended_by = models.CharField(max_length=8, choices=EndedBy, default=EndedBy.NOBODY, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("list", "subscriber"), name="campaigns_subscription_once_per_list"),
        )
        indexes = (
            # A launch reads the subscribed of its lists.
            models.Index(fields=("list", "state", "subscriber"), name="campaigns_subscription_live"),
        )

    def __str__(self) -> str:
        return f"{self.subscriber} on {self.list}"

"""Campaigns."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models

from accounts.models import Account
from broadcast.core.models import TimestampedModel
from campaigns.models.lists import SubscriberList
from campaigns.querysets import CampaignQuerySet
from messaging.models import Batch, PhoneNumber, SenderPool
from messaging.models.batches import (
    DEFAULT_CANARY_WAIT_MINUTES,
    DEFAULT_EXPIRE_MINUTES,
    DEFAULT_MAX_OPT_OUT_PERCENT,
    DEFAULT_MAX_REJECTED_PERCENT,
)

#: A week.
MAX_EXPIRE_MINUTES = 7 * 24 * 60


class Campaign(TimestampedModel):
    """One text to several lists, once to each person.

    ::

        draft ◄─► scheduled ─► launching ─► sending ◄─► paused
          └───────────────────────▲ │          │           │
                                    │          ├───────────┴──► cancelled
                                    └─► failed └──► finished

    Moved only by ``campaigns.services.launch`` and by the receiver of ``messaging.signals.batch_changed``.
    """

    class State(models.TextChoices):
        """See the drawing above."""

        DRAFT = "draft", "Draft"
        SCHEDULED = "scheduled", "Scheduled"
        LAUNCHING = "launching", "Launching"
        SENDING = "sending", "Sending"
        PAUSED = "paused", "Paused"
        FINISHED = "finished", "Finished"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    #: States in which text, number and lists may still change.
    EDITABLE = (State.DRAFT, State.SCHEDULED)

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=120)
    number = models.ForeignKey(
        PhoneNumber, on_delete=models.PROTECT, related_name="campaigns", verbose_name="sending number"
    )
    pool = models.ForeignKey(
        SenderPool,
        on_delete=models.PROTECT,
        related_name="campaigns",
        verbose_name="sender pool",
        null=True,
        blank=True,
        help_text="Spreads the campaign over several numbers; each recipient always hears from the same one.",
    )
    follows_country_rules = models.BooleanField(
        "country rules",
        default=True,
        help_text="People in countries that have a route of their own hear from its sender instead of this one.",
    )
    body = models.TextField(
        "text",
        max_length=1600,
        help_text='Merge fields in Liquid, for example {{ first_name | default: "there" }}.',
    )
    lists = models.ManyToManyField(SubscriberList, through="CampaignList", related_name="campaigns")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, editable=False)
    scheduled_at = models.DateTimeField(
        null=True, blank=True, help_text="In the account's time zone. Empty: launched by hand."
    )
    expire_minutes = models.PositiveIntegerField(
        "latest time",
        default=DEFAULT_EXPIRE_MINUTES,
        validators=[MaxValueValidator(MAX_EXPIRE_MINUTES)],
        help_text="In minutes after it is due: what has not left by then expires instead of arriving too late. 0: never.",
    )
    canary_percent = models.PositiveSmallIntegerField(
        "canary",
        default=0,
        validators=[MaxValueValidator(50)],
        help_text="Percent of the recipients who get it first, to see how it does. 0: everybody at once.",
    )
    canary_wait_minutes = models.PositiveIntegerField(
        "canary's wait",
        default=DEFAULT_CANARY_WAIT_MINUTES,
        validators=[MaxValueValidator(MAX_EXPIRE_MINUTES)],
        help_text="Minutes between the last of them and the look at how they did.",
    )
    max_rejected_percent = models.PositiveSmallIntegerField(
        "rejections allowed",
        default=DEFAULT_MAX_REJECTED_PERCENT,
        validators=[MaxValueValidator(100)],
        help_text="Percent: pauses when the provider refuses more of the last sends than this. 0: never.",
    )
    max_opt_out_percent = models.PositiveSmallIntegerField(
        "opt-outs allowed",
        default=DEFAULT_MAX_OPT_OUT_PERCENT,
        validators=[MaxValueValidator(100)],
        help_text="Percent: the canary stops the campaign when more of its recipients opt out than this. 0: never.",
    )
    batch = models.OneToOneField(
        Batch, on_delete=models.PROTECT, related_name="campaign", null=True, blank=True, editable=False
    )
    state_reason = models.CharField(max_length=255, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    launched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    launched_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        permissions = (("launch_campaign", "Can launch, pause, resume and cancel campaigns"),)
        indexes = (
            # The scheduler looks for campaigns that are due.
            models.Index(
                fields=("scheduled_at",), condition=models.Q(state="scheduled"), name="campaigns_campaign_due"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_editable(self) -> bool:
        """Whether text, number and lists may still change."""
        return self.state in self.EDITABLE


class CampaignList(models.Model):
    """A list of a campaign.

    ``position`` is fixed at launch: the list's bit in ``Message.cohort``, so that counts per list are exact for any overlap.
    """

    #: Bits of a signed 64-bit integer that can stand for a list.
    MAX_LISTS = 62

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="campaign_lists")
    list = models.ForeignKey(SubscriberList, on_delete=models.PROTECT, related_name="campaign_lists")
    position = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("position", "id")
        constraints = (
            models.UniqueConstraint(fields=("campaign", "list"), name="campaigns_list_once_per_campaign"),
            models.UniqueConstraint(fields=("campaign", "position"), name="campaigns_position_once_per_campaign"),
        )

    def __str__(self) -> str:
        return str(self.list)

"""Where a provider's list of numbers and ours differ, and when each gateway's were compared last."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from integrations.models import Gateway
from messaging.models.numbers import PhoneNumber


class NumberFinding(models.Model):
    """One difference about one number at one gateway.

    ::

        open ──► repaired     (by a person)
         │ ▲ └─► gone         (by itself: it is not seen any more)
         ▼ │       ▲
        ignored ───┘          (by a person, with a reason)

    Found by ``messaging.services.reconciliation``; moved by that and by ``messaging.services.number_repairs`` only. A ``repair``
    that somebody has asked for stands there until a background task has done it; one that failed says why in ``problem``.
    """

    class Kind(models.TextChoices):
        """What differs."""

        UNKNOWN = "unknown", "Not known here"
        MISSING = "missing", "Missing at the provider"
        WRONG_URLS = "wrong_urls", "Wired elsewhere"
        STILL_THERE = "still_there", "Released, still there"

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open", "Open"
        REPAIRED = "repaired", "Repaired"
        IGNORED = "ignored", "Ignored"
        GONE = "gone", "Gone"

    class Repair(models.TextChoices):
        """What a background task is to do about it."""

        GIVE = "give", "Give it to an account"
        WIRE = "wire", "Wire it to us"
        WRITE_OFF = "write_off", "Mark it as released"
        RELEASE = "release", "Release it again"

    #: States in which it is remembered: the next comparison finds it instead of making another.
    STANDING = (State.OPEN, State.IGNORED)

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="number_findings")
    number = models.CharField(max_length=32)
    kind = models.CharField(max_length=12, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    phone_number = models.ForeignKey(
        PhoneNumber,
        on_delete=models.SET_NULL,
        related_name="findings",
        null=True,
        blank=True,
        verbose_name="our number",
        help_text="Ours, or the one that we released last.",
    )
    provider_id = models.CharField("provider's id", max_length=64, blank=True)
    friendly_name = models.CharField("name there", max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True)
    can_send_media = models.BooleanField(default=False)
    inbound_url = models.CharField("inbound messages go to", max_length=500, blank=True)
    status_url = models.CharField("statuses go to", max_length=500, blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    note = models.CharField(max_length=255, blank=True, help_text="What was done, or why it is ignored.")
    repair = models.CharField(
        max_length=9, choices=Repair, blank=True, editable=False, help_text="What a background task is to do about it."
    )
    repair_options = models.JSONField(
        default=dict, blank=True, editable=False, help_text="What the repair needs beside the finding, as plain values."
    )
    asked_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the last repair was asked for."
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    problem = models.CharField(
        max_length=500, blank=True, editable=False, help_text="Why the last repair failed, and what to do."
    )

    class Meta:
        ordering = ("-id",)
        constraints = (
            # A comparison that runs twice, or two at once, find what is there.
            models.UniqueConstraint(
                fields=("gateway", "number", "kind"),
                condition=Q(state__in=("open", "ignored")),
                name="messaging_finding_once_while_standing",
            ),
        )
        indexes = (
            # The list's own order: what is open first.
            models.Index(fields=("state", "-id"), name="messaging_finding_state"),
            # The sweeper looks each minute for repairs whose task was lost; there are few or none.
            models.Index(fields=("asked_at",), condition=~Q(repair=""), name="messaging_finding_repairs"),
        )

    def __str__(self) -> str:
        return f"{self.number}: {self.get_kind_display().lower()}"


class NumberCheck(models.Model):
    """When a gateway's numbers were compared with the provider's, and what came of it; one row a gateway.

    Written by ``messaging.services.reconciliation`` only.
    """

    gateway = models.OneToOneField(Gateway, on_delete=models.CASCADE, related_name="number_check")
    asked_at = models.DateTimeField(null=True, help_text="When somebody asked for it.")
    started_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(null=True, help_text="When the last answer to a comparison under way came.")
    finished_at = models.DateTimeField(null=True)
    compared_at = models.DateTimeField(null=True, help_text="When a comparison last came to its end.")
    failed = models.BooleanField(default=False)
    answers = models.PositiveIntegerField(default=0, help_text="The provider's answers to a comparison under way.")
    listed = models.PositiveIntegerField(default=0, help_text="Numbers that the provider has listed.")
    text = models.CharField(max_length=500, blank=True, help_text="What came of it, for a person.")

    def __str__(self) -> str:
        return f"{self.gateway}: {self.text or 'never compared'}"

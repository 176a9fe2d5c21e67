"""The consent ledger, and opt-outs that were asked for by other ways than a text."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from campaigns.querysets import ConsentEventQuerySet, LedgerIsAppendOnly, OptOutRequestQuerySet


class ConsentEvent(models.Model):
    """One thing that happened to a person's consent; never changed, never deleted.

    An event without a list is about the whole account. Lists, messages and people's names are kept as plain values, so that an
    event stays as it was when they go. The database refuses UPDATE and DELETE too, by triggers of the migration ``consent``;
    SQLite loses them when a later migration makes the table anew, so that one has to add them again.
    """

    class Action(models.TextChoices):
        """What happened."""

        REQUESTED = "requested", "Asked for"
        GIVEN = "given", "Given"
        CONFIRMED = "confirmed", "Confirmed"
        WITHDRAWN = "withdrawn", "Withdrawn"
        RESTORED = "restored", "Restored"

    class How(models.TextChoices):
        """By which way."""

        IMPORT = "import", "Import"
        KEYWORD = "keyword", "Keyword"
        FORM = "form", "Form"
        API = "api", "API"
        STAFF = "staff", "Staff"
        MESSAGE = "message", "Their message"
        PROVIDER = "provider", "Provider"
        CHAIN = "chain", "Text chain"
        SYNC = "sync", "Synchronisation"

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="consent_events", db_index=False)
    number = models.CharField(max_length=16, help_text="E.164.")
    action = models.CharField(max_length=10, choices=Action)
    how = models.CharField(max_length=10, choices=How)
    list_id = models.BigIntegerField("list's id", null=True, blank=True, help_text="Empty: the whole account.")
    list_name = models.CharField("list", max_length=100, blank=True)
    wording = models.TextField(blank=True, help_text="The exact words: theirs, or those they agreed to.")
    source = models.CharField(max_length=200, blank=True, help_text="Where it is from, e.g. a file's name.")
    inbound_id = models.BigIntegerField("inbound message's id", null=True, blank=True)
    message_id = models.BigIntegerField("message's id", null=True, blank=True)
    at = models.DateTimeField("when", help_text="When it happened.")
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    by_name = models.CharField("by", max_length=200, blank=True, help_text="Their name as it was then.")

    objects = ConsentEventQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = "consent event"
        permissions = (("export_evidence", "Can export the evidence of a person's consent"),)
        indexes = (
            # A person's ledger, newest first.
            models.Index(fields=("account", "number", "-id"), name="campaigns_consent_person"),
            # A whole number is searched for in every account.
            models.Index(fields=("number",), name="campaigns_consent_number"),
            # Whether a user may be deleted: looked for on each attempt.
            models.Index(fields=("by",), condition=Q(by__isnull=False), name="campaigns_consent_by"),
        )

    def __str__(self) -> str:
        return f"{self.number}: {self.get_action_display().lower()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert it; an event that is there stays as it is.

        Raises:
            LedgerIsAppendOnly: it is stored already.
        """
        if not self._state.adding:
            raise LedgerIsAppendOnly
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> tuple[int, dict[str, int]]:
        """Never.

        Raises:
            LedgerIsAppendOnly: always.
        """
        raise LedgerIsAppendOnly


class OptOutRequest(models.Model):
    """An opt-out that somebody asked for by e-mail, telephone, letter or in person.

    ::

        open ──► honoured     (their number is known: suppressed)
          └────► closed       (with a reason)
    """

    class Channel(models.TextChoices):
        """By which way they asked."""

        EMAIL = "email", "E-mail"
        TELEPHONE = "telephone", "Telephone"
        LETTER = "letter", "Letter"
        IN_PERSON = "in_person", "In person"

    class State(models.TextChoices):
        """Where it stands."""

        OPEN = "open", "Open"
        HONOURED = "honoured", "Honoured"
        CLOSED = "closed", "Closed"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="opt_out_requests")
    number = models.CharField(max_length=16, blank=True, help_text="E.164; empty until it is known.")
    who = models.CharField("who asked", max_length=150, help_text="A name, an e-mail address: whatever they gave.")
    channel = models.CharField(max_length=10, choices=Channel)
    received_at = models.DateTimeField("received", help_text="When it reached us: the legal clock starts then.")
    words = models.TextField("their words", help_text="As exactly as you have them.")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField("entered", default=timezone.now, editable=False)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    settled_at = models.DateTimeField("settled", null=True, blank=True)
    closed_reason = models.CharField("why it was closed", max_length=300, blank=True)

    objects = OptOutRequestQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = "opt-out request"
        constraints = (
            models.CheckConstraint(
                condition=~Q(state="honoured") | ~Q(number=""), name="campaigns_opt_out_request_honoured_for_a_number"
            ),
            models.CheckConstraint(
                condition=~Q(state="closed") | ~Q(closed_reason=""), name="campaigns_opt_out_request_closed_with_reason"
            ),
            models.CheckConstraint(
                condition=Q(state="open", settled_at__isnull=True) | ~Q(state="open") & Q(settled_at__isnull=False),
                name="campaigns_opt_out_request_settled_once_not_open",
            ),
        )
        indexes = (
            # What waits, the oldest first: the list, the sidebar's badge and the first page.
            models.Index(fields=("received_at",), condition=Q(state="open"), name="campaigns_request_waiting"),
        )

    def __str__(self) -> str:
        return f"{self.who} ({self.get_channel_display().lower()})"

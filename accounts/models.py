"""Clients of the agency and the people who work for either."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower

from accounts.querysets import AccountQuerySet
from broadcast.core.models import TimestampedModel


def validate_time_zone(value: str) -> None:
    """Refuse what is not in the IANA time zone database."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(
            f"“{value}” is not a time zone. Use a name such as America/New_York.", code="unknown_time_zone"
        )


def validate_region(value: str) -> None:
    """Refuse what is not a two-letter country code."""
    if len(value) != 2 or not value.isascii() or not value.isalpha() or not value.isupper():
        raise ValidationError(
            f"“{value}” is not a country code. Use two capital letters, for example US or GB.", code="unknown_region"
        )


class EmailUserManager(UserManager["User"]):
    """Makes users who log in with their e-mail address."""

    def _create_user(self, email: str, password: str | None, **fields: Any) -> User:
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:  # type: ignore[override]  # no username here
        """An ordinary user.

        Raises:
            ValueError: no e-mail address.
        """
        return self._create_user(email, password, **{"is_staff": False, "is_superuser": False, **fields})

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:  # type: ignore[override]  # no username here
        """A user who may do everything.

        Raises:
            ValueError: no e-mail address.
        """
        return self._create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})

    def get_by_natural_key(self, username: str | None) -> User:
        """Log-in ignores the case of the address."""
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person who logs in: staff (``is_staff``, roles by group) or a client (through memberships)."""

    username = None  # type: ignore[assignment]  # the e-mail address takes its place
    email = models.EmailField("e-mail address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[EmailUserManager] = EmailUserManager()

    class Meta:
        ordering = ("email",)
        constraints = (models.UniqueConstraint(Lower("email"), name="accounts_user_email_once_in_any_case"),)

    def __str__(self) -> str:
        return self.get_full_name() or self.email


class Account(TimestampedModel):
    """A client of the agency: everything that is sent or received belongs to one."""

    class Status(models.TextChoices):
        """Only an active account sends."""

        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        CLOSED = "closed", "Closed"

    name = models.CharField(max_length=100, unique=True, help_text="As people know the sender.")
    status = models.CharField(max_length=12, choices=Status, default=Status.ACTIVE)
    time_zone = models.CharField(
        max_length=64,
        default="America/New_York",
        validators=[validate_time_zone],
        help_text="Schedules are in this zone. Quiet hours are in each recipient's own.",
    )
    default_region = models.CharField(
        max_length=2,
        default="US",
        validators=[validate_region],
        help_text="Country of numbers that are written without a country code, for example US or GB.",
    )
    contact = models.CharField(
        max_length=120,
        blank=True,
        help_text="Whom people can ask: a telephone number, an e-mail or a web address. Told to whoever writes HELP.",
    )
    help_text = models.CharField(
        "HELP answer",
        max_length=320,
        blank=True,
        help_text=(
            "Sent when somebody writes HELP: say who you are, whom to ask and how to stop. "
            "{{ account }} and {{ contact }} are filled in. Empty: made from name and contact."
        ),
    )
    opt_out_text = models.CharField(
        "opt-out confirmation",
        max_length=320,
        blank=True,
        help_text="Sent once when somebody opts out. No promotion is allowed here. Empty: made from the name.",
    )
    opt_in_text = models.CharField(
        "opt-in confirmation",
        max_length=320,
        blank=True,
        help_text="Sent when somebody writes START. Empty: made from the name.",
    )
    default_reply = models.CharField(
        max_length=480,
        blank=True,
        help_text="Sent to any message that nothing else answers. Empty: no answer, the message waits in the inbox.",
    )
    quiet_start = models.TimeField(
        "quiet hours start", default=dt.time(21, 0), help_text="No campaign message leaves from this time on."
    )
    quiet_end = models.TimeField(
        "quiet hours end", default=dt.time(8, 0), help_text="Sending goes on at this time. The same as the start: none."
    )
    keeps_legal_hours = models.BooleanField(
        "keeps legal hours",
        default=True,
        help_text="Also keeps the federal hours and those of the recipient's state (docs/quiet-hours.md).",
    )
    max_per_day = models.PositiveSmallIntegerField(
        "most messages a day",
        default=0,
        help_text="Campaign messages that a person gets from this account in a calendar day; 0: no limit.",
    )
    max_per_week = models.PositiveSmallIntegerField(
        "most messages a week", default=0, help_text="The same from Monday to Sunday; 0: no limit."
    )
    number_allowance = models.PositiveSmallIntegerField(
        "most phone numbers",
        null=True,
        blank=True,
        default=5,
        help_text="How many numbers it may have, those that are leaving included. Empty: no limit.",
    )

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The account's time zone."""
        return zoneinfo.ZoneInfo(self.time_zone)

    @property
    def is_active(self) -> bool:
        """Whether it may send."""
        return self.status == self.Status.ACTIVE


class Membership(TimestampedModel):
    """A user's place in an account."""

    class Role(models.TextChoices):
        """What the member may do in the account."""

        OWNER = "owner", "Owner"
        EDITOR = "editor", "Editor"
        VIEWER = "viewer", "Viewer"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role, default=Role.VIEWER)

    class Meta:
        ordering = ("account__name", "user__email")
        constraints = (
            models.UniqueConstraint(fields=("account", "user"), name="accounts_membership_once_per_account"),
        )

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"

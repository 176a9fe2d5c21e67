"""Gateways: whom messages are sent through."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from broadcast.core.fields import EncryptedJSONField
from broadcast.core.models import TimestampedModel
from integrations.sms.contract import GatewayConfig, SmsAdapter
from integrations.sms.registry import ADAPTERS, adapter_class, make_adapter


def make_gateway_key() -> str:
    """A gateway's name in webhook URLs."""
    return secrets.token_hex(8)


def gateway_kinds() -> list[tuple[str, str]]:
    """Kinds with their labels, for forms."""
    return [(kind, adapter.label) for kind, adapter in sorted(ADAPTERS.items())]


class Former(NamedTuple):
    """Credentials of before a rotation, which webhooks may still be signed with.

    Args:
        credentials: by field name.
        until: then they are wiped.
    """

    credentials: dict[str, str]
    until: dt.datetime


class Gateway(TimestampedModel):
    """An account of ours at an SMS provider."""

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=20, choices=gateway_kinds)
    key = models.CharField("key in webhook URLs", max_length=32, unique=True, default=make_gateway_key, editable=False)
    credentials = EncryptedJSONField(default=dict, blank=True)
    credentials_version = models.PositiveIntegerField(
        default=1,
        editable=False,
        help_text="Counts changes of credentials, so that two people do not overwrite each other.",
    )
    account_since = models.DateTimeField(
        null=True,
        editable=False,
        help_text=(
            "Since when it may be another account at the provider: its credentials or its base URL changed then. "
            "What was sent before is not repeated."
        ),
    )
    former_credentials = EncryptedJSONField(
        null=True, blank=True, editable=False, help_text="What webhooks may still be signed with after a rotation."
    )
    former_until = models.DateTimeField(null=True, blank=True, editable=False)
    older_credentials = EncryptedJSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="Those of before the former ones whose time is not over, latest first, each with its end in unix seconds.",
    )
    base_url = models.URLField(
        "base URL", blank=True, help_text="Leave empty for the provider's own. The simulator's address goes here."
    )
    concurrency = models.PositiveSmallIntegerField(
        default=40,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="Most requests in flight at once, over all processes and machines.",
    )
    default_pace = models.PositiveIntegerField(
        default=1,
        validators=[MinValueValidator(1)],
        help_text="Segments per second of a number that has no pace of its own.",
    )
    is_enabled = models.BooleanField("enabled", default=True, help_text="A disabled gateway sends nothing.")
    stopped_reason = models.CharField(
        max_length=255, blank=True, editable=False, help_text="Why the provider refuses everything, in its words."
    )

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(concurrency__gte=1), name="integrations_gateway_concurrency_min_1"
            ),
            models.CheckConstraint(
                # Nothing former is kept without an end.
                condition=models.Q(former_credentials=None, former_until=None)
                | models.Q(former_credentials__isnull=False, former_until__isnull=False),
                name="integrations_gateway_former_has_an_end",
            ),
            models.CheckConstraint(
                # Whoever looks for secrets to wipe looks at ``former_until``.
                condition=models.Q(older_credentials=None) | models.Q(former_until__isnull=False),
                name="integrations_gateway_older_behind_former",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse credentials that lack a required field."""
        super().clean()
        if self.kind not in ADAPTERS:
            return
        values: dict[str, Any] = self.credentials or {}
        missing = [
            field.label
            for field in adapter_class(self.kind).credential_fields
            if field.required and not values.get(field.name)
        ]
        if missing:
            raise ValidationError(f"{self.get_kind_display()} needs: {', '.join(missing)}.", code="missing_credentials")

    @property
    def config(self) -> GatewayConfig:
        """What its adapter is made from."""
        return self.config_with(self.credentials or {})

    def config_with(self, credentials: Mapping[str, str]) -> GatewayConfig:
        """What its adapter would be made from with other credentials.

        Args:
            credentials: by field name.
        """
        return GatewayConfig(
            credentials=credentials,
            base_url=(self.base_url or adapter_class(self.kind).default_base_url).rstrip("/"),
            options={"key": self.key},
        )

    @property
    def adapter(self) -> SmsAdapter:
        """Its adapter."""
        return make_adapter(self.kind, self.config)

    @property
    def origin(self) -> tuple[str, str]:
        """Scheme, and host with its port, that its requests, and with them its secrets, go to."""
        parts = urlsplit(self.config_with({}).base_url)
        return parts.scheme, parts.netloc.lower()

    @property
    def all_former(self) -> list[Former]:
        """Credentials of before rotations that are stored, latest first, also those whose time is over."""
        if self.former_until is None:
            return []
        older = [
            Former(entry["credentials"], dt.datetime.fromtimestamp(entry["until"], dt.UTC))
            for entry in self.older_credentials or []
        ]
        return [Former(self.former_credentials, self.former_until), *older]

    @property
    def lasting(self) -> list[Former]:
        """Those of them that webhooks may still be signed with."""
        now = timezone.now()
        return [former for former in self.all_former if former.until > now]

    @property
    def former(self) -> dict[str, str] | None:
        """The former credentials that one may go back to, None when their time is over."""
        lasting = self.lasting
        return lasting[0].credentials if lasting else None

    def keep_former(self, kept: Sequence[Former]) -> tuple[str, ...]:
        """Keep these former credentials and no others; names of the fields that are to be saved.

        Args:
            kept: latest first.
        """
        first, *older = kept or (None,)
        self.former_credentials = first and dict(first.credentials)
        self.former_until = first and first.until
        self.older_credentials = [
            {"credentials": dict(each.credentials), "until": each.until.timestamp()} for each in older if each
        ] or None
        return "former_credentials", "former_until", "older_credentials"


class CredentialChange(models.Model):
    """Who changed which of a gateway's credentials when; never their values."""

    class What(models.TextChoices):
        """What was done."""

        ENTERED = "entered", "Entered"
        CORRECTED = "corrected", "Corrected without a test"
        ROTATED = "rotated", "Rotated"
        ROLLED_BACK = "rolled_back", "Back to the former ones"
        FORMER_STOPPED = "former_stopped", "Former ones stopped"
        FORMER_ENDED = "former_ended", "Former ones ended"

    gateway = models.ForeignKey(Gateway, models.CASCADE, related_name="credential_changes")
    at = models.DateTimeField(default=timezone.now, editable=False)
    # None: the clock did it, or the person is gone.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    what = models.CharField(max_length=20, choices=What)
    fields = models.JSONField(default=list, blank=True, help_text="Labels of the credentials concerned.")

    class Meta:
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        names = ", ".join(self.fields)
        return f"{self.get_what_display()}: {names}" if names else self.get_what_display()

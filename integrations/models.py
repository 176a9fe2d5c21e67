"""Gateways: whom messages are sent through."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

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


class Gateway(TimestampedModel):
    """An account of ours at an SMS provider."""

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=20, choices=gateway_kinds)
    key = models.CharField("key in webhook URLs", max_length=32, unique=True, default=make_gateway_key, editable=False)
    credentials = EncryptedJSONField(default=dict, blank=True)
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
        return GatewayConfig(
            credentials=self.credentials or {},
            base_url=(self.base_url or adapter_class(self.kind).default_base_url).rstrip("/"),
            options={"key": self.key},
        )

    @property
    def adapter(self) -> SmsAdapter:
        """Its adapter."""
        return make_adapter(self.kind, self.config)

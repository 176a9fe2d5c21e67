"""What the tests of comparing numbers share: a provider's list that is changed behind our back."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from integrations.models import Gateway
from messaging.models import Alert, NumberCheck, NumberFinding, PhoneNumber
from messaging.services.gateways import inbound_url, status_url
from messaging.services.provider_numbers import Patience
from messaging.services.reconciliation import reconcile
from tests.factories import PhoneNumberFactory

#: As at night, without the waiting.
QUICKLY = Patience(tries=3, first_seconds=0.01, longest_seconds=0.02, slot_seconds=0.5)
ELSEWHERE = "https://other.example.net"
A, B, C, D = (f"+1415555010{digit}" for digit in range(1, 5))


def wired(gateway: Gateway, number: str, **changes: str) -> dict[str, str]:
    """A number at the provider, wired to us unless it says otherwise."""
    return {"number": number, "sms_url": inbound_url(gateway), "status_url": status_url(gateway), **changes}


def ours(gateway: Gateway, number: str, *, days: float = 30, **values: Any) -> PhoneNumber:
    """A long code of ours that was entered, and last changed, some days ago."""
    row = PhoneNumberFactory.create(gateway=gateway, number=number, kind="local", **values)
    then = timezone.now() - dt.timedelta(days=days)
    PhoneNumber.objects.filter(pk=row.pk).update(created_at=then, updated_at=then)
    row.refresh_from_db()
    return row


def compare(gateway: Gateway) -> NumberCheck:
    """Compare now."""
    return reconcile(gateway_id=gateway.pk, patience=QUICKLY)


def findings(**filters: Any) -> list[tuple[str, str, str]]:
    """Number, kind and state of each, in the order in which they were made."""
    rows = NumberFinding.objects.filter(**filters).order_by("pk")
    return list(rows.values_list("number", "kind", "state"))


def only() -> NumberFinding:
    """The one open finding."""
    return NumberFinding.objects.get(state="open")


def alerts() -> list[str]:
    """Texts of open alerts about numbers."""
    return list(Alert.objects.open().filter(kind=Alert.Kind.NUMBERS_DIFFER).values_list("text", flat=True))

"""Telling people of numbers that stopped half-way."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from django.db.models import Q
from django.utils import timezone

from integrations.models import Gateway
from messaging.models import Alert, PhoneNumber
from messaging.services.alerts import raise_alert, resolve

State, Step = PhoneNumber.State, PhoneNumber.Step

#: Whoever buys a number sees by themselves what went wrong in the first minutes.
HALF_WAY_MINUTES = 5
#: Numbers that an alert names; more are counted.
_NAMED = 5


def watch_numbers() -> None:
    """Raise an alert for each gateway at which numbers are half-way, and resolve those whose numbers got on."""
    before = timezone.now() - dt.timedelta(minutes=HALF_WAY_MINUTES)
    # A port-in may take weeks; that is nothing that somebody has to mend.
    stuck = Q(state=State.PENDING, updated_at__lt=before) & ~Q(step=Step.AWAITED)
    refused = Q(state=State.LEAVING, release_at__lt=before) & ~Q(problem="")
    by_gateway: dict[int, list[PhoneNumber]] = defaultdict(list)
    for number in PhoneNumber.objects.filter(stuck | refused).order_by("pk"):
        by_gateway[number.gateway_id].append(number)
    for gateway in Gateway.objects.filter(pk__in=by_gateway).defer("credentials"):
        raise_alert(kind=Alert.Kind.NUMBER_HALF_WAY, gateway=gateway, text=_text(by_gateway[gateway.pk]))
    over = Alert.objects.open().filter(kind=Alert.Kind.NUMBER_HALF_WAY).exclude(gateway__in=by_gateway)
    for alert in over.select_related("gateway"):
        resolve(kind=Alert.Kind.NUMBER_HALF_WAY, gateway=alert.gateway, note="Its numbers are in use, or given up.")


def _text(numbers: list[PhoneNumber]) -> str:
    pending = [number.number for number in numbers if number.state == State.PENDING]
    leaving = [number.number for number in numbers if number.state == State.LEAVING]
    said = []
    if pending:
        verb = "is" if len(pending) == 1 else "are"
        said.append(f"{_names(pending)} {verb} half-way: wanted or bought, and not in use. Open it and resume.")
    if leaving:
        said.append(f"{_names(leaving)} could not be given back to the provider; it is tried again. See what it says.")
    return " ".join(said)


def _names(numbers: list[str]) -> str:
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    return ", ".join(numbers[:_NAMED]) + more

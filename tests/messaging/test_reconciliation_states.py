"""Comparing numbers that are on their way: wanted, awaited, leaving, released."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from django.utils import timezone

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import ProviderNumber
from messaging.models import NumberFinding, PhoneNumber
from messaging.services.findings import close
from messaging.services.reconciliation import compare as compare_lists
from tests.factories import GatewayFactory, UserFactory
from tests.messaging.numbers_at_provider import (
    A,
    B,
    compare,
    findings,
    ours,
    wired,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_other_numbers(simulator: SimulatorProcess) -> Iterator[None]:
    simulator.settings(numbers=[])
    simulator.numbers()
    yield
    simulator.numbers()


def test_what_is_written_down_of_a_released_number_later_does_not_make_it_fresh(
    gateway: Gateway, simulator: SimulatorProcess
) -> None:
    row = ours(gateway, A, state="released")
    PhoneNumber.objects.filter(pk=row.pk).update(
        released_at=timezone.now() - dt.timedelta(days=3), updated_at=timezone.now() - dt.timedelta(minutes=5)
    )
    simulator.numbers(A)
    compare(gateway)
    assert findings() == [(A, "still_there", "open")]


@pytest.mark.parametrize(
    ("days_left", "at_provider", "kinds"),
    [
        (5, "wired", []),
        (5, "elsewhere", ["wrong_urls"]),
        (5, "nowhere", ["missing"]),
        # It may be given back already, with the reply lost; the release is tried again by itself.
        (-1, "wired", []),
        (-1, "elsewhere", []),
        (-1, "nowhere", []),
    ],
)
def test_a_number_that_leaves_is_ours_until_its_time_has_come(
    gateway: Gateway, simulator: SimulatorProcess, days_left: int, at_provider: str, kinds: list[str]
) -> None:
    """Given a leaving number, which still receives, when lists are compared, then it is never unknown or still there."""
    ours(gateway, A, state="leaving", release_at=timezone.now() + dt.timedelta(days=days_left))
    if at_provider != "nowhere":
        simulator.numbers(wired(gateway, A) if at_provider == "wired" else A)
    compare(gateway)
    assert [kind for _, kind, _ in findings()] == kinds


@pytest.mark.parametrize(("step", "is_missed"), [("wanted", False), ("awaited", False), ("bought", True)])
def test_a_number_that_was_never_at_the_provider_is_not_missed(gateway: Gateway, step: str, is_missed: bool) -> None:
    """A purchase that is open, or a port-in that takes weeks."""
    ours(gateway, A, state="pending", step=step)
    compare(gateway)
    assert findings() == ([(A, "missing", "open")] if is_missed else [])


def test_what_a_person_has_repaired_while_the_list_was_read_is_left_out(gateway: Gateway) -> None:
    """Given a number given back while the list was read, when the old list is compared, then it is not found once more."""
    row = ours(gateway, A, state="released")
    PhoneNumber.objects.filter(pk=row.pk).update(released_at=timezone.now() - dt.timedelta(days=3))
    listed = {A: ProviderNumber(A, provider_id="PN1"), B: ProviderNumber(B, provider_id="PN2")}
    now = timezone.now()
    finding = NumberFinding.objects.create(
        gateway=gateway, number=A, kind="still_there", first_seen=now, last_seen=now, phone_number=row
    )
    close(finding=finding, state="repaired", note="Released again.", user=UserFactory.create())
    differences, left_out = compare_lists(gateway=gateway, listed=listed, started=now - dt.timedelta(minutes=1))
    assert ([item.number for item in differences], left_out) == ([B], {A})
    # One that the system closed, or that was repaired before, is looked at.
    NumberFinding.objects.update(closed_by=None)
    differences, _ = compare_lists(gateway=gateway, listed=listed, started=now - dt.timedelta(minutes=1))
    assert [item.number for item in differences] == [A, B]


def test_a_number_that_another_gateway_knows_by_its_id_is_no_finding(gateway: Gateway) -> None:
    """Given two gateways of one account at the provider, when a number is written in two ways, then its id tells whose it is."""
    twin = GatewayFactory.create(kind=gateway.kind)
    theirs = ours(twin, A, provider_id="PN1")
    listed = {B: ProviderNumber(B, provider_id="PN1")}
    assert compare_lists(gateway=gateway, listed=listed, started=timezone.now())[0] == []
    PhoneNumber.objects.filter(pk=theirs.pk).update(provider_id="PN2")
    (difference,) = compare_lists(gateway=gateway, listed=listed, started=timezone.now())[0]
    assert (difference.kind, difference.number) == ("unknown", B)

"""Repairs keep to what provisioning keeps to: allowances, purchases that are open, and one person at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from django.utils import timezone

from accounts.models import Account, User
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.models import NumberFinding, PhoneNumber
from messaging.services.number_repairs import (
    NotRepaired,
    give,
    write_off,
)
from tests.factories import StaffFactory
from tests.messaging.numbers_at_provider import A, B, compare, findings, only, ours, wired

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_other_numbers(simulator: SimulatorProcess) -> Iterator[None]:
    simulator.settings(numbers=[])
    simulator.numbers()
    yield
    simulator.numbers()


@pytest.fixture
def user(db: None) -> User:
    """Who repairs."""
    made: User = StaffFactory.create(email="ann@example.com")
    return made


def test_an_account_gets_no_more_numbers_than_it_may_have(
    gateway: Gateway, simulator: SimulatorProcess, user: User
) -> None:
    row = ours(gateway, B)
    simulator.numbers(A, wired(gateway, B))
    compare(gateway)
    Account.objects.update(number_allowance=1)
    with pytest.raises(NotRepaired, match="may have 1"):
        give(finding_id=only().pk, account_id=row.account_id, user=user)
    assert PhoneNumber.objects.count() == 1
    assert (simulator.owned()[A]["sms_url"], findings()) == ("", [(A, "unknown", "open")])


def test_a_purchase_whose_reply_was_lost_is_given_by_going_on_with_it(
    gateway: Gateway, simulator: SimulatorProcess, user: User
) -> None:
    """Given a finding that is older than the wish to buy the number, when it is given, then the wish is fulfilled."""
    simulator.numbers(A)
    compare(gateway)
    row = ours(gateway, A, state="pending", step="wanted")
    assert give(finding_id=only().pk, account_id=row.account_id, user=user).pk == row.pk
    row.refresh_from_db()
    assert (row.state, row.step, row.claimed_until) == ("active", "wired", None)
    assert findings() == [(A, "unknown", "repaired")]


def test_a_number_that_somebody_deals_with_is_neither_given_nor_written_off(
    gateway: Gateway, simulator: SimulatorProcess, user: User
) -> None:
    until = timezone.now() + dt.timedelta(minutes=2)
    simulator.numbers(A)
    missing = ours(gateway, B, claimed_until=until)
    compare(gateway)
    unknown = NumberFinding.objects.get(number=A)
    half = ours(gateway, A, state="pending", step="bought", claimed_until=until)
    with pytest.raises(NotRepaired, match="being dealt with"):
        give(finding_id=unknown.pk, account_id=half.account_id, user=user)
    with pytest.raises(NotRepaired, match="being dealt with"):
        write_off(finding_id=NumberFinding.objects.get(number=B).pk, user=user)
    missing.refresh_from_db()
    assert (missing.state, missing.released_at) == ("active", None)
    assert len(findings(state="open")) == 2

"""Repairs of findings take the number's claim, and a number that routes name is not released."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.utils import timezone

from accounts.models import User
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.models import NumberFinding, PhoneNumber
from messaging.services.number_repairs import NotRepaired, release_again, wire
from messaging.services.numbers import ProvisioningError, release_number
from messaging.services.provider_numbers import ProviderNumbers
from tests.factories import PhoneNumberFactory, RouteFactory, UserFactory
from tests.messaging.numbers_at_provider import ELSEWHERE, A, compare, findings, only, ours, wired

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> User:
    return UserFactory.create()


def wrong(gateway: Gateway, simulator: SimulatorProcess) -> PhoneNumber:
    """A number of ours whose messages go elsewhere."""
    row = ours(gateway, A)
    simulator.numbers(wired(gateway, A, sms_url=f"{ELSEWHERE}/sms"))
    compare(gateway)
    return row


def still_there(gateway: Gateway, simulator: SimulatorProcess) -> PhoneNumber:
    """One that we released and the provider has."""
    row = ours(gateway, A, state="released")
    simulator.numbers(A)
    compare(gateway)
    return row


CASES = [(wrong, wire), (still_there, release_again)]


@pytest.mark.parametrize(("find", "repair"), CASES)
def test_a_repair_waits_for_whoever_deals_with_the_number(
    gateway: Gateway,
    simulator: SimulatorProcess,
    user: User,
    find: Callable[..., PhoneNumber],
    repair: Callable[..., object],
) -> None:
    """Given a number that somebody deals with at the provider, when it is repaired, then nothing is asked of the provider."""
    row = find(gateway, simulator)
    PhoneNumber.objects.filter(pk=row.pk).update(claimed_until=timezone.now() + dt.timedelta(minutes=1))
    before = simulator.owned()
    with pytest.raises(NotRepaired, match="being dealt with at the provider at this moment"):
        repair(finding_id=only().pk, user=user)
    assert simulator.owned() == before
    assert only().state == "open"
    PhoneNumber.objects.filter(pk=row.pk).update(claimed_until=timezone.now() - dt.timedelta(seconds=1))
    repair(finding_id=only().pk, user=user)
    row.refresh_from_db()
    assert row.claimed_until is None, "others may deal with it again"
    assert [state for _, _, state in findings()] == ["repaired"]


@pytest.mark.parametrize(("find", "repair"), CASES)
def test_of_two_repairs_at_once_one_is_done(
    gateway: Gateway,
    simulator: SimulatorProcess,
    user: User,
    monkeypatch: pytest.MonkeyPatch,
    find: Callable[..., PhoneNumber],
    repair: Callable[..., object],
) -> None:
    """Given a repair that asks the provider, when a second click comes meanwhile, then that one is told to wait."""
    find(gateway, simulator)
    finding = only()
    told: list[str] = []
    asked = ProviderNumbers.find

    def second_click(self: ProviderNumbers, number: str) -> object:
        if not told:
            told.append("")
            with pytest.raises(NotRepaired) as refused:
                repair(finding_id=finding.pk, user=user)
            told.append(str(refused.value))
        return asked(self, number)

    monkeypatch.setattr(ProviderNumbers, "find", second_click)
    repair(finding_id=finding.pk, user=user)
    assert "being dealt with" in told[1]
    assert NumberFinding.objects.get().state == "repaired"


def test_a_number_that_routes_name_is_not_released(gateway: Gateway) -> None:
    number = PhoneNumberFactory.create(gateway=gateway)
    other = PhoneNumberFactory.create(account=number.account)
    french = RouteFactory.create(account=number.account, country="FR", number=number)
    everywhere = RouteFactory.create(account=number.account, number=other, second_number=number)
    with pytest.raises(ProvisioningError) as refused:
        release_number(number=number, after_days=3)
    assert "everywhere else (second), France (preferred)" in refused.value.text
    assert "Choose another sender there (Numbers → Routing), or delete these routes." in refused.value.text
    number.refresh_from_db()
    assert (number.state, number.claimed_until) == ("active", None)
    everywhere.second_number = None
    everywhere.save()
    with pytest.raises(ProvisioningError, match=r"A route of the account names .*France \(preferred\)"):
        release_number(number=number, after_days=3)
    french.delete()
    assert release_number(number=number, after_days=3).state == "leaving"

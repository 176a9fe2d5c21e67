"""Two gateways that share one account at the provider: what is somebody's at one is not touched from the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accounts.models import User
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.models import PhoneNumber
from messaging.services.number_repairs import Outdated, give, release_again
from messaging.services.numbers import ProvisioningError, give_up_number, resume_number, wire_number
from tests.factories import AccountFactory, GatewayFactory, PhoneNumberFactory, StaffFactory
from tests.messaging.numbers_at_provider import A, B, compare, findings, only, ours, wired

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_other_numbers(simulator: SimulatorProcess) -> Iterator[None]:
    simulator.settings(numbers=[])
    simulator.numbers()
    yield
    simulator.numbers()


@pytest.fixture
def twin(gateway: Gateway) -> Gateway:
    """Another gateway with the same account at the provider."""
    made: Gateway = GatewayFactory.create(
        base_url=gateway.base_url, credentials=gateway.credentials, concurrency=gateway.concurrency
    )
    return made


@pytest.fixture
def user(db: None) -> User:
    """Who repairs."""
    made: User = StaffFactory.create(email="ann@example.com")
    return made


@pytest.mark.parametrize("was_ours", [True, False])
def test_a_number_that_is_held_at_the_other_gateway_is_no_finding(
    gateway: Gateway, twin: Gateway, simulator: SimulatorProcess, was_ours: bool
) -> None:
    """Given a number released at one gateway, or never there, when it was just entered at the other, then nothing is found."""
    if was_ours:
        ours(gateway, A, state="released")
    PhoneNumberFactory.create(gateway=twin, number=A, state="active", provider_id="")
    simulator.numbers(wired(twin, A))
    compare(gateway)
    assert findings() == []


def test_a_number_that_was_released_at_both_gateways_is_found(
    gateway: Gateway, twin: Gateway, simulator: SimulatorProcess
) -> None:
    ours(gateway, A, state="released")
    ours(twin, A, state="released")
    simulator.numbers(A)
    compare(gateway)
    assert findings() == [(A, "still_there", "open")]


def test_the_other_gateways_number_is_not_released_again(
    gateway: Gateway, twin: Gateway, simulator: SimulatorProcess, user: User
) -> None:
    ours(gateway, A, state="released")
    simulator.numbers(wired(twin, A))
    compare(gateway)
    finding = only()
    theirs = PhoneNumberFactory.create(gateway=twin, number=A, state="active")
    with pytest.raises(Outdated, match=f"belongs to {theirs.account} at the gateway {twin}"):
        release_again(finding_id=finding.pk, user=user)
    assert A in simulator.owned()
    assert findings() == [(A, "still_there", "gone")]


@pytest.mark.parametrize("kind", ["unknown", "still_there"])
def test_the_other_gateways_number_is_not_given_away(
    gateway: Gateway, twin: Gateway, simulator: SimulatorProcess, user: User, kind: str
) -> None:
    if kind == "still_there":
        ours(gateway, A, state="released")
    simulator.numbers(wired(twin, A))
    before = simulator.owned()
    compare(gateway)
    assert only().kind == kind
    finding = only()
    theirs = PhoneNumberFactory.create(gateway=twin, number=A, state="active")
    with pytest.raises(Outdated, match=f"belongs to {theirs.account} at the gateway {twin}"):
        give(finding_id=finding.pk, account_id=AccountFactory.create().pk, user=user)
    assert simulator.owned() == before
    assert PhoneNumber.objects.held().get() == theirs


def test_a_purchase_that_another_gateway_made_is_not_taken_over(
    gateway: Gateway, twin: Gateway, simulator: SimulatorProcess
) -> None:
    """Given two rows of one number, of accounts that wanted it at once, when the loser resumes, then it is not wired to it."""
    simulator.numbers(wired(twin, A))
    before = simulator.owned()
    lost = PhoneNumberFactory.create(gateway=gateway, number=A, state="pending", step="wanted")
    won = PhoneNumberFactory.create(gateway=twin, number=A, state="active")
    with pytest.raises(ProvisioningError, match=f"belongs to another account at another gateway, {twin}"):
        resume_number(number=lost, may_buy=True)
    with pytest.raises(ProvisioningError, match="belongs to another account"):
        wire_number(number=lost)
    assert simulator.owned() == before
    assert give_up_number(number=lost).state == "released", "although the provider lists it"
    assert list(PhoneNumber.objects.held()) == [won]


def test_of_two_that_are_open_the_first_goes_on(gateway: Gateway, twin: Gateway, simulator: SimulatorProcess) -> None:
    first = PhoneNumberFactory.create(gateway=gateway, number=A, state="pending", step="wanted")
    second = PhoneNumberFactory.create(gateway=twin, number=A, state="pending", step="awaited")
    simulator.numbers(A)
    with pytest.raises(ProvisioningError, match="belongs to another account"):
        resume_number(number=second)
    assert resume_number(number=first).state == "active"
    simulator.numbers(A, B)
    alone = PhoneNumberFactory.create(gateway=twin, number=B, state="pending", step="wanted")
    with pytest.raises(ProvisioningError, match="it is ours, and is paid for"):
        give_up_number(number=alone)

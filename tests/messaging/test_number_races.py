"""Two at once: nothing is bought twice, and no account gets more numbers than it may have."""

from __future__ import annotations

import pytest

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.models import PhoneNumber
from messaging.services.numbers import (
    ProvisioningError,
    adopt_number,
    allowance_left,
    keep_number,
    provision_number,
    release_due,
    release_number,
    resume_number,
)
from tests.factories import AccountFactory, PhoneNumberFactory
from tests.messaging.number_tools import again, at_once, break_numbers, offers, owned, purchases, record_requests

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_clicks_buy_once(simulator: SimulatorProcess, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a slow provider, when the same number is bought twice at once, then one request spends money."""
    simulator.settings(latency_ms=100)
    account, [number] = AccountFactory(), offers(gateway)
    seen = record_requests(monkeypatch)

    def buy() -> PhoneNumber:
        return provision_number(account=account, gateway=Gateway.objects.get(pk=gateway.pk), number=number)

    results = at_once(buy, buy, buy, buy)
    assert purchases(seen) == 1
    assert len(owned(gateway, number)) == 1
    row = PhoneNumber.objects.get()
    assert row.state == "active"
    for result in results:
        assert isinstance(result, (PhoneNumber, ProvisioningError)), result
        # Whoever came second is led to the number.
        assert (result if isinstance(result, PhoneNumber) else result.number) == row


def test_two_accounts_do_not_buy_the_same_number(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts, [number] = AccountFactory.create_batch(2), offers(gateway)
    seen = record_requests(monkeypatch)
    results = at_once(
        *(
            lambda account=account: provision_number(
                account=account, gateway=Gateway.objects.get(pk=gateway.pk), number=number
            )
            for account in accounts
        )
    )
    assert purchases(seen) == 1
    won = [result for result in results if isinstance(result, PhoneNumber)]
    lost = [result for result in results if isinstance(result, ProvisioningError)]
    assert (len(won), len(lost)) == (1, 1)
    assert "another account" in lost[0].text
    assert lost[0].number is None


def test_two_who_resume_buy_once(
    simulator: SimulatorProcess, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_numbers(simulator, "buy:close")
    with pytest.raises(ProvisioningError) as stopped:
        provision_number(account=AccountFactory(), gateway=gateway, number=offers(gateway)[0])
    break_numbers(simulator)
    number = stopped.value.number
    assert number is not None
    seen = record_requests(monkeypatch)

    def resume() -> PhoneNumber:
        return resume_number(number=again(number), may_buy=True)

    results = at_once(resume, resume, resume)
    assert purchases(seen) == 1
    assert sum(isinstance(result, PhoneNumber) for result in results) >= 1
    assert again(number).state == "active"


def test_purchases_at_once_do_not_pass_the_allowance(
    simulator: SimulatorProcess, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given an account that may have two numbers, when five are bought at once, then two are."""
    simulator.settings(latency_ms=50)
    account = AccountFactory(number_allowance=2)
    wanted = offers(gateway, 5)
    seen = record_requests(monkeypatch)
    results = at_once(
        *(
            lambda number=number: provision_number(
                account=account, gateway=Gateway.objects.get(pk=gateway.pk), number=number
            )
            for number in wanted
        )
    )
    refused = [result for result in results if isinstance(result, ProvisioningError)]
    assert len(refused) == 3, results
    assert all("may have 2" in error.text for error in refused)
    assert (PhoneNumber.objects.filter(account=account).count(), purchases(seen)) == (2, 2)


def test_keeping_and_giving_back_exclude_each_other(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Given a number that is due, when it is kept at the moment it is given back, then one of the two happens."""
    simulator.settings(latency_ms=50)
    number = provision_number(account=AccountFactory(), gateway=gateway, number=offers(gateway)[0])
    release_number(number=number)
    PhoneNumber.objects.filter(pk=number.pk).update(release_at=number.created_at)
    at_once(lambda: keep_number(number=again(number)), release_due)
    assert len(owned(gateway, number.number)) == (1 if again(number).state == "active" else 0)
    assert again(number).state in ("active", "released")


def test_the_allowance_counts_what_is_leaving_and_not_what_is_released(gateway: Gateway) -> None:
    account = AccountFactory(number_allowance=2)
    leaving = PhoneNumberFactory(account=account, gateway=gateway)
    released = PhoneNumberFactory(account=account, gateway=gateway)
    release_number(number=leaving)
    assert allowance_left(account=account) == 0
    with pytest.raises(ProvisioningError, match="1 of them leaving"):
        adopt_number(account=account, gateway=gateway, number="24365", kind="short_code")
    release_number(number=released, after_days=0)
    assert allowance_left(account=account) == 1
    assert adopt_number(account=account, gateway=gateway, number="24365", kind="short_code").state == "active"
    account.number_allowance = None
    account.save()
    assert allowance_left(account=account) is None
    assert adopt_number(account=account, gateway=gateway, number="24366", kind="short_code").state == "active"

"""What is asked for with a number is done in the background: once, whatever is run twice or killed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.utils import timezone

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import ProviderNumber
from messaging import tasks
from messaging.jobs import sweeper
from messaging.models import PhoneNumber
from messaging.services.numbers import (
    ProvisioningError,
    ask_to_adopt,
    ask_to_buy,
    ask_to_forget,
    ask_to_give_up,
    ask_to_keep,
    ask_to_release,
    ask_to_resume,
    ask_to_wire,
    call_lost,
    provision_number,
    release_due,
    run_errand,
)
from messaging.services.numbers.provider import Provider
from messaging.services.numbers.rows import Claim, claimed
from tests.factories import AccountFactory, PhoneNumberFactory
from tests.messaging.number_tools import again, at_once, break_numbers, offers, owned, purchases, record_requests

pytestmark = pytest.mark.django_db(transaction=True)

AGO = dt.timedelta(minutes=2)


class Killed(BaseException):
    """The worker is no more."""


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The tasks that were called, each with its arguments."""
    seen: list[tuple[Any, ...]] = []

    def call(*task: Any, **_options: Any) -> bool:
        seen.append(task)
        return True

    monkeypatch.setattr("broadcast.core.queue.enqueue", call)
    monkeypatch.setattr("messaging.services.numbers.errands.enqueue", call)
    return seen


def asked(gateway: Gateway, number: str | None = None) -> PhoneNumber:
    """A number that is to be bought."""
    return ask_to_buy(account=AccountFactory(), gateway=gateway, number=number or offers(gateway)[0])


def kill_in(monkeypatch: pytest.MonkeyPatch, step: str, *, done: bool) -> Callable[[], None]:
    """Have the next worker killed in a step at the provider, after or before that was done there; undone by what is returned."""
    real = getattr(Provider, step)

    def killed(self: Provider, *args: Any, **options: Any) -> ProviderNumber:
        if done:
            real(self, *args, **options)
        raise Killed

    monkeypatch.setattr(Provider, step, killed)
    return lambda: monkeypatch.setattr(Provider, step, real)


def run_killed(number: PhoneNumber) -> None:
    """Run a task whose worker is killed: its claim stays."""
    with pytest.raises(Killed):
        tasks.run_errand(number.pk)
    PhoneNumber.objects.filter(pk=number.pk).update(claimed_until=timezone.now() + AGO, asked_at=timezone.now() - AGO)


def lapse(number: PhoneNumber) -> None:
    """Let the time pass that a killed worker's claim keeps others waiting."""
    PhoneNumber.objects.filter(pk=number.pk).update(claimed_until=timezone.now() - AGO, asked_at=timezone.now() - AGO)


def test_asking_waits_for_no_provider(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, called: list[tuple[Any, ...]]
) -> None:
    """Given numbers in every state, when something is asked for, then no request leaves and one task is called for each."""
    [number] = offers(gateway)
    half_way, other, doubtful = (
        PhoneNumberFactory(gateway=gateway, state="pending", step="wanted", problem="It stopped.") for _ in range(3)
    )
    bought, leaving = (PhoneNumberFactory(gateway=gateway, step="wired", provider_id="PN1") for _ in range(2))
    due = PhoneNumberFactory(
        gateway=gateway, state="leaving", step="wired", provider_id="PN2", release_at=timezone.now() - AGO
    )
    seen = record_requests(monkeypatch)
    waiting = [
        asked(gateway, number),
        ask_to_adopt(account=AccountFactory(), gateway=gateway, number="+14155552690", kind="local"),
        ask_to_resume(number=half_way, may_buy=True),
        ask_to_give_up(number=other),
        ask_to_forget(number=doubtful),
        ask_to_wire(number=bought),
        ask_to_release(number=leaving, after_days=0),
        ask_to_keep(number=due),
    ]
    assert seen == []
    expected = ["buy", "finish", "rebuy", "give_up", "forget", "wire", "give_back", "keep"]
    assert [again(row).errand for row in waiting] == expected
    assert called == [("messaging.tasks.run_errand", row.pk) for row in waiting]


def test_a_purchase_that_was_asked_for_is_done_by_the_task(gateway: Gateway) -> None:
    row = asked(gateway)
    assert (row.state, row.step, owned(gateway, row.number)) == ("pending", "wanted", [])
    tasks.run_errand(row.pk)
    row = again(row)
    assert (row.state, row.step, row.errand, row.problem, row.claimed_until) == ("active", "wired", "", "", None)
    assert "belongs to" in row.outcome
    assert len(owned(gateway, row.number)) == 1


def test_a_task_that_runs_twice_buys_once(
    simulator: SimulatorProcess, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a slow provider, when the task runs in two workers at once and once more later, then one request spends money."""
    simulator.settings(latency_ms=100)
    row = asked(gateway)
    seen = record_requests(monkeypatch)
    at_once(lambda: run_errand(number_id=row.pk), lambda: run_errand(number_id=row.pk))
    tasks.run_errand(row.pk)
    assert purchases(seen) == 1
    assert (again(row).state, len(owned(gateway, row.number))) == ("active", 1)


def test_a_worker_that_comes_a_moment_too_late_does_nothing(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a worker that has read the errand, when another does it before the first has its claim, then nothing is done twice."""
    row = asked(gateway)
    seen = record_requests(monkeypatch)
    place = "messaging.services.numbers.errands.claimed"

    def overtaken(number: PhoneNumber, states: Sequence[str]) -> AbstractContextManager[Claim]:
        monkeypatch.setattr(place, claimed)
        run_errand(number_id=number.pk)
        return claimed(number, states)

    monkeypatch.setattr(place, overtaken)
    run_errand(number_id=row.pk)
    assert purchases(seen) == 1
    assert "belongs to" in again(row).outcome


def test_asking_twice_buys_once(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    account, [number] = AccountFactory(), offers(gateway)
    rows = [ask_to_buy(account=account, gateway=gateway, number=number) for _ in range(2)]
    seen = record_requests(monkeypatch)
    for row in rows:
        tasks.run_errand(row.pk)
    assert rows[0] == rows[1] == ask_to_buy(account=account, gateway=gateway, number=number)
    assert purchases(seen) == 1


def test_a_worker_killed_between_bought_and_wired_is_followed_by_another(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, called: list[tuple[Any, ...]]
) -> None:
    """Given a worker killed when the number was bought, when its claim is over, then the sweeper has it wired, not bought again."""
    row = asked(gateway)
    called.clear()
    seen = record_requests(monkeypatch)
    # Elsewhere than where the purchase put it, so that there is something to wire.
    monkeypatch.setattr(Provider, "is_wired", lambda *_asked: False)
    alive = kill_in(monkeypatch, "wire", done=False)
    run_killed(row)
    alive()
    row = again(row)
    assert (row.state, row.step, row.errand) == ("pending", "bought", "buying")
    assert call_lost() == 0, "the dead worker's claim is not over"
    tasks.run_errand(row.pk)
    assert again(row).state == "pending"
    lapse(row)
    assert call_lost() == 1
    assert called == [("messaging.tasks.run_errand", row.pk)]
    tasks.run_errand(row.pk)
    assert (again(row).state, again(row).errand, purchases(seen)) == ("active", "", 1)


def test_a_purchase_whose_worker_was_killed_is_found(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a worker killed while the provider sold the number, when another takes it up, then it is found and wired."""
    row = asked(gateway)
    seen = record_requests(monkeypatch)
    alive = kill_in(monkeypatch, "buy", done=True)
    run_killed(row)
    alive()
    assert (again(row).step, again(row).errand) == ("wanted", "buying")
    lapse(row)
    tasks.run_errand(row.pk)
    assert (again(row).state, purchases(seen), len(owned(gateway, row.number))) == ("active", 1, 1)


@pytest.mark.parametrize("errand", ["buy", "rebuy"])
def test_a_purchase_that_may_have_been_made_is_not_made_again_by_itself(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, errand: str
) -> None:
    """Given a worker killed in the purchase, when the provider does not list the number, then a person decides, and buys it."""
    row = asked(gateway)
    PhoneNumber.objects.filter(pk=row.pk).update(errand=errand)
    seen = record_requests(monkeypatch)
    alive = kill_in(monkeypatch, "buy", done=False)
    run_killed(row)
    alive()
    lapse(row)
    tasks.run_errand(row.pk)
    row = again(row)
    assert (row.state, row.errand, purchases(seen)) == ("pending", "", 0)
    assert "it was not bought. Resume it to buy it now" in row.problem
    ask_to_resume(number=row, may_buy=True)
    tasks.run_errand(row.pk)
    assert (again(row).state, purchases(seen)) == ("active", 1)


def test_a_task_that_was_lost_is_called_by_the_sweeper(gateway: Gateway, called: list[tuple[Any, ...]]) -> None:
    row = asked(gateway)
    called.clear()
    sweeper.sweep()
    assert called == [], "its task may be about to run"
    PhoneNumber.objects.filter(pk=row.pk).update(asked_at=timezone.now() - AGO)
    sweeper.sweep()
    assert ("messaging.tasks.run_errand", row.pk) in called


def test_what_was_asked_for_long_ago_is_asked_again(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a purchase asked for before the cluster was down for hours, when it is back, then no money is spent unasked."""
    row = asked(gateway)
    PhoneNumber.objects.filter(pk=row.pk).update(asked_at=timezone.now() - dt.timedelta(hours=2))
    seen = record_requests(monkeypatch)
    tasks.run_errand(row.pk)
    row = again(row)
    assert (seen, row.state, row.errand) == ([], "pending", "")
    assert "not done within an hour" in row.problem


def test_a_purchase_that_is_refused_for_good_takes_no_allowance(simulator: SimulatorProcess, gateway: Gateway) -> None:
    account, numbers = AccountFactory(number_allowance=1), offers(gateway, 2)
    row = ask_to_buy(account=account, gateway=gateway, number=numbers[0])
    with pytest.raises(ProvisioningError, match="may have 1"):
        ask_to_buy(account=account, gateway=gateway, number=numbers[1])
    break_numbers(simulator, "buy:sold")
    tasks.run_errand(row.pk)
    break_numbers(simulator)
    row = again(row)
    assert (row.state, row.was_never_ours) == ("released", True)
    assert "Nothing was bought." in row.problem
    other = ask_to_buy(account=account, gateway=gateway, number=numbers[1])
    tasks.run_errand(other.pk)
    assert again(other).state == "active"


def test_a_refusal_after_a_doubtful_purchase_keeps_the_number(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Given a purchase of unknown end, when resuming it is refused, then the number stays with who may have paid for it."""
    row = asked(gateway)
    break_numbers(simulator, "buy:close")
    tasks.run_errand(row.pk)
    break_numbers(simulator, "buy:sold")
    ask_to_resume(number=again(row), may_buy=True)
    tasks.run_errand(row.pk)
    break_numbers(simulator)
    assert (again(row).state, again(row).errand) == ("pending", "")


def test_one_thing_is_asked_for_at_a_time(gateway: Gateway) -> None:
    number = provision_number(account=AccountFactory(), gateway=gateway, number=offers(gateway)[0])
    ask_to_wire(number=number)
    for ask in (ask_to_wire, ask_to_release):
        with pytest.raises(ProvisioningError, match="being dealt with"):
            ask(number=number)
    tasks.run_errand(number.pk)
    assert "calls our webhooks" in again(number).outcome
    assert ask_to_release(number=number, after_days=3).state == "leaving"


def test_a_number_is_given_back_by_its_own_task(gateway: Gateway) -> None:
    number = provision_number(account=AccountFactory(), gateway=gateway, number=offers(gateway)[0])
    assert ask_to_release(number=number, after_days=0).state == "leaving"
    assert release_due() == 0, "its own task is at it"
    tasks.run_errand(number.pk)
    assert (again(number).state, owned(gateway, number.number)) == ("released", [])


def test_a_number_that_somebody_wants_to_keep_is_not_given_back_meanwhile(
    simulator: SimulatorProcess, gateway: Gateway
) -> None:
    number = provision_number(account=AccountFactory(), gateway=gateway, number=offers(gateway)[0])
    ask_to_release(number=number, after_days=0)
    break_numbers(simulator, "release:refuse")
    tasks.run_errand(number.pk)
    break_numbers(simulator)
    assert again(number).problem
    assert ask_to_keep(number=again(number)).errand == "keep"
    assert release_due() == 0
    tasks.run_errand(number.pk)
    assert (again(number).state, again(number).problem, len(owned(gateway, number.number))) == ("active", "", 1)

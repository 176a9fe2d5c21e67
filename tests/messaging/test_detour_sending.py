"""Two carriers, real senders: one falls silent in the middle of a campaign, and everybody gets it once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connections

from integrations.simulator.process import SimulatorProcess
from messaging.engine import limits
from messaging.engine.circuit import FAILURES
from messaging.models import Batch, Detour, Message, PhoneNumber
from messaging.services import batches, detours
from messaging.services.detours import take_over
from tests.factories import GatewayFactory, PhoneNumberFactory, RouteFactory
from tests.messaging.test_routes import launch
from tests.messaging.tools import FAST, drain, recipients, run_sender, states, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 1200


@pytest.fixture(scope="module")
def other_process() -> Iterator[SimulatorProcess]:
    """A second carrier."""
    with SimulatorProcess(FAST) as simulator:
        yield simulator


@pytest.fixture
def other(other_process: SimulatorProcess) -> Iterator[SimulatorProcess]:
    """The second carrier, empty and fast."""
    other_process.settings(**FAST.to_json())
    other_process.reset()
    yield other_process
    other_process.reset()


@pytest.fixture
def second(number: PhoneNumber, other: SimulatorProcess) -> PhoneNumber:
    """The account's second sender, which takes over after a second of silence."""
    gateway = GatewayFactory.create(
        base_url=other.url,
        credentials={"account_sid": FAST.account_sid, "auth_token": FAST.auth_token},
        concurrency=40,
    )
    second = PhoneNumberFactory.create(
        account=number.account, gateway=gateway, number="+14155552600", pace_segments=100_000
    )
    RouteFactory.create(account=number.account, number=number, second_number=second, patience_seconds=1)
    return second


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GIVE_BACK_SECONDS", 0.2)
    monkeypatch.setattr(limits, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(detours, "MOST_AHEAD", 200)


class Senders:
    """A sender at work for each number until there is nothing left to send, as the cluster has them."""

    def __init__(self, *numbers: PhoneNumber) -> None:
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in numbers]

    def _run(self, number: PhoneNumber) -> None:
        while not self.ending.is_set():
            run_sender(
                number,
                run_seconds=2.0,
                request_timeout_seconds=2.0,
                on_silence=take_over,
                stopping=self.ending.is_set,
            )
        connections.close_all()

    def __enter__(self) -> Senders:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        for thread in self.threads:
            thread.join(60)


def is_sent(batch: Batch) -> Callable[[], bool]:
    def check() -> bool:
        drain()
        return not Message.objects.filter(batch=batch, state__in=("queued", "sending")).exists()

    return check


def texts_by(carrier: SimulatorProcess) -> dict[str, int]:
    """How many messages each person had of a carrier."""
    return {person: len(texts) for person, texts in carrier.stats(recipients=True)["by_recipient"].items()}


def check_once(batch: Batch, people: list[str], carriers: dict[int, SimulatorProcess]) -> None:
    """Everybody had one message, of the carrier at which their row says it left."""
    taken = {number_id: texts_by(carrier) for number_id, carrier in carriers.items()}
    rows = list(Message.objects.filter(batch=batch))
    assert {row.recipient for row in rows} == set(people)
    for row in rows:
        had = {number_id: texts[row.recipient] for number_id, texts in taken.items() if row.recipient in texts}
        assert had == {row.number_id: 1}, row.state


def test_a_carrier_that_falls_silent_loses_nobody_and_nobody_gets_it_twice(
    simulator: SimulatorProcess, other: SimulatorProcess, number: PhoneNumber, second: PhoneNumber
) -> None:
    simulator.settings(latency_ms=40)
    other.settings(latency_ms=40)
    people = recipients(PEOPLE)
    batch = launch(number, people)
    with Senders(number, second):
        wait_for(lambda: simulator.stats()["messages_taken"] > 200, "the campaign to be under way")
        # It takes what arrives and says nothing more.
        simulator.settings(fail_after=1.0, fail_how="mixed")
        wait_for(lambda: other.stats()["messages_taken"] > 150, "the second carrier to take over")
        simulator.settings(fail_after=0.0)
        wait_for(is_sent(batch), "everything to have left")
    counts = states(batch)
    assert set(counts) == {"accepted", "unknown"}
    assert sum(counts.values()) == PEOPLE
    assert Message.objects.filter(batch=batch, state="unknown", number=number).count() >= FAILURES
    check_once(batch, people, {number.pk: simulator, second.pk: other})
    detour = Detour.objects.get()
    assert detour.moved == Message.objects.filter(batch=batch, number=second).count()
    assert simulator.stats()["messages_taken"] + other.stats()["messages_taken"] == PEOPLE


def test_a_pause_holds_both_and_a_resume_goes_on_with_both(
    simulator: SimulatorProcess, other: SimulatorProcess, number: PhoneNumber, second: PhoneNumber
) -> None:
    simulator.settings(fail_before=1.0, fail_how="status")
    other.settings(latency_ms=200)
    people = recipients(PEOPLE)
    batch = launch(number, people)
    with Senders(number, second):
        wait_for(lambda: other.stats()["messages_taken"] > 50, "the second carrier to take over")
        batches.pause_batch(batch.pk)

        def is_still() -> bool:
            drain()
            return not Message.objects.filter(batch=batch, state="sending").exists()

        wait_for(is_still, "what is in flight to end")
        taken = other.stats()["messages_taken"]
        assert taken < PEOPLE
        # A person who resumes has seen to the first carrier.
        simulator.settings(fail_before=0.0)
        assert other.stats()["messages_taken"] == taken
        batches.resume_batch(batch.pk)
        wait_for(is_sent(batch), "everything to have left")
    counts = states(batch)
    lost = counts.pop("unknown", 0)
    assert counts == {"accepted": PEOPLE - lost}
    # The first carrier refused to answer these; the second never had them.
    unknown = Message.objects.filter(batch=batch, state="unknown", number=number)
    assert not set(unknown.values_list("recipient", flat=True)) & texts_by(other).keys()
    assert all(count == 1 for count in (*texts_by(simulator).values(), *texts_by(other).values()))
    assert not texts_by(simulator).keys() & texts_by(other).keys()


def test_a_cancelled_campaign_ends_at_both(
    simulator: SimulatorProcess, other: SimulatorProcess, number: PhoneNumber, second: PhoneNumber
) -> None:
    simulator.settings(fail_before=1.0, fail_how="status")
    other.settings(latency_ms=200)
    batch = launch(number, recipients(PEOPLE))
    with Senders(number, second):
        wait_for(lambda: other.stats()["messages_taken"] > 50, "the second carrier to take over")
        batches.cancel_batch(batch.pk)
        wait_for(is_sent(batch), "what is in flight to end")
    counts = states(batch)
    assert sum(counts.values()) == PEOPLE
    assert set(counts) <= {"accepted", "unknown", "cancelled"}
    left = Message.objects.filter(batch=batch, number=second).exclude(state="cancelled")
    assert set(left.values_list("recipient", flat=True)) == texts_by(other).keys()
    assert counts["cancelled"] > PEOPLE / 2


def test_a_number_that_went_to_another_gateway_is_not_sent_from_at_the_old_one(
    simulator: SimulatorProcess, number: PhoneNumber, second: PhoneNumber
) -> None:
    launch(number, recipients(5))
    PhoneNumber.objects.filter(pk=number.pk).update(gateway=second.gateway)
    run_sender(number)
    assert simulator.stats()["messages_taken"] == 0

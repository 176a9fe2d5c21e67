"""A gateway that takes many recipients a request: fewer requests, and everything else as for any other."""

from __future__ import annotations

import asyncio
import math

import pytest

from broadcast.core.redis import get_redis
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys, limits, worker
from messaging.engine.circuit import FAILURES
from messaging.engine.lanes import Lane, Staged
from messaging.engine.stager import suppress as suppress_staged
from messaging.engine.window import Window
from messaging.engine.worker import Worker
from messaging.models import Batch, Message, PhoneNumber, Suppression
from messaging.services.suppressions import suppress
from tests.factories import GatewayFactory, PhoneNumberFactory
from tests.messaging.tools import FAST, SHORT_CODE, make_batch, recipients, run_sender, send_all, states

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bulk(simulator: SimulatorProcess) -> PhoneNumber:
    """A number at a gateway that takes 1,000 recipients a request."""
    gateway = GatewayFactory.create(
        kind="infobip", base_url=simulator.url, credentials={"api_key": FAST.infobip_api_key}, concurrency=40
    )
    return PhoneNumberFactory.create(gateway=gateway, number=SHORT_CODE, kind="short_code", pace_segments=1_000_000)


def test_each_gets_their_own_text_once_in_few_requests(simulator: SimulatorProcess, bulk: PhoneNumber) -> None:
    people = recipients(3500)
    batch = make_batch(bulk, people)
    send_all(bulk)
    stats = simulator.stats(recipients=True)
    assert states(batch) == {"accepted": 3500}
    assert (stats["messages_taken"], stats["duplicate_sends"]) == (3500, 0)
    assert set(stats["by_recipient"]) == set(people)
    # The first chunk is small, so that the first request leaves soon.
    assert math.ceil(3500 / 1000) <= stats["requests"] <= 8
    assert batch.messages.exclude(provider_id="").count() == 3500
    assert not get_redis().keys(f"{keys.prefix(bulk.gateway_id)}lease:*")


def test_a_slow_number_sends_what_its_pace_allows(simulator: SimulatorProcess, bulk: PhoneNumber) -> None:
    bulk.pace_segments = 50
    bulk.save()
    batch = make_batch(bulk, recipients(400))
    run_sender(bulk, run_seconds=2.0)
    # At most two seconds' worth, and the small burst.
    assert simulator.stats()["messages_taken"] <= 2 * 50 + 10
    assert Message.objects.filter(batch=batch).count() == 400


def test_who_opted_out_is_left_out_of_a_request(simulator: SimulatorProcess, bulk: PhoneNumber) -> None:
    people = recipients(2000)
    batch = make_batch(bulk, people)
    suppress(account_id=bulk.account_id, recipient=people[3], reason=Suppression.Reason.OPT_OUT)
    # What the webhook process writes when a STOP arrives, before anything has been routed.
    get_redis().zadd(keys.STOPS, {keys.stop_of_number(bulk.number, people[1500]): 1})
    send_all(bulk)
    assert states(batch) == {"accepted": 1998, "suppressed": 2}
    taken = simulator.stats(recipients=True)["by_recipient"]
    assert people[3] not in taken
    assert people[1500] not in taken


def test_who_opts_out_while_others_are_taken_out_is_left_out_too(
    simulator: SimulatorProcess, bulk: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = recipients(100)
    batch = make_batch(bulk, people)

    def stop(person: str) -> str:
        member = keys.stop_of_number(bulk.number, person)
        get_redis().zadd(keys.STOPS, {member: 1})
        get_redis().publish(keys.STOPPED, member)
        return member

    # Given one who opts out when the request is about to leave,
    monkeypatch.setattr(limits, "STALE_CHECK_SECONDS", -1.0)
    look_again = Worker._check_again

    async def first_stops(own: Worker, items: list[Staged]) -> list[Staged]:
        stop(people[3])
        return await look_again(own, items)

    monkeypatch.setattr(Worker, "_check_again", first_stops)

    # and another who does while the first one's message is being taken out,
    async def second_stops(window: Window, lane: Lane, items: list[Staged]) -> None:
        await suppress_staged(window, lane, items)
        member = stop(people[50])
        while member not in window.heard:
            await window.wait_for(asyncio.Event(), 0.01)

    monkeypatch.setattr(worker, "suppress", second_stops)

    send_all(bulk)

    assert states(batch) == {"accepted": 98, "suppressed": 2}
    assert not {people[3], people[50]} & set(simulator.stats(recipients=True)["by_recipient"])


def test_one_refused_in_a_request_fails_alone(simulator: SimulatorProcess, bulk: PhoneNumber) -> None:
    simulator.settings(errors={21614: 0.05})
    batch = make_batch(bulk, recipients(1000))
    send_all(bulk)
    counts = states(batch)
    assert set(counts) == {"accepted", "failed"}
    assert sum(counts.values()) == 1000
    assert 10 < counts["failed"] < 120


def test_a_request_without_an_answer_is_never_sent_again(simulator: SimulatorProcess, bulk: PhoneNumber) -> None:
    simulator.settings(fail_after=1.0, fail_how="close")
    batch = make_batch(bulk, recipients(1500))
    run_sender(bulk, run_seconds=1.0)
    simulator.settings(fail_after=0.0)
    send_all(bulk)
    counts = states(batch)
    assert counts.get("unknown", 0) >= 1
    assert sum(counts.values()) == 1500
    stats = simulator.stats()
    assert stats["duplicate_sends"] == 0
    assert stats["messages_taken"] == 1500


def test_a_request_that_is_throttled_is_sent_again(simulator: SimulatorProcess, bulk: PhoneNumber) -> None:
    simulator.settings(throttle_above=1, latency_ms=100, retry_after_seconds=0)
    batch = make_batch(bulk, recipients(3000))
    send_all(bulk)
    assert states(batch) == {"accepted": 3000}
    assert simulator.stats()["duplicate_sends"] == 0


def test_wrong_credentials_pause_and_fail_nobody(simulator: SimulatorProcess, bulk: PhoneNumber) -> None:
    bulk.gateway.credentials = {"api_key": "wrong"}
    bulk.gateway.save()
    batch = make_batch(bulk, recipients(1500))
    send_all(bulk)
    assert states(batch) == {"queued": 1500}
    assert Batch.objects.get(pk=batch.pk).pause_code == "gateway"


def test_a_gateway_that_is_down_costs_few_requests(simulator: SimulatorProcess, bulk: PhoneNumber) -> None:
    simulator.settings(fail_before=1.0, fail_how="status", latency_ms=20)
    make_batch(bulk, recipients(30_000))
    run_sender(bulk, run_seconds=1.5)
    assert simulator.stats()["requests"] <= FAILURES + 40 + 2

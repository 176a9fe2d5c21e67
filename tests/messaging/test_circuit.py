"""The circuit: few messages are risked on a gateway that is down, and it closes by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from broadcast.core.redis import get_redis
from integrations.simulator.process import SimulatorProcess
from messaging.engine import claims, keys
from messaging.engine.backoff import CAP_SECONDS
from messaging.engine.circuit import BASE_SECONDS, FAILURES, Circuit
from messaging.models import PhoneNumber
from tests.factories import GatewayFactory, PhoneNumberFactory
from tests.messaging.tools import FAST, SHORT_CODE, drain, make_batch, recipients, run_sender, send_all, states


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Unix time in seconds."""
        return self.now


def open_circuit(clock: Clock) -> Circuit:
    circuit = Circuit(clock)
    for _ in range(FAILURES):
        circuit.failed("No connection.")
    return circuit


def test_it_opens_after_failures_in_a_row_and_says_so_once() -> None:
    circuit = Circuit(Clock())
    assert [circuit.failed("down") for _ in range(FAILURES + 5)].index(True) == FAILURES - 1
    assert circuit.is_open
    assert circuit.limit() == 0


def test_an_answer_in_between_keeps_it_closed() -> None:
    circuit = Circuit(Clock())
    for index in range(5 * FAILURES):
        circuit.failed("down")
        if index % (FAILURES - 1) == 0:
            circuit.answered()
    assert circuit.limit() is None


def test_after_its_wait_one_request_is_tried_and_closes_it() -> None:
    clock = Clock()
    circuit = open_circuit(clock)
    clock.now = circuit.until
    assert circuit.limit() == 1
    circuit.answered()
    assert circuit.limit() is None
    assert circuit.changed


def test_a_try_that_fails_makes_the_wait_longer() -> None:
    clock = Clock()
    circuit = open_circuit(clock)
    waits = []
    for _ in range(8):
        waits.append(circuit.until - clock.now)
        clock.now = circuit.until
        assert not circuit.failed("still down"), "it is no news"
    longest = [min(CAP_SECONDS, BASE_SECONDS * 2.0**index) for index in range(8)]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))


def test_what_was_in_flight_when_it_opened_does_not_make_it_longer() -> None:
    clock = Clock()
    circuit = open_circuit(clock)
    until = circuit.until
    for _ in range(30):
        circuit.failed("down")
    assert circuit.until == until


def test_another_sender_learns_of_it_and_of_its_end() -> None:
    clock = Clock()
    circuit, other = open_circuit(clock), Circuit(clock)
    told = {name.encode(): str(value).encode() for name, value in circuit.shared().items()}
    other.follow(told)
    assert (other.limit(), other.until, other.reason) == (0, circuit.until, "No connection.")
    other.follow({})
    assert other.limit() is None


def test_what_redis_has_not_been_told_yet_is_not_overwritten() -> None:
    circuit = open_circuit(Clock())
    circuit.follow({})
    assert circuit.is_open


@pytest.mark.django_db(transaction=True)
def test_a_gateway_that_answers_nothing_costs_few_messages(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    simulator.settings(fail_after=1.0, fail_how="status")
    batch = make_batch(number, recipients(400))
    sender = run_sender(number, run_seconds=1.0)
    assert sender.work_left
    taken = simulator.stats()["messages_taken"]
    # Those that opened it, those in flight then, and a try or two.
    assert FAILURES <= taken <= 40 + FAILURES + 5
    shared = get_redis().hgetall(keys.circuit(number.gateway_id))
    assert shared[b"reason"]
    assert float(shared[b"until"]) > float(shared[b"since"])
    simulator.settings(fail_after=0.0)
    send_all(number)
    assert not get_redis().exists(keys.circuit(number.gateway_id))
    assert states(batch) == {"unknown": taken, "accepted": 400 - taken}
    assert simulator.stats()["duplicate_sends"] == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kind", "credentials", "bulk"),
    [
        ("twilio", {"account_sid": FAST.account_sid, "auth_token": FAST.auth_token}, 1),
        ("infobip", {"api_key": FAST.infobip_api_key}, 1000),
    ],
)
def test_while_one_request_is_tried_no_more_is_taken_in_hand(
    simulator: SimulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    credentials: dict[str, str],
    bulk: int,
) -> None:
    """Given an open circuit whose next try is due, when that hangs, then the other messages stay for whoever stands in."""
    gateway = GatewayFactory.create(kind=kind, base_url=simulator.url, credentials=credentials)
    number = PhoneNumberFactory.create(gateway=gateway, number=SHORT_CODE, kind="short_code", pace_segments=100_000)
    simulator.settings(fail_before=1.0, fail_how="hang", hang_seconds=5)
    batch = make_batch(number, recipients(3 * bulk + 60))
    now = time.time()
    circuit = {"since": now - 60, "until": now - 1, "reason": "No connection.", "failures": 3}
    get_redis().hset(keys.circuit(gateway.pk), mapping=circuit)
    claimed = count_claimed(monkeypatch)
    run_sender(number, request_timeout_seconds=1.5, run_seconds=1.0)
    assert len(claimed) == 1
    assert 1 <= claimed[0] <= bulk
    assert simulator.stats()["requests"] == 1
    drain()
    assert states(batch)["queued"] == 3 * bulk + 60 - claimed[0]


def count_claimed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each claim gets, from now on."""
    counts: list[int] = []
    claim: Callable[..., claims.Claim] = claims.claim

    def counted(**options: object) -> claims.Claim:
        found = claim(**options)
        counts.append(len(found.messages))
        return found

    monkeypatch.setattr(claims, "claim", counted)
    return counts

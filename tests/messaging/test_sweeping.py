"""The sweeper: what a killed process leaves behind costs no message and repeats none."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection
from django.utils import timezone

from broadcast.core.config import BASE_DIR
from broadcast.core.redis import get_redis
from integrations.simulator.process import SimulatorProcess
from messaging.engine import claims, keys, limits
from messaging.engine.scripts import Scripts
from messaging.jobs import leases, lookups, sweeper
from messaging.models import Batch, Message, PhoneNumber
from messaging.services import batches
from tests.messaging.tools import drain, make_batch, recipients, run_sender, send_all, states, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def take(number: PhoneNumber, token: str = "dead") -> tuple[str, list[int]]:
    """What a sender does before it claims."""
    gateway_id = number.gateway_id
    name, *ids = Scripts(get_redis()).take(
        keys=[
            keys.ring(gateway_id, keys.PRIORITY_SINGLE),
            keys.ring(gateway_id, keys.PRIORITY_BATCH),
            keys.chunks(gateway_id),
            keys.held(gateway_id),
            keys.leases(gateway_id),
        ],
        args=[keys.prefix(gateway_id), token, limits.LEASE_MILLISECONDS, 1000, 2],
    )
    return name.decode(), [int(value) for value in ids]


def expire(number: PhoneNumber, token: str = "dead") -> None:
    get_redis().zadd(keys.leases(number.gateway_id), {token: 1})


def age(batch: Batch, seconds: float) -> None:
    Message.objects.filter(batch=batch).update(changed_at=timezone.now() - dt.timedelta(seconds=seconds))


def test_a_sender_killed_before_its_claim_costs_nothing(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(50))
    take(number)
    expire(number)
    sweeper.sweep()
    send_all(number)
    assert states(batch) == {"accepted": 50}


def test_a_sender_killed_after_its_claim_costs_nothing(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(50))
    name, ids = take(number)
    claims.claim(queue_name=name, ids=ids, token="dead")
    expire(number)
    sweeper.sweep()
    send_all(number)
    assert states(batch) == {"accepted": 50}
    assert simulator.stats()["duplicate_sends"] == 0


def test_what_may_have_left_becomes_unknown_and_is_not_sent_again(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    batch = make_batch(number, recipients(50))
    name, ids = take(number)
    claims.claim(queue_name=name, ids=ids, token="dead")
    get_redis().sadd(keys.attempted(number.gateway_id, "dead"), *ids[:7])
    expire(number)
    sweeper.sweep()
    send_all(number)
    assert states(batch) == {"unknown": 7, "accepted": 43}
    assert simulator.stats()["messages_taken"] == 43


def test_a_lease_that_is_alive_is_left_alone(number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(5))
    name, ids = take(number)
    claims.claim(queue_name=name, ids=ids, token="dead")
    sweeper.sweep()
    assert states(batch) == {"sending": 5}


def test_an_emptied_redis_costs_nothing_that_was_queued(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(100))
    name, ids = take(number)
    claims.claim(queue_name=name, ids=ids[:10], token="dead")
    get_redis().flushall()
    sweeper.sweep()
    send_all(number)
    assert states(batch) == {"sending": 10, "accepted": 90}
    # Nobody can say what of the lost lease has left.
    Message.objects.filter(batch=batch, state="sending").update(
        changed_at=timezone.now() - dt.timedelta(seconds=leases.ORPHAN_SECONDS + 1)
    )
    sweeper.sweep()
    assert states(batch) == {"unknown": 10, "accepted": 90}
    assert simulator.stats()["duplicate_sends"] == 0


def test_the_sweep_may_run_twice_at_once(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(50))
    name, ids = take(number)
    claims.claim(queue_name=name, ids=ids, token="dead")
    expire(number)
    # Both see the lease; the second finds its rows moved already.
    assert leases.take_apart(number.gateway_id) == 1
    get_redis().rpush(keys.lease(number.gateway_id, "dead"), name, *ids)
    expire(number)
    assert leases.take_apart(number.gateway_id) == 1
    send_all(number)
    assert states(batch) == {"accepted": 50}
    assert simulator.stats()["duplicate_sends"] == 0


SENDER_PROCESS = """
import asyncio, os, sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[2]
django.setup()
from integrations.models import Gateway
from messaging.engine.sender import Sender
gateway = Gateway.objects.get(pk=int(sys.argv[1]))
asyncio.run(Sender(gateway, status_url="http://127.0.0.1:9/status/").run())
"""


def start_sender_process(number: PhoneNumber) -> subprocess.Popen[bytes]:
    """A sender in a process of its own, on this test's database."""
    database = str(connection.settings_dict["NAME"])
    return subprocess.Popen(
        [sys.executable, "-c", SENDER_PROCESS, str(number.gateway_id), database], cwd=BASE_DIR, env=dict(os.environ)
    )


def expire_everything(number: PhoneNumber) -> None:
    """Leases and slots, as if their time had passed."""
    client = get_redis()
    for token in client.zrange(keys.leases(number.gateway_id), 0, -1):
        expire(number, token.decode())
    for holder in client.zrange(keys.slot_expiry(number.gateway_id), 0, -1):
        client.zadd(keys.slot_expiry(number.gateway_id), {holder: 1})


def test_a_sender_killed_in_the_middle_repeats_nothing_and_loses_nothing(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    """A real process, kill -9 while 40 requests are in flight."""
    simulator.settings(latency_ms=50)
    batch = make_batch(number, recipients(2000))
    process = start_sender_process(number)
    wait_for(lambda: simulator.stats()["messages_taken"] > 300, "the campaign to be under way")
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    wait_for(lambda: simulator.stats()["in_flight"] == 0, "the provider to be done")
    expire_everything(number)
    sweeper.sweep()
    simulator.settings(latency_ms=2)
    send_all(number)
    counts = states(batch)
    stats = simulator.stats()
    assert set(counts) <= {"accepted", "unknown"}
    assert counts["accepted"] + counts.get("unknown", 0) == 2000
    assert counts.get("unknown", 0) <= 40
    assert stats["duplicate_sends"] == 0
    assert stats["max_in_flight"] <= 40


def test_a_sender_that_stood_still_sends_nothing_that_others_hold_now(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    """A real process, stopped for longer than its lease lasts, and woken when another has taken over."""
    simulator.settings(latency_ms=50)
    batch = make_batch(number, recipients(2000))
    process = start_sender_process(number)
    wait_for(lambda: simulator.stats()["messages_taken"] > 300, "the campaign to be under way")
    process.send_signal(signal.SIGSTOP)
    wait_for(lambda: simulator.stats()["in_flight"] == 0, "the provider to be done")
    expire_everything(number)
    sweeper.sweep()
    simulator.settings(latency_ms=2)
    send_all(number)
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 0
    drain()
    stats = simulator.stats()
    assert stats["duplicate_sends"] == 0
    assert sum(states(batch).values()) == 2000
    assert set(states(batch)) <= {"accepted", "unknown"}


def test_unknown_messages_are_settled_by_looking_them_up(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    simulator.settings(fail_after=1.0, fail_how="status")
    batch = make_batch(number, recipients(3))
    send_all(number)
    assert states(batch) == {"unknown": 3}
    assert lookups.settle(renew=lambda: True) == 0, "a report may still come"
    age(batch, lookups.GRACE_SECONDS + 1)
    simulator.settings(fail_after=0.0)
    assert lookups.settle(renew=lambda: True) == 3
    assert set(states(batch)) <= {"accepted", "sent", "delivered"}
    assert simulator.stats()["messages_taken"] == 3


def test_what_the_provider_never_had_keeps_no_other_message_from_being_looked_up(
    simulator: SimulatorProcess, number: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "MOST", 2)
    simulator.settings(fail_before=1.0, fail_how="status")
    never_had = make_batch(number, recipients(3)[:2])
    send_all(number)
    simulator.settings(fail_before=0.0, fail_after=1.0)
    had = make_batch(number, recipients(3)[2:])
    send_all(number)
    for batch in (never_had, had):
        age(batch, lookups.GRACE_SECONDS + 1)
    simulator.settings(fail_after=0.0)

    assert [lookups.settle(renew=lambda: True) for _ in range(3)] == [0, 1, 0]

    assert states(never_had) == {"unknown": 2}


def test_what_the_provider_never_had_stays_unknown_for_a_person_to_decide(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    simulator.settings(fail_before=1.0, fail_how="status")
    batch = make_batch(number, recipients(3))
    send_all(number)
    age(batch, lookups.GRACE_SECONDS + 1)
    simulator.settings(fail_before=0.0)
    assert lookups.settle(renew=lambda: True) == 0
    assert states(batch) == {"unknown": 3}
    age(batch, 4000)
    sweeper.settle_overdue()
    assert states(batch) == {"unresolved": 3}
    assert Batch.objects.get(pk=batch.pk).state == "finished"
    # One action of a person sends them again.
    assert batches.resend_unresolved(batch_id=batch.pk) == 3
    send_all(number)
    assert states(batch) == {"accepted": 3}


def test_a_batch_interrupted_at_its_launch_is_started(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(5))
    get_redis().flushall()
    Batch.objects.filter(pk=batch.pk).update(state="launching")
    sweeper.sweep()
    send_all(number)
    assert states(batch) == {"accepted": 5}


def test_quiet_hours_hold_a_campaign_and_let_it_go_on(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(5))
    Batch.objects.filter(pk=batch.pk).update(respects_quiet_hours=True)
    account = number.account
    now = timezone.now().astimezone(account.zone)
    account.quiet_start = (now - dt.timedelta(hours=1)).time()
    account.quiet_end = (now + dt.timedelta(hours=1)).time()
    account.save()
    sweeper.sweep()
    send_all(number)
    assert states(batch) == {"queued": 5}
    account.quiet_end = account.quiet_start
    account.save()
    sweeper.sweep()
    send_all(number)
    assert states(batch) == {"accepted": 5}


def test_old_marks_of_opt_outs_are_forgotten_once_they_are_routed(number: PhoneNumber) -> None:
    client = get_redis()
    client.zadd(keys.STOPS, {"old": time.time() - 2 * sweeper.STOP_MARK_SECONDS, "new": time.time()})
    sweeper.sweep()
    assert client.zrange(keys.STOPS, 0, -1) == [b"new"]


def test_expired_slots_come_back(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    client = get_redis()
    client.hset(keys.slots(number.gateway_id), "dead", 40)
    client.zadd(keys.slot_expiry(number.gateway_id), {"dead": 1})
    make_batch(number, recipients(5))
    assert run_sender(number).sent == 5
    drain()

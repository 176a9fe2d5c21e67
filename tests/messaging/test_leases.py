"""What a dead sender's journal says decides: to the message, whatever Redis has lost."""

from __future__ import annotations

import datetime as dt
import signal
import threading
from collections.abc import Sequence
from typing import Self

import pytest
from django.db import connections
from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import SendResult
from integrations.sms.events import DeliveryState
from messaging.engine import claims, journal, keys, stream
from messaging.engine.journal import Journal
from messaging.jobs import leases, sweeper
from messaging.models import Batch, Message, PhoneNumber
from tests.messaging.test_outages import OwnValkey
from tests.messaging.test_outages import own_valkey as own_valkey
from tests.messaging.test_sweeping import expire, start_sender_process, take
from tests.messaging.tools import make_batch, recipients, run_sender, send_all, states, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "dead"


@pytest.fixture
def forgotten() -> None:
    """No journal of another test."""
    journal.remove(TOKEN)


@pytest.fixture
def claimed(forgotten: None, number: PhoneNumber) -> tuple[Batch, list[int], Journal]:
    """A lease of 50 messages; the first 7 are marked in Redis, the first 3 have left, the very first was answered."""
    batch = make_batch(number, recipients(50))
    name, ids = take(number, TOKEN)
    kept = Journal.create(TOKEN, ids)
    assert kept is not None
    claims.claim(queue_name=name, ids=ids, token=TOKEN)
    get_redis().sadd(keys.attempted(number.gateway_id, TOKEN), *ids[:7])
    for pk in ids[:3]:
        kept.leave(pk)
    answer(kept, ids[0])
    return batch, ids, kept


def answer(kept: Journal, pk: int) -> None:
    result = SendResult(pk, f"SM{pk}", DeliveryState.ACCEPTED, 1)
    kept.answer(stream.pack_results([result], timezone.now().timestamp()))


def age_orphans(batch: Batch) -> None:
    before = timezone.now() - dt.timedelta(seconds=leases.ORPHAN_SECONDS + 1)
    Message.objects.filter(batch=batch, state="sending").update(changed_at=before)


def test_only_what_had_left_without_an_answer_becomes_unknown(
    claimed: tuple[Batch, list[int], Journal], simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    batch, ids, _ = claimed
    expire(number, TOKEN)

    leases.take_apart(number.gateway_id)

    assert states(batch) == {"accepted": 1, "unknown": 2, "queued": 47}
    assert Message.objects.get(pk=ids[0]).provider_id == f"SM{ids[0]}"
    send_all(number)
    assert states(batch) == {"accepted": 48, "unknown": 2}
    assert simulator.stats()["messages_taken"] == 47


def test_an_emptied_redis_makes_nothing_else_unknown(
    claimed: tuple[Batch, list[int], Journal], simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    batch, _, _ = claimed
    get_redis().flushall()
    age_orphans(batch)

    leases.find_orphans(number.gateway_id)

    assert states(batch) == {"accepted": 1, "unknown": 2, "queued": 47}
    send_all(number)
    assert states(batch) == {"accepted": 48, "unknown": 2}
    assert simulator.stats()["messages_taken"] == 47


def test_an_answer_that_is_not_whole_counts_as_none(
    claimed: tuple[Batch, list[int], Journal], number: PhoneNumber, caplog: pytest.LogCaptureFixture
) -> None:
    batch, ids, kept = claimed
    kept.answer(b'[1,"acc')
    answer(kept, ids[1])
    expire(number, TOKEN)

    leases.take_apart(number.gateway_id)

    assert states(batch) == {"accepted": 2, "unknown": 1, "queued": 47}
    assert "is not whole" in caplog.text


def test_journals_go_when_their_messages_are_settled(
    claimed: tuple[Batch, list[int], Journal], number: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "ORPHAN_SECONDS", -1.0)
    sweeper.tidy()
    assert journal.seal(TOKEN) is not None, "messages are being sent under it"
    expire(number, TOKEN)
    leases.take_apart(number.gateway_id)

    sweeper.tidy()

    assert journal.seal(TOKEN) is None


def test_a_sender_whose_lease_was_taken_apart_sends_nothing_more(
    simulator: SimulatorProcess, number: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that stood still between its last look at the clock and the request."""
    batch = make_batch(number, recipients(50))

    class Sealed(Journal):
        @classmethod
        def create(cls, token: str, ids: Sequence[int]) -> Self | None:
            made = super().create(token, ids)
            journal.seal(token)
            return made

    monkeypatch.setattr("messaging.engine.feeder.Journal", Sealed)

    assert run_sender(number).sent == 0

    assert simulator.stats()["messages_taken"] == 0
    assert states(batch) == {"queued": 50}


def test_a_sender_killed_with_redis_emptied_repeats_nothing_and_loses_nothing(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    """A real process, kill -9 while 40 requests are in flight, and nobody left who knows of its leases."""
    simulator.settings(latency_ms=50)
    batch = make_batch(number, recipients(2000))
    process = start_sender_process(number)
    wait_for(lambda: simulator.stats()["messages_taken"] > 300, "the campaign to be under way")
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    get_redis().flushall()
    wait_for(lambda: simulator.stats()["in_flight"] == 0, "the provider to be done")
    age_orphans(batch)

    sweeper.sweep()

    counts = states(batch)
    assert counts.get("sending", 0) == 0
    assert counts.get("unknown", 0) <= 40
    simulator.settings(latency_ms=2)
    send_all(number)
    assert states(batch) == {"accepted": 2000 - counts["unknown"], "unknown": counts["unknown"]}
    assert simulator.stats()["duplicate_sends"] == 0


def test_a_sender_gives_its_rows_back_while_redis_is_away(
    own_valkey: OwnValkey, simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    simulator.settings(latency_ms=50)
    batch = make_batch(number, recipients(2000))

    def another_process() -> None:
        run_sender(number)
        connections.close_all()

    thread = threading.Thread(target=another_process)
    thread.start()
    wait_for(lambda: simulator.stats()["messages_taken"] > 200, "the campaign to be under way")
    own_valkey.kill()
    thread.join(60)
    assert not thread.is_alive()

    taken = simulator.stats()["messages_taken"]
    counts = states(batch)
    # What was answered before is in the stream of the Redis that is away.
    assert set(counts) <= {"queued", "sending", "accepted"}
    assert counts["queued"] == 2000 - taken
    assert simulator.stats()["duplicate_sends"] == 0

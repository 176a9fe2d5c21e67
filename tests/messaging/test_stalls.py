"""The stall alarm: a batch that moves nothing for a minute, and the cause by name."""

from __future__ import annotations

import datetime as dt
import time
from types import SimpleNamespace

import pytest
import redis
import time_machine
from django.utils import timezone
from django_q.status import Stat

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from messaging.engine import keys
from messaging.engine.launch import rebuild_queue
from messaging.jobs import sweeper
from messaging.jobs.recorder import Recorder
from messaging.models import Alert, Batch, Message, PhoneNumber
from messaging.services import batches, stalls
from messaging.services.stalls import current, diagnose
from tests.factories import BatchFactory
from tests.messaging.test_expiry import ago, reload
from tests.messaging.tools import make_batch, recipients

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster with four workers; a test that is about none says so."""
    monkeypatch.setattr(Stat, "get_all", lambda _broker=None: [SimpleNamespace(workers=[1, 2, 3, 4])])


@pytest.fixture(autouse=True)
def _watched() -> None:
    """Somebody has looked each minute until now; a test of a restart says otherwise."""
    get_redis().set(stalls.WATCHED_SINCE, time.time() - 3600)


def stalled(line: PhoneNumber, seconds: float = 61, people: int = 5) -> Batch:
    """A batch that is sending and has moved nothing for so long."""
    batch = make_batch(line, recipients(people))
    at = ago(seconds=seconds)
    Batch.objects.filter(pk=batch.pk).update(launched_at=at, updated_at=at, moved_at=at)
    return reload(batch)


def with_sender(line: PhoneNumber) -> None:
    get_redis().set(keys.seat(f"sender:{line.gateway_id}"), "x", px=15_000)


def test_a_minute_without_a_move_raises_one_alarm_which_ends_when_it_moves(line: PhoneNumber) -> None:
    batch = stalled(line)
    for _ in range(2):
        assert stalls.watch() == 1
    marked = reload(batch)
    assert marked.stalled_at is not None
    assert "No sender is at work" in marked.stall_reason
    alert = Alert.objects.open().get()
    assert (alert.kind, alert.batch) == ("stalled", batch)
    recorder = Recorder()
    recorder.moved = {batch.pk}
    recorder.note_moved()
    assert (reload(batch).stalled_at, reload(batch).stall_reason) == (None, "")
    sweeper.tell()
    assert not Alert.objects.open().exists()


def test_it_is_no_stall_before_a_minute_is_over(line: PhoneNumber) -> None:
    assert current(stalled(line, seconds=50)) == ""
    assert current(stalled(line, seconds=61)) != ""


def test_a_restart_is_no_reason_for_alarm_before_there_was_time_to_move(line: PhoneNumber) -> None:
    batch = stalled(line, seconds=3600)
    get_redis().flushall()
    sweeper.sweep()
    assert reload(batch).stalled_at is None
    assert not Alert.objects.exists()
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=1)):
        sweeper.sweep()
    assert reload(batch).stalled_at is not None


def test_a_resume_starts_the_minute_anew(line: PhoneNumber) -> None:
    batch = stalled(line, seconds=3600)
    batches.pause_batch(batch.pk)
    assert current(reload(batch)) == ""
    batches.resume_batch(batch.pk)
    assert current(reload(batch)) == ""


@pytest.mark.parametrize("state", ["launching", "paused", "finished", "cancelled"])
def test_what_is_not_sending_does_not_stall(line: PhoneNumber, state: str) -> None:
    batch = stalled(line)
    Batch.objects.update(state=state)
    assert current(reload(batch)) == ""


def test_all_that_have_left_is_no_stall_but_is_told(line: PhoneNumber) -> None:
    batch = stalled(line)
    Message.objects.update(state="accepted")
    assert current(batch) == ""
    assert "last reports" in diagnose(batch)
    Message.objects.filter(pk=Message.objects.values("pk")[:1]).update(state="unknown")
    assert current(batch) == ""
    assert "1 are unknown" in diagnose(batch)


def test_a_canary_that_waits_is_no_stall(line: PhoneNumber) -> None:
    batch = stalled(line, people=40)
    Batch.objects.update(canary_step=2, canary_state="sending", canary_until=timezone.now() + dt.timedelta(minutes=9))
    first = [pk for pk in Message.objects.values_list("pk", flat=True) if pk % 2 == 0]
    Message.objects.filter(pk__in=first).update(state="delivered")
    assert current(reload(batch)) == ""
    assert "it is decided" in diagnose(reload(batch))
    Message.objects.filter(pk=first[0]).update(state="queued")
    Batch.objects.update(canary_until=None)
    assert current(reload(batch)) != ""


def test_no_worker(line: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stat, "get_all", lambda _broker=None: [])
    assert "No worker is running" in current(stalled(line))


def test_workers_that_are_all_busy(line: PhoneNumber) -> None:
    get_redis().rpush("django_q:broadcast:q", *range(9))
    assert "9 tasks wait for 4 workers" in current(stalled(line))


def test_redis_away(line: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = stalled(line)
    nowhere = redis.Redis.from_url("unix:///tmp/no-such-valkey.sock")
    monkeypatch.setattr(stalls, "get_redis", lambda: nowhere)
    assert "Redis cannot be reached" in current(batch)


def test_a_gateway_that_refuses_everything(line: PhoneNumber) -> None:
    batch = stalled(line)
    Gateway.objects.update(stopped_reason="The token is wrong.")
    assert "refuses everything: The token is wrong." in current(reload(batch))


def test_a_gateway_that_is_disabled(line: PhoneNumber) -> None:
    batch = stalled(line)
    Gateway.objects.update(is_enabled=False)
    assert "is disabled" in current(reload(batch))


def test_an_open_circuit(line: PhoneNumber) -> None:
    now = time.time()
    values = {"since": now - 90, "until": now + 30, "reason": "Connection refused.", "failures": 4}
    get_redis().hset(keys.circuit(line.gateway_id), mapping=values)
    why = current(stalled(line))
    assert "has not answered since" in why
    assert "Connection refused." in why


def test_a_gateway_that_does_not_answer_is_told_at_once_and_raises_no_second_alarm(line: PhoneNumber) -> None:
    get_redis().set(stalls.WATCHED_SINCE, time.time() - 3600)
    now = time.time()
    values = {"since": now - 5, "until": now + 2, "reason": "Connection refused.", "failures": 1}
    get_redis().hset(keys.circuit(line.gateway_id), mapping=values)
    # The one request that is tried from time to time has just moved a message into doubt.
    batch = stalled(line, seconds=1)
    assert "has not answered since" in current(batch)
    assert stalls.watch() == 0
    get_redis().delete(keys.circuit(line.gateway_id))
    assert current(batch) == ""


def test_a_provider_that_asked_to_wait(line: PhoneNumber) -> None:
    get_redis().set(keys.backoff(line.gateway_id), 1, px=25_000)
    assert "asked to be left alone for another 25 s" in current(stalled(line))


@pytest.mark.parametrize("stream", [keys.RESULTS, keys.STATUSES])
def test_a_recorder_that_does_not_run(line: PhoneNumber, stream: str) -> None:
    batch = stalled(line)
    get_redis().xadd(stream, {keys.FIELD: b"[]"}, id=f"{int((time.time() - 120) * 1000)}-1")
    assert "Results have waited for 2 min" in current(batch)


def test_results_that_are_just_being_recorded_are_no_cause(line: PhoneNumber) -> None:
    batch = stalled(line)
    get_redis().xadd(keys.RESULTS, {keys.FIELD: b"[]"})
    assert "Results" not in current(batch)


def test_a_number_that_is_booked_out(line: PhoneNumber) -> None:
    get_redis().set(keys.pace(line.gateway_id, line.pk), int((time.time() + 90) * 1_000_000))
    assert "is booked out for" in current(stalled(line))


def test_requests_that_are_all_in_use_by_others(line: PhoneNumber) -> None:
    batch = stalled(line)
    with_sender(line)
    other = BatchFactory.create(number=line, label="Other", moved_at=timezone.now())
    get_redis().hset(keys.slots(line.gateway_id), "holder", 40)
    assert f"in use, by “{other}”" in current(batch)


def test_nothing_in_redis(line: PhoneNumber) -> None:
    batch = stalled(line)
    get_redis().flushall()
    assert "5 messages wait and none is queued in Redis" in current(batch)


def test_what_nobody_can_explain_says_where_to_look(line: PhoneNumber) -> None:
    batch = stalled(line)
    with_sender(line)
    assert current(batch) == stalls.UNEXPECTED


def test_a_look_changes_nothing(line: PhoneNumber) -> None:
    batch = stalled(line)
    assert current(batch)
    assert reload(batch).stalled_at is None
    assert not Alert.objects.exists()


def test_one_that_moves_while_it_is_looked_at_is_not_marked(line: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = stalled(line)

    def moved_meanwhile(_: Batch) -> str:
        Batch.objects.filter(pk=batch.pk).update(moved_at=timezone.now())
        return "Slow."

    monkeypatch.setattr(stalls, "stall", moved_meanwhile)
    stalls.watch()
    assert reload(batch).stalled_at is None
    assert not Alert.objects.exists()


def test_moves_are_noted_every_few_seconds(line: PhoneNumber) -> None:
    first, second = stalled(line), BatchFactory.create(number=line)
    recorder = Recorder()
    recorder.moved = {first.pk, second.pk}
    recorder.note_moved()
    noted = reload(first).moved_at
    assert noted is not None
    assert noted > ago(seconds=10)
    assert reload(second).moved_at is not None
    recorder.moved = {first.pk}
    recorder.note_moved(force=True)
    assert reload(first).moved_at == noted
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=6)):
        recorder.moved = {first.pk}
        recorder.note_moved(force=True)
    assert (reload(first).moved_at or noted) > noted


def test_the_queue_is_made_anew_within_a_sweep(line: PhoneNumber) -> None:
    batch = stalled(line)
    get_redis().flushall()
    sweeper.tend_batches()
    assert get_redis().llen(keys.queue(line.gateway_id, keys.batch_queue(batch.pk, line.pk))) == 5
    assert rebuild_queue(batch) == 5

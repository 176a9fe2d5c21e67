"""Canaries: the first few decide whether everybody else gets it."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys
from messaging.jobs import sweeper
from messaging.jobs.recorder import Recorder
from messaging.models import Alert, Batch, Message, PhoneNumber
from messaging.services import batches, canaries
from messaging.services.canaries import CanaryReport, planned_people, report
from messaging.services.rejections import pause_for_rejections
from messaging.services.tending import tend_batches
from tests.factories import SuppressionFactory
from tests.messaging.test_expiry import MORNING, NIGHT, quiet, reload
from tests.messaging.tools import make_batch, recipients, send_all, states

pytestmark = pytest.mark.django_db(transaction=True)


def started(line: PhoneNumber, people: int = 200, percent: int = 10, **values: object) -> Batch:
    """A batch with a canary, just started."""
    batch = make_batch(line, recipients(people))
    get_redis().flushall()
    Batch.objects.filter(pk=batch.pk).update(state="launching", canary_percent=percent, **values)
    batches.start_batch(batch.pk)
    return reload(batch)


def queue_of(batch: Batch) -> list[int]:
    name = keys.batch_queue(batch.pk, batch.number_id)
    return [int(pk) for pk in get_redis().lrange(keys.queue(batch.gateway_id, name), 0, -1)]


def first_few(batch: Batch) -> list[int]:
    return [
        message.pk
        for message in Message.objects.filter(batch=batch).order_by("id")
        if not message.pk % batch.canary_step
    ]


def send_first(batch: Batch, state: str = "delivered", **others: int) -> list[int]:
    """All of the first few have left, in a state; ``failed=3`` says what became of three of them instead."""
    ids = first_few(batch)
    Message.objects.filter(pk__in=ids).update(state=state, changed_at=timezone.now())
    rest = list(ids)
    for other, number in others.items():
        Message.objects.filter(pk__in=[rest.pop() for _ in range(number)]).update(state=other)
    get_redis().flushall()
    return ids


def later(minutes: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + dt.timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("people", "percent", "expected"),
    [(19, 50, 0), (20, 1, 10), (200, 0, 0), (200, 10, 20), (1000, 1, 10), (2000, 2, 40)],
)
def test_about_the_share_asked_for_and_ten_at_least_go_first(
    line: PhoneNumber, people: int, percent: int, expected: int
) -> None:
    batch = started(line, people=people, percent=percent)
    if expected:
        first = first_few(batch)
        assert expected <= len(first) <= expected * 1.2
        assert queue_of(batch) == first
        assert batch.canary_state == "sending"
    else:
        assert len(queue_of(batch)) == people
        assert batch.canary_state == ""
    assert planned_people(people, percent) == pytest.approx(expected, abs=expected * 0.2)


def test_people_who_were_suppressed_do_not_count_as_first(line: PhoneNumber) -> None:
    """Most of the ids that the step for 90 people picks are suppressed."""
    batch = make_batch(line, recipients(100))
    picked = [pk for pk in Message.objects.order_by("id").values_list("pk", flat=True) if pk % 9 == 0]
    unlucky = picked[2:]
    Message.objects.filter(pk__in=unlucky).update(state="suppressed")
    Batch.objects.update(state="launching", canary_percent=10)
    batches.start_batch(batch.pk)
    assert Message.objects.filter(state="queued", pk__in=first_few(reload(batch))).count() >= 10


def test_it_waits_for_the_first_few_then_for_the_time_and_then_everybody_follows(line: PhoneNumber) -> None:
    batch = started(line, canary_wait_minutes=15)
    ids = first_few(batch)
    Message.objects.filter(pk__in=ids[:-1]).update(state="accepted")
    sweeper.tend_batches()
    assert reload(batch).canary_until is None
    assert "19 of the first 20 people" in report(reload(batch)).text
    send_first(batch)
    sweeper.tend_batches()
    until = reload(batch).canary_until
    assert until is not None
    with later(14):
        sweeper.tend_batches()
        assert (reload(batch).canary_until, queue_of(batch)) == (until, [])
    with later(16):
        sweeper.tend_batches()
        sweeper.tend_batches()
    assert reload(batch).canary_state == "passed"
    assert len(queue_of(batch)) == 180
    assert not Alert.objects.exists()


@pytest.mark.parametrize(
    ("refused", "opted_out", "passes"), [(4, 0, True), (5, 0, False), (0, 1, True), (0, 2, False), (5, 2, False)]
)
def test_refusals_and_opt_outs_are_held_against_what_is_allowed(
    line: PhoneNumber, refused: int, opted_out: int, passes: bool
) -> None:
    """Of 20, allowed are 20 % refused and 5 % opted out."""
    batch = started(line, canary_wait_minutes=0)
    ids = send_first(batch, failed=refused)
    for pk in ids[:opted_out]:
        SuppressionFactory.create(account=batch.account, recipient=f"+1415300{pk:04d}", message_id=pk)
    # Somebody else's opt-out says nothing of the first few.
    other = Message.objects.filter(batch=batch).exclude(pk__in=ids)[0]
    SuppressionFactory.create(account=batch.account, recipient=other.recipient, message=other)
    sweeper.tend_batches()
    batch = reload(batch)
    found = report(batch)
    assert (found.size, found.left, found.refused, found.opted_out) == (20, 20, refused, opted_out)
    if passes:
        assert (batch.state, batch.canary_state, len(queue_of(batch))) == ("sending", "passed", 180)
        return
    assert (batch.state, batch.pause_code, batch.canary_state) == ("paused", "canary", "failed")
    assert f"{refused} refused" in batch.pause_reason
    assert f"{opted_out} opted out" in batch.pause_reason
    assert queue_of(batch) == []
    assert Alert.objects.open().get().kind == "canary"
    sweeper.tend_batches()
    assert reload(batch).state == "paused"
    # A person goes on with everybody.
    assert batches.resume_batch(batch.pk)
    assert (reload(batch).state, reload(batch).canary_state) == ("sending", "passed")
    assert len(queue_of(batch)) == 180
    assert not Alert.objects.open().exists()


def test_a_canary_without_limits_always_passes(line: PhoneNumber) -> None:
    batch = started(line, canary_wait_minutes=0, max_rejected_percent=0, max_opt_out_percent=0)
    send_first(batch, state="failed")
    sweeper.tend_batches()
    assert reload(batch).canary_state == "passed"


def test_one_that_never_settles_is_waited_for_but_not_for_ever(line: PhoneNumber) -> None:
    batch = started(line, canary_wait_minutes=0)
    send_first(batch, unknown=2)
    sweeper.tend_batches()
    assert reload(batch).canary_state == "sending"
    with later(canaries.SETTLE_SECONDS / 60 + 1):
        sweeper.tend_batches()
    assert reload(batch).canary_state == "passed"


def test_where_hardly_any_have_left_nobody_is_judged(line: PhoneNumber) -> None:
    batch = started(line, canary_wait_minutes=0)
    send_first(batch, queued=15)
    with later(canaries.SETTLE_SECONDS / 60 + 1):
        sweeper.tend_batches()
    assert reload(batch).canary_state == "sending"
    assert len(queue_of(batch)) == 15


def test_while_it_waits_the_sweeper_queues_nobody_else(line: PhoneNumber, caplog: pytest.LogCaptureFixture) -> None:
    batch = started(line)
    send_first(batch)
    for _ in range(3):
        sweeper.sweep()
    assert queue_of(batch) == []
    assert reload(batch).stalled_at is None
    # Nothing is missing in Redis either.
    assert "queued again" not in caplog.text


def test_an_emptied_redis_brings_back_the_first_few_only(line: PhoneNumber) -> None:
    batch = started(line)
    get_redis().flushall()
    sweeper.tend_batches()
    assert queue_of(batch) == first_few(batch)


def test_a_pause_in_the_middle_is_no_judgement(line: PhoneNumber) -> None:
    batch = started(line, canary_wait_minutes=1)
    batches.pause_batch(batch.pk, reason="Lunch.")
    send_first(batch, failed=20)
    with later(60):
        sweeper.tend_batches()
        assert (reload(batch).pause_code, reload(batch).canary_state) == ("person", "sending")
        assert not canaries.go_on(batch.pk)
        assert batches.resume_batch(batch.pk)
        assert queue_of(batch) == []
        sweeper.tend_batches()
    with later(62):
        sweeper.tend_batches()
    assert (reload(batch).pause_code, reload(batch).canary_state) == ("canary", "failed")


def test_quiet_hours_hold_a_canary_and_do_not_skip_it(line: PhoneNumber) -> None:
    with time_machine.travel(NIGHT, tick=False):
        batch = make_batch(line, recipients(200))
        quiet(batch)
        Batch.objects.update(state="launching", canary_percent=10)
        batches.start_batch(batch.pk)
        assert queue_of(batch) == []
    with time_machine.travel(MORNING, tick=False):
        sweeper.tend_batches()
        assert len(queue_of(batch)) == 20


def test_who_resumes_a_failed_canary_in_quiet_hours_has_decided(line: PhoneNumber) -> None:
    with time_machine.travel(NIGHT.replace(hour=20), tick=False):
        batch = started(line, canary_wait_minutes=0)
        send_first(batch, state="failed")
        sweeper.tend_batches()
        quiet(batch)
    with time_machine.travel(NIGHT, tick=False):
        batches.resume_batch(batch.pk)
        assert (reload(batch).state, reload(batch).canary_state, queue_of(batch)) == ("sending", "passed", [])
        assert not Alert.objects.open().exists()
    with time_machine.travel(MORNING, tick=False):
        sweeper.tend_batches()
    assert len(queue_of(batch)) == 180


def test_one_that_expires_while_it_waits_is_over(line: PhoneNumber) -> None:
    batch = started(line, expire_minutes=10, canary_wait_minutes=60)
    send_first(batch)
    sweeper.tend_batches()
    with later(61):
        sweeper.tend_batches()
    assert states(batch) == {"delivered": 20, "expired": 180}
    assert reload(batch).state == "finished"
    assert "ended before they were judged" in report(reload(batch)).text


def test_a_cancelled_one_is_not_judged(line: PhoneNumber) -> None:
    batch = started(line, canary_wait_minutes=0)
    send_first(batch)
    batches.cancel_batch(batch.pk)
    canaries.tend(batch)
    assert states(batch) == {"delivered": 20, "cancelled": 180}
    assert (reload(batch).state, queue_of(batch)) == ("cancelled", [])
    assert not canaries.go_on(batch.pk)


def test_a_person_goes_on_without_waiting_once(line: PhoneNumber) -> None:
    batch = started(line)
    send_first(batch)
    sweeper.tend_batches()
    assert canaries.go_on(batch.pk, user_text="Ada")
    assert not canaries.go_on(batch.pk, user_text="Ada")
    assert len(queue_of(batch)) == 180
    assert reload(batch).canary_state == "passed"


def test_who_lets_it_go_on_while_it_is_judged_has_decided(line: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = started(line, canary_wait_minutes=0)
    send_first(batch, state="failed")

    def decided_meanwhile(judged: Batch) -> CanaryReport:
        monkeypatch.setattr(canaries, "report", report)
        assert canaries.go_on(batch.pk)
        return report(judged)

    monkeypatch.setattr(canaries, "report", decided_meanwhile)
    canaries.tend(batch)
    assert (reload(batch).state, reload(batch).canary_state) == ("sending", "passed")
    assert not Alert.objects.exists()


@pytest.mark.parametrize("change", [batches.pause_batch, batches.cancel_batch])
def test_one_that_is_stopped_while_it_is_judged_is_not_let_through(
    line: PhoneNumber, monkeypatch: pytest.MonkeyPatch, change: Callable[[int], bool]
) -> None:
    batch = started(line, canary_wait_minutes=0)
    send_first(batch)

    def stopped_meanwhile(judged: Batch) -> CanaryReport:
        assert change(batch.pk)
        return report(judged)

    monkeypatch.setattr(canaries, "report", stopped_meanwhile)
    canaries.tend(batch)
    assert reload(batch).canary_state == "sending"
    assert queue_of(batch) == []


def test_who_is_killed_before_the_others_are_queued_loses_nobody(
    line: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = started(line)
    send_first(batch)
    with monkeypatch.context() as patch:
        patch.setattr(canaries, "fill_on_commit", lambda _: None)
        canaries.go_on(batch.pk)
    assert queue_of(batch) == []
    sweeper.tend_batches()
    assert len(queue_of(batch)) == 180


def test_two_sweepers_judge_once(line: PhoneNumber) -> None:
    batch = started(line, canary_wait_minutes=0)
    send_first(batch, state="failed")
    copies = [reload(batch) for _ in range(4)]
    barrier = threading.Barrier(len(copies))

    def judge(copy: Batch) -> None:
        barrier.wait()
        canaries.tend(copy)
        connection.close()

    threads = [threading.Thread(target=judge, args=(copy,)) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (reload(batch).state, reload(batch).canary_state) == ("paused", "failed")
    assert Alert.objects.count() == 1


def test_the_recorder_takes_it_further_without_the_sweeper(line: PhoneNumber) -> None:
    batch = started(line, canary_wait_minutes=0)
    send_first(batch)
    recorder = Recorder()
    recorder.moved = {batch.pk}
    recorder.note_moved()
    assert reload(batch).canary_state == "passed"


def test_rejections_in_the_middle_of_a_canary_do_not_skip_it(line: PhoneNumber) -> None:
    batch = started(line, canary_wait_minutes=0)
    pause_for_rejections(batch.pk, "Too many.")
    assert batches.resume_batch(batch.pk)
    assert reload(batch).canary_state == "sending"
    assert queue_of(batch) == first_few(batch)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_whole_way_through_the_provider(simulator: SimulatorProcess, number: PhoneNumber, share: float) -> None:
    simulator.settings(errors={21612: share})
    batch = started(number, people=300, canary_wait_minutes=0, max_rejected_percent=30)
    send_all(number)
    tend_batches()
    send_all(number)
    size = len(first_few(batch))
    if share:
        assert states(batch) == {"failed": size, "queued": 300 - size}
        assert reload(batch).pause_code == "canary"
        simulator.settings(errors={})
        batches.resume_batch(batch.pk)
        send_all(number)
        assert states(batch) == {"failed": size, "accepted": 300 - size}
    else:
        assert states(batch) == {"accepted": 300}
    assert simulator.stats()["duplicate_sends"] == 0

"""Latest times: what has not left by then does not leave any more, and somebody is told."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.redis import get_redis
from messaging.engine import claims, keys
from messaging.jobs import sweeper
from messaging.models import Alert, Batch, Message, PhoneNumber
from messaging.services import batches, expiry
from messaging.services.expiry import expire_overdue, resume_note
from tests.factories import BatchFactory, MessageFactory
from tests.messaging.tools import make_batch, recipients, states

pytestmark = pytest.mark.django_db(transaction=True)

NEW_YORK = ZoneInfo("America/New_York")
NIGHT = dt.datetime(2026, 3, 2, 22, 0, tzinfo=NEW_YORK)
MORNING = dt.datetime(2026, 3, 3, 8, 0, 1, tzinfo=NEW_YORK)


def ago(**time: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(**time)


def reload(batch: Batch) -> Batch:
    return Batch.objects.select_related("account", "gateway", "number__gateway", "pool").get(pk=batch.pk)


def overdue_batch(line: PhoneNumber, people: int = 5, **values: object) -> Batch:
    """A batch whose latest time was a minute ago."""
    batch = make_batch(line, recipients(people))
    Batch.objects.filter(pk=batch.pk).update(expires_at=ago(minutes=1), **values)
    return reload(batch)


def quiet(batch: Batch) -> None:
    """The account has quiet hours from 21:00 to 8:00 in New York, and the batch minds them."""
    type(batch.account).objects.update(quiet_start="21:00", quiet_end="08:00")
    Batch.objects.update(respects_quiet_hours=True)


def test_a_restored_server_sends_no_stale_campaign(line: PhoneNumber) -> None:
    batch = make_batch(line, recipients(5))
    Batch.objects.update(state="launching", respects_quiet_hours=False)
    assert batches.start_batch(batch.pk)
    left = Message.objects.filter(batch=batch).order_by("id").first()
    Message.objects.filter(pk=left.pk if left else 0).update(state="delivered")
    with time_machine.travel(timezone.now() + dt.timedelta(hours=5)):
        sweeper.sweep()
        sweeper.sweep()
    assert states(batch) == {"delivered": 1, "expired": 4}
    assert reload(batch).state == "finished"
    alert = Alert.objects.open().get()
    assert (alert.kind, alert.batch) == ("expired", batch)
    assert "4 of 5 messages" in alert.text


def test_a_restart_does_not_move_the_latest_time(line: PhoneNumber) -> None:
    batch = make_batch(line, recipients(2))
    Batch.objects.update(state="launching")
    batches.start_batch(batch.pk)
    until = reload(batch).expires_at
    assert until is not None
    assert dt.timedelta(minutes=239) < until - timezone.now() <= dt.timedelta(minutes=240)
    with time_machine.travel(timezone.now() + dt.timedelta(hours=1)):
        get_redis().flushall()
        sweeper.sweep()
        assert not batches.start_batch(batch.pk)
    assert reload(batch).expires_at == until
    assert states(batch) == {"queued": 2}


def test_a_launch_that_was_interrupted_for_hours_is_closed_and_not_sent(line: PhoneNumber) -> None:
    batch = overdue_batch(line, state="launching", canary_percent=10)
    get_redis().flushall()
    sweeper.sweep()
    assert states(batch) == {"expired": 5}
    assert reload(batch).state == "finished"
    assert not get_redis().exists(keys.queue(line.gateway_id, keys.batch_queue(batch.pk, line.pk)))


def test_no_latest_time_is_no_limit(line: PhoneNumber) -> None:
    batch = make_batch(line, recipients(2))
    Batch.objects.update(state="launching", expire_minutes=0)
    batches.start_batch(batch.pk)
    assert reload(batch).expires_at is None
    batches.pause_batch(batch.pk)
    batches.resume_batch(batch.pk)
    assert reload(batch).expires_at is None
    with time_machine.travel(timezone.now() + dt.timedelta(days=30)):
        sweeper.sweep()
    assert states(batch) == {"queued": 2}


@pytest.mark.parametrize("code", ["person", "gateway", "number", "account", "rejections", "canary"])
def test_what_waits_for_a_person_is_not_closed_and_a_resume_gives_it_new_time(line: PhoneNumber, code: str) -> None:
    batch = overdue_batch(line, state="paused", pause_code=code, launched_at=ago(hours=5))
    sweeper.sweep()
    assert states(batch) == {"queued": 5}
    note = resume_note(reload(batch))
    assert "passed while it was paused" in note
    assert batches.resume_batch(batch.pk)
    resumed = reload(batch)
    assert resumed.expires_at is not None
    assert resumed.expires_at > timezone.now() + dt.timedelta(minutes=239)
    assert resume_note(resumed) == ""
    sweeper.sweep()
    assert states(batch) == {"queued": 5}


def test_closed_hours_do_not_count_towards_the_latest_time(line: PhoneNumber) -> None:
    with time_machine.travel(NIGHT.replace(hour=20), tick=False):
        batch = make_batch(line, recipients(2))
        quiet(batch)
        Batch.objects.update(state="launching")
        batches.start_batch(batch.pk)
    # One of its four hours was left of the evening.
    assert reload(batch).expires_at == MORNING.replace(second=0) + dt.timedelta(hours=3)
    for at in (NIGHT, MORNING):
        with time_machine.travel(at, tick=False):
            sweeper.tend_batches()
            assert reload(batch).state == "sending"
    assert states(batch) == {"queued": 2}


def test_what_should_have_gone_on_after_quiet_hours_while_the_server_was_off_is_closed(line: PhoneNumber) -> None:
    with time_machine.travel(NIGHT, tick=False):
        batch = make_batch(line, recipients(2))
        quiet(batch)
        Batch.objects.update(state="launching")
        batches.start_batch(batch.pk)
    with time_machine.travel(MORNING + dt.timedelta(days=2), tick=False):
        sweeper.tend_batches()
    assert states(batch) == {"expired": 2}
    assert reload(batch).state == "finished"


def test_stale_news_do_not_wait_for_the_morning(line: PhoneNumber) -> None:
    with time_machine.travel(NIGHT, tick=False):
        batch = overdue_batch(line, launched_at=ago(hours=5))
        quiet(batch)
        sweeper.tend_batches()
    assert states(batch) == {"expired": 5}


def test_what_is_with_a_sender_is_waited_for_and_closed_when_it_comes_back(line: PhoneNumber) -> None:
    batch = overdue_batch(line)
    held = Message.objects.filter(batch=batch).order_by("id").first()
    assert held is not None
    Message.objects.filter(pk=held.pk).update(state="sending", lease="alive", changed_at=timezone.now())
    sweeper.tend_batches()
    assert states(batch) == {"expired": 4, "sending": 1}
    assert reload(batch).state == "sending"
    claims.release(ids=[held.pk], token="alive")
    sweeper.tend_batches()
    assert states(batch) == {"expired": 5}
    assert reload(batch).state == "finished"
    assert "5 of 5" in Alert.objects.open().get().text


def test_closing_and_telling_are_one(line: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = overdue_batch(line)

    def killed(**_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(expiry, "raise_alert", killed)
        with pytest.raises(SystemExit):
            expire_overdue(batch.pk)
    assert states(batch) == {"queued": 5}
    assert [expire_overdue(batch.pk), expire_overdue(batch.pk)] == [5, 0]
    assert Alert.objects.count() == 1


def test_a_resume_at_the_same_moment_wins_or_finds_it_closed(line: PhoneNumber) -> None:
    batch = overdue_batch(line, state="paused", pause_code="person")
    # The sweeper has read the batch as overdue; before it acts, a person resumes.
    batches.resume_batch(batch.pk)
    assert expire_overdue(batch.pk) == 0
    assert states(batch) == {"queued": 5}


def test_what_is_resent_by_a_person_has_time_again(line: PhoneNumber) -> None:
    batch = overdue_batch(line, state="finished", canary_state="sending", canary_step=2)
    Message.objects.update(state="unresolved")
    assert batches.resend_unresolved(batch_id=batch.pk) == 5
    sweeper.tend_batches()
    assert states(batch) == {"queued": 5}
    assert get_redis().llen(keys.queue(line.gateway_id, keys.batch_queue(batch.pk, line.pk))) == 5


def test_a_reply_that_is_too_late_is_not_sent(line: PhoneNumber) -> None:
    batch = BatchFactory.create(number=line)
    late = MessageFactory.create(batch=batch, created_at=ago(seconds=config().expire_seconds + 5))
    fresh = MessageFactory.create(batch=batch, created_at=ago(seconds=config().expire_seconds - 60))
    Message.objects.update(batch=None)
    sweeper.sweep()
    late.refresh_from_db()
    fresh.refresh_from_db()
    assert (late.state, late.reason, fresh.state) == ("expired", "expired", "queued")

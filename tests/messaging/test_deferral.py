"""Hours by place: who may be written to now is, the others wait for their own hours, and nobody is forgotten."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from broadcast.core.redis import get_redis
from messaging.engine import claims, deferrals, keys
from messaging.engine.launch import is_in_redis, rebuild_queue
from messaging.engine.recipients import RecipientQuery
from messaging.hours import place_key
from messaging.jobs import sweeper
from messaging.models import Batch, Message, PhoneNumber
from messaging.services import batches, stalls, tending
from tests.messaging.test_expiry import reload
from tests.messaging.tools import states

pytestmark = pytest.mark.django_db(transaction=True)

NEW_YORK = ZoneInfo("America/New_York")
#: New York is open, Los Angeles is asleep.
MORNING = dt.datetime(2026, 3, 3, 9, 0, 0, tzinfo=NEW_YORK)
PEOPLE = {
    "+12125550101": "",
    "+13055550102": "",
    "+14155550103": "",
    "+18505550104": "",
    "+18005550105": "",
    "+442071838750": "",
    "+77012345678": "",
    "+353861234567": "",
    "+870773111632": "",
    "+12125550106": "America/Los_Angeles",
}


def launch(line: PhoneNumber, people: dict[str, str] = PEOPLE, **options: object) -> Batch:
    """A batch that keeps the hours of each recipient's place, started."""
    type(line.account).objects.update(quiet_start="21:00", quiet_end="08:00", keeps_legal_hours=True)
    line.refresh_from_db()
    batch = make_hours_batch(line, people, source=f"test:{Batch.objects.count()}")
    Batch.objects.filter(pk=batch.pk).update(**options)
    batches.start_batch(batch.pk)
    return reload(batch)


def make_hours_batch(line: PhoneNumber, people: dict[str, str], *, source: str) -> Batch:
    """A batch to people by number, each with their own zone or none, that is not started."""
    null = "NULL::jsonb" if connection.vendor == "postgresql" else "NULL"
    rows = " UNION ALL ".join(f"SELECT %s AS recipient, 1 AS cohort, {null} AS context, %s AS zone" for _ in people)
    return batches.create_batch(
        account=line.account,
        number=line,
        label="Sale",
        template="Hello",
        source=source,
        recipients=RecipientQuery(rows, [value for pair in people.items() for value in pair]),
    )


def queued_people(batch: Batch) -> set[str]:
    """Whose messages are in Redis."""
    name = keys.queue(batch.gateway_id, keys.batch_queue(batch.pk, batch.number_id))
    ids = [int(value) for value in get_redis().lrange(name, 0, -1)]
    return set(Message.objects.filter(pk__in=ids).values_list("recipient", flat=True))


def claim_all(batch: Batch) -> claims.Claim:
    """A claim of every message of a batch."""
    ids = list(Message.objects.filter(batch=batch).values_list("pk", flat=True))
    return claims.claim(queue_name=keys.batch_queue(batch.pk, batch.number_id), ids=ids, token="t")


def test_the_database_finds_the_same_places_as_the_table(line: PhoneNumber) -> None:
    batch = launch(line)

    found = dict(Message.objects.filter(batch=batch).values_list("recipient", "place"))

    assert found == {number: place_key(number, zone) for number, zone in PEOPLE.items()}
    assert batch.places == sorted(set(found.values()))


def test_only_those_whose_hours_have_come_are_queued_and_can_be_claimed(line: PhoneNumber) -> None:
    with time_machine.travel(MORNING, tick=False):
        batch = launch(line, {"+12125550101": "", "+14155550103": "", "+12125550106": "America/Los_Angeles"})
        assert queued_people(batch) == {"+12125550101"}

        claim = claim_all(batch)

    assert [message.recipient for message in claim.messages] == ["+12125550101"]
    assert states(batch) == {"sending": 1, "queued": 2}
    # Its four hours end before New York closes.
    assert claim.until == MORNING + dt.timedelta(minutes=batch.expire_minutes)


def test_those_that_wait_are_queued_when_their_hours_come_while_others_still_are(line: PhoneNumber) -> None:
    with time_machine.travel(MORNING, tick=False):
        batch = launch(line, {"+12125550101": "", "+14155550103": ""}, expire_minutes=0)
        deferral = deferrals.deferral(batch)
        assert deferral is not None
        assert (deferral.messages, deferral.first) == (1, MORNING.replace(hour=11))
    with time_machine.travel(MORNING.replace(hour=11), tick=False):
        sweeper.tend_batches()
        assert queued_people(batch) == {"+12125550101", "+14155550103"}
        assert deferrals.deferral(batch) is None


def test_a_place_that_closed_and_opens_again_is_queued_again(line: PhoneNumber) -> None:
    with time_machine.travel(MORNING.replace(hour=20), tick=False):
        batch = launch(line, {"+12125550101": "", "+14155550103": ""}, expire_minutes=0)
    with time_machine.travel(MORNING.replace(hour=21), tick=False):
        sweeper.tend_batches()
        assert [message.recipient for message in claim_all(batch).messages] == ["+14155550103"]
    # Its id was taken and refused: it is in Redis no longer.
    get_redis().delete(keys.queue(batch.gateway_id, keys.batch_queue(batch.pk, batch.number_id)))
    with time_machine.travel(MORNING + dt.timedelta(days=1), tick=False):
        sweeper.tend_batches()
        assert queued_people(batch) == {"+12125550101"}


def test_nothing_is_claimed_in_the_last_minute(line: PhoneNumber) -> None:
    with time_machine.travel(MORNING, tick=False):
        batch = launch(line, {"+12125550101": ""}, expire_minutes=0)
    with time_machine.travel(MORNING.replace(hour=20, minute=59, second=10), tick=False):
        assert claim_all(batch).messages == []
    with time_machine.travel(MORNING.replace(hour=20, minute=58), tick=False):
        claim = claim_all(batch)
    assert (len(claim.messages), claim.until) == (1, MORNING.replace(hour=20, minute=59, second=45))


def test_each_place_has_its_own_latest_time(line: PhoneNumber) -> None:
    with time_machine.travel(MORNING, tick=False):
        batch = launch(line, {"+12125550101": "", "+14155550103": ""})
    assert batch.expires_at == MORNING.replace(hour=15)
    with time_machine.travel(MORNING.replace(hour=13, minute=1), tick=False):
        assert [message.recipient for message in claim_all(batch).messages] == ["+14155550103"]
        sweeper.tend_batches()
    assert states(batch) == {"expired": 1, "sending": 1}


def test_a_batch_of_which_all_wait_does_not_stall_and_is_not_finished(line: PhoneNumber) -> None:
    with time_machine.travel(MORNING, tick=False):
        batch = launch(line, {"+14155550103": ""})
    with time_machine.travel(MORNING + dt.timedelta(minutes=30), tick=False):
        sweeper.tend_batches()
        assert stalls.current(reload(batch)) == ""
        assert reload(batch).state == "sending"
    with time_machine.travel(MORNING + dt.timedelta(hours=2, minutes=30), tick=False):
        assert stalls.current(reload(batch)) != ""


def test_a_batch_that_keeps_no_hours_has_no_places(line: PhoneNumber) -> None:
    type(line.account).objects.update(quiet_start="08:00", quiet_end="08:00", keeps_legal_hours=False)
    with time_machine.travel(MORNING.replace(hour=3), tick=False):
        batch = launch(line, {"+14155550103": ""})
        Batch.objects.update(respects_quiet_hours=False)
        assert len(claim_all(batch).messages) == 1


@pytest.mark.parametrize(("day", "week", "left"), [(1, 0, 0), (2, 0, 1), (0, 2, 0), (0, 3, 1), (0, 0, 1)])
def test_who_has_had_enough_messages_is_left_out(line: PhoneNumber, day: int, week: int, left: int) -> None:
    at = dt.datetime(2026, 3, 4, 12, 0, tzinfo=NEW_YORK)
    type(line.account).objects.update(max_per_day=day, max_per_week=week)
    for earlier in (at - dt.timedelta(hours=1), at - dt.timedelta(days=1), at - dt.timedelta(days=3)):
        with time_machine.travel(earlier, tick=False):
            before = launch(line, {"+12125550101": ""})
            Message.objects.filter(batch=before).update(state="delivered", claimed_at=timezone.now())
    with time_machine.travel(at, tick=False):
        batch = launch(line, {"+12125550101": "", "+12125550102": ""})
        claim = claim_all(batch)

    assert len(claim.messages) == left + 1
    capped = Message.objects.filter(batch=batch, state="suppressed")
    assert [(row.recipient, row.reason, row.lease) for row in capped] == [("+12125550101", "frequency_cap", "")] * (
        1 - left
    )


def test_a_place_that_this_machine_cannot_read_holds_up_nobody_else(number: PhoneNumber) -> None:
    with time_machine.travel(MORNING, tick=False):
        first = launch(number, {"+12125550101": "", "+12125550102": "Mars/Olympus"})
        other = launch(number, {"+12125550103": ""})
        sweeper.tidy()
        waits = deferrals.deferral(first)
    assert (first.state, other.state) == ("sending", "sending")
    assert waits is not None
    assert (waits.messages, waits.never, waits.groups[0].zones) == (1, 1, "an unknown time zone")


def test_a_batch_that_cannot_be_tended_holds_up_no_other(number: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    with time_machine.travel(MORNING, tick=False):
        broken, sound = (launch(number, {f"+1212555010{n}": ""}) for n in (1, 2))
        get_redis().flushdb()

        def fail_for_one(batch: Batch) -> None:
            if batch.pk == broken.pk:
                raise ValueError("a fault of ours")
            rebuild_queue(batch)

        monkeypatch.setattr(tending, "rebuild_queue", fail_for_one)
        tending.tend_batches()
        assert not is_in_redis(broken)
        assert is_in_redis(sound)

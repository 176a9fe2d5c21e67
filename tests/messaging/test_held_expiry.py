"""Latest times of a batch of which a brand's day holds up a part: the rest is not sent days later with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine

from messaging.models import Alert, Batch, Message, PhoneNumber
from messaging.services import batches
from messaging.services.tending import tend_batches
from tests.factories import PhoneNumberFactory, RouteFactory
from tests.messaging.detour_tools import at, silence
from tests.messaging.test_detour_room import NOON, registered, use_up
from tests.messaging.test_routes import launch
from tests.messaging.tools import recipients

pytestmark = pytest.mark.django_db(transaction=True)

#: The carriers' midnight that follows.
MIDNIGHT = dt.datetime(2026, 6, 16, 7, tzinfo=dt.UTC)
GERMANS = [f"+4915123456{index:03d}" for index in range(20)]


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOON):
        yield


@pytest.fixture
def german() -> PhoneNumber:
    return PhoneNumberFactory.create(number="+4915155501234", kind="mobile")


@pytest.fixture
def american(german: PhoneNumber) -> PhoneNumber:
    """What Americans hear from; its brand may send 50 a day."""
    number = registered(german, 50, number="+14155552600")
    RouteFactory.create(account=german.account, country="US", number=number)
    return number


def waiting(batch: Batch, number: PhoneNumber) -> int:
    return Message.objects.filter(batch=batch, number=number, state="queued").count()


def test_what_waits_for_a_silent_gateway_is_closed_at_its_own_latest_time(
    german: PhoneNumber, american: PhoneNumber
) -> None:
    """Given four hours to leave in, when Americans wait for tomorrow and Germans for a gateway, then the Germans' time is up."""
    batch = launch(german, [*GERMANS, *recipients(80)])
    silence(german.gateway)
    use_up(american, 50)
    tend_batches()
    batch.refresh_from_db()
    assert (batch.due_at, batch.expires_at) == (MIDNIGHT, MIDNIGHT + dt.timedelta(hours=4))
    assert (waiting(batch, german), waiting(batch, american)) == (20, 80)
    with time_machine.travel(NOON + dt.timedelta(hours=4, minutes=1)):
        tend_batches()
        assert (waiting(batch, german), waiting(batch, american)) == (0, 80)
        assert at(batch, german) == 20
        alert = Alert.objects.open().get(kind="expired")
        assert "20 of 100 messages" in alert.text
        assert "by its latest time, 15 June, 17:00" in alert.text
    batch.refresh_from_db()
    assert batch.state == "sending"


def test_so_is_whoever_was_to_be_written_to_in_the_hours_of_their_place(
    german: PhoneNumber, american: PhoneNumber
) -> None:
    """Given quiet hours, when the Germans' hours have run out and the Canadians' not, then only the Germans are closed."""
    german.account.quiet_start, german.account.quiet_end = dt.time(22, 0), dt.time(8, 0)
    german.account.save()
    # In Germany it is seven in the evening; in Vancouver ten in the morning.
    batch = launch(german, [*GERMANS, "+16045550123", *recipients(80)], respects_quiet_hours=True)
    Batch.objects.filter(pk=batch.pk).update(expire_minutes=200)
    silence(german.gateway)
    use_up(american, 50)
    with time_machine.travel(NOON + dt.timedelta(minutes=5)):
        tend_batches()
    Batch.objects.filter(pk=batch.pk).update(held_due_at=NOON - dt.timedelta(hours=8))
    with time_machine.travel(NOON + dt.timedelta(minutes=10)):
        tend_batches()
    assert (waiting(batch, german), waiting(batch, american)) == (1, 80)


def test_who_resumes_it_gives_all_of_it_a_new_latest_time(german: PhoneNumber, american: PhoneNumber) -> None:
    batch = launch(german, [*GERMANS, *recipients(80)])
    silence(german.gateway)
    use_up(american, 50)
    tend_batches()
    batches.pause_batch(batch.pk)
    with time_machine.travel(NOON + dt.timedelta(hours=3)):
        batches.resume_batch(batch.pk)
        tend_batches()
    with time_machine.travel(NOON + dt.timedelta(hours=4, minutes=1)):
        tend_batches()
    assert waiting(batch, german) == 20
    with time_machine.travel(NOON + dt.timedelta(hours=7, minutes=1)):
        tend_batches()
    assert (waiting(batch, german), waiting(batch, american)) == (0, 80)

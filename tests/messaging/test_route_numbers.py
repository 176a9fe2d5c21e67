"""One number of a route that may not send: who takes over all of it, and when the batch waits for a person."""

from __future__ import annotations

import datetime as dt

import pytest

from broadcast.core.redis import get_redis
from messaging.engine import keys
from messaging.models import Alert, Batch, Message, PhoneNumber, Route, SenderPool
from messaging.services import batches, gateways
from messaging.services.tending import tend_batches
from tests.factories import PhoneNumberFactory, RouteFactory, SenderPoolFactory
from tests.messaging.detour_tools import at, queue
from tests.messaging.test_routes import launch
from tests.messaging.tools import recipients

pytestmark = pytest.mark.django_db(transaction=True)

FRENCH = [f"+3361234{index:04d}" for index in range(240)]


@pytest.fixture
def first() -> PhoneNumber:
    return PhoneNumberFactory.create()


@pytest.fixture
def pool(first: PhoneNumber) -> SenderPool:
    """What the French hear from."""
    pool = SenderPoolFactory.create(account=first.account)
    RouteFactory.create(account=first.account, country="FR", number=None, pool=pool)
    return pool


def state(batch: Batch) -> tuple[str, str]:
    batch.refresh_from_db()
    return batch.state, batch.pause_code


def test_those_who_wait_for_the_canary_move_too_and_are_queued_after_it(first: PhoneNumber, pool: SenderPool) -> None:
    batch = launch(first, FRENCH)
    Batch.objects.filter(pk=batch.pk).update(canary_state="sending", canary_step=4)
    one, other = pool.numbers.order_by("pk")
    moving = set(Message.objects.filter(number=one).values_list("pk", flat=True))
    gateways.stop_number(one.pk, "Not registered.")
    assert (at(batch, one), at(batch, other), state(batch)) == (0, 240, ("sending", ""))
    queued = moving.intersection(queue(batch, other))
    assert queued == {pk for pk in moving if pk % 4 == 0}


def test_those_who_are_asleep_move_too(first: PhoneNumber, pool: SenderPool) -> None:
    first.account.quiet_start, first.account.quiet_end = dt.time(0, 0), dt.time(23, 59)
    first.account.save()
    batch = launch(first, FRENCH, respects_quiet_hours=True)
    one, other = pool.numbers.order_by("pk")
    gateways.stop_number(one.pk, "Not registered.")
    assert (at(batch, one), at(batch, other), state(batch)) == (0, 240, ("sending", ""))
    assert not get_redis().exists(keys.queue(other.gateway_id, keys.batch_queue(batch.pk, other.pk)))


def test_a_routed_number_without_a_pool_pauses_and_is_not_disabled(first: PhoneNumber) -> None:
    """Given a batch with a pool and a country's own number, when that is refused, then no pool is said to take over."""
    own = SenderPoolFactory.create(account=first.account)
    french = PhoneNumberFactory.create(account=first.account)
    RouteFactory.create(account=first.account, country="FR", number=french)
    number = own.numbers.order_by("number")[0]
    batch = launch(number, [*FRENCH, *recipients(5)], pool=own)
    without = launch(number, recipients(5), pool=own)
    gateways.stop_number(french.pk, "Not registered.")
    french.refresh_from_db()
    assert french.state == "active"
    assert (state(batch), state(without)) == (("paused", "number"), ("sending", ""))
    alert = Alert.objects.open().get(kind="number_stopped")
    assert "is paused: the provider refuses" in alert.text


def test_one_that_was_resent_by_a_person_waits_with_its_batch(first: PhoneNumber, pool: SenderPool) -> None:
    batch = launch(first, FRENCH)
    one, other = pool.numbers.order_by("pk")
    Message.objects.filter(pk=queue(batch, one)[0]).update(state="unresolved")
    batches.resend_unresolved(batch_id=batch.pk)
    PhoneNumber.objects.filter(pk=one.pk).update(state="disabled")
    tend_batches()
    assert (at(batch, one), at(batch, other)) == (1, 239)
    assert state(batch) == ("paused", "number")


def test_a_country_whose_route_leads_elsewhere_by_now_waits_for_a_person(first: PhoneNumber, pool: SenderPool) -> None:
    """Given two countries at one pool, when one's route has changed and a number is disabled, then its people are stuck."""
    RouteFactory.create(account=first.account, country="GB", number=None, pool=pool)
    batch = launch(first, [*FRENCH, *(f"+4479111{index:05d}" for index in range(240))])
    elsewhere = PhoneNumberFactory.create(account=first.account)
    Route.objects.filter(country="FR").update(pool=None, number=elsewhere)
    one, other = pool.numbers.order_by("pk")
    PhoneNumber.objects.filter(pk=one.pk).update(state="disabled")
    tend_batches()
    assert (at(batch, one), at(batch, other)) == (120, 360)
    assert state(batch) == ("paused", "number")
    Route.objects.filter(country="FR").update(pool=pool, number=None)
    batches.resume_batch(batch.pk)
    tend_batches()
    assert (at(batch, one), at(batch, other), state(batch)) == (0, 480, ("sending", ""))


def test_a_batchs_own_pool_does_not_take_what_may_have_left(first: PhoneNumber) -> None:
    """Given a row that a person sent again, when its number is disabled, then it stays there and the batch waits for the person."""
    own = SenderPoolFactory.create(account=first.account)
    one, other = own.numbers.order_by("pk")
    batch = launch(one, recipients(240), pool=own)
    resent = queue(batch, one)[0]
    Message.objects.filter(pk=resent).update(state="unresolved")
    batches.resend_unresolved(batch_id=batch.pk)
    PhoneNumber.objects.filter(pk=one.pk).update(state="disabled")
    gateways.number_changed(one.pk)
    assert (at(batch, one), at(batch, other)) == (1, 239)
    tend_batches()
    assert state(batch) == ("paused", "number")
    assert "may have left from it once" in batch.pause_reason
    PhoneNumber.objects.filter(pk=one.pk).update(state="active")
    batches.resume_batch(batch.pk)
    assert (queue(batch, one), state(batch)) == ([resent], ("sending", ""))

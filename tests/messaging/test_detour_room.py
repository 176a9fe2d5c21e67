"""How much a stand-in takes: what its brand may send today, and beside what may leave now only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine
from django.utils import timezone

from broadcast.core.redis import get_redis
from messaging.engine.budgets import budget_of
from messaging.models import Batch, Message, PhoneNumber
from messaging.services import detours, gateways
from messaging.services.tending import tend_batches
from tests.factories import (
    BrandFactory,
    GatewayFactory,
    PhoneNumberFactory,
    RouteFactory,
    SenderPoolFactory,
    TenDlcCampaignFactory,
    TenDlcNumberFactory,
)
from tests.messaging.detour_tools import at, reload, silence
from tests.messaging.test_routes import launch
from tests.messaging.tools import recipients

pytestmark = pytest.mark.django_db(transaction=True)

#: In Los Angeles it is ten in the morning.
NOON = dt.datetime(2026, 6, 15, 17, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    """No test runs into the carriers' midnight."""
    with time_machine.travel(NOON):
        yield


@pytest.fixture
def first() -> PhoneNumber:
    return PhoneNumberFactory.create(pace_segments=10)


def registered(beside: PhoneNumber, cap: int, **values: object) -> PhoneNumber:
    """A number of the same account, whose brand may send so many segments a day."""
    number = PhoneNumberFactory.create(account=beside.account, kind="local", pace_segments=10, **values)
    brand = BrandFactory.create(account=beside.account, daily_cap_segments=cap)
    TenDlcNumberFactory.create(number=number, campaign=TenDlcCampaignFactory.create(brand=brand))
    return number


@pytest.fixture
def second(first: PhoneNumber) -> PhoneNumber:
    """The second sender of everything, whose brand may send 50 a day."""
    number = registered(first, 50, number="+14155552600")
    RouteFactory.create(account=first.account, number=first, second_number=number)
    return number


def use_up(number: PhoneNumber, segments: int) -> None:
    """So much has left a number's brand today."""
    budget = budget_of(PhoneNumber.objects.get(pk=number.pk))
    assert budget is not None
    for name in budget.day_keys(budget.day(timezone.now())):
        get_redis().hset(name, mapping={"used": segments})


def leave(batch: Batch, number: PhoneNumber) -> None:
    """What is queued at a number leaves."""
    Message.objects.filter(batch=batch, number=number, state="queued").update(state="accepted")


@pytest.mark.parametrize("cause", ["silent", "stopped", "disabled"])
def test_no_more_moves_than_the_brand_may_send_today(first: PhoneNumber, second: PhoneNumber, cause: str) -> None:
    batch = launch(first, recipients(1000))
    use_up(second, 20)
    first.account.routes.update(when_disabled=True)
    if cause == "silent":
        silence(first.gateway)
    elif cause == "stopped":
        gateways.stop_gateway(first.gateway_id, "Authenticate.")
    else:
        first.gateway.is_enabled = False
        first.gateway.save()
    tend_batches()
    assert at(batch, second) == 30
    tend_batches()
    assert at(batch, second) == 30, "what waits there is reckoned with"
    leave(batch, second)
    use_up(second, 50)
    tend_batches()
    assert (at(batch, second), reload(batch).state) == (30, "sending")
    with time_machine.travel(NOON + dt.timedelta(days=1)):
        use_up(second, 0)
        if cause == "silent":
            silence(first.gateway)
        batch.refresh_from_db()
        Batch.objects.filter(pk=batch.pk).update(expires_at=None, due_at=None, expire_minutes=0)
        tend_batches()
        assert at(batch, second) == 80


def test_long_messages_use_up_more_of_it(first: PhoneNumber, second: PhoneNumber) -> None:
    batch = launch(first, recipients(100))
    Batch.objects.filter(pk=batch.pk).update(template="x" * 400)
    gateways.stop_gateway(first.gateway_id, "Authenticate.")
    assert at(batch, second) == 16


def test_what_other_batches_have_waiting_there_goes_first(first: PhoneNumber, second: PhoneNumber) -> None:
    launch(second, recipients(40))
    batch = launch(first, recipients(100))
    gateways.stop_gateway(first.gateway_id, "Authenticate.")
    assert at(batch, second) == 10


def test_a_pools_spent_number_takes_nothing_and_the_others_share(first: PhoneNumber) -> None:
    gateway = GatewayFactory.create()
    spent, other = (registered(first, 50, gateway=gateway, number=f"+1415555260{n}") for n in range(2))
    pool = SenderPoolFactory.create(account=first.account, numbers=[spent, other])
    RouteFactory.create(account=first.account, number=first, second_pool=pool)
    use_up(spent, 50)
    batch = launch(first, recipients(240))
    gateways.stop_gateway(first.gateway_id, "Authenticate.")
    assert (at(batch, spent), at(batch, other)) == (0, 50)


def test_what_may_not_leave_now_takes_no_room(first: PhoneNumber) -> None:
    """Given a canary and many others that wait at the second sender, when the first falls silent, then its canary moves."""
    second = PhoneNumberFactory.create(account=first.account, pace_segments=10)
    RouteFactory.create(account=first.account, number=first, second_number=second)
    RouteFactory.create(account=first.account, country="FR", number=second)
    batch = launch(first, [*recipients(40), *(f"+3361234{index:04d}" for index in range(400))])
    Batch.objects.filter(pk=batch.pk).update(canary_state="sending", canary_step=4)
    silence(first.gateway)
    assert detours.take_over(first.gateway_id) == 10


def test_nor_do_those_who_are_asleep(first: PhoneNumber) -> None:
    """Given many French who wait for their morning at the second sender, when the first falls silent, then Americans move."""
    second = PhoneNumberFactory.create(account=first.account, pace_segments=10)
    RouteFactory.create(account=first.account, number=first, second_number=second)
    RouteFactory.create(account=first.account, country="FR", number=second)
    first.account.quiet_start, first.account.quiet_end = dt.time(18, 0), dt.time(9, 0)
    first.account.save()
    people = [*recipients(40), *(f"+3361234{index:04d}" for index in range(400))]
    batch = launch(first, people, respects_quiet_hours=True)
    silence(first.gateway)
    assert detours.take_over(first.gateway_id) == 40
    assert at(batch, second) == 440

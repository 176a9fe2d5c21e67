"""Numbers that may not send in the middle of a campaign: others of their pool or route go on, and its pages say so."""

from __future__ import annotations

import threading

import pytest
from django.db import connections
from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys
from messaging.engine.launch import hold_number, put_ids
from messaging.models import Batch, Brand, DroppedNumber, Message, PhoneNumber, Route, SenderPool
from messaging.services import batches, pools
from messaging.services.carrier_refusals import mark_number
from messaging.services.detour_notes import notes
from messaging.services.registration_checks import REFUSALS_TO_STOP
from messaging.services.registrations import forget_refusals, move_registration
from messaging.services.tending import tend_batches
from tests.factories import (
    BrandFactory,
    CarrierRefusalFactory,
    PhoneNumberFactory,
    RegistrationPolicyFactory,
    RouteFactory,
    SenderPoolFactory,
    TenDlcCampaignFactory,
    TenDlcNumberFactory,
)
from tests.messaging.detour_tools import at, queue
from tests.messaging.test_routes import launch
from tests.messaging.tools import drain, recipients, run_sender, send_all, states, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

GERMANS = [f"+4915123456{index:03d}" for index in range(5)]


@pytest.fixture
def german() -> PhoneNumber:
    return PhoneNumberFactory.create(number="+4915155501234", kind="mobile")


@pytest.fixture
def lines(german: PhoneNumber) -> list[PhoneNumber]:
    """Two American long codes of one gateway."""
    gateway = PhoneNumberFactory.create(account=german.account).gateway
    return [
        PhoneNumberFactory.create(account=german.account, gateway=gateway, number=f"+1415555260{n}", kind="local")
        for n in range(2)
    ]


@pytest.fixture
def pool(lines: list[PhoneNumber]) -> SenderPool:
    return SenderPoolFactory.create(account=lines[0].account, numbers=lines)


@pytest.fixture
def routed(pool: SenderPool) -> Route:
    """What Americans hear from."""
    return RouteFactory.create(account=pool.account, country="US", number=None, pool=pool)


def refuse(number: PhoneNumber) -> None:
    mark_number(number_id=number.pk, code="30034", text="Not registered.", count=REFUSALS_TO_STOP)


def state(batch: Batch) -> tuple[str, str]:
    batch.refresh_from_db()
    return batch.state, batch.pause_code


def said(batch: Batch) -> list[str]:
    """What its pages say."""
    batch.refresh_from_db()
    return [note.text for note in notes(batch, recipients=245, zone=timezone.get_default_timezone())]


@pytest.mark.usefixtures("routed")
def test_a_routed_pools_others_go_on_for_a_number_that_carriers_refuse(
    german: PhoneNumber, lines: list[PhoneNumber]
) -> None:
    """Given a country's pool of two, when carriers refuse one of them, then the other sends all of it, and the page says so."""
    batch = launch(german, [*GERMANS, *recipients(240)])
    one, other = lines
    before = at(batch, one)
    assert before == 120
    refuse(one)
    assert (at(batch, one), at(batch, other), at(batch, german)) == (0, 240, 5)
    assert state(batch) == ("sending", "")
    assert len(queue(batch, other)) == 240
    dropped = DroppedNumber.objects.get(batch=batch)
    assert (dropped.number, dropped.moved) == (one, 120)
    (text,) = said(batch)
    assert "+14155552600 was taken out at" in text
    assert "120 of 245 recipients leave from other numbers" in text
    assert "Carriers have refused" in text


@pytest.mark.usefixtures("routed")
def test_it_pauses_only_when_none_is_left(german: PhoneNumber, lines: list[PhoneNumber]) -> None:
    batch = launch(german, [*GERMANS, *recipients(240)])
    without = launch(german, GERMANS[:1])
    refuse(lines[0])
    refuse(lines[1])
    assert state(batch) == ("paused", "registration")
    assert "+14155552601" in batch.pause_reason
    assert state(without) == ("sending", "")
    forget_refusals(number_ids=[lines[0].pk])
    batches.resume_batch(batch.pk)
    tend_batches()
    assert state(batch) == ("sending", "")
    assert (at(batch, lines[0]), at(batch, lines[1])) == (240, 0)


@pytest.mark.usefixtures("routed")
def test_the_sweeper_drops_one_that_nobody_told_of(german: PhoneNumber, lines: list[PhoneNumber]) -> None:
    batch = launch(german, [*GERMANS, *recipients(240)])
    CarrierRefusalFactory.create(number=lines[0])
    tend_batches()
    assert (at(batch, lines[0]), at(batch, lines[1])) == (0, 240)
    assert state(batch) == ("sending", "")


@pytest.mark.usefixtures("routed")
def test_what_may_have_left_from_a_refused_number_once_waits_with_its_batch(
    german: PhoneNumber, lines: list[PhoneNumber]
) -> None:
    batch = launch(german, recipients(240))
    Message.objects.filter(pk=queue(batch, lines[0])[0]).update(state="unresolved")
    batches.resend_unresolved(batch_id=batch.pk)
    refuse(lines[0])
    assert (at(batch, lines[0]), at(batch, lines[1])) == (1, 239)
    assert state(batch) == ("paused", "registration")


@pytest.mark.usefixtures("routed")
def test_a_campaigns_own_number_is_relieved_by_a_countrys_pool_that_has_it(
    german: PhoneNumber, lines: list[PhoneNumber]
) -> None:
    """Given a campaign from a number that a country's pool has too, when it is refused, then others send to that country only."""
    one, other = lines
    mixed, american = launch(one, [*GERMANS, *recipients(240)]), launch(one, recipients(240))
    refuse(one)
    assert (at(american, one), at(american, other), state(american)) == (0, 240, ("sending", ""))
    assert (at(mixed, one), at(mixed, other), state(mixed)) == (5, 240, ("paused", "registration"))


def test_a_number_that_a_campaign_chose_alone_is_not_exchanged(pool: SenderPool, lines: list[PhoneNumber]) -> None:
    """Given a route for everywhere whose pool has a campaign's own number, when that is refused, then a person decides."""
    RouteFactory.create(account=pool.account, number=None, pool=pool)
    batch = launch(lines[0], recipients(20))
    refuse(lines[0])
    assert (at(batch, lines[0]), state(batch)) == (20, ("paused", "registration"))


def test_a_batchs_own_pool_goes_on_without_it(pool: SenderPool, lines: list[PhoneNumber]) -> None:
    one, other = lines
    batch = launch(one, recipients(240), pool=pool)
    refuse(one)
    assert (at(batch, one), at(batch, other), state(batch)) == (0, 240, ("sending", ""))
    assert len(queue(batch, other)) == 240
    assert "120 of 245 recipients" in said(batch)[0]
    refuse(other)
    assert state(batch) == ("paused", "registration")


def test_a_suspended_registration_drops_its_numbers_alone(pool: SenderPool, lines: list[PhoneNumber]) -> None:
    one, other = lines
    RegistrationPolicyFactory.create(account=pool.account)
    for line in lines:
        brand = BrandFactory.create(account=pool.account, name=f"Brand of {line.number}")
        TenDlcNumberFactory.create(number=line, campaign=TenDlcCampaignFactory.create(brand=brand))
    batch = launch(one, recipients(240), pool=pool)
    move_registration(registration=Brand.objects.get(name="Brand of +14155552600"), to="suspended", user=None)
    assert (at(batch, one), at(batch, other), state(batch)) == (0, 240, ("sending", ""))


def test_people_of_a_number_that_all_refuse_keep_it(pool: SenderPool, lines: list[PhoneNumber]) -> None:
    """Given a pool of which every number is refused, when it is shared out, then nobody is given another number for it."""
    before = pool.buckets
    for line in lines:
        CarrierRefusalFactory.create(number=line)
    assert not pools.rebalance(pool)
    assert pool.buckets == before


def test_a_sender_gives_back_what_it_holds_of_a_dropped_number(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Given a sender that holds twenty messages of a slow number, when that is dropped, then the other sends most of them."""
    one = PhoneNumberFactory.create(gateway=gateway, number="+14155552600", kind="local", pace_segments=2)
    other = PhoneNumberFactory.create(
        account=one.account, gateway=gateway, number="+14155552601", kind="local", pace_segments=100_000
    )
    simulator.settings(numbers=("+14155552600", "+14155552601"))
    RouteFactory.create(
        account=one.account,
        country="US",
        number=None,
        pool=SenderPoolFactory.create(account=one.account, numbers=[one, other]),
    )
    batch = launch(one, recipients(40), follows_country_rules=False)
    Batch.objects.filter(pk=batch.pk).update(follows_country_rules=True)
    holding = Message.objects.filter(batch=batch, number=one, state="sending")

    def another_process() -> None:
        run_sender(one)
        connections.close_all()

    sender = threading.Thread(target=another_process)
    sender.start()
    wait_for(lambda: holding.count() >= 10, "a claim")
    refuse(one)
    sender.join()
    drain()
    tend_batches()
    send_all(other)
    assert states(batch) == {"accepted": 40}
    assert at(batch, one) < 20
    assert simulator.stats()["duplicate_sends"] == 0


def test_what_is_queued_at_a_dropped_number_again_is_taken(
    simulator: SimulatorProcess, gateway: Gateway, lines: list[PhoneNumber]
) -> None:
    """Given a number that was dropped, when it may send again and something is queued at it, then that leaves."""
    PhoneNumber.objects.filter(pk__in=[line.pk for line in lines]).update(gateway=gateway, pace_segments=100_000)
    one = PhoneNumber.objects.get(pk=lines[0].pk)
    simulator.settings(numbers=tuple(line.number for line in lines))
    batch = launch(one, recipients(3))
    hold_number(batch, one)
    put_ids(number=one, queue_name=keys.batch_queue(batch.pk, one.pk), ids=Message.objects.values_list("pk", flat=True))
    # Else a sender that takes them would give them back within a second.
    assert not get_redis().sismember(keys.held(gateway.pk), keys.batch_queue(batch.pk, one.pk))
    send_all(one)
    assert states(batch) == {"accepted": 3}

"""Brand budgets: no day and no minute of a brand is exceeded, over batches, numbers, senders and restarts."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys
from messaging.engine.budgets import budget_of
from messaging.engine.launch import rebuild_queue
from messaging.models import Alert, Batch, Brand, Message, PhoneNumber, TenDlcCampaign
from messaging.services import budgets, singles, stalls
from messaging.services.tending import tend_batches
from tests.factories import (
    BrandFactory,
    MessageFactory,
    PhoneNumberFactory,
    TenDlcCampaignFactory,
    TenDlcNumberFactory,
)
from tests.messaging.tools import drain, make_batch, recipients, run_sender, send_all, states

pytestmark = pytest.mark.django_db(transaction=True)

#: In Los Angeles it is ten in the morning of a Monday.
NOON = dt.datetime(2026, 6, 15, 17, tzinfo=dt.UTC)
#: And this is the midnight that follows.
MIDNIGHT = dt.datetime(2026, 6, 16, 7, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    """No test runs into the carriers' midnight."""
    with time_machine.travel(NOON):
        yield


@pytest.fixture
def long_code(gateway: Gateway) -> PhoneNumber:
    """A registered long code with a pace that is in nobody's way; its brand may send 10 segments a day."""
    return registered(gateway, cap=10)


def registered(gateway: Gateway, *, cap: int | None, brand: Brand | None = None, **campaign: object) -> PhoneNumber:
    """A number under a 10DLC campaign.

    Args:
        gateway: where it is.
        cap: of a new brand, segments a day; 0: none.
        brand: one that is there already.
        campaign: fields of the 10DLC campaign.
    """
    account = brand.account if brand else None
    options = {"account": account} if account else {}
    number = PhoneNumberFactory.create(
        gateway=gateway, number="+14155552600", kind="local", pace_segments=100_000, **options
    )
    brand = brand or BrandFactory.create(account=number.account, daily_cap_segments=cap)
    TenDlcNumberFactory.create(number=number, campaign=TenDlcCampaignFactory.create(brand=brand, **campaign))
    return number


def brand_of(number: PhoneNumber) -> Brand:
    """The brand that a number sends for."""
    return Brand.objects.get(ten_dlc_campaigns__assignments__number=number)


def used(number: PhoneNumber) -> int:
    """Segments that were counted today."""
    budget = budget_of(PhoneNumber.objects.get(pk=number.pk))
    assert budget is not None
    return int(get_redis().hget(keys.budget_day(budget.brand_id, None, budget.day(timezone.now())), "used") or 0)


def test_what_is_beyond_the_days_cap_waits_for_the_carriers_midnight(
    simulator: SimulatorProcess, long_code: PhoneNumber
) -> None:
    """Given a brand of 10 a day, when 25 are launched, then 10 leave today, 10 tomorrow, and the last 5 the day after."""
    batch = make_batch(long_code, recipients(25))
    send_all(long_code)
    assert states(batch) == {"accepted": 10, "queued": 15}
    tend_batches()
    send_all(long_code)
    assert states(batch) == {"accepted": 10, "queued": 15}
    with time_machine.travel(MIDNIGHT - dt.timedelta(seconds=5)):
        tend_batches()
        send_all(long_code)
        assert states(batch) == {"accepted": 10, "queued": 15}
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=5)):
        tend_batches()
        send_all(long_code)
        assert states(batch) == {"accepted": 20, "queued": 5}
    with time_machine.travel(MIDNIGHT + dt.timedelta(days=1, minutes=5)):
        tend_batches()
        send_all(long_code)
        assert states(batch) == {"accepted": 25}
    assert simulator.stats()["duplicate_sends"] == 0


def test_two_senders_and_two_campaigns_share_one_brand(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Given two numbers of one brand, when two senders send a campaign from each, then together they stay within the cap."""
    first = registered(gateway, cap=150)
    brand = brand_of(first)
    second = PhoneNumberFactory.create(
        account=first.account, gateway=gateway, number="+14155552601", kind="local", pace_segments=100_000
    )
    TenDlcNumberFactory.create(number=second, campaign=TenDlcCampaignFactory.create(brand=brand))
    simulator.settings(latency_ms=5, numbers=("+14155552600", "+14155552601"))
    people = recipients(400)
    made = [make_batch(first, people[:200]), make_batch(second, people[200:])]

    def another_process() -> None:
        run_sender(first)
        connections.close_all()

    threads = [threading.Thread(target=another_process) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain()
    counts = [states(batch) for batch in made]
    assert sum(count.get("accepted", 0) for count in counts) == 150
    assert sum(count.get("queued", 0) for count in counts) == 250
    assert simulator.stats()["messages_taken"] == 150
    assert used(first) == 150


def test_segments_are_counted_and_those_outside_the_united_states_are_not(
    simulator: SimulatorProcess, long_code: PhoneNumber
) -> None:
    canada, britain = "+16135550100", "+447911123456"
    batch = make_batch(long_code, [canada, britain, *recipients(20)], template="x" * 300)
    send_all(long_code)
    # Five messages of two segments.
    assert states(batch) == {"accepted": 7, "queued": 15}
    assert used(long_code) == 10


def test_the_last_that_does_not_fit_waits_without_being_asked_again(
    simulator: SimulatorProcess, gateway: Gateway
) -> None:
    """Given 3 segments of the day, when messages have 2, then one leaves and nobody tries the others until the next day."""
    number = registered(gateway, cap=3)
    batch = make_batch(number, recipients(4), template="x" * 300)
    send_all(number)
    assert states(batch) == {"accepted": 1, "queued": 3}
    tend_batches()
    assert not get_redis().exists(keys.queue(gateway.pk, keys.batch_queue(batch.pk, number.pk)))


def test_a_campaign_of_the_brands_has_a_day_of_its_own(simulator: SimulatorProcess, gateway: Gateway) -> None:
    number = registered(gateway, cap=0, per_day_segments=7)
    batch = make_batch(number, recipients(12))
    send_all(number)
    assert states(batch) == {"accepted": 7, "queued": 5}


def test_a_brand_without_a_cap_is_not_held_up(simulator: SimulatorProcess, gateway: Gateway) -> None:
    number = registered(gateway, cap=0)
    batch = make_batch(number, recipients(50))
    send_all(number)
    assert states(batch) == {"accepted": 50}


def test_replies_leave_whatever_is_left_and_are_counted(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Given a day that is used up, when somebody is answered, then the answer leaves and counts."""
    number = registered(gateway, cap=2)
    batch = make_batch(number, recipients(3))
    send_all(number)
    reply = singles.submit(account=number.account, number=number, recipient=recipients(1)[0], body="Yes, until six.")
    send_all(number)
    reply.refresh_from_db()
    assert reply.state == "accepted"
    assert used(number) == 3
    assert states(batch) == {"accepted": 2, "queued": 1}


def test_a_pools_other_numbers_go_on(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Given two numbers of which one's brand is used up, when a batch leaves from both, then only the one's part waits."""
    held = registered(gateway, cap=1)
    free = PhoneNumberFactory.create(
        account=held.account, gateway=gateway, number="24365", kind="short_code", pace_segments=100_000
    )
    batch = make_batch(held, recipients(6))
    Message.objects.filter(recipient__in=recipients(3), batch=batch).update(number=free)
    Batch.objects.filter(pk=batch.pk).update(sender_ids=[held.pk, free.pk])
    batch.refresh_from_db()
    rebuild_queue(batch)
    send_all(held)
    assert states(batch) == {"accepted": 4, "queued": 2}
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=5)):
        Brand.objects.update(daily_cap_segments=10)
        # The other number has not run dry.
        get_redis().rpush(keys.queue(gateway.pk, keys.batch_queue(batch.pk, free.pk)), 999_999)
        tend_batches()
        send_all(held)
    assert states(batch) == {"accepted": 6}


def test_redis_loses_its_counts_and_the_cap_holds(simulator: SimulatorProcess, long_code: PhoneNumber) -> None:
    """Given 6 of 10 sent today, when Redis forgets everything, then 4 more leave and no fifth."""
    first = make_batch(long_code, recipients(6))
    send_all(long_code)
    assert states(first) == {"accepted": 6}
    get_redis().flushdb()
    second = make_batch(long_code, [f"+1213{5_550_000 + index}" for index in range(9)])
    send_all(long_code)
    assert states(second) == {"accepted": 4, "queued": 5}


def test_what_left_yesterday_is_not_counted_today(simulator: SimulatorProcess, long_code: PhoneNumber) -> None:
    make_batch(long_code, recipients(6))
    send_all(long_code)
    get_redis().flushdb()
    with time_machine.travel(MIDNIGHT + dt.timedelta(hours=3)):
        second = make_batch(long_code, [f"+1213{5_550_000 + index}" for index in range(12)])
        send_all(long_code)
    assert states(second) == {"accepted": 10, "queued": 2}


def test_what_may_have_left_counts_as_left(gateway: Gateway, long_code: PhoneNumber) -> None:
    """Given rows whose fate nobody knows and no count in Redis, when the day is counted, then their texts' segments count."""
    batch = make_batch(long_code, recipients(4), template="x" * 300)
    ids = list(Message.objects.filter(batch=batch).order_by("id").values_list("pk", flat=True))
    now = timezone.now()
    Message.objects.filter(pk=ids[0]).update(state="unknown", claimed_at=now)
    Message.objects.filter(pk=ids[1]).update(state="sending", claimed_at=now, lease="gone")
    Message.objects.filter(pk=ids[2]).update(state="failed", claimed_at=now, reason="21614")
    assert budgets.day_of(brand_of(long_code)).used == 4


def test_what_waits_in_a_senders_hands_does_not_count(gateway: Gateway, long_code: PhoneNumber) -> None:
    batch = make_batch(long_code, recipients(4))
    ids = list(Message.objects.filter(batch=batch).order_by("id").values_list("pk", flat=True))
    Message.objects.filter(batch=batch).update(state="sending", claimed_at=timezone.now(), lease="held")
    get_redis().zadd(keys.leases(gateway.pk), {"held": 9e15})
    get_redis().sadd(keys.attempted(gateway.pk, "held"), ids[0])
    assert budgets.day_of(brand_of(long_code)).used == 1


def test_what_comes_back_unsent_is_not_counted(simulator: SimulatorProcess, long_code: PhoneNumber) -> None:
    """Given a provider that takes nothing, when the run ends, then the day is as it was."""
    simulator.settings(errors={20429: 1.0}, retry_after_seconds=5)
    batch = make_batch(long_code, recipients(5))
    run_sender(long_code, run_seconds=1.0)
    drain()
    assert states(batch) == {"queued": 5}
    assert used(long_code) == 0


def test_what_the_provider_refuses_at_once_is_not_counted(simulator: SimulatorProcess, long_code: PhoneNumber) -> None:
    """It never reached a carrier, and the count from the rows leaves it out too."""
    simulator.settings(errors={21614: 1.0})
    batch = make_batch(long_code, recipients(5))
    send_all(long_code)
    assert states(batch) == {"failed": 5}
    assert used(long_code) == 0


def test_who_opted_out_after_the_claim_costs_nothing(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Given a day of three, when two of five have opted out meanwhile, then the other three get theirs today."""
    number = registered(gateway, cap=3)
    batch = make_batch(number, recipients(5))
    for person in recipients(2):
        get_redis().zadd(keys.STOPS, {keys.stop_of_number(number.number, person): 1})
    send_all(number)
    tend_batches()
    send_all(number)
    assert states(batch) == {"accepted": 3, "suppressed": 2}
    assert used(number) == 3


def test_waiting_for_the_next_day_does_not_make_a_campaign_too_late(
    simulator: SimulatorProcess, long_code: PhoneNumber
) -> None:
    """Given four hours to leave in, when the brand's next day is fourteen hours away, then the rest leaves then all the same."""
    batch = make_batch(long_code, recipients(12))
    Batch.objects.filter(pk=batch.pk).update(due_at=NOON, expires_at=NOON + dt.timedelta(hours=4))
    send_all(long_code)
    tend_batches()
    batch.refresh_from_db()
    assert batch.due_at == MIDNIGHT
    assert batch.expires_at == MIDNIGHT + dt.timedelta(hours=4)
    with time_machine.travel(NOON + dt.timedelta(hours=5)):
        tend_batches()
    assert states(batch) == {"accepted": 10, "queued": 2}
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=5)):
        tend_batches()
        send_all(long_code)
    assert states(batch) == {"accepted": 12}


def test_somebody_is_told_once_and_it_is_taken_back_the_next_day(
    simulator: SimulatorProcess, long_code: PhoneNumber
) -> None:
    make_batch(long_code, recipients(12))
    send_all(long_code)
    tend_batches()
    tend_batches()
    alert = Alert.objects.open().get()
    assert alert.kind == "budget"
    assert "Tue 16 Jun, 00:00 PT" in alert.text
    budgets.watch_budgets()
    assert Alert.objects.open().exists()
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=1)):
        budgets.watch_budgets()
    assert not Alert.objects.open().exists()


def test_a_batch_that_waits_for_its_brand_does_not_stall(simulator: SimulatorProcess, long_code: PhoneNumber) -> None:
    batch = make_batch(long_code, recipients(12))
    send_all(long_code)
    with time_machine.travel(NOON + dt.timedelta(hours=2)):
        batch = Batch.objects.select_related("account", "gateway", "number__gateway", "pool").get(pk=batch.pk)
        assert stalls.current(batch) == ""


def test_a_higher_cap_lets_the_rest_leave_at_once(simulator: SimulatorProcess, long_code: PhoneNumber) -> None:
    batch = make_batch(long_code, recipients(12))
    send_all(long_code)
    Brand.objects.update(daily_cap_segments=40)
    tend_batches()
    send_all(long_code)
    assert states(batch) == {"accepted": 12}


def test_a_page_says_what_is_left_and_when_the_rest_leaves(simulator: SimulatorProcess, long_code: PhoneNumber) -> None:
    batch = make_batch(long_code, recipients(25))
    (held,) = budgets.held_by_budget(batch)
    assert "10 of 10 segments left today; the rest of this campaign (15) leaves from Tue 16 Jun, 00:00 PT" in held.text
    send_all(long_code)
    (held,) = budgets.held_by_budget(batch)
    assert "0 of 10 segments left today; the rest of this campaign (15) leaves" in held.text


def test_the_minute_is_shared_by_the_numbers_of_a_10dlc_campaign(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Given one segment a minute, when two numbers of the campaign send, then one message leaves."""
    first = registered(gateway, cap=0, per_minute_segments=1)
    second = PhoneNumberFactory.create(
        account=first.account, gateway=gateway, number="+14155552601", kind="local", pace_segments=100_000
    )
    TenDlcNumberFactory.create(number=second, campaign=TenDlcCampaign.objects.get())
    simulator.settings(numbers=("+14155552600", "+14155552601"))
    made = [make_batch(first, recipients(5)), make_batch(second, recipients(5))]
    run_sender(first, run_seconds=1.5)
    drain()
    assert sum(states(batch).get("accepted", 0) for batch in made) == 1
    assert sum(states(batch).get("queued", 0) for batch in made) == 9
    assert used(first) == 1


def test_a_number_that_is_not_registered_costs_no_question(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(5))
    send_all(number)
    assert states(batch) == {"accepted": 5}
    assert not list(get_redis().scan_iter("{brand:*"))


def test_single_messages_of_today_count_when_the_day_is_counted_from_the_rows(long_code: PhoneNumber) -> None:
    now = timezone.now()
    MessageFactory.create(
        batch=None, number=long_code, kind="reply", state="delivered", segments=2, claimed_at=now, accepted_at=now
    )
    yesterday = now - dt.timedelta(days=1)
    MessageFactory.create(
        batch=None,
        number=long_code,
        kind="reply",
        state="delivered",
        segments=2,
        claimed_at=yesterday,
        accepted_at=yesterday,
    )
    assert budgets.day_of(brand_of(long_code)).used == 2

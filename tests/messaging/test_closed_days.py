"""Days that carriers close: a brand that has used up its day sends nothing more before the next, whatever our own count says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine
from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from integrations.sms.registry import adapter_class
from messaging.engine import keys
from messaging.engine.budgets import budget_of, close_day
from messaging.engine.scripts import Scripts
from messaging.models import Alert, Batch, Message, PhoneNumber
from messaging.services import brand_days, budgets, singles
from messaging.services.brand_room import brand_room
from messaging.services.tending import tend_batches
from tests.factories import MessageFactory, PhoneNumberFactory
from tests.messaging.test_budgets import MIDNIGHT, NOON, brand_of, registered
from tests.messaging.test_recording import put_status
from tests.messaging.tools import drain, make_batch, recipients, send_all, states

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    """No test runs into the carriers' midnight."""
    with time_machine.travel(NOON):
        yield


@pytest.fixture
def long_code(gateway: Gateway) -> PhoneNumber:
    """A registered long code whose brand may send a thousand segments a day, as far as we know."""
    return registered(gateway, cap=1_000)


def report(message: Message, code: str = "30027") -> None:
    """The carrier refuses a message."""
    put_status(message.number.gateway_id, "undelivered", message_id=message.pk, ErrorCode=code)
    drain()


def first_of(batch: Batch) -> Message:
    return Message.objects.filter(batch=batch, state="accepted").order_by("pk")[0]


@pytest.mark.parametrize("code", ["30023", "30027"])
def test_what_is_left_waits_for_the_next_day(simulator: SimulatorProcess, long_code: PhoneNumber, code: str) -> None:
    """Given a brand with most of its cap left, when a carrier says that its day is used up, then the rest leaves tomorrow."""
    batch = make_batch(long_code, recipients(3))
    send_all(long_code)
    later = make_batch(long_code, recipients(25)[5:])
    Batch.objects.filter(pk=later.pk).update(due_at=NOON, expires_at=NOON + dt.timedelta(hours=4))
    report(first_of(batch), code)
    send_all(long_code)
    assert states(batch) == {"accepted": 2, "undelivered": 1}
    assert states(later) == {"queued": 20}
    tend_batches()
    send_all(long_code)
    assert states(later) == {"queued": 20}
    later.refresh_from_db()
    assert (later.state, later.due_at) == ("sending", MIDNIGHT)
    alert = Alert.objects.open().get(kind="budget")
    assert f"({code})" in alert.text
    assert "Tue 16 Jun, 00:00 PT" in alert.text
    (held,) = budgets.held_by_budget(later)
    assert held.rest == 20
    assert f"carriers take no more today ({code})" in held.text
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=5)):
        tend_batches()
        send_all(long_code)
        assert states(later) == {"accepted": 20}
        budgets.watch_budgets()
        assert not Alert.objects.open().filter(kind="budget").exists()
    assert simulator.stats()["duplicate_sends"] == 0


def test_a_rate_that_is_exceeded_closes_no_day(simulator: SimulatorProcess, long_code: PhoneNumber) -> None:
    batch = make_batch(long_code, recipients(3))
    send_all(long_code)
    report(first_of(batch), "30022")
    assert brand_of(long_code).spent_on is None
    later = make_batch(long_code, recipients(9)[5:])
    send_all(long_code)
    assert states(later) == {"accepted": 4}


def test_a_report_of_yesterdays_message_leaves_today_open(long_code: PhoneNumber) -> None:
    message = MessageFactory.create(
        batch__number=long_code, state="accepted", accepted_at=MIDNIGHT - dt.timedelta(minutes=1)
    )
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=1)):
        report(message)
        assert brand_of(long_code).spent_on is None
        assert not Alert.objects.open().exists()


def test_a_brand_without_a_cap_and_a_lost_redis_wait_too(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Given a brand that is exempt, when a carrier closes its day and Redis forgets that, then nothing leaves all the same."""
    number = registered(gateway, cap=0)
    batch = make_batch(number, recipients(2))
    send_all(number)
    later = make_batch(number, recipients(25)[5:])
    report(first_of(batch))
    brand = brand_of(number)
    get_redis().delete(keys.budget_day(brand.pk, None, "2026-06-15"))
    send_all(number)
    tend_batches()
    send_all(number)
    assert states(later) == {"queued": 20}
    (forecast,) = budgets.forecast(segments={number.pk: 20.0})
    assert (forecast.now, forecast.later, forecast.days) == (0, 20, 1)
    assert brand_room(batch=later, ids=[number.pk], leaving=[]) in (0, None)


def test_replies_leave_all_the_same(simulator: SimulatorProcess, long_code: PhoneNumber) -> None:
    report(MessageFactory.create(batch__number=long_code, state="accepted", accepted_at=timezone.now()))
    person = recipients(1)[0]
    reply = singles.submit(account=long_code.account, number=long_code, recipient=person, body="Yes, until six.")
    send_all(long_code)
    reply.refresh_from_db()
    assert reply.state == "accepted"


def test_what_left_before_is_sent_once_more_on_a_closed_day(long_code: PhoneNumber) -> None:
    """Given a message that is repeated under its key, when its day is closed, then it passes: it is a part of that day."""
    budget = budget_of(long_code)
    assert budget is not None
    get_redis().hset(keys.budget_day(budget.brand_id, None, "2026-06-15"), "used", 5)
    get_redis().hset(keys.budget_day(budget.brand_id, budget.campaign_id, "2026-06-15"), "used", 5)
    close_day(budget.brand_id, "2026-06-15")
    script_keys = [*budget.day_keys("2026-06-15"), keys.budget_minute(budget.brand_id, budget.campaign_id)]
    spend = Scripts(get_redis()).spend
    assert spend(keys=script_keys, args=[1000, -1, 0, 0, 0, "1"])[:2] == [0, b"day"]
    assert spend(keys=script_keys, args=[-2, -1, 0, 0, 0, "1"])[:2] == [1, b""]


def test_a_person_opens_the_day_again(simulator: SimulatorProcess, long_code: PhoneNumber) -> None:
    batch = make_batch(long_code, recipients(2))
    send_all(long_code)
    message = first_of(batch)
    report(message)
    later = make_batch(long_code, recipients(9)[5:])
    tend_batches()
    brand_days.open_day(brand=brand_of(long_code))
    assert not Alert.objects.open().exists()
    # The same report again is no news.
    report(message)
    tend_batches()
    send_all(long_code)
    assert states(later) == {"accepted": 4}
    with pytest.raises(brand_days.DayError, match="have not closed"):
        brand_days.open_day(brand=brand_of(long_code))


def test_a_number_without_a_brand_is_told_of_until_the_next_day(gateway: Gateway) -> None:
    number = PhoneNumberFactory.create(gateway=gateway, number="+14155552600", kind="local")
    report(MessageFactory.create(batch__number=number, state="accepted", accepted_at=timezone.now()))
    alert = Alert.objects.open().get(kind="budget")
    assert "No brand is entered here" in alert.text
    assert "+14155552600" in alert.text
    budgets.watch_budgets()
    brand_days.watch_closed_days()
    assert Alert.objects.open().filter(pk=alert.pk).exists()
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=1)):
        brand_days.watch_closed_days()
        assert not Alert.objects.open().exists()


@pytest.mark.parametrize(
    ("kind", "codes"), [("twilio", {"30023", "30027"}), ("telnyx", {"40016"}), ("infobip", {"error_542"})]
)
def test_each_providers_own_codes_say_so(kind: str, codes: set[str]) -> None:
    assert adapter_class(kind).day_spent_codes == codes

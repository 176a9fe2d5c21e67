"""What the sweeper repeats keeps to the pace, the budget and the account that it was first sent under, and takes turns."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from integrations.services.rotation import enter, rotate
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys
from messaging.engine.budgets import budget_of
from messaging.jobs import repeating
from messaging.models import Batch, PhoneNumber
from messaging.services.batches import pause_batch
from tests.factories import BrandFactory, TenDlcCampaignFactory, TenDlcNumberFactory
from tests.messaging.test_repeating import telnyx as telnyx
from tests.messaging.test_repeating import unknown_batch
from tests.messaging.tools import states

pytestmark = pytest.mark.django_db(transaction=True)

#: In Los Angeles it is ten in the morning of a Monday, and this is the midnight that follows.
NOON = dt.datetime(2026, 6, 15, 17, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 6, 16, 7, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    """No test runs into the carriers' midnight."""
    with time_machine.travel(NOON):
        yield


def repeat() -> int:
    """One round of the sweeper's."""
    return repeating.repeat_unknown(renew=lambda: True)


def correct_key(gateway: Gateway) -> None:
    before = dict(gateway.credentials)
    gateway.credentials = {**before, "api_key": "KEY-of-another-account"}
    enter(gateway=gateway, before=before, changed=["telnyx__api_key"], by=None)


def move_base_url(gateway: Gateway) -> None:
    gateway.base_url = gateway.base_url.replace("127.0.0.1", "localhost")
    enter(gateway=gateway, before=gateway.credentials, changed=["base_url"], by=None)


def rotate_key(gateway: Gateway) -> None:
    entered = {"api_key": "KEY-of-another-account"}
    rotate(gateway_id=gateway.pk, entered=entered, version=1, keep_hours=0, by=None)


@pytest.mark.parametrize("change", [correct_key, move_base_url, rotate_key])
def test_what_was_claimed_under_another_account_is_not_repeated(
    simulator: SimulatorProcess, telnyx: PhoneNumber, change: Callable[[Gateway], None]
) -> None:
    """Another account knows no key of the first one's, so what that took would arrive once more."""
    batch = unknown_batch(telnyx, simulator, count=2)
    simulator.settings(also_accepted=["KEY-of-another-account"])
    gateway = Gateway.objects.get(pk=telnyx.gateway_id)
    change(gateway)
    assert repeat() == 0
    assert simulator.stats()["messages_taken"] == 0
    assert states(batch) == {"unknown": 2}
    # A sender that had begun before the change went on for a moment.
    batch.messages.update(claimed_at=timezone.now() + dt.timedelta(seconds=60))
    assert repeat() == 0
    batch.messages.update(claimed_at=timezone.now() + dt.timedelta(seconds=180))
    assert repeat() == 2


def test_another_name_is_no_other_account(simulator: SimulatorProcess, telnyx: PhoneNumber) -> None:
    unknown_batch(telnyx, simulator, count=2)
    gateway = Gateway.objects.get(pk=telnyx.gateway_id)
    gateway.name = "Another name"
    enter(gateway=gateway, before=gateway.credentials, changed=["name"], by=None)
    assert repeat() == 2


def test_repetitions_leave_at_their_numbers_pace(simulator: SimulatorProcess, telnyx: PhoneNumber) -> None:
    batch = unknown_batch(telnyx, simulator, count=4)
    PhoneNumber.objects.filter(pk=telnyx.pk).update(pace_segments=2)
    assert repeat() == 4
    assert states(batch) == {"accepted": 4}
    # One each half second; what is beyond is the way to the provider, which is not the same each time.
    assert simulator.stats()["requests_per_second"] < 2.5


def test_what_a_sender_has_used_of_the_pace_is_not_used_again(simulator: SimulatorProcess, telnyx: PhoneNumber) -> None:
    batch = unknown_batch(telnyx, simulator, count=3)
    free_at = get_redis().time()[0] + 60
    get_redis().set(keys.pace(telnyx.gateway_id, telnyx.pk), free_at * 1_000_000, ex=120)
    assert repeat() == 0
    assert simulator.stats()["requests"] == 0
    assert set(batch.messages.values_list("repeats", flat=True)) == {0}
    get_redis().delete(keys.pace(telnyx.gateway_id, telnyx.pk))
    assert repeat() == 3


def register(number: PhoneNumber, **campaign: object) -> None:
    """Put a number under a brand of three segments a day."""
    brand = BrandFactory.create(account=number.account, daily_cap_segments=3)
    TenDlcNumberFactory.create(number=number, campaign=TenDlcCampaignFactory.create(brand=brand, **campaign))


def used(number: PhoneNumber) -> int:
    """Segments that are counted in the brand's day."""
    budget = budget_of(PhoneNumber.objects.get(pk=number.pk))
    assert budget is not None
    return int(get_redis().hget(budget.day_keys(budget.day(timezone.now()))[0], "used") or 0)


def test_a_repetition_on_the_same_day_is_counted_once(simulator: SimulatorProcess, telnyx: PhoneNumber) -> None:
    """Given a day that was used up by what is unknown, when that is repeated, then it leaves and costs nothing more."""
    register(telnyx)
    unknown_batch(telnyx, simulator, count=3)
    assert used(telnyx) == 3
    assert repeat() == 3
    assert used(telnyx) == 3


def test_a_repetition_on_the_next_day_is_within_that_days_cap(simulator: SimulatorProcess, telnyx: PhoneNumber) -> None:
    register(telnyx)
    with time_machine.travel(MIDNIGHT - dt.timedelta(minutes=5)):
        batch = unknown_batch(telnyx, simulator, count=3)
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=5)):
        budget = budget_of(PhoneNumber.objects.get(pk=telnyx.pk))
        assert budget is not None
        for name in budget.day_keys(budget.day(timezone.now())):
            get_redis().hset(name, "used", 2)
        assert repeat() == 1
        assert used(telnyx) == 3
        assert states(batch) == {"accepted": 1, "unknown": 2}


def test_a_repetition_waits_for_its_10dlc_campaigns_minute(
    simulator: SimulatorProcess, telnyx: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(telnyx, per_minute_segments=60)
    monkeypatch.setattr(repeating, "WAIT_SECONDS", 0.0)
    batch = unknown_batch(telnyx, simulator, count=1)
    budget = budget_of(PhoneNumber.objects.get(pk=telnyx.pk))
    assert budget is not None
    minute = keys.budget_minute(budget.brand_id, budget.campaign_id)
    get_redis().set(minute, (get_redis().time()[0] + 60) * 1_000_000, ex=120)
    assert repeat() == 0
    assert (simulator.stats()["requests"], batch.messages.get().repeats) == (0, 0)
    get_redis().delete(minute)
    assert repeat() == 1


def test_what_may_not_leave_keeps_no_other_from_being_repeated(
    simulator: SimulatorProcess, telnyx: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given more unknown messages that wait than a round has room for, when two rounds pass, then the others are settled."""
    monkeypatch.setattr(repeating, "MOST", 2)
    batch = unknown_batch(telnyx, simulator, count=4)
    first = batch.messages.order_by("pk")[:2]
    stops = {keys.stop_of_number(telnyx.number, message.recipient): time.time() for message in first}
    get_redis().zadd(keys.STOPS, stops)
    assert repeat() + repeat() == 2
    assert states(batch) == {"accepted": 2, "unknown": 2}
    get_redis().delete(keys.STOPS)
    assert repeat() == 2


def test_paused_messages_use_up_no_round(
    simulator: SimulatorProcess, telnyx: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeating, "MOST", 2)
    paused = unknown_batch(telnyx, simulator, count=2)
    pause_batch(paused.pk, code=Batch.PauseCode.PERSON, reason="Wait.")
    going = unknown_batch(telnyx, simulator, count=2)
    assert repeat() == 2
    assert (states(paused), states(going)) == ({"unknown": 2}, {"accepted": 2})

"""A gateway whose requests may be repeated: what got no answer leaves once more, and arrives once."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from django.db import connections
from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys
from messaging.jobs import lookups
from messaging.models import Batch, Message, PhoneNumber
from messaging.services.batches import pause_batch
from messaging.states import MessageState
from tests.factories import GatewayFactory, PhoneNumberFactory
from tests.integrations.telnyx_payloads import PUBLIC_KEY
from tests.messaging.tools import (
    FAST,
    SHORT_CODE,
    drain,
    make_batch,
    recipients,
    run_sender,
    send_all,
    states,
    wait_for,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def telnyx(simulator: SimulatorProcess) -> PhoneNumber:
    """A number at a gateway whose requests may be repeated."""
    credentials = {"api_key": FAST.telnyx_api_key, "public_key": PUBLIC_KEY}
    gateway = GatewayFactory.create(kind="telnyx", base_url=simulator.url, credentials=credentials, concurrency=20)
    return PhoneNumberFactory.create(gateway=gateway, number=SHORT_CODE, kind="short_code", pace_segments=100_000)


def test_lost_replies_are_asked_for_once_more_and_nobody_gets_two(
    simulator: SimulatorProcess, telnyx: PhoneNumber
) -> None:
    simulator.settings(fail_after=1.0, fail_how="close")
    batch = make_batch(telnyx, recipients(100))
    send_all(telnyx)
    stats = simulator.stats()
    assert states(batch) == {"accepted": 100}
    assert (stats["messages_taken"], stats["duplicate_sends"]) == (100, 0)
    assert stats["outcomes"] == {"fail_after/close": 100, "200/repeated": 100}
    assert batch.messages.exclude(provider_id="").count() == 100


def test_a_request_that_was_never_answered_is_given_up_and_repeated(
    simulator: SimulatorProcess, telnyx: PhoneNumber
) -> None:
    simulator.settings(fail_after=1.0, fail_how="hang", hang_seconds=5)
    batch = make_batch(telnyx, recipients(5))
    run_sender(telnyx, request_timeout_seconds=0.5)
    drain()
    assert states(batch) == {"accepted": 5}
    assert simulator.stats()["messages_taken"] == 5


def test_requests_that_never_arrive_are_tried_twice_and_stay_unknown(
    simulator: SimulatorProcess, telnyx: PhoneNumber
) -> None:
    simulator.settings(fail_before=1.0, fail_how="close")
    # Fewer than open the circuit.
    batch = make_batch(telnyx, recipients(9))
    send_all(telnyx)
    send_all(telnyx)
    assert states(batch) == {"unknown": 9}
    assert simulator.stats()["outcomes"] == {"fail_before/close": 18}


def test_an_answer_of_a_broken_server_is_never_repeated(simulator: SimulatorProcess, telnyx: PhoneNumber) -> None:
    # The provider forgets the key of what failed, so a repetition would arrive as another message.
    simulator.settings(fail_after=1.0, fail_how="status")
    batch = make_batch(telnyx, recipients(9))
    send_all(telnyx)
    stats = simulator.stats()
    assert states(batch) == {"unknown": 9}
    assert (stats["messages_taken"], stats["requests"], stats["duplicate_sends"]) == (9, 9, 0)


@pytest.mark.parametrize(("code", "state"), [(21614, "failed"), (20429, "unknown")])
def test_a_refusal_of_the_repetition_counts_and_a_throttled_one_does_not(
    simulator: SimulatorProcess, telnyx: PhoneNumber, code: int, state: str
) -> None:
    simulator.settings(fail_before=1.0, fail_how="hang", hang_seconds=5)
    batch = make_batch(telnyx, recipients(1))
    meanwhile(simulator, lambda: simulator.settings(fail_before=0.0, errors={code: 1}), telnyx)
    assert states(batch) == {state: 1}
    stats = simulator.stats()
    assert (stats["requests"], stats["messages_taken"]) == (2, 0)


def opt_out(number: PhoneNumber, _batch: Batch) -> None:
    get_redis().zadd(keys.STOPS, {keys.stop_of_number(number.number, recipients(1)[0]): 1})


def pause(_number: PhoneNumber, batch: Batch) -> None:
    pause_batch(batch.pk, code=Batch.PauseCode.PERSON, reason="Wait.")


@pytest.mark.parametrize("event", [opt_out, pause])
def test_what_may_not_leave_any_more_is_not_repeated(
    simulator: SimulatorProcess, telnyx: PhoneNumber, event: Callable[[PhoneNumber, Batch], None]
) -> None:
    simulator.settings(fail_before=1.0, fail_how="hang", hang_seconds=5)
    batch = make_batch(telnyx, recipients(1))

    def happen() -> None:
        event(telnyx, batch)
        simulator.settings(fail_before=0.0)

    meanwhile(simulator, happen, telnyx)
    assert states(batch) == {"unknown": 1}
    stats = simulator.stats()
    assert (stats["requests"], stats["messages_taken"]) == (1, 0)


def meanwhile(simulator: SimulatorProcess, happens: Callable[[], object], number: PhoneNumber) -> None:
    """Send; something happens while the first request waits for its answer."""

    def watch() -> None:
        wait_for(lambda: simulator.stats()["requests"] == 1, "the first request")
        happens()
        connections.close_all()

    thread = threading.Thread(target=watch)
    thread.start()
    run_sender(number, request_timeout_seconds=1.5, run_seconds=6.0)
    thread.join()
    drain()


def test_only_messages_with_the_providers_id_are_looked_up(simulator: SimulatorProcess, telnyx: PhoneNumber) -> None:
    batch = make_batch(telnyx, recipients(2))
    send_all(telnyx)
    wait_for(lambda: simulator.stats()["statuses"] == {"delivered": 2}, "the deliveries")
    first, second = batch.messages.order_by("pk")
    long_ago = timezone.now() - dt.timedelta(seconds=2 * lookups.GRACE_SECONDS)
    batch.messages.update(state=MessageState.UNKNOWN, changed_at=long_ago)
    Message.objects.filter(pk=second.pk).update(provider_id="")
    before = simulator.stats()["other_requests"]
    assert lookups.settle(renew=lambda: True) == 1
    assert simulator.stats()["other_requests"] == before + 1
    assert [Message.objects.get(pk=pk).state for pk in (first.pk, second.pk)] == ["delivered", "unknown"]

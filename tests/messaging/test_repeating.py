"""What is unknown at a gateway with keys is sent once more by the sweeper: 0 twice, 0 unknown left, a few times at most."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from broadcast.core.config import BASE_DIR
from broadcast.core.redis import get_redis
from integrations.http.httpx_driver import HttpxDriver
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.engine import claims, keys
from messaging.engine.repeats import YOUNG_HOURS, claim_repeat, stage_again
from messaging.jobs import repeating, sweeper
from messaging.models import Batch, Message, PhoneNumber, Suppression
from messaging.services.batches import cancel_batch, pause_batch
from messaging.services.gateways import status_url
from messaging.states import MessageState
from tests.factories import GatewayFactory, PhoneNumberFactory
from tests.integrations.telnyx_payloads import PUBLIC_KEY
from tests.messaging.test_sweeping import expire, expire_everything, take
from tests.messaging.tools import FAST, SHORT_CODE, drain, make_batch, recipients, send_all, states, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def telnyx(simulator: SimulatorProcess) -> PhoneNumber:
    """A number at a gateway whose requests may be repeated, as it is without anybody's saying so."""
    credentials = {"api_key": FAST.telnyx_api_key, "public_key": PUBLIC_KEY}
    gateway = GatewayFactory.create(kind="telnyx", base_url=simulator.url, credentials=credentials, concurrency=20)
    return PhoneNumberFactory.create(gateway=gateway, number=SHORT_CODE, kind="short_code", pace_segments=100_000)


def later(batch: Batch, seconds: float = 61) -> None:
    """Some time passes for what is unknown."""
    Message.objects.filter(batch=batch, state=MessageState.UNKNOWN).update(
        changed_at=timezone.now() - dt.timedelta(seconds=seconds)
    )


def unknown_batch(number: PhoneNumber, simulator: SimulatorProcess, count: int = 5) -> Batch:
    """A batch of whose messages none arrived and none was answered, a minute ago."""
    simulator.settings(fail_before=1.0, fail_how="close")
    batch = make_batch(number, recipients(count))
    send_all(number)
    drain()
    assert states(batch) == {"unknown": count}
    assert set(batch.messages.values_list("reason", flat=True)) == {"no_reply"}
    get_redis().delete(keys.circuit(number.gateway_id), keys.backoff(number.gateway_id))
    simulator.settings(fail_before=0.0)
    simulator.reset()
    later(batch)
    return batch


def test_what_never_arrived_arrives_once(simulator: SimulatorProcess, telnyx: PhoneNumber) -> None:
    batch = unknown_batch(telnyx, simulator)
    sweeper.sweep()
    assert states(batch) == {"accepted": 5}
    assert batch.messages.exclude(provider_id="").count() == 5
    stats = simulator.stats()
    assert (stats["messages_taken"], stats["duplicate_sends"]) == (5, 0)
    sweeper.sweep()
    assert simulator.stats()["requests"] == 5


def test_after_a_kill_what_had_arrived_is_not_sent_twice_and_the_rest_is_sent(
    simulator: SimulatorProcess, telnyx: PhoneNumber
) -> None:
    batch = make_batch(telnyx, recipients(20))
    name, ids = take(telnyx)
    claims.claim(queue_name=name, ids=ids, token="dead")
    get_redis().sadd(keys.attempted(telnyx.gateway_id, "dead"), *ids)
    arrive(telnyx, ids[::2])
    expire(telnyx)
    sweeper.sweep()
    assert states(batch) == {"unknown": 20}
    assert simulator.stats()["messages_taken"] == 10
    later(batch)
    sweeper.sweep()
    assert states(batch) == {"accepted": 20}
    stats = simulator.stats()
    assert (stats["messages_taken"], stats["duplicate_sends"], stats["per_recipient_max"]) == (20, 0, 1)
    assert stats["outcomes"]["200/repeated"] == 10


def arrive(number: PhoneNumber, ids: list[int]) -> None:
    """Requests of a sender that nobody heard of again."""
    gateway = Gateway.objects.get(pk=number.gateway_id)
    with HttpxDriver() as driver:
        for message in Message.objects.filter(pk__in=ids).select_related("number__gateway", "batch__account"):
            item = stage_again(message, status_url=f"{status_url(gateway)}/")
            assert item is not None
            driver.send(gateway.adapter.build_send([item.sms]))


SENDER_PROCESS = """
import asyncio, sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[2]
django.setup()
from integrations.models import Gateway
from messaging.engine.sender import Sender
from messaging.services.gateways import status_url
gateway = Gateway.objects.get(pk=int(sys.argv[1]))
asyncio.run(Sender(gateway, status_url=status_url(gateway) + "/").run())
"""


def test_kill_nine_with_requests_in_flight_leaves_nothing_unknown_and_nobody_with_two(
    simulator: SimulatorProcess, telnyx: PhoneNumber
) -> None:
    """A real process, killed while 20 requests are in flight."""
    simulator.settings(latency_ms=50)
    batch = make_batch(telnyx, recipients(600))
    database = str(connection.settings_dict["NAME"])
    process = subprocess.Popen(
        [sys.executable, "-c", SENDER_PROCESS, str(telnyx.gateway_id), database], cwd=BASE_DIR, env=dict(os.environ)
    )
    wait_for(lambda: simulator.stats()["messages_taken"] > 100, "the campaign to be under way")
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    wait_for(lambda: simulator.stats()["in_flight"] == 0, "the provider to be done")
    expire_everything(telnyx)
    simulator.settings(latency_ms=2)
    sweeper.sweep()
    unknown = states(batch)["unknown"]
    assert 0 < unknown <= 20
    send_all(telnyx)
    later(batch)
    expire_everything(telnyx)
    sweeper.sweep()
    assert states(batch) == {"accepted": 600}
    stats = simulator.stats()
    assert (stats["messages_taken"], stats["duplicate_sends"], stats["per_recipient_max"]) == (600, 0, 1)
    assert stats["outcomes"].get("200/repeated", 0) <= unknown


def test_every_reply_lost_leaves_nothing_unknown_and_nobody_with_two(
    simulator: SimulatorProcess, telnyx: PhoneNumber
) -> None:
    """Requests are lost before and after they are taken, and the repetition of a sender too."""
    simulator.settings(fail_before=0.3, fail_after=0.4, fail_how="close")
    batch = make_batch(telnyx, recipients(60))
    for _ in range(20):
        send_all(telnyx)
        get_redis().delete(keys.circuit(telnyx.gateway_id), keys.backoff(telnyx.gateway_id))
        if set(states(batch)) <= {"accepted", "unknown"}:
            break
    assert states(batch)["unknown"] > 0
    simulator.settings(fail_before=0.0, fail_after=0.0)
    later(batch)
    sweeper.sweep()
    assert states(batch) == {"accepted": 60}
    stats = simulator.stats()
    assert (stats["messages_taken"], stats["duplicate_sends"], stats["per_recipient_max"]) == (60, 0, 1)


def test_it_is_repeated_a_few_times_and_then_left_for_its_report(
    simulator: SimulatorProcess, telnyx: PhoneNumber
) -> None:
    batch = unknown_batch(telnyx, simulator, count=1)
    simulator.settings(fail_before=1.0)
    seen = []
    for seconds in (61, 61, 301, 301, 1501, 1501, 3000):
        later(batch, seconds)
        repeating.repeat_unknown(renew=lambda: True)
        seen.append(simulator.stats()["requests"])
    assert seen == [1, 1, 2, 2, 3, 3, 3]
    assert batch.messages.get().repeats == len(repeating.AFTER_SECONDS)
    assert states(batch) == {"unknown": 1}


def test_a_request_that_could_not_leave_is_not_counted(simulator: SimulatorProcess, telnyx: PhoneNumber) -> None:
    batch = unknown_batch(telnyx, simulator, count=1)
    Gateway.objects.filter(pk=telnyx.gateway_id).update(base_url="http://127.0.0.1:9")
    assert repeating.repeat_unknown(renew=lambda: True) == 0
    assert batch.messages.get().repeats == 0


def test_what_a_broken_server_answered_is_not_repeated(simulator: SimulatorProcess, telnyx: PhoneNumber) -> None:
    # Its key proves nothing: repeated, it would arrive as another message.
    simulator.settings(fail_after=1.0, fail_how="status")
    batch = make_batch(telnyx, recipients(5))
    send_all(telnyx)
    simulator.settings(fail_after=0.0)
    get_redis().delete(keys.circuit(telnyx.gateway_id), keys.backoff(telnyx.gateway_id))
    later(batch)
    assert repeating.repeat_unknown(renew=lambda: True) == 0
    assert states(batch) == {"unknown": 5}
    assert simulator.stats()["messages_taken"] == 5


def test_a_repetition_that_a_broken_server_answers_is_the_last(
    simulator: SimulatorProcess, telnyx: PhoneNumber
) -> None:
    batch = unknown_batch(telnyx, simulator, count=1)
    simulator.settings(fail_after=1.0, fail_how="status")
    repeating.repeat_unknown(renew=lambda: True)
    simulator.settings(fail_after=0.0)
    later(batch, 3000)
    repeating.repeat_unknown(renew=lambda: True)
    stats = simulator.stats()
    assert (stats["requests"], stats["messages_taken"]) == (1, 1)
    assert batch.messages.get().reason in ("10007", "500", "503")


def test_a_refused_repetition_fails_its_message(simulator: SimulatorProcess, telnyx: PhoneNumber) -> None:
    batch = unknown_batch(telnyx, simulator, count=1)
    simulator.settings(errors={21614: 1})
    sweeper.sweep()
    assert states(batch) == {"failed": 1}
    assert simulator.stats()["messages_taken"] == 0


def opt_out(_number: PhoneNumber, batch: Batch) -> None:
    for person in batch.messages.values_list("recipient", flat=True):
        Suppression.objects.create(account=batch.account, recipient=person, reason="opt_out")


def opt_out_early(number: PhoneNumber, batch: Batch) -> None:
    for person in batch.messages.values_list("recipient", flat=True):
        get_redis().zadd(keys.STOPS, {keys.stop_of_number(number.number, person): 1})


def pause(_number: PhoneNumber, batch: Batch) -> None:
    pause_batch(batch.pk, code=Batch.PauseCode.PERSON, reason="Wait.")


def hold(number: PhoneNumber, batch: Batch) -> None:
    get_redis().sadd(keys.held(number.gateway_id), keys.batch_name(batch.pk))


def cancel(_number: PhoneNumber, batch: Batch) -> None:
    cancel_batch(batch.pk)


def come_too_late(_number: PhoneNumber, batch: Batch) -> None:
    Batch.objects.filter(pk=batch.pk).update(expires_at=timezone.now() - dt.timedelta(seconds=1))


def close(_number: PhoneNumber, batch: Batch) -> None:
    hour = timezone.now().astimezone(batch.account.zone)
    batch.account.quiet_start = (hour - dt.timedelta(hours=1)).time()
    batch.account.quiet_end = (hour + dt.timedelta(hours=1)).time()
    batch.account.save()
    Batch.objects.filter(pk=batch.pk).update(respects_quiet_hours=True)


def suspend(_number: PhoneNumber, batch: Batch) -> None:
    batch.account.status = "suspended"
    batch.account.save()


def disable_number(number: PhoneNumber, _batch: Batch) -> None:
    PhoneNumber.objects.filter(pk=number.pk).update(state="disabled")


def stop_gateway(number: PhoneNumber, _batch: Batch) -> None:
    Gateway.objects.filter(pk=number.gateway_id).update(stopped_reason="Wrong key.")


def ask_for_rest(number: PhoneNumber, _batch: Batch) -> None:
    get_redis().set(keys.backoff(number.gateway_id), 1, ex=60)


def grow_old(_number: PhoneNumber, batch: Batch) -> None:
    batch.messages.update(claimed_at=timezone.now() - dt.timedelta(hours=YOUNG_HOURS, seconds=1))


def hear_of_it(_number: PhoneNumber, batch: Batch) -> None:
    batch.messages.update(provider_id="3f1f0c1e-7a40-4a5c-9b0e-2d6c1f6b1a07")


def say_no(number: PhoneNumber, _batch: Batch) -> None:
    gateway = Gateway.objects.get(pk=number.gateway_id)
    gateway.credentials = {**gateway.credentials, "repeats": "no"}
    gateway.save()


@pytest.mark.parametrize(
    "event",
    [
        opt_out,
        opt_out_early,
        pause,
        hold,
        cancel,
        come_too_late,
        close,
        suspend,
        disable_number,
        stop_gateway,
        ask_for_rest,
        grow_old,
        hear_of_it,
        say_no,
    ],
)
def test_what_may_not_leave_any_more_is_not_repeated(
    simulator: SimulatorProcess, telnyx: PhoneNumber, event: Callable[[PhoneNumber, Batch], None]
) -> None:
    batch = unknown_batch(telnyx, simulator, count=2)
    event(telnyx, batch)
    assert repeating.repeat_unknown(renew=lambda: True) == 0
    assert simulator.stats()["requests"] == 0
    assert states(batch) == {"unknown": 2}


def test_two_sweepers_at_once_repeat_it_once(simulator: SimulatorProcess, telnyx: PhoneNumber) -> None:
    batch = unknown_batch(telnyx, simulator, count=1)
    first, second = (Message.objects.select_related("number", "batch__account").get(batch=batch) for _ in range(2))
    assert claim_repeat(first)
    assert not claim_repeat(second)
    assert batch.messages.get().repeats == 1

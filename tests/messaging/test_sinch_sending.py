"""A gateway whose requests have one sender, and nobody twice: what does not fit into a request goes with the next one."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import pytest
from django.utils import timezone

from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import OutboundSms
from integrations.sms.providers.sinch import SinchAdapter
from messaging.jobs.lookups import GRACE_SECONDS, settle
from messaging.models import Batch, Message, PhoneNumber
from messaging.states import MessageState
from tests.factories import GatewayFactory, PhoneNumberFactory
from tests.messaging.tools import FAST, SHORT_CODE, make_batch, recipients, run_sender, send_all, states

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sinch(simulator: SimulatorProcess) -> PhoneNumber:
    """A number at Sinch."""
    credentials = {"service_plan_id": FAST.sinch_service_plan_id, "api_token": FAST.sinch_api_token}
    gateway = GatewayFactory.create(kind="sinch", base_url=simulator.url, credentials=credentials, concurrency=40)
    return PhoneNumberFactory.create(gateway=gateway, number=SHORT_CODE, kind="short_code", pace_segments=1_000_000)


def test_each_gets_their_own_text_once_in_few_requests(simulator: SimulatorProcess, sinch: PhoneNumber) -> None:
    people = recipients(3500)
    batch = make_batch(sinch, people)
    send_all(sinch)
    stats = simulator.stats(recipients=True)
    assert states(batch) == {"accepted": 3500}
    assert (stats["messages_taken"], stats["duplicate_sends"]) == (3500, 0)
    assert set(stats["by_recipient"]) == set(people)
    # The first chunk is small, so that the first requests leave soon.
    assert math.ceil(3500 / 1000) <= stats["requests"] <= 8
    assert batch.messages.values("provider_id").distinct().count() == 3500


@pytest.fixture
def queued_up(simulator: SimulatorProcess, sinch: PhoneNumber) -> PhoneNumber:
    """A number whose gateway has one slot, so that messages of several batches wait for the same request."""
    simulator.settings(latency_ms=300, latency_sigma=0)
    sinch.gateway.concurrency = 1
    sinch.gateway.save()
    return sinch


def test_numbers_of_one_gateway_are_never_in_one_request(simulator: SimulatorProcess, queued_up: PhoneNumber) -> None:
    simulator.settings(numbers=[*FAST.numbers, "+14155552601"])
    others = [
        PhoneNumberFactory.create(gateway=queued_up.gateway, number=number, pace_segments=1_000_000)
        for number in ("+14155552600", "+14155552601")
    ]
    people = recipients(100)
    batches = [make_batch(number, people, f"{number.number} {{{{ first_name }}}}") for number in (queued_up, *others)]
    send_all(queued_up)
    assert [states(batch) for batch in batches] == [{"accepted": 100}] * 3
    stats = simulator.stats(recipients=True)
    assert {len(texts) for texts in stats["by_recipient"].values()} == {3}
    assert (stats["messages_taken"], stats["duplicate_sends"]) == (300, 0)


def test_person_with_several_messages_gets_each(simulator: SimulatorProcess, queued_up: PhoneNumber) -> None:
    people = recipients(10)
    batches = [make_batch(queued_up, people, f"{name} {{{{ first_name }}}}") for name in ("One", "Two", "Three")]
    send_all(queued_up)
    assert [states(batch) for batch in batches] == [{"accepted": 10}] * 3
    assert simulator.stats()["messages_taken"] == 30


def test_messages_that_go_alone_are_not_each_looked_for_among_a_thousand(
    simulator: SimulatorProcess, sinch: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0
    real = SinchAdapter.fits

    def fits(adapter: SinchAdapter, messages: Sequence[OutboundSms]) -> int:
        nonlocal looked_at
        looked_at += len(messages)
        return real(adapter, messages)

    monkeypatch.setattr(SinchAdapter, "fits", fits)
    alone = make_batch(sinch, recipients(900), "${ {{ first_name }}")
    send_all(sinch)
    assert states(alone) == {"accepted": 900}
    assert simulator.stats()["requests"] == 900
    # A few for each, and a thousand once for each of the forty slots at most.
    assert looked_at <= 900 * 9 + 40 * 1000

    simulator.reset()
    together = make_batch(sinch, recipients(2000))
    send_all(sinch)
    assert states(together) == {"accepted": 2000}
    assert simulator.stats()["requests"] <= 6


def test_one_bad_number_does_not_keep_the_others(simulator: SimulatorProcess, sinch: PhoneNumber) -> None:
    batch = make_batch(sinch, recipients(50))
    message = batch.messages.order_by("pk")[20]
    Message.objects.filter(pk=message.pk).update(recipient="+1")
    send_all(sinch)
    assert states(batch) == {"accepted": 49, "failed": 1}
    message.refresh_from_db()
    assert message.state == MessageState.FAILED
    assert simulator.stats()["messages_taken"] == 49


def test_lost_reply_is_settled_by_looking_the_batch_up(simulator: SimulatorProcess, sinch: PhoneNumber) -> None:
    simulator.settings(fail_after=1.0, fail_how="close")
    batch = make_batch(sinch, recipients(300))
    run_sender(sinch, run_seconds=1.0)
    simulator.settings(fail_after=0.0)
    send_all(sinch)
    counts = states(batch)
    assert counts["unknown"] >= 1
    stats = simulator.stats()
    assert (stats["messages_taken"], stats["duplicate_sends"]) == (300, 0)
    long_ago = timezone.now() - dt.timedelta(seconds=GRACE_SECONDS + 1)
    batch.messages.filter(state=MessageState.UNKNOWN).update(changed_at=long_ago)
    while settle(renew=lambda: True):
        pass
    assert states(batch) == {"accepted": 300}
    assert batch.messages.values("provider_id").distinct().count() == 300


def test_throttled_request_is_sent_again(simulator: SimulatorProcess, sinch: PhoneNumber) -> None:
    simulator.settings(throttle_above=1, latency_ms=100, retry_after_seconds=0)
    batch = make_batch(sinch, recipients(3000))
    send_all(sinch)
    assert states(batch) == {"accepted": 3000}
    assert simulator.stats()["duplicate_sends"] == 0


def test_wrong_token_pauses_and_fails_nobody(sinch: PhoneNumber) -> None:
    sinch.gateway.credentials = {"service_plan_id": FAST.sinch_service_plan_id, "api_token": "wrong"}
    sinch.gateway.save()
    batch = make_batch(sinch, recipients(1500))
    send_all(sinch)
    assert states(batch) == {"queued": 1500}
    assert Batch.objects.get(pk=batch.pk).pause_code == "gateway"

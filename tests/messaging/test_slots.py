"""Slots: what is given back is not in use, whatever is started while the sender asks."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

import pytest
from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.redis import connect_async, get_redis
from integrations.http.httpx_driver import HttpxDriver
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import OutboundSms
from messaging.engine import keys, limits
from messaging.engine.sender import Sender
from messaging.engine.slots import give_slot, take_slot
from messaging.engine.window import Window
from messaging.jobs import lookups
from messaging.models import PhoneNumber
from messaging.services.gateways import status_url
from tests.factories import GatewayFactory, MessageFactory
from tests.integrations.loopback import never_accepting, server, silent_until_closed
from tests.messaging.tools import make_batch, recipients, run_sender

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_slot_that_may_be_used_before_the_answer_is_here_is_not_given_to_others(number: PhoneNumber) -> None:
    gateway = number.gateway

    def ask() -> bool:
        return take_slot(gateway_id=gateway.pk, limit=gateway.concurrency, holder="look-up")

    async def run() -> list[tuple[int, bool]]:
        sender = Sender(gateway, status_url=f"{status_url(gateway)}/")
        client = connect_async()
        window = Window(client, gateway.pk, gateway.concurrency)
        seen = []
        await sender._tick(window)
        seen.append((window.target, await asyncio.to_thread(ask)))
        # One reply has just come; while Redis is asked, its worker starts the next request.
        window.in_flight = 39
        await sender._tick(window)
        seen.append((window.target, await asyncio.to_thread(ask)))
        await sender._tick(window)
        seen.append((window.target, await asyncio.to_thread(ask)))
        await client.aclose()
        window.close()
        return seen

    assert asyncio.run(run()) == [(40, False), (39, False), (39, True)]
    give_slot(gateway_id=gateway.pk, holder="look-up")


def test_a_request_of_a_worker_that_shall_rest_has_one_of_the_slots_that_are_left(number: PhoneNumber) -> None:
    """The target went from 40 to 39 while worker 39 waited; the slot it gave up is in use elsewhere."""
    gateway = number.gateway

    async def run() -> list[bool]:
        client = connect_async()
        window = Window(client, gateway.pk, gateway.concurrency)
        window.target, window.slots_until = 39, window.loop.time() + 60
        seen = []
        for in_flight in (38, 39, 40):
            window.in_flight = in_flight
            seen.append(window.may_start(0))
        window.in_flight = 0
        seen.append(window.may_start(39))
        await client.aclose()
        window.close()
        return seen

    assert asyncio.run(run()) == [True, False, False, False]


def test_a_look_up_beside_requests_that_hang_has_a_slot_of_its_own(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    """Workers wait long for their replies while the target goes down below them."""
    gateway = number.gateway
    simulator.settings(latency_ms=30, fail_after=0.03, fail_how="hang", hang_seconds=60)
    make_batch(number, recipients(2000))
    done = threading.Event()

    def look_up() -> None:
        sms = OutboundSms(1, number.number, "+14155550199", "Hello")
        request = gateway.adapter.build_lookup(sms, provider_id="", on_date="2026-11-23")
        with HttpxDriver() as driver:
            while not done.is_set():
                if take_slot(gateway_id=gateway.pk, limit=gateway.concurrency, holder="look-up"):
                    driver.send(request)
                    give_slot(gateway_id=gateway.pk, holder="look-up")
                done.wait(0.01)

    other = threading.Thread(target=look_up)
    other.start()
    try:
        while run_sender(number, request_timeout_seconds=2).work_left:
            continue
    finally:
        done.set()
        other.join()
    assert simulator.stats()["max_in_flight"] <= 40


@pytest.mark.parametrize("behaving", [never_accepting, partial(server, silent_until_closed)])
def test_a_look_up_is_over_before_its_slot_ends(
    behaving: Callable[[], AbstractContextManager[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have to wait three times as long as here: to connect, to write and for the reply."""
    settings = replace(config(), request_timeout_seconds=1.5)
    for module in (limits, lookups):
        monkeypatch.setattr(module, "config", lambda: settings)
    monkeypatch.setattr(limits, "SLOT_GRACE_MILLISECONDS", 2500)
    long_ago = timezone.now() - dt.timedelta(hours=1)
    left: list[float] = []

    def give(*, gateway_id: int, holder: str) -> None:
        ends = get_redis().zscore(keys.slot_expiry(gateway_id), holder)
        assert ends is not None
        left.append(ends - time.time() * 1000)
        give_slot(gateway_id=gateway_id, holder=holder)

    monkeypatch.setattr(lookups, "give_slot", give)
    with behaving() as url:
        gateway = GatewayFactory.create(base_url=url)
        message = MessageFactory.create(
            batch__number__gateway=gateway, state="unknown", created_at=long_ago, claimed_at=long_ago
        )
        assert lookups.settle(renew=lambda: True) == 0
    assert int(get_redis().get(keys.asked(gateway.pk)) or 0) == message.pk
    waited = limits.slot_milliseconds() - left[0]
    assert waited > 400, "it did wait"
    assert 3 * waited < limits.slot_milliseconds()

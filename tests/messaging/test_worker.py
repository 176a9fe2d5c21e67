"""A worker of the sender: what it looks at last before a request leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from broadcast.core.redis import connect_async
from integrations.http.pyreqwest_driver import PyreqwestDriver
from integrations.http.values import Reply, Request
from integrations.sms.contract import OutboundSms
from messaging.engine.lanes import Lane, Staged
from messaging.engine.window import Window
from messaging.engine.worker import Worker
from messaging.models import PhoneNumber

pytestmark = pytest.mark.django_db


class Watched(PyreqwestDriver):
    """Sends nothing, and remembers what it was to send."""

    def __init__(self) -> None:
        super().__init__(connections=1)
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Reply:
        """Answer as the provider does."""
        self.requests.append(request)
        return Reply(201, {}, b'{"sid": "SM1", "status": "queued"}')


async def send_one(number: PhoneNumber, *, stands_still: bool) -> tuple[int, int]:
    """Offer one staged message, whose look at opt-outs is old, to a worker that has a slot.

    Returns:
        How many requests left, and how many messages wait again.
    """
    client = connect_async()
    window = Window(client, number.gateway_id, 1)
    window.target, window.slots_until = 1, window.loop.time() + 60
    lane = Lane("b1", "token", number)
    item = Staged(OutboundSms(1, number.number, "+14152000001", "Hello", ""), 1, lane, checked_at=float("-inf"))
    look = client.zmscore

    async def late(name: str, members: Sequence[str]) -> Any:
        scores = await look(name, members)
        if stands_still:
            window.slots_until = window.loop.time() - 1
        # The run ends once the worker has decided.
        window.loop.call_soon(window.end)
        return scores

    client.zmscore = late
    driver = Watched()
    window.queue.put_nowait(item)
    window.queue.put_nowait(None)
    async with asyncio.timeout(10):
        await Worker(window, number.gateway.adapter, driver, 0).run()
    await client.aclose()
    window.close()
    return len(driver.requests), len(lane.waiting)


def test_a_worker_that_has_its_slot_sends(number: PhoneNumber) -> None:
    assert asyncio.run(send_one(number, stands_still=False)) == (1, 0)


def test_a_worker_whose_slot_went_while_it_waited_for_redis_sends_nothing(number: PhoneNumber) -> None:
    assert asyncio.run(send_one(number, stands_still=True)) == (0, 1)

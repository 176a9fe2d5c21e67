"""A worker of the sender: what it looks at last before a request leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from broadcast.core.redis import connect_async, get_redis
from integrations.http.asyncio_driver import AsyncioDriver
from integrations.http.values import Reply, Request
from integrations.sms.contract import OutboundSms, SendResult
from messaging.engine import keys
from messaging.engine.lanes import Lane, Staged
from messaging.engine.optouts import OptOuts
from messaging.engine.window import Window
from messaging.engine.worker import Worker
from messaging.models import PhoneNumber
from messaging.services.suppressions import suppress
from messaging.webhooks.commit import Event, GroupCommit
from tests.factories import GatewayFactory

pytestmark = pytest.mark.django_db(transaction=True)


class Watched(AsyncioDriver):
    """Sends nothing, and remembers what it was to send."""

    def __init__(self) -> None:
        super().__init__(connections=1)
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Reply:
        """Answer as the provider does."""
        self.requests.append(request)
        return Reply(201, {}, b'{"sid": "SM1", "status": "queued"}')


class EndsAtTheFirst(set[str]):
    """Ends the run with the first opt-out that is heard."""

    end: Callable[[], None]

    def add(self, member: str) -> None:
        """Keep it, and end."""
        super().add(member)
        self.end()


PERSON = "+14152000001"


async def send_one(number: PhoneNumber, *, stands_still: bool = False, hears: str = "") -> tuple[int, int]:
    """Offer one staged message to a worker that has a slot.

    Args:
        number: where it leaves from.
        stands_still: the look at opt-outs is old, and the slots are gone when it has been made again.
        hears: an opt-out that came after the look, which was just now.

    Returns:
        How many requests left, and how many messages wait again.
    """
    client = connect_async()
    window = Window(client, number.gateway_id, 1)
    window.target, window.slots_until = 1, window.loop.time() + 60
    lane = Lane("b1", "token", number)
    item = Staged(OutboundSms(1, number.number, PERSON, "Hello", ""), 1, lane)
    item.checked_at = window.loop.time() + 60 if hears else float("-inf")
    window.heard.update([hears] if hears else [])
    look = window.scripts.stopped

    async def late(**asked: Any) -> Any:
        places = await look(**asked)
        if stands_still:
            window.slots_until = window.loop.time() - 1
        # The run ends once the worker has decided.
        window.loop.call_soon(window.end)
        return places

    window.scripts.stopped = late
    driver = Watched()
    window.queue.put_nowait(item)
    window.queue.put_nowait(None)
    async with asyncio.timeout(10):
        await Worker(window, number.gateway.adapter, driver, 0).run()
    await client.aclose()
    window.close()
    return len(driver.requests), len(lane.waiting)


def test_a_worker_that_has_its_slot_sends(number: PhoneNumber) -> None:
    assert asyncio.run(send_one(number)) == (1, 0)


def test_a_worker_whose_slot_went_while_it_waited_for_redis_sends_nothing(number: PhoneNumber) -> None:
    assert asyncio.run(send_one(number, stands_still=True)) == (0, 1)


def test_who_is_heard_to_have_opted_out_is_left_out_whatever_was_looked_at(number: PhoneNumber) -> None:
    member = keys.stop_of_number(number.number, PERSON)
    get_redis().zadd(keys.STOPS, {member: 1})
    assert asyncio.run(send_one(number, hears=member)) == (0, 0)


def test_who_has_come_back_since_is_sent_to(number: PhoneNumber) -> None:
    assert asyncio.run(send_one(number, hears=keys.stop_of_number(number.number, PERSON))) == (1, 0)


async def send_together(number: PhoneNumber) -> set[int]:
    """Offer a worker a message that was looked at just now, and behind it one whose look is old; those that wait or left."""
    client = connect_async()
    window = Window(client, number.gateway_id, 1, bulk=10)
    window.target, window.slots_until = 1, window.loop.time() + 60
    single, lane = Lane("s1", "single", number), Lane("b1.1", "token", number)
    fresh = Staged(OutboundSms(1, number.number, "+14152000002", "Hello", ""), 1, single)
    old = Staged(OutboundSms(2, number.number, PERSON, "Hello", ""), 1, lane)
    fresh.checked_at, old.checked_at = window.loop.time() + 60, float("-inf")
    left: set[int] = set()

    class Counted(Worker):
        async def _send(self, items: list[Staged]) -> list[SendResult]:
            left.update(item.sms.id for item in items)
            window.end()
            return [SendResult(item.sms.id, provider_id="SM1") for item in items]

    for item in (old, fresh):
        window.queue.put_nowait(item)
    window.queue.put_nowait(None)
    async with asyncio.timeout(10):
        await Counted(window, number.gateway.adapter, Watched(), 0).run()
    await client.aclose()
    window.close()
    return left


def test_a_single_message_in_front_hides_no_old_look(number: PhoneNumber) -> None:
    """Given one who opted out since an old look, when a fresh single message goes before it, then opt-outs are looked at anew."""
    get_redis().zadd(keys.STOPS, {keys.stop_of_number(number.number, PERSON): 1})
    number.gateway = GatewayFactory.create(kind="infobip", credentials={"api_key": "k"})
    assert asyncio.run(send_together(number)) == {1}


@pytest.mark.parametrize("how", ["webhook", "suppression"])
def test_a_sender_hears_of_an_opt_out_at_once(number: PhoneNumber, how: str) -> None:
    async def hear() -> set[str]:
        client = connect_async()
        window = Window(client, number.gateway_id, 1)
        window.heard = heard = EndsAtTheFirst()
        heard.end = window.end
        opt_outs = OptOuts(window)
        await opt_outs.listen()
        listening = asyncio.create_task(opt_outs.run())
        if how == "webhook":
            event = Event(keys.INBOUND, {}, stops=(keys.stop_of_number(number.number, PERSON),))
            await GroupCommit(client).store(event)
        else:
            await asyncio.to_thread(opt_out)
        async with asyncio.timeout(10):
            await listening
        await opt_outs.close()
        await client.aclose()
        window.close()
        return window.heard

    def opt_out() -> None:
        suppress(account_id=number.account_id, recipient=PERSON, reason="opt_out")
        connections.close_all()

    heard = asyncio.run(hear())
    expected = {
        "webhook": keys.stop_of_number(number.number, PERSON),
        "suppression": keys.stop_of_account(number.account_id, PERSON),
    }
    assert heard == {expected[how]}

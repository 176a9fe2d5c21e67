"""Slots: what is given back is not in use, whatever is started while the sender asks."""

from __future__ import annotations

import asyncio

import pytest

from broadcast.core.redis import connect_async
from messaging.engine.sender import Sender
from messaging.engine.slots import give_slot, take_slot
from messaging.engine.window import Window
from messaging.models import PhoneNumber
from messaging.services.gateways import status_url

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

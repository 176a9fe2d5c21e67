"""A sender's run ends."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from integrations.simulator.process import SimulatorProcess
from messaging.engine import limits
from messaging.engine.sender import Sender
from messaging.engine.window import Window
from messaging.models import PhoneNumber
from tests.messaging.tools import drain, make_batch, recipients, run_sender, states

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_cancellation_that_the_redis_client_loses_does_not_keep_a_run_from_ending(
    simulator: SimulatorProcess, number: PhoneNumber, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tick = Sender._tick

    async def tick_that_loses_a_cancellation(self: Sender, window: Window) -> None:
        try:
            await tick(self, window)
            await asyncio.sleep(0.2)
        except asyncio.CancelledError:
            return

    monkeypatch.setattr(Sender, "_tick", tick_that_loses_a_cancellation)
    monkeypatch.setattr(limits, "TICK_SECONDS", 0.001)
    batch = make_batch(number, recipients(3))
    started = time.monotonic()

    with caplog.at_level(logging.ERROR):
        run_sender(number, request_timeout_seconds=1.0, run_seconds=3.0)

    assert time.monotonic() - started < 15.0
    assert caplog.text == ""
    drain()
    assert states(batch) == {"accepted": 3}

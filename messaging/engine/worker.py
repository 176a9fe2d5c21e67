"""The workers: one a request slot; each sends the next staged message the moment its last request was answered."""

from __future__ import annotations

import logging
import math
import time

from broadcast.core.redis import RedisAway
from integrations.http.pyreqwest_driver import PyreqwestDriver
from integrations.http.values import TransportFailure
from integrations.sms.contract import SendResult, SmsAdapter
from integrations.sms.errors import ErrorKind, SendError
from messaging.engine import keys, limits
from messaging.engine.lanes import Staged
from messaging.engine.stager import is_stopped, stop_members, suppress
from messaging.engine.window import Window

logger = logging.getLogger(__name__)


class Worker:
    """One slot.

    Args:
        window: the sender's.
        adapter: the gateway's.
        driver: carries requests.
        index: from 0; a worker at or above the window's target rests.
    """

    def __init__(self, window: Window, adapter: SmsAdapter, driver: PyreqwestDriver, index: int) -> None:
        self.window = window
        self.adapter = adapter
        self.driver = driver
        self.index = index

    async def run(self) -> None:
        """One slot: take a staged message, send it, settle it, again."""
        window = self.window
        queue, loop, index = window.queue, window.loop, self.index
        while True:
            if index >= window.target or loop.time() > window.slots_until or window.backoff_until > loop.time():
                if window.draining.is_set():
                    return
                await window.wait_for(window.granted, limits.TICK_SECONDS / 5)
                continue
            item = await queue.get()
            if item is None:
                return
            if self._is_doubtful(item) and not await self._check_again(item):
                continue
            # Nothing is awaited from here until the request is handed over: whoever stood still while waiting for Redis
            # has lost its slots to others.
            now = loop.time()
            if index >= window.target or now > window.slots_until or window.backoff_until > now:
                window.take_back(item)
                continue
            if queue.qsize() < window.low_water:
                window.hungry.set()
            result = await self._send(item)
            self._settle(item, result)

    def _is_doubtful(self, item: Staged) -> bool:
        """Whether the person may have opted out since opt-outs were looked at."""
        window = self.window
        if window.loop.time() - item.checked_at > limits.STALE_CHECK_SECONDS:
            return True
        return bool(window.heard) and not window.heard.isdisjoint(stop_members([item]))

    async def _check_again(self, item: Staged) -> bool:
        """Look at opt-outs once more; False when the message must not leave."""
        window = self.window
        try:
            stops = await window.redis.zmscore(keys.STOPS, stop_members([item]))
        except RedisAway as error:
            window.take_back(item)
            window.redis_away(error)
            return False
        if is_stopped(item, stops, 0):
            try:
                await suppress(window, item.lane, [item])
            except RedisAway as error:
                window.redis_away(error)
            return False
        if window.draining.is_set():
            window.take_back(item)
            return False
        item.checked_at = window.loop.time()
        return True

    async def _send(self, item: Staged) -> SendResult:
        window = self.window
        messages = [item.sms]
        window.in_flight += 1
        try:
            request = self.adapter.build_send(messages)
            try:
                reply = await self.driver.send(request)
            except TransportFailure as failure:
                return self.adapter.failed_send(messages, failure)[0]
            return self.adapter.parse_send(messages, reply)[0]
        except Exception:  # a fault of ours must not look like a message that never left
            logger.exception("Sending message %s failed in our own code", item.sms.id)
            error = SendError(ErrorKind.UNKNOWN, "internal", "A fault of ours; its log says more. It may have left.")
            return SendResult(item.sms.id, error=error)
        finally:
            window.in_flight -= 1

    def _settle(self, item: Staged, result: SendResult) -> None:
        """Record a result, or take back what the provider never had."""
        window = self.window
        error = result.error
        if error is None:
            window.failures = 0
        elif error.kind in (ErrorKind.THROTTLED, ErrorKind.NOT_SENT):
            window.take_back(item)
            if error.stops_gateway:
                window.stop_error = error
                window.end()
            elif error.stops_number:
                window.stopped_numbers[item.lane.number.pk] = error
                item.lane.next_at = math.inf
                window.end()
            else:
                window.back_off(error)
            return
        window.sent += 1
        window.flusher.add(item, result, time.time())

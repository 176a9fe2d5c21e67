"""What the coroutines of one sender share: the lanes, the staged messages, the slots, and whether the run goes on."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import close_old_connections, connections

from broadcast.core.redis import AsyncClient
from integrations.sms.errors import SendError
from messaging.engine import limits
from messaging.engine.backoff import backoff_seconds
from messaging.engine.flusher import Flusher
from messaging.engine.lanes import Lane, Staged
from messaging.engine.scripts import Scripts

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Window:
    """The sliding window of one sender; made inside its event loop.

    Args:
        client: the sender's Redis.
        gateway_id: its gateway.
        limit: the gateway's request slots.
    """

    def __init__(self, client: AsyncClient, gateway_id: int, limit: int) -> None:
        self.redis = client
        self.scripts = Scripts(client)
        self.gateway_id = gateway_id
        self.limit = limit
        self.group = min(limits.GROUP, limit)
        # Few wait in front of the slots, so that little time passes between the look at opt-outs and the request.
        self.low_water = max(1, self.group // 2)
        self.loop = asyncio.get_running_loop()
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="sender-db")
        self.flusher = Flusher(client, gateway_id, self.in_thread, self.redis_away, self.lane_over)
        self.lanes: list[Lane] = []
        #: Staged messages; None tells a worker to end.
        self.queue: asyncio.Queue[Staged | None] = asyncio.Queue()
        self.draining = asyncio.Event()
        self.hungry = asyncio.Event()
        self.granted = asyncio.Event()
        #: Opt-outs that were told of since the run began, as members of ``STOPS``.
        self.heard: set[str] = set()
        #: Requests that may be started up to, in flight, and until when (event loop time).
        self.target = 0
        self.in_flight = 0
        self.slots_until = 0.0
        #: Nothing is started before this event loop time.
        self.backoff_until = 0.0
        self.failures = 0
        self.sent = 0
        self.work_left = False
        self.stop_error: SendError | None = None
        self.stopped_numbers: dict[int, SendError] = {}

    def end(self, *, work_left: bool = False) -> None:
        """End the run: nothing new is taken, what is in flight is waited for, the rest is given back."""
        self.work_left = self.work_left or work_left
        self.draining.set()

    def redis_away(self, error: BaseException) -> None:
        """Redis cannot be reached: end the run, and say so once."""
        if not self.draining.is_set():
            logger.warning("Redis went away; gateway %s stops until it is back: %s", self.gateway_id, error)
        self.end()

    def lane_over(self, lane: Lane) -> None:
        """Nothing is left of a lane."""
        if lane in self.lanes:
            self.lanes.remove(lane)

    async def in_thread(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        """Run database work beside the event loop, on one connection."""

        def call() -> T:
            close_old_connections()
            return function(*args, **options)

        return await self.loop.run_in_executor(self.executor, call)

    def close(self) -> None:
        """End the database's thread and its connection."""
        self.executor.submit(connections.close_all)
        self.executor.shutdown()

    async def wait_for(self, event: asyncio.Event, seconds: float) -> None:
        """Wait for an event, but not for long."""
        event.clear()
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return

    def take_back(self, item: Staged) -> None:
        """A staged message has not left after all: it waits in front of its lane again."""
        item.lane.waiting.appendleft(item)
        self.flusher.unmark(item)

    def unstage(self, lanes: list[Lane] | None = None) -> None:
        """Take staged messages back, all of them or those of some lanes."""
        kept: deque[Staged | None] = deque()
        while not self.queue.empty():
            item = self.queue.get_nowait()
            if item is not None and (lanes is None or item.lane in lanes):
                self.take_back(item)
            else:
                kept.append(item)
        for item in kept:
            self.queue.put_nowait(item)

    def back_off(self, error: SendError) -> None:
        """Leave the provider alone for a while; requests that were in flight together count as one failure."""
        now = self.loop.time()
        if now < self.backoff_until:
            return
        self.failures += 1
        seconds = backoff_seconds(self.failures, retry_after=error.retry_after_seconds)
        self.backoff_until = now + seconds
        self.flusher.backoff_milliseconds = int(seconds * 1000)
        logger.warning("Gateway %s: %s Waiting %.1f s.", self.gateway_id, error.text, seconds)

"""What the coroutines of one sender share: the lanes, the staged messages, the slots, and whether the run goes on."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import close_old_connections, connections

from broadcast.core.redis import AsyncClient
from integrations.sms.errors import SendError
from messaging.engine import keys, limits
from messaging.engine.backoff import backoff_seconds
from messaging.engine.circuit import Circuit
from messaging.engine.flusher import Flusher
from messaging.engine.lanes import Lane, Staged
from messaging.engine.queueing import StagedQueue
from messaging.engine.rejections import Rejections
from messaging.engine.scripts import Scripts

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Told of a batch (its id) that too many of are refused, with a text for a person.
OnRejections = Callable[[int, str], None]
#: Told of a gateway (its id) that it does not answer, again and again.
OnSilence = Callable[[int], object]


class Window:
    """The sliding window of one sender; made inside its event loop.

    Args:
        client: the sender's Redis.
        gateway_id: its gateway.
        limit: the gateway's request slots.
        bulk: most messages that one request carries.
        on_rejections: called beside the event loop.
        on_silence: likewise.
    """

    def __init__(
        self,
        client: AsyncClient,
        gateway_id: int,
        limit: int,
        *,
        bulk: int = 1,
        on_rejections: OnRejections = lambda _batch_id, _text: None,
        on_silence: OnSilence = lambda _gateway_id: None,
    ) -> None:
        self.redis = client
        self.scripts = Scripts(client)
        self.gateway_id = gateway_id
        self.limit = limit
        self.bulk = bulk
        self.group = max(bulk, min(limits.GROUP, limit))
        #: Messages held in advance.
        self.prefetch = max(limits.PREFETCH, limits.BULK_PREFETCH * bulk)
        # Few wait in front of the slots, so that little time passes between the look at opt-outs and the request.
        self.low_water = max(1, self.group // 2)
        self.loop = asyncio.get_running_loop()
        # Where one request carries many, the next claim is under way while the last one's texts are made.
        self.feeders = 2 if bulk > 1 else 1
        self.executors = [
            ThreadPoolExecutor(1, thread_name_prefix=f"sender-db-{place}") for place in range(self.feeders)
        ]
        self.circuit = Circuit()
        self.flusher = Flusher(
            client, gateway_id, self.in_thread, self.redis_away, self.lane_over, self.circuit, self.scripts
        )
        self.lanes: list[Lane] = []
        self.queue = StagedQueue()
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
        self.throttled = 0
        self.on_rejections = on_rejections
        self.on_silence = on_silence
        self._silence_told_at = 0.0
        self._rejections: dict[int, Rejections] = {}
        #: What runs beside the coroutines until the run ends.
        self.errands: set[asyncio.Task[None]] = set()
        self.sent = 0
        self.work_left = False
        #: Everything is given back; there is nothing to renew any more.
        self.is_over = False
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

    def may_start(self, index: int) -> bool:
        """Whether the worker of this index, from 0, may start a request now."""
        now = self.loop.time()
        if index >= self.target or now > self.slots_until or self.backoff_until > now:
            return False
        # The target went down while a worker above it waits for its reply: that request has one of these slots.
        if self.in_flight >= self.target:
            return False
        limit = self.circuit.limit()
        return limit is None or self.in_flight < limit

    def lane_over(self, lane: Lane) -> None:
        """Nothing is left of a lane."""
        if lane in self.lanes:
            self.lanes.remove(lane)

    async def in_thread(self, function: Callable[..., T], *args: Any, feeder: int = 0, **options: Any) -> T:
        """Run database work beside the event loop, on a feeder's own connection."""

        def call() -> T:
            close_old_connections()
            return function(*args, **options)

        return await self.loop.run_in_executor(self.executors[feeder], call)

    def close(self) -> None:
        """End the database's threads and their connections."""
        for executor in self.executors:
            executor.submit(connections.close_all)
            executor.shutdown()

    async def wait_for(self, event: asyncio.Event, seconds: float) -> None:
        """Wait for an event, but not for long."""
        event.clear()
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return

    def take_back(self, items: list[Staged]) -> None:
        """Staged messages have not left after all: they wait in front of their lanes again."""
        for item in reversed(items):
            item.lane.waiting.appendleft(item)
            if item.lane.journal is not None:
                item.lane.journal.back(item.sms.id)
            self.flusher.unmark(item)

    def unstage(self, lanes: list[Lane] | None = None) -> None:
        """Take staged messages back, all of them or those of some lanes."""
        kept: deque[Staged | None] = deque()
        taken: list[Staged] = []
        while not self.queue.empty():
            item = self.queue.get_nowait()
            if item is not None and (lanes is None or item.lane in lanes):
                taken.append(item)
            else:
                kept.append(item)
        self.take_back(taken)
        for item in kept:
            self.queue.put_nowait(item)

    def back_off(self, error: SendError) -> None:
        """Leave the provider alone for a while; requests that were in flight together count as one failure."""
        now = self.loop.time()
        if now < self.backoff_until:
            return
        self.throttled += 1
        seconds = backoff_seconds(self.throttled, retry_after=error.retry_after_seconds)
        self.backoff_until = now + seconds
        self.flusher.backoff_milliseconds = int(seconds * 1000)
        logger.warning("Gateway %s: %s Waiting %.1f s.", self.gateway_id, error.text, seconds)

    def answered(self) -> None:
        """The provider answered, whatever it said."""
        self.throttled = 0
        self.circuit.answered()

    def no_answer(self, error: SendError) -> None:
        """A request had no answer, or that of a broken server."""
        if self.circuit.failed(error.text):
            logger.error("Gateway %s is down, its circuit opens: %s", self.gateway_id, error.text)

    def watch(self, lane: Lane, batch_id: int, most_percent: int) -> None:
        """Have a lane's rejections counted with those of its batch's other lanes."""
        known = self._rejections.get(batch_id)
        if known is None or known.most_percent != most_percent or known.is_over:
            # One that was over and is claimed again was resumed by a person.
            known = self._rejections[batch_id] = Rejections(most_percent)
        lane.rejections = known

    def refused_too_often(self, lane: Lane) -> None:
        """Nothing more of a batch leaves; the layer above is told why."""
        rejections, batch_id = lane.rejections, keys.batch_of(lane.name)
        if rejections is None or batch_id is None:
            return
        logger.error("Batch %s stops: %s", batch_id, rejections.text)
        lanes = [other for other in self.lanes if other.owner == lane.owner]
        for other in lanes:
            other.next_at = math.inf
        self.unstage(lanes)
        errand = asyncio.create_task(self._tell(batch_id, rejections.text))
        self.errands.add(errand)
        errand.add_done_callback(self.errands.discard)

    def silent_for(self) -> float:
        """For how long the gateway has not answered while its circuit is open and nothing is tried, seconds; else 0."""
        circuit = self.circuit
        return max(0.0, circuit.clock() - circuit.since) if circuit.limit() == 0 else 0.0

    def tell_silence(self) -> None:
        """Let the layer above know that the gateway does not answer, unless it was told a moment ago."""
        now = self.loop.time()
        if now - self._silence_told_at < limits.SILENCE_SECONDS:
            return
        self._silence_told_at = now
        errand = asyncio.create_task(self._tell_silence())
        self.errands.add(errand)
        errand.add_done_callback(self.errands.discard)

    async def _tell_silence(self) -> None:
        try:
            await self.in_thread(self.on_silence, self.gateway_id)
        except Exception:
            # It is told again, and the sweeper does the same.
            logger.exception("Nobody could be told that gateway %s is silent", self.gateway_id)

    async def _tell(self, batch_id: int, text: str) -> None:
        try:
            await self.in_thread(self.on_rejections, batch_id, text)
        except Exception:
            # Its lanes stay still until the run ends; the next run counts anew.
            logger.exception("Batch %s could not be paused", batch_id)

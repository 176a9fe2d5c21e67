"""Appends a sender's results to the stream and keeps its leases' marks, in groups."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError

from broadcast.core.redis import AsyncClient, RedisAway
from integrations.sms.contract import SendResult
from messaging.engine import keys, limits, stream
from messaging.engine.circuit import Circuit
from messaging.engine.lanes import Lane, Staged
from messaging.engine.records import write
from messaging.engine.scripts import Scripts
from messaging.engine.unspending import unspend

logger = logging.getLogger(__name__)

#: How often an append is tried when Redis is away, and the seconds between: a restart takes about a second.
ATTEMPTS = 10
WAIT_SECONDS = 0.5
#: A result waits this long at most for others to share its append; the journal of its lease has it at once.
LINGER_SECONDS = 0.025
#: Results in one entry of the stream, give or take.
RESULTS_TOGETHER = 200
#: What is not a result waits this long at most.
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _Answers:
    """Some results of one lane.

    Args:
        lane: whose.
        ids: of which messages.
        packed: see ``stream.pack_results``.
    """

    lane: Lane
    ids: list[int]
    packed: bytes


def _entries(done: list[_Answers]) -> Iterator[list[bytes]]:
    """Packed results, as many together as make a stream's entry."""
    together: list[bytes] = []
    count = 0
    for answers in done:
        together.append(answers.packed)
        count += len(answers.ids)
        if count >= RESULTS_TOGETHER:
            yield together
            together, count = [], 0
    if together:
        yield together


class Flusher:
    """Results on their way to the stream.

    Args:
        client: the sender's.
        gateway_id: the sender's.
        in_thread: runs database work beside the loop.
        redis_away: told when Redis is away.
        lane_over: told of a lane that has nothing left.
        circuit: the gateway's; Redis is told when it changes.
        scripts: of the same client.
    """

    def __init__(
        self,
        client: AsyncClient,
        gateway_id: int,
        in_thread: Callable[..., Awaitable[Any]],
        redis_away: Callable[[BaseException], None],
        lane_over: Callable[[Lane], None],
        circuit: Circuit,
        scripts: Scripts,
    ) -> None:
        self.client = client
        self.gateway_id = gateway_id
        self.in_thread = in_thread
        self.redis_away = redis_away
        self.lane_over = lane_over
        self.circuit = circuit
        self.scripts = scripts
        self.done: list[_Answers] = []
        self.waiting = 0
        self.unmarked: dict[Lane, set[int]] = {}
        self.touched: set[Lane] = set()
        self.backoff_milliseconds = 0
        self.gave_up = False
        self.lock = asyncio.Lock()
        self.some = asyncio.Event()
        self.full = asyncio.Event()
        self.is_ending = False

    def add(self, lane: Lane, results: list[SendResult], at: float) -> None:
        """Results of messages of one lane, with their time in seconds since 1970."""
        for start in range(0, len(results), RESULTS_TOGETHER):
            some = results[start : start + RESULTS_TOGETHER]
            packed = stream.pack_results(some, at)
            # Before its slot sends anything else: a sender killed now has no more open than requests in flight.
            if lane.journal is not None:
                lane.journal.answer(packed)
            self.done.append(_Answers(lane, [result.message_id for result in some], packed))
        self.waiting += len(results)
        self.some.set()
        if self.waiting >= limits.GROUP:
            self.full.set()

    def unmark(self, item: Staged) -> None:
        """This message has not left after all."""
        self.unmarked.setdefault(item.lane, set()).add(item.sms.id)
        self.some.set()

    def end(self) -> None:
        """Have the loop end after a last flush."""
        self.is_ending = True
        self.some.set()
        self.full.set()

    async def loop(self) -> None:
        """Flush when a group is full, or after a moment, until the sender ends."""
        while not self.is_ending:
            await _wait(self.some, LOOK_SECONDS)
            if self.some.is_set():
                await _wait(self.full, LINGER_SECONDS)
            self.some.clear()
            self.full.clear()
            if self.done or self.unmarked or self.touched or self.circuit.changed:
                await self.flush()
        await self.flush()

    async def flush(self) -> None:
        """Append everything there is; if Redis stays away, write it to the database instead.

        Results are kept until one of both has them; only if both are away are they left behind, for the sweeper to find
        in the journals of their leases.
        """
        async with self.lock:
            # Who has waited for Redis once in vain looks only whether it is back: the rows are to be given back soon.
            attempts = 1 if self.gave_up else ATTEMPTS
            for attempt in range(attempts):
                try:
                    await self._flush()
                except RedisAway as error:
                    self.redis_away(error)
                    if attempt + 1 < attempts:
                        await asyncio.sleep(WAIT_SECONDS)
                else:
                    self.gave_up = False
                    return
            self.gave_up = True
            await self._write_down()

    async def _flush(self) -> None:
        done, touched = list(self.done), set(self.touched)
        unmarked = {lane: set(ids) for lane, ids in self.unmarked.items()}
        if not (done or unmarked or touched or self.backoff_milliseconds or self.circuit.changed):
            return
        pipe = self.client.pipeline(transaction=False)
        if done:
            for together in _entries(done):
                pipe.xadd(keys.RESULTS, {keys.FIELD: stream.join(self.gateway_id, together)})
        for lane, ids in unmarked.items():
            pipe.srem(keys.attempted(self.gateway_id, lane.token), *ids)
        if self.backoff_milliseconds:
            pipe.set(keys.backoff(self.gateway_id), 1, px=self.backoff_milliseconds)
        if self.circuit.changed:
            self._tell_circuit(pipe)
        backoff, self.backoff_milliseconds = self.backoff_milliseconds, 0
        circuit, self.circuit.changed = self.circuit.changed, False
        try:
            if pipe.command_stack:
                await pipe.execute()
        except RedisAway:
            self.backoff_milliseconds = self.backoff_milliseconds or backoff
            self.circuit.changed = self.circuit.changed or circuit
            raise
        self._forget(done, unmarked, touched)
        moved = touched | {answers.lane for answers in done}
        for lane in moved:
            if lane.unspent:
                await unspend(self.scripts.unspend, lane)
        over = {lane for lane in moved if not lane.open and not lane.waiting}
        for lane in over:
            await self.drop_lease(lane.token)
            self.lane_over(lane)

    def _tell_circuit(self, pipe: Any) -> None:
        key = keys.circuit(self.gateway_id)
        if self.circuit.is_open:
            pipe.hset(key, mapping=self.circuit.shared())
            pipe.expire(key, self.circuit.seconds_kept())
        else:
            pipe.delete(key)

    def _forget(self, done: list[_Answers], unmarked: dict[Lane, set[int]], touched: set[Lane]) -> None:
        del self.done[: len(done)]
        for answers in done:
            answers.lane.open.difference_update(answers.ids)
            self.waiting -= len(answers.ids)
        for lane, ids in unmarked.items():
            left = self.unmarked[lane]
            left -= ids
            if not left:
                del self.unmarked[lane]
        self.touched -= touched

    async def drop_lease(self, token: str) -> None:
        """Forget a lease of which nothing is left."""
        await (
            self.client.pipeline(transaction=False)
            .delete(keys.lease(self.gateway_id, token), keys.attempted(self.gateway_id, token))
            .zrem(keys.leases(self.gateway_id), token)
            .execute()
        )

    async def _write_down(self) -> None:
        done = list(self.done)
        if not done:
            return
        data = stream.join(self.gateway_id, (answers.packed for answers in done))
        try:
            await self.in_thread(write, stream.unpack(data))
        except DatabaseError as error:
            logger.error(
                "Redis and the database are away: %s results are left to the sweeper, in the journals of their leases: %s",
                sum(len(answers.ids) for answers in done),
                error,
            )
        self._forget(done, {}, set())


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return

"""Group commit: webhooks that arrive together share one append, and are answered when Redis has it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import orjson
import redis

from broadcast.core.redis import AsyncClient
from messaging.engine.keys import FIELD, STOPPED, STOPS

#: Most events of one stream entry ...
GROUP = 200
#: ... and about how much they may hold, in characters, unless a single one holds more: a recorder reads many entries at once.
GROUP_CHARACTERS = 1024 * 1024
#: An append that takes longer is given up: the provider is told to try again.
TIMEOUT_SECONDS = 5.0


@dataclass(slots=True)
class Event:
    """A webhook to append.

    Args:
        stream: where it goes.
        data: what is stored.
        stops: opt-out marks that are set with it.
    """

    stream: str
    data: dict[str, Any]
    stops: tuple[str, ...] = ()


class GroupCommit:
    """Appends events; one append is under way at a time, and what arrives meanwhile goes with the next.

    Made inside the event loop that it works in: asking for the running loop is a system call each time.
    """

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self.loop = asyncio.get_running_loop()
        self.waiting: list[tuple[Event, asyncio.Future[None]]] = []
        self.task: asyncio.Task[None] | None = None

    async def store(self, event: Event) -> None:
        """Append an event; returns when Redis has it.

        Raises:
            redis.RedisError: it was not stored, or it is not known whether it was.
            TimeoutError: the same.
        """
        stored = self.loop.create_future()
        self.waiting.append((event, stored))
        if self.task is None or self.task.done():
            self.task = self.loop.create_task(self._run())
        await stored

    async def _run(self) -> None:
        while self.waiting:
            size = _group_size(self.waiting)
            group, self.waiting = self.waiting[:size], self.waiting[size:]
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    await self._append([event for event, _ in group])
            except (redis.RedisError, OSError, TimeoutError) as error:
                for _, stored in group:
                    if not stored.done():
                        stored.set_exception(error)
            else:
                for _, stored in group:
                    if not stored.done():
                        stored.set_result(None)

    async def _append(self, group: list[Event]) -> None:
        streams: dict[str, list[dict[str, Any]]] = {}
        stops: dict[str, float] = {}
        for event in group:
            streams.setdefault(event.stream, []).append(event.data)
            stops.update(dict.fromkeys(event.stops, time.time()))
        pipe = self.client.pipeline(transaction=False)
        # The marks first: if only half arrives, somebody is written to less, never more.
        if stops:
            pipe.zadd(STOPS, stops)
            for member in stops:
                pipe.publish(STOPPED, member)
        for stream, events in streams.items():
            pipe.xadd(stream, {FIELD: orjson.dumps(events)})
        await pipe.execute()


def _group_size(waiting: list[tuple[Event, asyncio.Future[None]]]) -> int:
    """How many of the waiting events go into the next entry; at least one."""
    characters = 0
    for size, (event, _) in enumerate(waiting[:GROUP]):
        characters += len(event.data.get("b", ""))
        if characters > GROUP_CHARACTERS:
            return max(size, 1)
    return min(len(waiting), GROUP)

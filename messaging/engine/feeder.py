"""The feeder: takes chunks of ids under leases, claims their rows and makes lanes of them, ahead of the slots."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time

from django.db import DatabaseError

from broadcast.core.redis import RedisAway
from messaging.engine import claims, keys, limits
from messaging.engine.journal import Journal
from messaging.engine.lanes import Lane, make_lane, waiting_by_queue
from messaging.engine.launch import most_in_hand
from messaging.engine.window import Window

logger = logging.getLogger(__name__)

#: Seconds between two looks when nothing is to be taken, with empty hands and while something is still going out.
LOOK_SECONDS = 0.02
BUSY_LOOK_SECONDS = 0.05
#: A batch's text and a number's pace are read this often at most.
ORIGIN_SECONDS = 0.5


class Feeder:
    """Keeps a window fed.

    Args:
        window: the sender's.
        status_url: where the provider reports, without the message's id at its end.
        place: which of the window's feeders it is, from 0.
    """

    def __init__(self, window: Window, status_url: str, place: int = 0) -> None:
        self.window = window
        self.place = place
        self.status_url = status_url
        self.singles_at = 0.0
        self._seen = (0.0, 0)
        self._origins: dict[str, claims.Origin | None] = {}
        self._origins_at = 0.0

    async def run(self) -> None:
        """Feed until the run ends; end it when nothing has been there to send for a while."""
        window = self.window
        idle_since: float | None = None
        while not window.draining.is_set():
            counts = waiting_by_queue(window.lanes)
            now = window.loop.time()
            ready = sum(len(lane.waiting) for lane in window.lanes if lane.next_at <= now + limits.TICK_SECONDS)
            if window.backoff_until > now or window.circuit.limit() == 0 or self._is_trying(now):
                await asyncio.sleep(LOOK_SECONDS)
                continue
            # With enough in hand only single messages are taken: they wait for nobody's campaign.
            singles_only = ready >= window.prefetch
            if singles_only and now < self.singles_at:
                await asyncio.sleep(self._lasts(now, ready))
                continue
            self.singles_at = now + limits.SINGLES_SECONDS
            full = {
                lane.name
                for lane in window.lanes
                if counts[lane.name]
                >= (1 if window.circuit.is_open else min(window.prefetch, most_in_hand(lane.number)))
            }
            try:
                taken = await self._take(full, rings=1 if singles_only else 2)
            except RedisAway as error:
                window.redis_away(error)
                return
            if taken:
                idle_since = None
                window.hungry.set()
                continue
            if window.lanes or window.in_flight:
                idle_since = None
                await asyncio.sleep(BUSY_LOOK_SECONDS)
                continue
            if idle_since is None:
                idle_since = now
            elif now - idle_since > limits.IDLE_SECONDS:
                window.end()
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _is_trying(self, now: float) -> bool:
        """Whether the circuit is open and its one request is in hand, or another feeder's to find."""
        window = self.window
        if not window.circuit.is_open:
            return False
        # A lane lasts until it is answered, so also between a request and its repetition. One that waits for its number's pace
        # keeps no other number from trying.
        soon = now + limits.TICK_SECONDS
        return bool(self.place or window.in_flight) or any(lane.next_at <= soon for lane in window.lanes)

    def _lasts(self, now: float, ready: int) -> float:
        """How long to leave the window alone: until half of what is in hand has left, at the rate of late."""
        sent, (last_at, last_sent) = self.window.sent, self._seen
        rate = (sent - last_sent) / max(now - last_at, 0.001)
        self._seen = (now, sent)
        return min(limits.SINGLES_SECONDS, max(LOOK_SECONDS / 2, (ready - self.window.prefetch / 2) / max(rate, 1.0)))

    async def _take(self, excluded: set[str], *, rings: int) -> bool:
        """Take one chunk and claim it; False when there is none.

        Args:
            excluded: queues of which there is enough in hand.
            rings: 1 for single messages alone, 2 for batches too.
        """
        window = self.window
        token = secrets.token_hex(8)
        # With nothing in hand the slots are empty: a small chunk is claimed sooner.
        most = limits.PREFETCH if window.lanes or self.place else limits.FIRST_CHUNK
        if window.circuit.is_open:
            # One request is tried; all else is left to whoever may stand in for this gateway.
            most = window.bulk
        gateway_id = window.gateway_id
        reply = await window.scripts.take(
            keys=[
                keys.ring(gateway_id, keys.PRIORITY_SINGLE),
                keys.ring(gateway_id, keys.PRIORITY_BATCH),
                keys.chunks(gateway_id),
                keys.held(gateway_id),
                keys.leases(gateway_id),
            ],
            args=[keys.prefix(gateway_id), token, limits.LEASE_MILLISECONDS, most, rings, *excluded],
        )
        if not reply:
            return False
        name, ids = reply[0].decode(), [int(value) for value in reply[1:]]
        try:
            lane = await window.in_thread(self._claim, name, ids, token, feeder=self.place)
        except DatabaseError as error:
            # The lease stays: nothing of it has left, so the sweeper puts it back when it expires.
            logger.warning("The database is away; gateway %s stops until it is back: %s", gateway_id, error)
            window.end()
            return False
        if lane is not None and lane.open:
            self._add(lane)
        else:
            await window.flusher.drop_lease(token)
        return True

    def _add(self, lane: Lane) -> None:
        window = self.window
        batch = lane.batch
        if batch is not None and batch.max_rejected_percent:
            window.watch(lane, batch.pk, batch.max_rejected_percent)
        window.lanes.append(lane)

    def _origin(self, name: str) -> claims.Origin | None:
        """Where a queue's messages come from, as it was a moment ago at most."""
        now = time.monotonic()
        if now - self._origins_at > ORIGIN_SECONDS:
            self._origins, self._origins_at = {}, now
        if name not in self._origins:
            self._origins[name] = claims.find_origin(name)
        return self._origins[name]

    def _claim(self, name: str, ids: list[int], token: str) -> Lane | None:
        journal = Journal.create(token, ids)
        origin = self._origin(name)
        # A number that has gone to another gateway since is not ours to send from.
        if origin is None or origin.number.gateway_id != self.window.gateway_id:
            return None
        claim = claims.claim(queue_name=name, ids=ids, token=token, origin=origin)
        if not claim.messages:
            return None
        lane, problems = make_lane(name=name, token=token, claim=claim, status_url=self.status_url)
        lane.journal = journal
        if problems:
            claims.fail(problems=problems, token=token)
        return lane

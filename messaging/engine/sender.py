"""The sender: keeps a gateway's request slots full until its time is up or there is nothing left to send.

One event loop, five kinds of coroutines: a *ticker* renews slots and leases, a *feeder* takes ids and claims their rows, a
*stager* paces, marks and checks opt-outs in groups, one *worker* a slot sends, a *flusher* appends results to the stream.
The window slides over chunks and batches: a slot is refilled the moment its request is answered.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from django.db import DatabaseError, close_old_connections, connections

from broadcast.core.redis import RedisAway, connect_async
from integrations.http.pyreqwest_driver import PyreqwestDriver
from integrations.http.values import TransportFailure
from integrations.models import Gateway
from integrations.sms.contract import SendResult
from integrations.sms.errors import ErrorKind, SendError
from messaging.engine import claims, keys, limits
from messaging.engine.backoff import backoff_seconds
from messaging.engine.flusher import Flusher
from messaging.engine.lanes import Lane, Staged, make_lane, waiting_by_queue
from messaging.engine.launch import chunk_ids
from messaging.engine.pacing import pace_arguments
from messaging.engine.scripts import Scripts
from messaging.engine.seats import Seat
from messaging.engine.slots import leave_slots, slot_keys

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Sender:
    """One run of one gateway's sender.

    Args:
        gateway: enabled, with credentials.
        status_url: where the provider reports, without the message's id at its end.
        request_timeout_seconds: until a provider's answer is given up.
        run_seconds: after this long it gives back what it holds.
        seat: renewed while running; without it the run ends.
        stopping: asked each tick; True ends the run.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        status_url: str,
        request_timeout_seconds: float = 10.0,
        run_seconds: float = limits.RUN_SECONDS,
        seat: Seat | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.gateway_id: int = gateway.pk
        self.adapter = gateway.adapter
        self.limit: int = gateway.concurrency
        self.group = min(limits.GROUP, self.limit)
        # Few wait in front of the slots, so that little time passes between the look at opt-outs and the request.
        self.low_water = max(1, self.group // 2)
        self.status_url = status_url
        self.request_timeout_seconds = request_timeout_seconds
        self.run_seconds = run_seconds
        self.seat = seat
        self.stopping = stopping
        self.holder = secrets.token_hex(8)
        self.lanes: list[Lane] = []
        self.queue: asyncio.Queue[Staged | None] = asyncio.Queue()
        self.draining = asyncio.Event()
        self.hungry = asyncio.Event()
        self.granted = asyncio.Event()
        self.target = 0
        self.in_flight = 0
        self.sent = 0
        self.slots_until = 0.0
        self.backoff_until = 0.0
        self.failures = 0
        self.stop_error: SendError | None = None
        self.stopped_numbers: dict[int, SendError] = {}
        self.work_left = False

    # The run

    async def run(self) -> bool:
        """Send until time is up or nothing is left; True when there is work left for another run."""
        self.loop = asyncio.get_running_loop()
        self.redis = connect_async()
        self.scripts = Scripts(self.redis)
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="sender-db")
        self.flusher = Flusher(self.redis, self.gateway_id, self._in_thread, self._redis_away, self._lane_over)
        try:
            async with PyreqwestDriver(
                connections=self.limit,
                timeout_seconds=self.request_timeout_seconds,
                connect_timeout_seconds=min(5.0, self.request_timeout_seconds),
            ) as driver:
                self.driver = driver
                await self._run()
        finally:
            await self.redis.aclose()
            self.executor.submit(connections.close_all)
            self.executor.shutdown()
        return self.work_left

    async def _run(self) -> None:
        try:
            await self._tick()
        except RedisAway as error:
            logger.warning("Redis is away, nothing is sent through gateway %s: %s", self.gateway_id, error)
            return
        end = self.loop.call_later(self.run_seconds, self._time_is_up)
        helpers = [asyncio.create_task(self._guard(job())) for job in (self._keep_ticking, self._feed, self._stage)]
        flushing = asyncio.create_task(self.flusher.loop())
        workers = [asyncio.create_task(self._guard(self._work(index))) for index in range(self.limit)]
        await self.draining.wait()
        end.cancel()
        # They end by themselves: a claim that is under way must become a lane, so that it can be given back.
        self.hungry.set()
        await asyncio.gather(*helpers[1:])
        self._unstage()
        for _ in workers:
            self.queue.put_nowait(None)
        self.granted.set()
        await asyncio.gather(*workers)
        self.flusher.ending.set()
        await flushing
        await self._give_back()
        helpers[0].cancel()
        await asyncio.gather(helpers[0], return_exceptions=True)
        await self._leave()

    async def _guard(self, job: Coroutine[Any, Any, None]) -> None:
        """Run one of the coroutines; a fault of ours ends the run instead of leaving it lame."""
        try:
            await job
        except Exception:
            logger.exception("A sender of gateway %s ends its run early: a fault of ours", self.gateway_id)
            self.work_left = True
            self.draining.set()

    def _time_is_up(self) -> None:
        self.work_left = True
        self.draining.set()

    def _redis_away(self, error: BaseException) -> None:
        if not self.draining.is_set():
            logger.warning("Redis went away; gateway %s stops until it is back: %s", self.gateway_id, error)
        self.draining.set()

    def _lane_over(self, lane: Lane) -> None:
        if lane in self.lanes:
            self.lanes.remove(lane)

    async def _in_thread(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        """Run database work beside the event loop, on one connection."""

        def call() -> T:
            close_old_connections()
            return function(*args, **options)

        return await self.loop.run_in_executor(self.executor, call)

    # Ticker

    async def _keep_ticking(self) -> None:
        while True:
            await asyncio.sleep(limits.TICK_SECONDS)
            try:
                await self._tick()
            except RedisAway as error:
                self._redis_away(error)

    async def _tick(self) -> None:
        """Renew slots and leases, see what is paused, and whether to go on."""
        started = self.loop.time()
        want = 0 if self.draining.is_set() else self.limit
        _, self.target = await self.scripts.renew(
            keys=slot_keys(self.gateway_id),
            args=[
                self.holder,
                self.limit,
                want,
                self.in_flight,
                limits.slot_milliseconds(),
                limits.LEASE_MILLISECONDS,
                *(lane.token for lane in self.lanes),
            ],
        )
        # After this moment a request could outlive the slot it was sent in.
        self.slots_until = started + limits.SLOT_GRACE_MILLISECONDS / 1000
        self.granted.set()
        held, backoff = (
            await self.redis.pipeline(transaction=False)
            .smembers(keys.held(self.gateway_id))
            .pttl(keys.backoff(self.gateway_id))
            .execute()
        )
        if backoff > 0:
            self.backoff_until = max(self.backoff_until, self.loop.time() + backoff / 1000)
        if held:
            await self._drop({name.decode() for name in held})
        if self.stopping() or (self.seat is not None and not await asyncio.to_thread(self.seat.renew)):
            self.work_left = True
            self.draining.set()

    async def _drop(self, held: set[str]) -> None:
        """Give back what belongs to queues that were paused or cancelled."""
        lanes = [lane for lane in self.lanes if lane.name in held]
        if not lanes:
            return
        self._unstage(lanes)
        for lane in lanes:
            await self._release(lane, requeue=False)

    # Feeder

    async def _feed(self) -> None:
        idle_since: float | None = None
        while not self.draining.is_set():
            counts = waiting_by_queue(self.lanes)
            now = self.loop.time()
            ready = sum(len(lane.waiting) for lane in self.lanes if lane.next_at <= now + limits.TICK_SECONDS)
            if ready >= limits.PREFETCH or self.backoff_until > now:
                await asyncio.sleep(0.01)
                continue
            full = {
                lane.name for lane in self.lanes if counts[lane.name] >= min(limits.PREFETCH, chunk_ids(lane.number))
            }
            try:
                taken = await self._take(full)
            except RedisAway as error:
                self._redis_away(error)
                return
            if taken:
                idle_since = None
                self.hungry.set()
                continue
            if self.lanes or self.in_flight:
                idle_since = None
            elif idle_since is None:
                idle_since = now
            elif now - idle_since > limits.IDLE_SECONDS:
                self.draining.set()
                return
            await asyncio.sleep(0.02)

    async def _take(self, excluded: set[str]) -> bool:
        """Take one chunk and claim it; False when there is none."""
        token = secrets.token_hex(8)
        gateway_id = self.gateway_id
        reply = await self.scripts.take(
            keys=[
                keys.ring(gateway_id, keys.PRIORITY_SINGLE),
                keys.ring(gateway_id, keys.PRIORITY_BATCH),
                keys.chunks(gateway_id),
                keys.held(gateway_id),
                keys.leases(gateway_id),
            ],
            args=[keys.prefix(gateway_id), token, limits.LEASE_MILLISECONDS, limits.PREFETCH, *excluded],
        )
        if not reply:
            return False
        name, ids = reply[0].decode(), [int(value) for value in reply[1:]]
        try:
            lane = await self._in_thread(self._claim, name, ids, token)
        except DatabaseError as error:
            # The lease stays: nothing of it has left, so the sweeper puts it back when it expires.
            logger.warning("The database is away; gateway %s stops until it is back: %s", gateway_id, error)
            self.draining.set()
            return False
        if lane is not None and lane.open:
            self.lanes.append(lane)
        else:
            await self.flusher.drop_lease(token)
        return True

    def _claim(self, name: str, ids: list[int], token: str) -> Lane | None:
        claim = claims.claim(queue_name=name, ids=ids, token=token)
        if not claim.messages:
            return None
        lane, problems = make_lane(name=name, token=token, claim=claim, status_url=self.status_url)
        if problems:
            claims.fail(problems=problems, token=token)
        return lane

    # Stager

    async def _stage(self) -> None:
        turn = 0
        try:
            while not self.draining.is_set():
                now = self.loop.time()
                if self.queue.qsize() >= self.low_water or self.backoff_until > now:
                    await self._wait_hungry(max(0.02, min(0.2, self.backoff_until - now)))
                    continue
                ready = [lane for lane in self.lanes if lane.waiting and lane.next_at <= now]
                if not ready:
                    soonest = min((lane.next_at for lane in self.lanes if lane.waiting), default=now + 0.02)
                    await self._wait_hungry(max(0.001, min(0.02, soonest - now)))
                    continue
                turn += 1
                await self._stage_group(ready[turn % len(ready)])
        except RedisAway as error:
            self._redis_away(error)

    async def _wait_hungry(self, seconds: float) -> None:
        self.hungry.clear()
        try:
            async with asyncio.timeout(seconds):
                await self.hungry.wait()
        except TimeoutError:
            return

    async def _stage_group(self, lane: Lane) -> None:
        """Let a group of a lane's messages pass: paced, marked as attempted, without who has opted out."""
        if lane in self.flusher.unmarked:
            # A mark that is being taken away must be gone before the same message is marked again.
            await self.flusher.flush()
        candidates = list(islice(lane.waiting, self.group))
        if not candidates:
            return
        granted, wait = await self.scripts.pace(
            keys=[
                keys.pace(self.gateway_id, lane.number.pk),
                keys.leases(self.gateway_id),
                keys.attempted(self.gateway_id, lane.token),
            ],
            args=[
                lane.token,
                *pace_arguments(lane.number.segments_per_second),
                *(value for item in candidates for value in (item.sms.id, item.segments)),
            ],
        )
        if granted < 0:
            logger.warning("Lease %s expired while this sender stood still; what is left of it goes back", lane.token)
            await self._release(lane, requeue=True)
            return
        now = self.loop.time()
        if granted < len(candidates):
            lane.next_at = now + int(wait) / 1_000_000
        # A pause may have emptied the lane while the script ran, and what was in flight may have come back in front.
        group = [item for item in candidates[:granted] if item in lane.waiting]
        for item in group:
            lane.waiting.remove(item)
        if not group:
            return
        try:
            stops = await self.redis.zmscore(keys.STOPS, _stop_members(group))
        except BaseException:
            lane.waiting.extendleft(reversed(group))
            raise
        checked_at = self.loop.time()
        stopped = [item for index, item in enumerate(group) if _is_stopped(item, stops, index)]
        for item in group:
            if item not in stopped:
                item.checked_at = checked_at
                self.queue.put_nowait(item)
        if stopped:
            await self._suppress(lane, stopped)

    async def _suppress(self, lane: Lane, items: list[Staged]) -> None:
        """Leave out who opted out after their message was claimed."""
        ids = [item.sms.id for item in items]
        # The mark goes first: if we are killed in between, they are queued again and the next claim leaves them out.
        await self.redis.srem(keys.attempted(self.gateway_id, lane.token), *ids)
        try:
            await self._in_thread(claims.suppress_claimed, ids=ids, token=lane.token)
        except DatabaseError as error:
            logger.warning("The database is away while suppressing; the sweeper will see to it: %s", error)
            self.draining.set()
            return
        lane.open.difference_update(ids)
        self.flusher.touched.add(lane)

    def _unstage(self, lanes: list[Lane] | None = None) -> None:
        """Take staged messages that have not left back into their lanes."""
        kept: deque[Staged | None] = deque()
        while not self.queue.empty():
            item = self.queue.get_nowait()
            if item is not None and (lanes is None or item.lane in lanes):
                item.lane.waiting.appendleft(item)
                self.flusher.unmark(item)
            else:
                kept.append(item)
        for item in kept:
            self.queue.put_nowait(item)

    # Workers

    async def _work(self, index: int) -> None:
        """One slot: take a staged message, send it, settle it, again."""
        queue, loop = self.queue, self.loop
        while True:
            if index >= self.target or loop.time() > self.slots_until or self.backoff_until > loop.time():
                if self.draining.is_set():
                    return
                await self._wait_granted()
                continue
            item = await queue.get()
            if item is None:
                return
            now = loop.time()
            if index >= self.target or now > self.slots_until or self.backoff_until > now:
                self._return(item)
                continue
            if now - item.checked_at > limits.STALE_CHECK_SECONDS and not await self._check_again(item):
                continue
            if queue.qsize() < self.low_water:
                self.hungry.set()
            result = await self._send(item)
            self._settle(item, result)

    async def _wait_granted(self) -> None:
        self.granted.clear()
        try:
            async with asyncio.timeout(limits.TICK_SECONDS / 5):
                await self.granted.wait()
        except TimeoutError:
            return

    async def _check_again(self, item: Staged) -> bool:
        """Look at opt-outs once more for a message that waited; False when it must not leave."""
        try:
            stops = await self.redis.zmscore(keys.STOPS, _stop_members([item]))
        except RedisAway as error:
            self._return(item)
            self._redis_away(error)
            return False
        if _is_stopped(item, stops, 0):
            try:
                await self._suppress(item.lane, [item])
            except RedisAway as error:
                self._redis_away(error)
            return False
        if self.draining.is_set():
            self._return(item)
            return False
        item.checked_at = self.loop.time()
        return True

    def _return(self, item: Staged) -> None:
        item.lane.waiting.appendleft(item)
        self.flusher.unmark(item)

    async def _send(self, item: Staged) -> SendResult:
        messages = [item.sms]
        self.in_flight += 1
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
            self.in_flight -= 1

    def _settle(self, item: Staged, result: SendResult) -> None:
        """Record a result, or take back what the provider never had."""
        error = result.error
        if error is None:
            self.failures = 0
        elif error.kind in (ErrorKind.THROTTLED, ErrorKind.NOT_SENT):
            self._return(item)
            if error.stops_gateway:
                self.stop_error = error
                self.draining.set()
            elif error.stops_number:
                self.stopped_numbers[item.lane.number.pk] = error
                item.lane.next_at = math.inf
                self.draining.set()
            else:
                self._back_off(error)
            return
        self.sent += 1
        self.flusher.add(item, result, time.time())

    def _back_off(self, error: SendError) -> None:
        """Leave the provider alone for a while; requests that were in flight together count as one failure."""
        now = self.loop.time()
        if now < self.backoff_until:
            return
        self.failures += 1
        seconds = backoff_seconds(self.failures, retry_after=error.retry_after_seconds)
        self.backoff_until = now + seconds
        self.flusher.backoff_milliseconds = int(seconds * 1000)
        logger.warning("Gateway %s: %s Waiting %.1f s.", self.gateway_id, error.text, seconds)

    # The end

    async def _give_back(self) -> None:
        """Return what has not left: rows first, then Redis."""
        for lane in list(self.lanes):
            if lane.waiting:
                self.work_left = True
            await self._release(lane, requeue=True)

    async def _release(self, lane: Lane, *, requeue: bool) -> None:
        ids = [item.sms.id for item in lane.waiting]
        lane.waiting.clear()
        try:
            await self.flusher.flush()
            released = await self._in_thread(claims.release, ids=ids, token=lane.token)
            lane.open.difference_update(ids)
            if requeue and released:
                await self._put_back(lane, released)
            if not lane.open:
                await self.flusher.drop_lease(lane.token)
                self._lane_over(lane)
        except (*RedisAway, DatabaseError) as error:
            logger.warning("Lease %s is left to the sweeper: %s", lane.token, error)
            self.draining.set()

    async def _put_back(self, lane: Lane, ids: list[int]) -> None:
        priority = keys.PRIORITY_BATCH if lane.name.startswith("b") else keys.PRIORITY_SINGLE
        await self.scripts.put(
            keys=[
                keys.queue(self.gateway_id, lane.name),
                keys.ring(self.gateway_id, priority),
                keys.chunks(self.gateway_id),
            ],
            args=[lane.name, chunk_ids(lane.number), "front", *reversed(ids)],
        )

    async def _leave(self) -> None:
        try:
            await leave_slots(self.redis.pipeline(transaction=False), self.gateway_id, self.holder).execute()
        except RedisAway as error:
            logger.warning("Slots of gateway %s come back when they expire: %s", self.gateway_id, error)


def _stop_members(items: list[Staged]) -> list[str]:
    """Two members a message: its person's opt-out of the number, and of the account."""
    members = []
    for item in items:
        members.append(keys.stop_of_number(item.sms.sender, item.sms.recipient))
        members.append(keys.stop_of_account(item.lane.number.account_id, item.sms.recipient))
    return members


def _is_stopped(item: Staged, scores: list[float | None], index: int) -> bool:
    return not item.is_service and (scores[2 * index] is not None or scores[2 * index + 1] is not None)

"""The workers: one a request slot; each sends the next staged messages the moment its last request was answered."""

from __future__ import annotations

import logging
import math
import time

from broadcast.core.redis import RedisAway
from integrations.http.asyncio_driver import AsyncioDriver
from integrations.http.values import Request, TransportFailure
from integrations.sms.contract import SendResult, SmsAdapter
from integrations.sms.errors import ErrorKind, SendError
from messaging.engine import keys, limits
from messaging.engine.lanes import Lane, Staged
from messaging.engine.repeats import may_repeat
from messaging.engine.stager import stop_arguments, stop_members, stopped_places, suppress
from messaging.engine.unspending import note_unspent
from messaging.engine.window import Window

logger = logging.getLogger(__name__)

#: How many times as many messages are taken as fitted into the last request, to see whether more do.
_MORE = 8


class Worker:
    """One slot.

    Args:
        window: the sender's.
        adapter: the gateway's.
        driver: carries requests.
        index: from 0; a worker at or above the window's target rests.
    """

    def __init__(self, window: Window, adapter: SmsAdapter, driver: AsyncioDriver, index: int) -> None:
        self.window = window
        self.adapter = adapter
        self.driver = driver
        self.index = index
        #: Messages to take for a request at first.
        self._wanted = window.bulk

    async def run(self) -> None:
        """One slot: take staged messages, send them in one request, settle them, again."""
        window = self.window
        queue, index = window.queue, self.index
        while True:
            if not window.may_start(index):
                if window.draining.is_set():
                    return
                await window.wait_for(window.granted, limits.TICK_SECONDS / 5)
                continue
            item = await queue.get()
            if item is None:
                return
            items = self._more(item) if window.bulk > 1 else [item]
            if self._are_doubtful(items):
                items = await self._checked(items)
                if not items:
                    continue
            # Nothing is awaited from here until the request is handed over: whoever stood still while waiting for Redis
            # has lost its slots to others.
            if not window.may_start(index):
                window.take_back(items)
                continue
            items = self._leave(self._in_time(items))
            if not items:
                continue
            if queue.qsize() < window.low_water:
                window.hungry.set()
            results = await self._send(items)
            self._settle(items, results)

    def _more(self, first: Staged) -> list[Staged]:
        """What is staged and fits into one request."""
        items, queue, bulk = [first], self.window.queue, self.window.bulk
        is_ending = False
        while True:
            while len(items) < self._wanted and not (is_ending or queue.empty()):
                item = queue.get_nowait()
                if item is None:
                    queue.put_nowait(None)
                    is_ending = True
                else:
                    items.append(item)
            count = self.adapter.fits([item.sms for item in items])
            if count < len(items) or self._wanted >= bulk or is_ending or queue.empty():
                break
            self._wanted = min(bulk, self._wanted * _MORE)
        if count < len(items):
            queue.put_back(items[count:])
            # Where few go together, taking a thousand to put most of them back would cost more than all the rest.
            self._wanted = min(bulk, count * _MORE)
        return items[:count]

    def _are_doubtful(self, items: list[Staged]) -> bool:
        """Whether somebody may have opted out since opt-outs were looked at."""
        window = self.window
        # What was put back and single messages stand before those that were looked at first.
        checked_at = min(item.checked_at for item in items)
        if window.loop.time() - checked_at > limits.STALE_CHECK_SECONDS:
            return True
        heard = window.heard
        return bool(heard) and any(not heard.isdisjoint(stop_members(item)) for item in items)

    async def _checked(self, items: list[Staged]) -> list[Staged]:
        """Those that may leave, by a look during which nobody else of them has opted out."""
        while items:
            told = self._told(items)
            items = await self._check_again(items)
            if self._told(items) <= told:
                break
        return items

    def _told(self, items: list[Staged]) -> set[str]:
        """Opt-outs that were heard of people in these messages."""
        heard = self.window.heard
        return {member for item in items for member in stop_members(item) if member in heard} if heard else set()

    async def _check_again(self, items: list[Staged]) -> list[Staged]:
        """Look at opt-outs once more; those that may leave."""
        window = self.window
        by_lane: dict[Lane, list[Staged]] = {}
        for item in items:
            by_lane.setdefault(item.lane, []).append(item)
        stopped: list[Staged] = []
        try:
            for some in by_lane.values():
                places = await window.scripts.stopped(keys=[keys.STOPS], args=stop_arguments(some))
                stopped += [some[place] for place in stopped_places(some, places)]
        except RedisAway as error:
            window.take_back(items)
            window.redis_away(error)
            return []
        left = [item for item in items if item not in stopped] if stopped else items
        if window.draining.is_set():
            window.take_back(left)
            left = []
        try:
            for lane in {item.lane for item in stopped}:
                await suppress(window, lane, [item for item in stopped if item.lane is lane])
        except RedisAway as error:
            # Their marks stay; the sweeper sees to them. The others have not left.
            window.take_back(left)
            window.redis_away(error)
            return []
        checked_at = window.loop.time()
        for item in left:
            item.checked_at = checked_at
        return left

    def _in_time(self, items: list[Staged]) -> list[Staged]:
        """Those that may still leave; the others wait in their lane, which is given back at the next tick.

        Usually that has been done already. But whoever stood still has slots again a moment before.
        """
        now = time.time()
        late = [item for item in items if item.lane.expires_at <= now]
        if not late:
            return items
        for lane in {item.lane for item in late}:
            lane.next_at = math.inf
        self.window.take_back(late)
        return [item for item in items if item not in late]

    def _leave(self, items: list[Staged]) -> list[Staged]:
        """Note in the journals that messages are about to leave; those that may."""
        left = [item for item in items if item.lane.journal is None or item.lane.journal.leave(item.sms.id)]
        if len(left) < len(items):
            window = self.window
            logger.warning(
                "A lease of gateway %s was taken apart while this sender stood still; it ends its run",
                window.gateway_id,
            )
            window.take_back([item for item in items if item not in left])
            window.end(work_left=True)
        return left

    async def _send(self, items: list[Staged]) -> list[SendResult]:
        window = self.window
        messages = [item.sms for item in items]
        window.in_flight += 1
        try:
            request = self.adapter.build_send(messages)
            try:
                reply = await self.driver.send(request)
            except TransportFailure as failure:
                results = self.adapter.failed_send(messages, failure)
                if not (failure.request_left and self.adapter.capabilities.idempotent_sends):
                    return results
            else:
                return self.adapter.parse_send(messages, reply)
        except Exception:  # a fault of ours must not look like a message that never left
            logger.exception("Sending messages %s… failed in our own code", items[0].sms.id)
            error = SendError(ErrorKind.UNKNOWN, "internal", "A fault of ours; its log says more. It may have left.")
            return [SendResult(message.id, error=error) for message in messages]
        finally:
            window.in_flight -= 1
        return await self._repeat(items, request, results)

    async def _repeat(self, items: list[Staged], request: Request, results: list[SendResult]) -> list[SendResult]:
        """Send a request once more that got no answer.

        Args:
            items: its messages.
            request: as it was.
            results: what is known without an answer; only what a repetition settles is known better.
        """
        window = self.window
        messages = [item.sms for item in items]
        if not await may_repeat(window, items, self.index):
            return results
        window.in_flight += 1
        try:
            again = self.adapter.parse_send(messages, await self.driver.send(request))
        except TransportFailure:
            return results
        except Exception:  # a fault of ours must not look like a message that never left
            logger.exception("Repeating messages %s… failed in our own code", items[0].sms.id)
            return results
        finally:
            window.in_flight -= 1
        # “Too many requests” and the like speak of the repetition alone: the first request may have arrived. What a broken
        # server says is kept, because nothing is repeated any more that was answered like that.
        return [
            new if new.error is None or new.error.kind in (ErrorKind.REJECTED, ErrorKind.UNKNOWN) else old
            for old, new in zip(results, again, strict=True)
        ]

    def _settle(self, items: list[Staged], results: list[SendResult]) -> None:
        """Record results, and take back what the provider never had."""
        window = self.window
        never_left: list[Staged] = []
        settled: dict[Lane, list[SendResult]] = {}
        stop: tuple[Staged, SendError] | None = None
        silence: SendError | None = None
        answered = False
        for item, result in zip(items, results, strict=True):
            error = result.error
            if error is None or error.kind is ErrorKind.REJECTED:
                answered = True
            elif error.stops_gateway or error.stops_number or error.kind is ErrorKind.THROTTLED:
                stop = stop or (item, error)
            else:
                silence = error
            if error is not None and error.kind in (ErrorKind.THROTTLED, ErrorKind.NOT_SENT):
                never_left.append(item)
                continue
            lane = item.lane
            settled.setdefault(lane, []).append(result)
            if error is not None and error.kind is ErrorKind.REJECTED:
                note_unspent(lane, [item])
            if lane.rejections is not None and lane.rejections.add(_refusal(error)):
                window.refused_too_often(lane)
        now = time.time()
        for lane, some in settled.items():
            window.sent += len(some)
            window.flusher.add(lane, some, now)
        if never_left:
            window.take_back(never_left)
        # Once a request, whatever the number of its messages.
        if stop is not None:
            self._stop(*stop)
        elif answered:
            window.answered()
        elif silence is not None:
            window.no_answer(silence)
            if silence.kind is ErrorKind.NOT_SENT:
                window.back_off(silence)

    def _stop(self, item: Staged, error: SendError) -> None:
        """The provider wants nothing more: for a while, or until a person acts."""
        window = self.window
        window.circuit.answered()
        if error.stops_gateway:
            window.stop_error = error
            window.end()
        elif error.stops_number:
            window.stopped_numbers[item.lane.number.pk] = error
            item.lane.next_at = math.inf
            window.end()
        else:
            window.back_off(error)


def _refusal(error: SendError | None) -> str:
    """What a refusal says; empty for anything else."""
    return f"{error.text} ({error.code})" if error is not None and error.kind is ErrorKind.REJECTED else ""

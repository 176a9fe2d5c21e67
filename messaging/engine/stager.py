"""The stager: lets messages pass in groups, by turns, at their number's pace, without who has opted out."""

from __future__ import annotations

import logging
import math
from itertools import islice

from django.db import DatabaseError
from redis.exceptions import NoScriptError

from broadcast.core.redis import RedisAway
from messaging.engine import claims, keys
from messaging.engine.lanes import Lane, Staged
from messaging.engine.pacing import most_at_once, pace_arguments
from messaging.engine.releases import release
from messaging.engine.spending import within_budget
from messaging.engine.turns import Turns
from messaging.engine.unspending import note_unspent
from messaging.engine.window import Window

logger = logging.getLogger(__name__)

#: Longest wait between two looks at the lanes, seconds.
WAIT_SECONDS = 0.1


class Stager:
    """Stages messages for the workers of a window."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.turns = Turns()

    async def run(self) -> None:
        """Stage until the run ends."""
        window = self.window
        try:
            while not window.draining.is_set():
                now = window.loop.time()
                if window.backoff_until > now:
                    await window.wait_for(window.hungry, max(0.02, min(0.2, window.backoff_until - now)))
                    continue
                # Single messages pass those that are staged already.
                is_full = window.queue.qsize() >= window.low_water
                ready = [
                    lane
                    for lane in window.lanes
                    if lane.waiting and lane.next_at <= now and (lane.is_single or not is_full)
                ]
                if ready:
                    await self._stage_group(self.turns.next(ready))
                    continue
                soonest = min((lane.next_at for lane in window.lanes if lane.waiting), default=math.inf)
                # Whoever makes a lane, or takes from the queue, wakes it before.
                longest = WAIT_SECONDS if is_full else max(0.001, min(WAIT_SECONDS, soonest - now))
                await window.wait_for(window.hungry, longest)
        except RedisAway as error:
            window.redis_away(error)

    async def _stage_group(self, lane: Lane) -> None:
        """Let a group of a lane's messages pass: paced, marked as attempted, without who has opted out."""
        window = self.window
        if lane in window.flusher.unmarked:
            # A mark that is being taken away must be gone before the same message is marked again.
            await window.flusher.flush()
        most = min(window.group, most_at_once(lane.number.segments_per_second))
        candidates = list(islice(lane.waiting, most))
        if candidates and lane.budget is not None:
            candidates = await within_budget(window, lane, lane.budget, candidates)
        if not candidates:
            return
        granted, wait, stops = await self._ask(lane, candidates)
        if granted < 0:
            logger.warning("Lease %s expired while this sender stood still; what is left of it goes back", lane.token)
            await release(window, lane, requeue=True)
            return
        now = window.loop.time()
        if granted < len(candidates):
            lane.next_at = now + wait / 1_000_000
        group = take_from_lane(lane, candidates[:granted])
        stopped = [candidates[place] for place in stops if place < granted]
        if stopped:
            stopped = [item for item in stopped if item in group]
        for item in group:
            if not stopped or item not in stopped:
                item.checked_at = now
                window.queue.put_nowait(item)
        if stopped:
            await suppress(window, lane, stopped)

    async def _ask(self, lane: Lane, candidates: list[Staged]) -> tuple[int, int, list[int]]:
        """In one exchange with Redis: how many may pass, microseconds until the next one may, places of who opted out."""
        window = self.window
        scripts = window.scripts
        keys_of_pace = (
            keys.pace(window.gateway_id, lane.number.pk),
            keys.leases(window.gateway_id),
            keys.attempted(window.gateway_id, lane.token),
        )
        pace = (
            lane.token,
            *pace_arguments(lane.number.segments_per_second),
            ",".join([str(item.sms.id) for item in candidates]),
            ",".join([str(item.segments) for item in candidates]),
        )
        while True:
            pipe = window.redis.pipeline(transaction=False)
            pipe.evalsha(scripts.pace.sha, len(keys_of_pace), *keys_of_pace, *pace)
            pipe.evalsha(scripts.stopped.sha, 1, keys.STOPS, *stop_arguments(candidates))
            replies = await pipe.execute(raise_on_error=False)
            failed = next((reply for reply in replies if isinstance(reply, Exception)), None)
            if failed is None:
                (granted, wait), stops = replies
                return granted, int(wait), stopped_places(candidates, stops)
            if not isinstance(failed, NoScriptError):
                raise failed
            # A new or restarted Redis. What passed, if only the other script was unknown, passes once more.
            await scripts.load()


def take_from_lane(lane: Lane, granted: list[Staged]) -> list[Staged]:
    """Take what may pass out of a lane.

    Usually it still stands in front. But a pause may have emptied the lane while the script ran, and what was in flight may
    have come back in front.
    """
    waiting = lane.waiting
    if all(left is right for left, right in zip(waiting, granted, strict=False)) and len(waiting) >= len(granted):
        for _ in granted:
            waiting.popleft()
        return granted
    group = [item for item in granted if item in waiting]
    for item in group:
        waiting.remove(item)
    return group


async def suppress(window: Window, lane: Lane, items: list[Staged]) -> None:
    """Leave out who opted out after their message was claimed."""
    ids = [item.sms.id for item in items]
    # The mark goes first: if we are killed in between, they are queued again and the next claim leaves them out.
    await window.redis.srem(keys.attempted(window.gateway_id, lane.token), *ids)
    try:
        await window.in_thread(claims.suppress_claimed, ids=ids, token=lane.token)
    except DatabaseError as error:
        logger.warning("The database is away while suppressing; the sweeper will see to it: %s", error)
        window.end()
        return
    lane.open.difference_update(ids)
    note_unspent(lane, items)
    window.flusher.touched.add(lane)


def stop_members(item: Staged) -> tuple[str, ...]:
    """Members of ``STOPS`` that keep a message: its person's opt-out of the number or the account; a campaign's, a doubt too."""
    account_id, recipient = item.lane.number.account_id, item.sms.recipient
    stops = (keys.stop_of_number(item.sms.sender, recipient), keys.stop_of_account(account_id, recipient))
    return stops if item.lane.batch is None else (*stops, keys.hold_of_account(account_id, recipient))


def stop_arguments(items: list[Staged]) -> tuple[str, int, str, int]:
    """Arguments of ``stopped.lua`` for messages of one lane."""
    lane = items[0].lane
    recipients = ",".join([item.sms.recipient for item in items])
    return lane.number.number, lane.number.account_id, recipients, int(lane.batch is not None)


def stopped_places(items: list[Staged], reply: list[int]) -> list[int]:
    """Places of the messages that must not leave, from 0; service messages go to everybody.

    Args:
        items: of one lane.
        reply: what ``stopped.lua`` says of them.
    """
    return [place - 1 for place in reply if not items[place - 1].is_service]

"""Releases: what has not left goes back, rows first, then Redis."""

from __future__ import annotations

import logging
import time

from django.db import DatabaseError

from broadcast.core.redis import RedisAway
from messaging.engine import claims, keys
from messaging.engine.lanes import Lane
from messaging.engine.launch import chunk_ids
from messaging.engine.unspending import note_unspent, unspend
from messaging.engine.window import Window

logger = logging.getLogger(__name__)


async def release_all(window: Window) -> None:
    """Give back all that is left at the end of a run: every row first, which needs no Redis."""
    lanes = list(window.lanes)
    window.work_left = window.work_left or any(lane.waiting for lane in lanes)
    released = [(lane, await _release_rows(window, lane)) for lane in lanes]
    for lane, ids in released:
        if ids is not None:
            await _let_go(window, lane, ids, requeue=True)


async def drop_queues(window: Window, held: set[str]) -> None:
    """Give back what is too late, belongs to batches that were paused or cancelled, or to numbers that a batch has dropped.

    What was paused goes on from the rows.
    """
    now = time.time()
    # A batch is held by its name, one number of it by that of its queue.
    stopped = [lane for lane in window.lanes if lane.owner in held or lane.name in held]
    lanes = stopped + [lane for lane in window.lanes if lane.expires_at <= now and lane not in stopped]
    if not lanes:
        return
    window.unstage(lanes)
    for lane in lanes:
        # What only seems too late, because its batch was resumed a moment ago, is found in its queue again.
        await release(window, lane, requeue=lane not in stopped)


async def give_back(window: Window) -> None:
    """Give back what waits of batches while the gateway is silent, so that another one may take it."""
    lanes = [lane for lane in window.lanes if not lane.is_single]
    if not lanes:
        return
    window.unstage(lanes)
    for lane in lanes:
        if lane.waiting:
            await release(window, lane, requeue=True)


async def release(window: Window, lane: Lane, *, requeue: bool) -> None:
    """Give back what waits in a lane.

    Args:
        window: the sender's.
        lane: one of its lanes.
        requeue: whether the ids go back into their queue.
    """
    ids = await _release_rows(window, lane)
    if ids is not None:
        await _let_go(window, lane, ids, requeue=requeue)


async def _release_rows(window: Window, lane: Lane) -> list[int] | None:
    """Give back the rows of what waits in a lane; the ids that are queued again, None when the database is away."""
    ids = [item.sms.id for item in lane.waiting]
    note_unspent(lane, lane.waiting)
    lane.waiting.clear()
    try:
        released = await window.in_thread(claims.release, ids=ids, token=lane.token)
    except DatabaseError as error:
        logger.warning("Lease %s is left to the sweeper: %s", lane.token, error)
        window.end()
        return None
    lane.open.difference_update(ids)
    return released


async def _let_go(window: Window, lane: Lane, ids: list[int], *, requeue: bool) -> None:
    """Let Redis know what has become of a lane."""
    try:
        await window.flusher.flush()
        await unspend(window.scripts.unspend, lane)
        if requeue and ids:
            await _put_back(window, lane, ids)
        if not lane.open:
            await window.flusher.drop_lease(lane.token)
            window.lane_over(lane)
    except RedisAway as error:
        logger.warning("The sweeper puts lease %s back into Redis, its rows are queued: %s", lane.token, error)
        window.end()


async def _put_back(window: Window, lane: Lane, ids: list[int]) -> None:
    priority = keys.PRIORITY_SINGLE if lane.is_single else keys.PRIORITY_BATCH
    await window.scripts.put(
        keys=[
            keys.queue(window.gateway_id, lane.name),
            keys.ring(window.gateway_id, priority),
            keys.chunks(window.gateway_id),
        ],
        args=[lane.name, chunk_ids(lane.number), "front", *reversed(ids)],
    )

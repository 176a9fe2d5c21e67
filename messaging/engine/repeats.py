"""Repeats: a request without an answer leaves once more where the provider promises that its message is sent once all the same.

The first one may never have arrived, so this may be the moment at which the message really leaves: all that is asked of
a message beforehand is asked anew. What may not leave any more stays unknown, because the first request may have arrived.
"""

from __future__ import annotations

import time

from broadcast.core.redis import RedisAway
from messaging.engine import keys
from messaging.engine.lanes import Lane, Staged
from messaging.engine.stager import stop_arguments, stopped_places
from messaging.engine.window import Window


async def may_repeat(window: Window, items: list[Staged], index: int) -> bool:
    """Whether a request may leave once more now; nothing may be awaited between this and the request.

    Args:
        window: the sender's.
        items: the request's messages, which are not marked as having come back.
        index: of the worker, from 0.
    """
    lanes: dict[Lane, list[Staged]] = {}
    for item in items:
        lanes.setdefault(item.lane, []).append(item)
    try:
        held = await window.redis.smembers(keys.held(window.gateway_id))
        for some in lanes.values():
            if stopped_places(some, await window.scripts.stopped(keys=[keys.STOPS], args=stop_arguments(some))):
                return False
    except RedisAway as error:
        window.redis_away(error)
        return False
    # A run that ends waits for what is in flight, and whoever stops the programs waits for one request at most.
    if window.draining.is_set() or not window.may_start(index):
        return False
    now = time.time()
    if any(lane.owner.encode() in held or lane.expires_at <= now for lane in lanes):
        return False
    return all(item.lane.journal is None or item.lane.journal.leave(item.sms.id) for item in items)

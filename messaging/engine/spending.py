"""Spending a brand's budget: asked for a group of messages before its number's pace is, so that no brand's day is exceeded."""

from __future__ import annotations

import logging
import math
from itertools import takewhile

from django.db import DatabaseError
from django.utils import timezone

from messaging.engine import counting, keys
from messaging.engine.budgets import KEPT_SECONDS, Budget, counted_segments
from messaging.engine.lanes import Lane, Staged
from messaging.engine.releases import release
from messaging.engine.window import Window

logger = logging.getLogger(__name__)

#: Redis may lose a day's count between our counting and our asking so often at most.
_TRIES = 3


async def within_budget(window: Window, lane: Lane, budget: Budget, items: list[Staged]) -> list[Staged]:
    """Those of a lane's next messages that its brand may still send now; from then on they are counted.

    What has to wait for the brand's next day goes back to the rows. Single messages are counted and never wait.

    Args:
        window: the sender's.
        lane: whose turn it is.
        budget: the lane's.
        items: its next messages.
    """
    day = budget.day(timezone.now())
    # What came back unsent since it was counted is not counted twice, unless midnight has passed.
    fresh = [item for item in items if item.spent_on != day]
    hold = ""
    if fresh:
        granted, hold, wait = await _ask(window, lane, budget, day, fresh)
        for item in fresh[:granted]:
            item.spent_on = day
        if hold == "minute":
            lane.next_at = window.loop.time() + wait / 1_000_000
    may_leave = list(takewhile(lambda item: item.spent_on == day, items))
    # The last ones that fit leave first.
    if hold == "day" and not may_leave:
        await _hold_back(window, lane, budget)
    return may_leave


async def _ask(window: Window, lane: Lane, budget: Budget, day: str, items: list[Staged]) -> tuple[int, str, int]:
    """How many may leave, what holds up the next one (``day``, ``minute``), and for how many microseconds a minute does."""
    costs = ",".join(str(counted_segments(item.sms.recipient, item.segments)) for item in items)
    for _ in range(_TRIES):
        granted, hold, wait = await window.scripts.spend(
            keys=[*budget.day_keys(day), keys.budget_minute(budget.brand_id, budget.campaign_id)],
            args=[*budget.arguments(day), int(lane.is_single), costs],
        )
        if granted >= 0:
            return granted, hold.decode(), int(wait)
        try:
            await window.in_thread(counting.count_again, budget)
        except DatabaseError as error:
            logger.warning("The database is away, so nothing of brand %s is sent: %s", budget.brand_id, error)
            break
    window.end(work_left=True)
    return 0, "", 0


async def _hold_back(window: Window, lane: Lane, budget: Budget) -> None:
    """The day is used up: what waits goes back to the rows, and its queue until the sweeper makes it anew."""
    batch_id = keys.batch_of(lane.name)
    if batch_id is None:
        return
    logger.info("Batch %s waits for the next day of brand %s", batch_id, budget.brand_id)
    # What was counted and has come back unsent waits behind the others.
    lane.next_at = math.inf
    left_out = keys.left_out(batch_id)
    seconds, microseconds = await window.redis.time()
    # First: a queue that is gone without a note would be made again by nobody.
    await (
        window.redis.pipeline(transaction=False)
        .zadd(left_out, {str(lane.number.pk): seconds + microseconds / 1_000_000}, gt=True)
        .expire(left_out, KEPT_SECONDS)
        .execute()
    )
    await window.redis.delete(keys.queue(window.gateway_id, lane.name))
    await release(window, lane, requeue=False)

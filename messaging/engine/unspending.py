"""Unspending: what was counted in a brand's day and has not reached its carrier after all is given back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from messaging.engine.budgets import counted_segments
from messaging.engine.lanes import Lane, Staged


def note_unspent(lane: Lane, items: Iterable[Staged]) -> None:
    """Note messages that come back unsent, are left out, or were refused at once.

    Args:
        lane: theirs.
        items: counted or not.
    """
    for item in items:
        if item.spent_on:
            spent = counted_segments(item.sms.recipient, item.segments)
            lane.unspent[item.spent_on] = lane.unspent.get(item.spent_on, 0) + spent


async def unspend(unspend_script: Any, lane: Lane) -> None:
    """Give back what was noted of a lane.

    Args:
        unspend_script: ``Scripts.unspend`` of the sender's client.
        lane: whose.

    Raises:
        redis.RedisError: Redis is away; what it was asked to give back may stay counted.
    """
    while lane.unspent and lane.budget is not None:
        # Taken out first: rather counted once too often than given back twice.
        day, spent = lane.unspent.popitem()
        await unspend_script(keys=list(lane.budget.day_keys(day)), args=[spent])

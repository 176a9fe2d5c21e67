"""Passing: the pace and the budget of one message that leaves once more, outside a sender's lanes."""

from __future__ import annotations

import datetime as dt
import math

from django.utils import timezone

from broadcast.core.redis import get_redis
from messaging.engine import counting, keys
from messaging.engine.budgets import Budget, counted_segments
from messaging.engine.lanes import Staged
from messaging.engine.pacing import pace_arguments
from messaging.engine.scripts import Scripts

#: Redis may lose a day's count between our counting and our asking so often at most.
_TRIES = 3


def let_pass(item: Staged, *, sent_at: dt.datetime) -> float:
    """Ask a number's pace and its brand's budget whether a message may leave once more; if so, it is counted.

    Args:
        item: as it was staged; it has no lease.
        sent_at: when it left first. What its brand's day of today has counted then is not counted twice.

    Returns:
        Seconds until it may; 0 when it may now, infinity when not before its brand's next day.

    Raises:
        redis.RedisError: Redis is away.
    """
    lane = item.lane
    number, gateway_id = lane.number, lane.number.gateway_id
    scripts = Scripts(get_redis())
    # The pace first: what it has counted in vain makes the next message a little later, and no day shorter.
    passed, wait = scripts.pace(
        keys=[keys.pace(gateway_id, number.pk), keys.leases(gateway_id), keys.attempted(gateway_id, lane.token)],
        args=["", *pace_arguments(number.segments_per_second), item.sms.id, item.segments],
    )
    if not passed:
        return int(wait) / 1_000_000
    return 0.0 if lane.budget is None else _spend(scripts, lane.budget, item, sent_at)


def _spend(scripts: Scripts, budget: Budget, item: Staged, sent_at: dt.datetime) -> float:
    segments = counted_segments(item.sms.recipient, item.segments)
    if not segments:
        return 0.0
    now = timezone.now()
    day = budget.day(now)
    day_keys = list(budget.day_keys(day))
    first, second, *pace = budget.arguments(day)
    is_counted = sent_at >= budget.began_at(now)
    if is_counted:
        # A day that is used up was used up with it; the minute is asked all the same.
        first, second = -2, -1
    for _ in range(_TRIES):
        passed, hold, wait = scripts.spend(
            keys=[*day_keys, keys.budget_minute(budget.brand_id, budget.campaign_id)],
            args=[first, second, *pace, int(item.lane.is_single), segments],
        )
        if passed >= 0:
            break
        counting.count_again(budget, now)
    if passed < 0 or (not passed and hold == b"day"):
        return math.inf
    if not passed:
        return int(wait) / 1_000_000
    if is_counted:
        scripts.unspend(keys=day_keys, args=[segments])
    return 0.0

"""Brand room: how much more the brands of stand-ins may take today, beside what waits at their numbers already."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from django.utils import timezone

from broadcast.core.merge import TemplateError
from broadcast.core.redis import get_redis
from integrations.sms.segments import segments
from messaging.engine.budgets import Budget, budgets_of, spent_numbers
from messaging.engine.counting import count_day
from messaging.models import Batch, Message, PhoneNumber, TenDlcNumber
from messaging.states import BatchState, MessageState

#: From so many of a batch's messages it is reckoned how long the others are.
SAMPLE_SIZE = 20


def unspent(numbers: Iterable[PhoneNumber]) -> list[PhoneNumber]:
    """Those of some numbers whose brands may still send today.

    Raises:
        redis.RedisError: Redis is away.
    """
    listed = list(numbers)
    spent = spent_numbers(budgets_of(number.pk for number in listed))
    return [number for number in listed if number.pk not in spent]


def brand_room(*, batch: Batch, ids: Sequence[int], leaving: Collection[int]) -> int | None:
    """How many messages of a batch the brands of some numbers have use for today; None where no brand has a cap.

    Args:
        batch: whose messages, of which the first few say how long they are.
        ids: the numbers by group of recipients, or a single one; each gets its share.
        leaving: numbers that the messages would come from: what waits there is not in their way.

    Raises:
        redis.RedisError: Redis is away.
    """
    now = timezone.now()
    caps: dict[tuple[int, int | None], tuple[Budget, int]] = {}
    for budget in budgets_of(set(ids)).values():
        for campaign_id, cap in zip((None, budget.campaign_id), budget.caps, strict=True):
            if cap is not None:
                caps[budget.brand_id, campaign_id] = budget, cap
    if not caps:
        return None
    if any(budget.day(now) == budget.spent_on for budget, _ in caps.values()):
        return 0
    usual, groups = _usual_segments(batch), Counter(ids)
    rooms = []
    for (brand_id, campaign_id), (budget, cap) in caps.items():
        assigned = TenDlcNumber.objects.filter(campaign__brand_id=brand_id)
        if campaign_id is not None:
            assigned = assigned.filter(campaign_id=campaign_id)
        concerned = set(assigned.values_list("number_id", flat=True))
        left = int((cap - _used(budget, campaign_id, now)) / usual)
        free = left - _waiting(concerned.difference(leaving), left) if left > 0 else 0
        rooms.append(int(free * len(ids) / sum(groups[pk] for pk in concerned)))
    return max(0, min(rooms))


def _used(budget: Budget, campaign_id: int | None, now: dt.datetime) -> int:
    name = budget.day_keys(budget.day(now))[0 if campaign_id is None else 1]
    used = get_redis().hget(name, "used")
    if used is not None:
        return int(used)
    counts = count_day(budget, now)
    return sum(counts.values()) if campaign_id is None else counts[campaign_id]


def _waiting(number_ids: Collection[int], most: int) -> int:
    """How many messages are about to leave from some numbers, whatever batch they are of; counted up to ``most``."""
    sending = Batch.objects.filter(state=BatchState.SENDING, account__numbers__in=number_ids).distinct()
    states = (MessageState.QUEUED, MessageState.SENDING)
    rows = Message.objects.filter(
        batch_id__in=list(sending.values_list("pk", flat=True)), state__in=states, number_id__in=number_ids
    )
    return rows.order_by()[:most].count()


def _usual_segments(batch: Batch) -> float:
    """How many segments a batch's messages have, by a few that are queued; 1 at least."""
    rows = Message.objects.filter(batch=batch, state=MessageState.QUEUED).select_related("batch").order_by("pk")
    found = []
    for message in rows[:SAMPLE_SIZE]:
        try:
            found.append(segments(message.text))
        except TemplateError:
            # It never leaves: a sender finds out the same.
            continue
    return max(1.0, sum(found) / len(found)) if found else 1.0

"""Marks of opt-outs that Redis missed: what was suppressed or lifted while it was away is told once it is back."""

from __future__ import annotations

import datetime as dt
import time
from itertools import islice
from typing import cast

from django.db.models import Exists, OuterRef
from django.utils import timezone

from broadcast.core.redis import get_redis
from messaging.engine import keys
from messaging.engine.scripts import Scripts
from messaging.models import OptOutReview, Suppression
from messaging.services.suppressions import mark_of, marks_of

#: What was suppressed within this time is looked at; a sender holds a message for less.
ADDED_SECONDS = 15 * 60
#: Marks looked up at once.
CHUNK = 1000


def repair_marks(*, lifted_seconds: float) -> tuple[int, int]:
    """Set marks that are missing and take away those of what was lifted; how many of each.

    Args:
        lifted_seconds: what was lifted within this time is looked at: as long as a mark is kept.

    Raises:
        redis.RedisError: Redis is away; the next round does it.
    """
    now = timezone.now()
    # In this order: who was lifted and is suppressed anew keeps the new marks.
    taken = _take_old(since=now - dt.timedelta(seconds=lifted_seconds))
    return _set_missing(since=now - dt.timedelta(seconds=ADDED_SECONDS)), taken


def _set_missing(*, since: dt.datetime) -> int:
    active = Suppression.objects.active()
    rows = set(active.filter(created_at__gte=since).values_list("account_id", "recipient", "reason"))
    # An opt-out that somebody decided is as old as the person's message.
    decided = OptOutReview.objects.filter(state=OptOutReview.State.OPTED_OUT, decided_at__gte=since)
    for account_id, recipient in decided.values_list("account_id", "recipient"):
        found = active.filter(account_id=account_id, recipient=recipient)
        rows.update(found.values_list("account_id", "recipient", "reason"))
    members = iter([mark_of(account_id=account, recipient=person, reason=reason) for account, person, reason in rows])
    client = get_redis()
    count = 0
    while some := list(islice(members, CHUNK)):
        scores = client.zmscore(keys.STOPS, some)
        missing = [member for member, score in zip(some, scores, strict=True) if score is None]
        if missing:
            pipe = client.pipeline(transaction=False)
            pipe.zadd(keys.STOPS, dict.fromkeys(missing, time.time()))
            for member in missing:
                pipe.publish(keys.STOPPED, member)
            pipe.execute()
        count += len(missing)
    return count


def _take_old(*, since: dt.datetime) -> int:
    unmark = Scripts(get_redis()).unmark
    anew = Suppression.objects.active().filter(account=OuterRef("account"), recipient=OuterRef("recipient"))
    count = 0
    for suppression in Suppression.objects.filter(~Exists(anew), lifted_at__gte=since).iterator():
        at = cast("dt.datetime", suppression.lifted_at).timestamp()
        # A later mark is of an opt-out since then.
        count += unmark(keys=[keys.STOPS], args=[at, *marks_of(suppression)])
    return count

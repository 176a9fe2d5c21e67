"""Who waits for the hours of their place, and until when: what pages say before a launch and while a batch is under way."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from django.db.models import Count
from django.utils import timezone

from accounts.models import Account
from messaging.engine.places import CLOSING_SECONDS, hours_at, look
from messaging.hours import NeverOpen
from messaging.models import Batch, Message
from messaging.states import MessageState


@dataclass(frozen=True, slots=True)
class Waiting:
    """Those who wait until the same time in the same zones.

    Args:
        until: when they may be written to; None when they never may.
        zones: theirs, in words.
        messages: how many.
    """

    until: dt.datetime | None
    zones: str
    messages: int


@dataclass(frozen=True, slots=True)
class Deferral:
    """What waits for its hours.

    Args:
        messages: how many, those included that never may leave.
        first: when the first of them may leave; None when none ever may.
        last: when the last of them may.
        never: how many have no open minute in the next two weeks.
        groups: the same by time and zones, the soonest first; those that never may leave last.
    """

    messages: int
    first: dt.datetime | None
    last: dt.datetime | None
    never: int
    groups: tuple[Waiting, ...]


def deferral(batch: Batch) -> Deferral | None:
    """How many messages of a batch wait for their hours, and until when; None when none does.

    Args:
        batch: with its account.
    """
    view = look(batch)
    if view is None or not view.closed:
        return None
    queued = Message.objects.filter(batch=batch, state=MessageState.QUEUED).order_by()
    return defer(batch.account, dict(queued.values_list("place").annotate(n=Count("id"))))


def defer(account: Account, counts: dict[str, int], now: dt.datetime | None = None) -> Deferral | None:
    """What of some recipients would have to wait now.

    Args:
        account: whose quiet hours.
        counts: people by place.
        now: an aware time; now when omitted.
    """
    now = now or timezone.now()
    soon = now + dt.timedelta(seconds=CLOSING_SECONDS)
    found: Counter[tuple[dt.datetime | None, str]] = Counter()
    for place, count in counts.items():
        hours = hours_at(account, place)
        closes = hours.closes_at(now)
        if closes is None or closes > soon:
            continue
        try:
            until = hours.opens_at(closes)
        except NeverOpen:
            until = None
        found[until, hours.zones_text] += count
    if not found:
        return None
    times = [until for until, _ in found if until is not None]
    groups = [Waiting(until, zones, count) for (until, zones), count in found.items()]
    groups.sort(key=lambda group: (group.until is None, group.until or now, -group.messages, group.zones))
    return Deferral(
        messages=found.total(),
        first=min(times, default=None),
        last=max(times, default=None),
        never=sum(group.messages for group in groups if group.until is None),
        groups=tuple(groups),
    )

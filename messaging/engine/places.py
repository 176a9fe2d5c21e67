"""Which of a batch's recipients may be written to now, by their place: asked by launches, claims, the sweeper and pages."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from django.utils import timezone

from accounts.models import Account
from messaging.hours import AccountHours, ClosedHours, Hours, NeverOpen, hours_for, place_key
from messaging.models import Batch

logger = logging.getLogger(__name__)

#: A place that closes within this time counts as closed: what is claimed needs a while to leave.
CLOSING_SECONDS = 60
#: A sender gives back what it holds of a place so long before the place closes.
LEAVING_SECONDS = 15
#: An answer is used again for so long.
FRESH_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Openings:
    """The places of a batch at a moment.

    Args:
        open: those that may be written to.
        closed: those that have to wait.
        late: those whose latest time has passed.
        until: from then on the answer is another one; None when nothing that is open closes.
        ends: when each of the open ones counts as closed, unix seconds; infinite for one that never closes.
    """

    open: tuple[str, ...]
    closed: tuple[str, ...]
    late: tuple[str, ...]
    until: dt.datetime | None
    ends: tuple[float, ...]


def account_hours(account: Account) -> AccountHours:
    """What an account wants kept."""
    return AccountHours(account.quiet_start, account.quiet_end, account.keeps_legal_hours)


def keeps_hours(account: Account) -> bool:
    """Whether there are times at which an account writes to nobody somewhere."""
    return account.keeps_legal_hours or account.quiet_start != account.quiet_end


def hours_at(account: Account, place: str) -> Hours:
    """The open hours of a place; a message without one is in its account's own zone."""
    return _hours(place, account_hours(account), account.time_zone)


def _hours(place: str, wanted: AccountHours, zone: str) -> Hours:
    key = place or f"{zone}#"
    try:
        return hours_for(key, wanted)
    except ValueError as error:
        # A zone that another machine knew, or a newer one's tables: it holds up those who are there, and no others.
        logger.error("Nobody at the place %r is written to: %s", key, error)
        return ClosedHours(key, wanted)


def opens_at(*, account: Account, number: str, zone: str, now: dt.datetime) -> dt.datetime | None:
    """From when on somebody may be written to who has not just written.

    Args:
        account: whose quiet hours.
        number: the recipient's, E.164.
        zone: their own IANA time zone, empty when it is not known.
        now: an aware time.

    Returns:
        ``now`` itself when it is a decent hour where they are, else when it will be; None: not within two weeks.
    """
    return _opening(account, place_key(number, zone), now)


def open_now(account: Account, now: dt.datetime) -> Callable[[str, str], bool]:
    """Tells of a number and its owner's zone whether it is a decent hour there; for many people at once.

    Args:
        account: whose quiet hours.
        now: an aware time; the answers hold for ``CLOSING_SECONDS`` from then on.
    """

    @cache
    def is_place_open(place: str) -> bool:
        return _opening(account, place, now) == now

    return lambda number, zone: is_place_open(place_key(number, zone))


def _opening(account: Account, place: str, now: dt.datetime) -> dt.datetime | None:
    if not keeps_hours(account):
        return now
    hours = hours_at(account, place)
    closes = hours.closes_at(now)
    if closes is None or closes > now + dt.timedelta(seconds=CLOSING_SECONDS):
        return now
    try:
        return hours.opens_at(closes)
    except NeverOpen:
        return None


def look(batch: Batch, now: dt.datetime | None = None) -> Openings | None:
    """The places of a batch, up to ``FRESH_SECONDS`` old; None when it keeps no hours, so that everything may leave.

    Args:
        batch: with its account.
        now: an aware time; now when omitted.
    """
    account = batch.account
    if not batch.respects_quiet_hours or not keeps_hours(account):
        return None
    second = int((now or timezone.now()).timestamp())
    return _look(
        tuple(batch.places) or ("",),
        account_hours(account),
        account.time_zone,
        batch.due_at,
        batch.expire_minutes,
        second - second % FRESH_SECONDS,
    )


@lru_cache(maxsize=256)
def _look(
    places: tuple[str, ...], wanted: AccountHours, zone: str, due_at: dt.datetime | None, minutes: int, second: int
) -> Openings:
    now = dt.datetime.fromtimestamp(second, dt.UTC)
    soon = now + dt.timedelta(seconds=CLOSING_SECONDS)
    found: list[str] = []
    closed: list[str] = []
    late: list[str] = []
    ends: list[dt.datetime] = []
    closings: list[float] = []
    for place in places:
        hours = _hours(place, wanted, zone)
        latest = latest_at(hours, due_at, minutes) if due_at is not None else None
        if latest is not None and latest <= now:
            late.append(place)
            continue
        closes = hours.closes_at(now)
        if closes is not None and closes <= soon:
            closed.append(place)
            continue
        found.append(place)
        closings.append(closes.timestamp() - CLOSING_SECONDS if closes is not None else math.inf)
        if latest is not None:
            ends.append(latest)
        if closes is not None:
            ends.append(closes - dt.timedelta(seconds=LEAVING_SECONDS))
    return Openings(tuple(found), tuple(closed), tuple(late), min(ends, default=None), tuple(closings))


def latest_at(hours: Hours, since: dt.datetime, minutes: int) -> dt.datetime | None:
    """From when on nothing leaves for a place: only its open minutes count.

    Args:
        hours: the place's.
        since: when it was due.
        minutes: how long it may take; 0: no limit.

    Returns:
        None without a limit, and for a place that never opens: the batch's own latest time closes that.
    """
    if not minutes:
        return None
    try:
        return hours.add_open(since, minutes)
    except NeverOpen:
        return None


def latest_of_places(account: Account, places: Iterable[str], since: dt.datetime, minutes: int) -> dt.datetime:
    """The last of the latest times of some places.

    Args:
        account: whose quiet hours.
        places: of the recipients; none stands for the account's own.
        since: when it was due.
        minutes: how long it may take, 1 or more.

    Returns:
        An aware time, never before so many plain minutes have passed.
    """
    plain = since + dt.timedelta(minutes=minutes)
    found = (latest_at(hours_at(account, place), since, minutes) for place in ([*places] or [""]))
    return max((at for at in found if at is not None), default=plain)


def latest_of_batch(batch: Batch, since: dt.datetime) -> dt.datetime | None:
    """From when on nothing leaves of a batch that was due at a time, whatever the place; None: there is no such limit.

    Args:
        batch: with its account.
        since: when it was due.
    """
    if not batch.expire_minutes:
        return None
    if not batch.respects_quiet_hours:
        return since + dt.timedelta(minutes=batch.expire_minutes)
    return latest_of_places(batch.account, batch.places, since, batch.expire_minutes)

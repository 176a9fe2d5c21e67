"""The legal clock of an opt-out request: ten business days from its receipt.

The time is that of the FCC's rule on revoking consent, 47 CFR 64.1200(a)(10). Business days are all days but Saturdays, Sundays
and the legal public holidays of 5 U.S.C. 6103(a); a holiday on a Saturday is kept on the Friday before, one on a Sunday on the
Monday after. Inauguration Day is one in and around Washington only, so it counts as a business day here: the clock errs on
the early side.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass
from functools import cache

#: Business days within which an opt-out has to be honoured.
BUSINESS_DAYS = 10

_MONDAY, _THURSDAY = 0, 3
_SATURDAY, _SUNDAY = 5, 6
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Clock:
    """How an opt-out request stands in time.

    Args:
        due: the last day on which it may be honoured.
        days_left: business days from the day of looking until ``due``; 0 on that day, negative once it is over.
    """

    due: dt.date
    days_left: int

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return self.days_left < 0

    def __str__(self) -> str:
        days = abs(self.days_left)
        some = f"{days} business day{'' if days == 1 else 's'}"
        if self.is_over:
            return f"{some} over"
        return f"{some} left" if days else "due today"


def clock(received_at: dt.datetime, zone: zoneinfo.ZoneInfo, *, now: dt.datetime) -> Clock:
    """The clock of a request.

    Args:
        received_at: aware time at which it reached us.
        zone: the account's; its days count.
        now: aware time of looking.
    """
    due = due_date(received_at.astimezone(zone).date())
    return Clock(due, business_days_between(now.astimezone(zone).date(), due))


def due_date(received: dt.date) -> dt.date:
    """The tenth business day after the day of receipt."""
    day, left = received, BUSINESS_DAYS
    while left:
        day += _DAY
        left -= is_business_day(day)
    return day


def business_days_between(start: dt.date, end: dt.date) -> int:
    """Business days after ``start`` up to and with ``end``; the other way round when ``end`` is earlier, and negative."""
    if end < start:
        # A day over is one day over, though it be a Sunday: the request is late from midnight on.
        return -max(1, business_days_between(end, start))
    days = (start + _DAY * n for n in range(1, (end - start).days + 1))
    return sum(is_business_day(day) for day in days)


def is_business_day(day: dt.date) -> bool:
    """Whether the clock counts this day."""
    return day.weekday() not in (_SATURDAY, _SUNDAY) and day not in federal_holidays(day.year)


@cache
def federal_holidays(year: int) -> frozenset[dt.date]:
    """The days on which a year's legal public holidays are kept; New Year's Day of the next one may be among them."""
    fixed = [dt.date(year, 1, 1), dt.date(year, 6, 19), dt.date(year, 7, 4), dt.date(year, 11, 11)]
    fixed += [dt.date(year, 12, 25), dt.date(year + 1, 1, 1)]
    moving = [
        _nth(year, 1, _MONDAY, 3),
        _nth(year, 2, _MONDAY, 3),
        _last_monday_of_may(year),
        _nth(year, 9, _MONDAY, 1),
        _nth(year, 10, _MONDAY, 2),
        _nth(year, 11, _THURSDAY, 4),
    ]
    return frozenset([*map(_kept, fixed), *moving])


def _kept(day: dt.date) -> dt.date:
    if day.weekday() == _SATURDAY:
        return day - _DAY
    return day + _DAY if day.weekday() == _SUNDAY else day


def _nth(year: int, month: int, weekday: int, n: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + _DAY * ((weekday - first.weekday()) % 7 + 7 * (n - 1))


def _last_monday_of_may(year: int) -> dt.date:
    last = dt.date(year, 5, 31)
    return last - _DAY * last.weekday()

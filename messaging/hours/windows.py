"""When a text may leave for a place: the account's quiet hours and the law, by every clock the recipient may have.

A moment is open when it is open in *all* zones of the place, for nobody knows in which one the recipient is. All reckoning is
in whole seconds of UTC. Each zone's days are cut where the distance to UTC changes, so that a skipped hour is skipped and a
repeated one counts twice, as on the recipient's clock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from messaging.hours.places import describe, describe_zones, parse_key
from messaging.hours.rules import DAY_SECONDS, WHOLE_DAY, Spans, both, legal_spans

#: How far ahead an opening is looked for. Every rule has one within a week, holidays included; more is a contradiction.
SEARCH_DAYS: Final = 14
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_ORDINAL: Final = dt.date(1970, 1, 1).toordinal()
_SECOND: Final = 1_000_000
#: A place's days that are kept; a campaign looks at a handful.
_MOST_DAYS: Final = 64


class NeverOpen(Exception):
    """No moment within ``SEARCH_DAYS`` days is open: quiet hours and the law together leave none."""


@dataclass(frozen=True, slots=True)
class AccountHours:
    """What an account asks for, by the recipient's clock.

    Args:
        quiet_start: nothing leaves from this time on.
        quiet_end: sending goes on at this time; earlier than the start: the next morning; the same: no quiet hours.
        legal: keep the legal hours too.
    """

    quiet_start: dt.time
    quiet_end: dt.time
    legal: bool

    def spans(self) -> Spans:
        """The pieces of any day outside the quiet hours."""
        start, end = (
            clock.hour * 3600 + clock.minute * 60 + clock.second for clock in (self.quiet_start, self.quiet_end)
        )
        if start == end:
            return WHOLE_DAY
        pieces = ((0, start), (end, DAY_SECONDS)) if start < end else ((end, start),)
        return tuple((first, last) for first, last in pieces if first < last)


class Hours:
    """When texts of an account may leave for a place. Made once for each pair; remembers the days it was asked for.

    Args:
        key: the place, as ``place_key`` makes it.
        account: what the account asks for.

    Raises:
        ValueError: the key is no place.
    """

    __slots__ = ("_days", "_place", "account", "key")

    def __init__(self, key: str, account: AccountHours) -> None:
        self.key = key
        self.account = account
        self._place = parse_key(key)
        self._days: dict[int, Spans] = {}

    @property
    def zones_text(self) -> str:
        """The time zones of the place, for a person."""
        return describe_zones(self.key)

    def is_open(self, at: dt.datetime) -> bool:
        """Whether a text may leave.

        Args:
            at: an aware time.

        Raises:
            ValueError: the time has no zone.
        """
        second = _second(at)
        return any(start <= second < end for start, end in self._day(second // DAY_SECONDS))

    def opens_at(self, at: dt.datetime) -> dt.datetime:
        """The first moment from a time on at which a text may leave.

        Args:
            at: an aware time.

        Returns:
            In UTC; the time itself when it is open.

        Raises:
            NeverOpen: none within ``SEARCH_DAYS`` days.
            ValueError: the time has no zone.
        """
        second = _second(at)
        for start, end in self._spans(second):
            if start <= second < end:
                return at.astimezone(dt.UTC)
            if start > second + SEARCH_DAYS * DAY_SECONDS:
                break
            if start > second:
                return _moment(start * _SECOND)
        raise self._never(at)

    def closes_at(self, at: dt.datetime) -> dt.datetime | None:
        """The end of the window that a time is in: the first moment at which nothing may leave any more.

        Args:
            at: an aware time.

        Returns:
            In UTC; the time itself when it is closed; None when nothing closes within ``SEARCH_DAYS`` days.

        Raises:
            ValueError: the time has no zone.
        """
        second = last = _second(at)
        if not self.is_open(at):
            return at.astimezone(dt.UTC)
        for start, end in self._spans(second):
            if start > last:
                return _moment(last * _SECOND)
            last = max(last, end)
        return None if last > second + SEARCH_DAYS * DAY_SECONDS else _moment(last * _SECOND)

    def add_open(self, start: dt.datetime, minutes: float) -> dt.datetime:
        """The moment at which so much open time has passed: how long a batch takes that sends only in its windows.

        Args:
            start: an aware time, open or not.
            minutes: open time, in minutes; 0 gives the start itself.

        Returns:
            In UTC. When the time is used up just as a window closes, the moment of closing.

        Raises:
            NeverOpen: nothing is open for ``SEARCH_DAYS`` days on end.
            ValueError: the time has no zone, or the minutes are negative.
        """
        if minutes < 0:
            raise ValueError(f"{minutes} minutes cannot be added: the number has to be 0 or more.")
        left = round(minutes * 60 * _SECOND)
        now = _second(start) * _SECOND + start.microsecond
        if left == 0:
            return _moment(now)
        while True:
            looked_until = now + SEARCH_DAYS * DAY_SECONDS * _SECOND
            before = now
            for first, end in self._spans(now // _SECOND):
                begin, close = max(first * _SECOND, now), end * _SECOND
                if begin > looked_until:
                    break
                if left <= close - begin:
                    return _moment(begin + left)
                left -= close - begin
                now = close
            if now == before:
                raise self._never(_moment(now))

    def _spans(self, second: int) -> Iterator[tuple[int, int]]:
        """Open spans that end after a moment, for as many days as are looked at."""
        first = second // DAY_SECONDS
        for day in range(first, first + SEARCH_DAYS + 2):
            for start, end in self._day(day):
                if end > second:
                    yield start, end

    def _day(self, number: int) -> Spans:
        """The open spans of a day of UTC.

        Args:
            number: days since 1970.
        """
        found = self._days.get(number)
        if found is None:
            if len(self._days) >= _MOST_DAYS:
                self._days.clear()
            place, found = self._place, ((number * DAY_SECONDS, (number + 1) * DAY_SECONDS),)
            for zone in place.zones:
                found = both(found, _zone_day(zone, place.states, place.in_united_states, self.account, number))
            self._days[number] = found
        return found

    def _never(self, at: dt.datetime) -> NeverOpen:
        law = " and the legal hours" if self.account.legal else ""
        return NeverOpen(
            f"Nothing may be sent to {describe(self.key)} within {SEARCH_DAYS} days of {at:%Y-%m-%d %H:%M %Z}: the quiet hours "
            f"from {self.account.quiet_start:%H:%M} to {self.account.quiet_end:%H:%M}{law} leave no time that is open in all its "
            "time zones. Shorten the account's quiet hours, or enter the recipient's own time zone."
        )


class ClosedHours(Hours):
    """The hours of a place that this machine cannot read: none, so that nobody is written to by a guess."""

    __slots__ = ()

    def __init__(self, key: str, account: AccountHours) -> None:
        self.key = key
        self.account = account
        self._days = {}

    @property
    def zones_text(self) -> str:
        """Stands where others name their time zones."""
        return "an unknown time zone"

    def _day(self, number: int) -> Spans:  # noqa: ARG002  the signature of all hours
        return ()

    def _never(self, at: dt.datetime) -> NeverOpen:
        return NeverOpen(
            f"At {at:%Y-%m-%d %H:%M %Z} nobody knows the hours of “{self.key}”. Enter the recipient's own time zone."
        )


@lru_cache(maxsize=8192)
def hours_for(key: str, account: AccountHours) -> Hours:
    """The hours of a place for an account, the same object each time.

    Args:
        key: the place, as ``place_key`` makes it.
        account: what the account asks for.

    Raises:
        ValueError: the key is no place.
    """
    return Hours(key, account)


@lru_cache(maxsize=65_536)
def _zone_day(zone: str, states: tuple[str, ...], in_united_states: bool, account: AccountHours, number: int) -> Spans:
    """The open spans of a day of UTC by the clock of one zone, in seconds of UTC."""
    quiet = account.spans()
    spans: list[tuple[int, int]] = []
    for start, end, offset in _pieces(zone, number):
        clock, clock_end = start + offset, end + offset
        for local in range(clock // DAY_SECONDS, (clock_end - 1) // DAY_SECONDS + 1):
            day = dt.date.fromordinal(_EPOCH_ORDINAL + local)
            allowed = both(quiet, legal_spans(states, in_united_states, day)) if account.legal else quiet
            midnight = local * DAY_SECONDS
            found = both(((clock, clock_end),), ((midnight + first, midnight + last) for first, last in allowed))
            spans += [(first - offset, last - offset) for first, last in found]
    return tuple(spans)


@lru_cache(maxsize=16_384)
def _pieces(zone: str, number: int) -> tuple[tuple[int, int, int], ...]:
    """A day of UTC, cut where a zone's distance to UTC changes: start, end and distance, in seconds."""
    place = ZoneInfo(zone)

    def offset(second: int) -> int:
        away = dt.datetime.fromtimestamp(second, place).utcoffset() or dt.timedelta()
        return int(away.total_seconds())

    start, end = number * DAY_SECONDS, (number + 1) * DAY_SECONDS
    before, after = offset(start), offset(end - 1)
    if before == after:
        return ((start, end, before),)
    low, high = start, end - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(middle) == before else (low, middle)
    return ((start, high, before), (high, end, after))


def _second(at: dt.datetime) -> int:
    """Seconds since 1970, rounded down."""
    if at.tzinfo is None:
        raise ValueError(f"{at:%Y-%m-%d %H:%M} has no time zone: give an aware time.")
    return int((at - _EPOCH).total_seconds() // 1)


def _moment(microseconds: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=microseconds)

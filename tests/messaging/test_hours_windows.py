"""Open and closed, to the minute: examples that can be checked by hand, and all minutes of random days against brute force."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from messaging.hours import SEARCH_DAYS, AccountHours, Hours, NeverOpen, hours_for, place_key, prefix_table
from messaging.hours import windows as windows_module
from messaging.hours.places import parse_key
from messaging.hours.rules import WEEKDAYS, is_holiday, rules

NIGHT = AccountHours(dt.time(21), dt.time(8), legal=True)
LAW_ONLY = AccountHours(dt.time(0), dt.time(0), legal=True)
FREE = AccountHours(dt.time(0), dt.time(0), legal=False)
NEW_YORK = ZoneInfo("America/New_York")


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def new_york(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def test_open_from_the_first_second_to_the_last() -> None:
    hours = Hours("America/New_York#NY", LAW_ONLY)

    assert not hours.is_open(new_york("2026-11-23 07:59:59.999999"))
    assert hours.is_open(new_york("2026-11-23 08:00"))
    assert hours.is_open(new_york("2026-11-23 20:59:59.999999"))
    assert not hours.is_open(new_york("2026-11-23 21:00"))


def test_two_zones_are_open_together_only() -> None:
    """The panhandle of Florida, 8 to 20 by state law: from 8 Central to 20 Eastern."""
    hours = Hours("America/Chicago America/New_York#FL", NIGHT)

    assert hours.opens_at(utc("2026-11-23 06:00")) == utc("2026-11-23 14:00")
    assert hours.closes_at(utc("2026-11-23 14:00")) == utc("2026-11-24 01:00")
    assert hours.opens_at(utc("2026-11-24 01:00")) == utc("2026-11-24 14:00")


def test_a_known_zone_gives_more_time_than_the_number_alone() -> None:
    alone, known = (Hours(place_key("+18505550100", zone), NIGHT) for zone in ("", "America/Chicago"))
    late = utc("2026-11-24 01:30")

    assert not alone.is_open(late)
    assert known.is_open(late)


def test_the_accounts_quiet_hours_and_the_law_hold_together() -> None:
    late_riser = AccountHours(dt.time(19), dt.time(11, 30), legal=True)

    assert Hours("America/New_York#NY", late_riser).opens_at(utc("2026-11-23 05:00")) == new_york("2026-11-23 11:30")
    assert Hours("America/New_York#NY", late_riser).closes_at(new_york("2026-11-23 12:00")) == new_york(
        "2026-11-23 19:00"
    )


def test_without_the_law_only_the_account_counts() -> None:
    lunch = AccountHours(dt.time(12), dt.time(13), legal=False)
    hours = Hours("America/New_York#AL", lunch)

    assert hours.is_open(new_york("2026-11-22 03:00"))
    assert hours.closes_at(new_york("2026-11-22 03:00")) == new_york("2026-11-22 12:00")
    assert hours.opens_at(new_york("2026-11-22 12:00")) == new_york("2026-11-22 13:00")


def test_a_closed_sunday_and_holiday_are_passed_over() -> None:
    hours = Hours("America/Chicago#AL", NIGHT)
    chicago = ZoneInfo("America/Chicago")

    # Saturday evening, 5 September 2026; Monday is Labor Day.
    assert hours.opens_at(dt.datetime(2026, 9, 5, 20, tzinfo=chicago)) == dt.datetime(2026, 9, 8, 8, tzinfo=chicago)


def test_sundays_of_texas_begin_at_noon() -> None:
    hours = Hours("America/Chicago#TX", NIGHT)
    chicago = ZoneInfo("America/Chicago")

    assert hours.opens_at(dt.datetime(2026, 11, 22, 9, tzinfo=chicago)) == dt.datetime(2026, 11, 22, 12, tzinfo=chicago)


def test_a_weekday_is_the_recipients_not_utcs() -> None:
    """Saturday evening in Guam is Saturday morning in London; Sunday's noon in Texas is a Sunday there."""
    hours = Hours("Pacific/Guam#AL", LAW_ONLY)

    assert hours.is_open(utc("2026-11-21 09:30"))
    assert not hours.is_open(utc("2026-11-21 22:30"))
    assert hours.is_open(utc("2026-11-22 22:30"))


def test_a_half_hour_zone_opens_at_its_own_eight() -> None:
    hours = Hours("Asia/Kolkata#", NIGHT)

    assert hours.opens_at(utc("2026-11-23 00:00")) == utc("2026-11-23 02:30")
    assert hours.closes_at(utc("2026-11-23 02:30")) == utc("2026-11-23 15:30")


def test_eight_in_the_morning_moves_with_the_clocks() -> None:
    hours = Hours("America/New_York#NY", NIGHT)

    assert hours.opens_at(utc("2026-03-07 12:00")) == utc("2026-03-07 13:00")
    assert hours.opens_at(utc("2026-03-08 06:00")) == utc("2026-03-08 12:00")
    assert hours.opens_at(utc("2026-11-01 11:00")) == utc("2026-11-01 13:00")


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    """On 1 November 2026 New York has 1:00 to 2:00 twice."""
    hours = Hours("America/New_York#", AccountHours(dt.time(1), dt.time(1, 30), legal=False))

    quiet = [utc("2026-11-01 05:00") + dt.timedelta(minutes=minute) for minute in range(120)]
    assert [hours.is_open(at) for at in quiet] == ([False] * 30 + [True] * 30) * 2


def test_an_hour_that_is_skipped_opens_nothing() -> None:
    """On 8 March 2026 New York has no 2:00 to 3:00: who may be written to in that hour only is not that day."""
    hours = Hours("America/New_York#", AccountHours(dt.time(3), dt.time(2), legal=False))

    assert hours.opens_at(utc("2026-03-08 01:00")) == utc("2026-03-09 06:00")


def test_open_time_is_added_up_over_windows() -> None:
    hours = Hours("America/New_York#FL", NIGHT)

    # 30 open minutes on Monday evening, 12 hours on Tuesday, the rest on Wednesday.
    assert hours.add_open(new_york("2026-11-23 19:30"), 30) == new_york("2026-11-23 20:00")
    assert hours.add_open(new_york("2026-11-23 19:30"), 31) == new_york("2026-11-24 08:01")
    assert hours.add_open(new_york("2026-11-23 19:30"), 30 + 720 + 15) == new_york("2026-11-25 08:15")
    assert hours.add_open(new_york("2026-11-23 23:00"), 0) == new_york("2026-11-23 23:00")
    assert hours.add_open(new_york("2026-11-23 09:00:00.250000"), 0.5) == new_york("2026-11-23 09:00:30.250000")
    # Fifty windows: longer than an opening is looked for.
    assert hours.add_open(new_york("2026-12-01 08:00"), 50 * 720) == new_york("2027-01-19 20:00")


def test_time_cannot_be_taken_away() -> None:
    with pytest.raises(ValueError, match="-1 minutes"):
        Hours("UTC#", FREE).add_open(utc("2026-11-23 12:00"), -1)


def test_who_is_always_open_never_closes() -> None:
    hours = Hours("Europe/London#", FREE)
    now = utc("2026-11-23 03:00")

    assert hours.is_open(now)
    assert hours.opens_at(now) == now
    assert hours.closes_at(now) is None
    assert hours.add_open(now, 60 * 24 * 100) == now + dt.timedelta(days=100)


def test_what_is_closed_has_closed_already() -> None:
    now = utc("2026-11-23 03:00")

    assert Hours("Europe/London#", NIGHT).closes_at(now) == now


def test_times_come_back_in_utc() -> None:
    hours = Hours("America/New_York#NY", NIGHT)
    open_now = new_york("2026-11-23 12:00:00.123456")

    assert hours.opens_at(open_now) == open_now
    for at in (hours.opens_at(open_now), hours.opens_at(new_york("2026-11-23 03:00")), hours.closes_at(open_now)):
        assert at is not None
        assert at.tzinfo is dt.UTC


def test_hours_that_leave_no_time_say_so() -> None:
    """Russia has eleven zones: when it is ten in Kaliningrad it is twenty in Kamchatka."""
    hours = Hours(place_key("+79161234567"), AccountHours(dt.time(18), dt.time(9), legal=False))

    for ask in (hours.opens_at, lambda at: hours.add_open(at, 1)):
        with pytest.raises(
            NeverOpen, match=r"any of 11 time zones within 14 days of 2026-11-23 12:00 UTC.* 18:00 to 09:00"
        ):
            ask(utc("2026-11-23 12:00"))
    assert not hours.is_open(utc("2026-11-23 12:00"))


def test_every_place_has_an_opening_with_the_usual_quiet_hours() -> None:
    keys = {f"{zones}#{states}" for _, zones, states in prefix_table()}
    early = AccountHours(dt.time(20), dt.time(9), legal=True)

    for key in keys:
        # The day before a long weekend, in summer and in winter.
        for at in (utc("2026-07-03 04:00"), utc("2026-12-25 04:00")):
            assert hours_for(key, early).opens_at(at) <= at + dt.timedelta(days=5)


def test_a_time_without_a_zone_is_refused() -> None:
    hours = Hours("UTC#", FREE)
    naive = dt.datetime(2026, 11, 23, 12)  # noqa: DTZ001  that is what is refused

    for ask in (hours.is_open, hours.opens_at, hours.closes_at, lambda at: hours.add_open(at, 1)):
        with pytest.raises(ValueError, match="2026-11-23 12:00 has no time zone"):
            ask(naive)


def test_a_place_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="Mars/Base, which is not known here"):
        Hours("Mars/Base#", FREE)


def test_a_day_that_was_looked_at_is_not_reckoned_again() -> None:
    keys = sorted({f"{zones}#{states}" for _, zones, states in prefix_table()})[:100]
    now = utc("2026-11-23 15:00")
    places = [hours_for(key, NIGHT) for key in keys]
    first = [hours.is_open(now) for hours in places]
    misses = windows_module._zone_day.cache_info()

    assert [hours_for(key, NIGHT).is_open(now + dt.timedelta(minutes=1)) for key in keys] == first
    assert windows_module._zone_day.cache_info() == misses


KEYS = sorted({f"{zones}#{states}" for _, zones, states in prefix_table() if zones.count(" ") < 3})
ODD = [
    "Australia/Lord_Howe#",
    "Pacific/Chatham#",
    "Asia/Kathmandu#",
    "Africa/Casablanca#",
    "America/St_Johns#NL",
    "Pacific/Kiritimati Pacific/Pago_Pago#",
    "America/Adak Asia/Tokyo#RI",
    place_key("+18005550100"),
]
#: Days on which clocks change somewhere: America, Europe, Lord Howe (by half an hour), Chatham, Morocco (Ramadan), Egypt, Chile.
CHANGES = [
    dt.date(2026, 3, 8), dt.date(2026, 11, 1), dt.date(2027, 3, 14), dt.date(2026, 3, 29), dt.date(2026, 10, 25),
    dt.date(2026, 4, 5), dt.date(2026, 10, 4), dt.date(2026, 9, 27), dt.date(2026, 2, 15), dt.date(2026, 3, 22),
    dt.date(2026, 4, 24), dt.date(2026, 10, 30), dt.date(2026, 4, 4), dt.date(2026, 9, 6), dt.date(2026, 12, 25),
]  # fmt: skip
clocks = st.builds(dt.time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))
accounts = st.builds(AccountHours, clocks, clocks, st.booleans())
keys = st.sampled_from(KEYS) | st.sampled_from(ODD)
days = st.sampled_from(CHANGES) | st.dates(dt.date(2025, 1, 1), dt.date(2035, 12, 31))


@functools.cache
def zone_of(name: str) -> ZoneInfo:
    """The zone, read once: Python remembers eight, and a place may lie in more."""
    return ZoneInfo(name)


def open_by_the_clock(key: str, account: AccountHours, at: dt.datetime) -> bool:
    """What the interval logic has to agree with: look at the wall clock in each zone, and at each rule."""
    place = parse_key(key)
    for zone in place.zones:
        local = at.astimezone(zone_of(zone))
        clock = local.time()
        start, end = account.quiet_start, account.quiet_end
        if (start < end and start <= clock < end) or (start > end and (clock >= start or clock < end)):
            return False
        second = clock.hour * 3600 + clock.minute * 60
        kinds = {WEEKDAYS[local.weekday()], *(["holiday"] if is_holiday(local.date()) else [])}
        for rule in rules() if account.legal else ():
            holds = rule.state in place.states if rule.state else place.in_united_states
            if holds and rule.days & kinds and not any(first <= second < last for first, last in rule.spans):
                return False
    return True


def minutes_from(start: dt.datetime, count: int) -> list[dt.datetime]:
    return [start + dt.timedelta(minutes=minute) for minute in range(count)]


def midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


@settings(max_examples=60, deadline=None)
@given(keys, accounts, days)
def test_every_minute_is_as_the_recipients_clock_says(key: str, account: AccountHours, day: dt.date) -> None:
    hours = Hours(key, account)

    for at in minutes_from(midnight(day) - dt.timedelta(hours=6), 36 * 60):
        assert hours.is_open(at) is open_by_the_clock(key, account, at), at


@settings(max_examples=40, deadline=None)
@given(keys, accounts, days, st.integers(0, 1439), st.integers(1, 1500))
def test_openings_ends_and_sums_are_those_of_the_minutes(
    key: str, account: AccountHours, day: dt.date, minute: int, wanted: int
) -> None:
    hours = Hours(key, account)
    start = midnight(day) + dt.timedelta(minutes=minute)
    horizon = minutes_from(start, 4 * 1440)
    opened = [at for at in horizon if open_by_the_clock(key, account, at)]
    assume(opened)

    assert hours.opens_at(start) == opened[0]
    closed = set(horizon) - set(opened)
    expected = min((at for at in closed if at > opened[0]), default=None)
    closes = hours.closes_at(opened[0])
    if expected is None:
        assert closes is None or closes >= horizon[-1]
    else:
        assert closes == expected
    if wanted <= len(opened):
        assert hours.add_open(start, wanted) == opened[wanted - 1] + dt.timedelta(minutes=1)
    else:
        # Two zones may be open together until the clocks change in one of them, and then for weeks not.
        with contextlib.suppress(NeverOpen):
            assert hours.add_open(start, wanted) > horizon[-1]


@settings(max_examples=40, deadline=None)
@given(keys, accounts, st.datetimes(dt.datetime(2025, 1, 1), dt.datetime(2035, 1, 1), timezones=st.just(dt.UTC)))  # noqa: DTZ001  bounds have no zone
def test_an_opening_is_open_and_the_moment_before_is_not(key: str, account: AccountHours, at: dt.datetime) -> None:
    hours = Hours(key, account)
    try:
        opens = hours.opens_at(at)
    except NeverOpen:
        assert not any(hours.is_open(at + dt.timedelta(hours=hour)) for hour in range(24 * SEARCH_DAYS))
        return

    assert hours.is_open(opens)
    assert opens == at or not hours.is_open(opens - dt.timedelta(microseconds=1))
    closes = hours.closes_at(opens)
    if closes is not None:
        assert not hours.is_open(closes)
        assert hours.is_open(closes - dt.timedelta(microseconds=1))

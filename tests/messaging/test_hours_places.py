"""Where a number's person may be: the tables, the keys, and the same in SQL."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest

from messaging.hours import (
    MAX_KEY_LENGTH,
    TWO_DIGIT_CODES,
    UNKNOWN,
    describe,
    is_zone,
    place_key,
    prefix_of,
    prefix_table,
)
from messaging.hours.names import CANADA, STATES, UNITED_STATES
from messaging.hours.places import parse_key

EASTERN, CENTRAL, MOUNTAIN, PACIFIC = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"
AREA_CODES = [
    ("212", [EASTERN], "NY"),
    ("917", [EASTERN], "NY"),
    ("415", [PACIFIC], "CA"),
    ("310", [PACIFIC], "CA"),
    ("202", [EASTERN], "DC"),
    ("850", [CENTRAL, EASTERN], "FL"),
    ("448", [CENTRAL, EASTERN], "FL"),
    ("305", [EASTERN], "FL"),
    ("689", [EASTERN], "FL"),
    ("615", [CENTRAL], "TN"),
    # Chattanooga is Eastern; Marion and Bledsoe counties, with the same code, are Central.
    ("423", [CENTRAL, EASTERN], "TN"),
    ("865", [EASTERN], "TN"),
    ("208", [MOUNTAIN, PACIFIC], "ID"),
    ("986", [MOUNTAIN, PACIFIC], "ID"),
    ("605", [CENTRAL, MOUNTAIN], "SD"),
    ("701", [CENTRAL, MOUNTAIN], "ND"),
    ("308", [CENTRAL, MOUNTAIN], "NE"),
    ("402", [CENTRAL], "NE"),
    ("785", [CENTRAL, MOUNTAIN], "KS"),
    ("270", [CENTRAL, EASTERN], "KY"),
    ("364", [CENTRAL, EASTERN], "KY"),
    ("502", [EASTERN], "KY"),
    ("906", [CENTRAL, EASTERN], "MI"),
    ("313", [EASTERN], "MI"),
    # Gary is Central; Francesville, with the same code, is Eastern.
    ("219", [CENTRAL, EASTERN], "IN"),
    ("812", [CENTRAL, EASTERN], "IN"),
    ("930", [CENTRAL, EASTERN], "IN"),
    ("317", [EASTERN], "IN"),
    ("915", [MOUNTAIN], "TX"),
    ("214", [CENTRAL], "TX"),
    ("541", [MOUNTAIN, PACIFIC], "OR"),
    ("458", [MOUNTAIN, PACIFIC], "OR"),
    ("775", [MOUNTAIN, PACIFIC], "NV"),
    ("702", [PACIFIC], "NV"),
    # Most of Arizona keeps no daylight saving time, the Navajo Nation does.
    ("928", [MOUNTAIN, "America/Phoenix"], "AZ"),
    ("602", ["America/Phoenix"], "AZ"),
    ("907", ["America/Adak", "America/Anchorage"], "AK"),
    ("808", ["Pacific/Honolulu"], "HI"),
    ("787", ["America/Puerto_Rico"], "PR"),
    ("340", ["America/St_Thomas"], "VI"),
    ("671", ["Pacific/Guam"], "GU"),
    ("416", ["America/Toronto"], "ON"),
    ("807", ["America/Atikokan", "America/Toronto", "America/Winnipeg"], "ON"),
    ("204", ["America/Winnipeg"], "MB"),
    ("306", ["America/Regina"], "SK"),
    ("474", ["America/Regina"], "SK"),
    ("506", ["America/Halifax"], "NB"),
    ("902", ["America/Halifax"], "NS PE"),
    ("709", ["America/Halifax", "America/St_Johns"], "NL"),
    ("879", ["America/Halifax", "America/St_Johns"], "NL"),
    ("876", ["America/Jamaica"], ""),
    # Newer than the metadata: what is known of the code whose area they share.
    ("457", [CENTRAL], "LA"),
    ("483", [CENTRAL], "AL"),
    ("471", [CENTRAL], "MS"),
]
KEYS = sorted({f"{zones}#{states}" for _, zones, states in prefix_table()})


@pytest.mark.parametrize(("code", "zones", "states"), AREA_CODES)
def test_an_area_code_says_where_somebody_may_be(code: str, zones: list[str], states: str) -> None:
    assert place_key(f"+1{code}5550100") == f"{' '.join(sorted(zones))}#{states}"


@pytest.mark.parametrize("state", sorted({**UNITED_STATES, **CANADA}))
def test_every_state_and_province_has_numbers(state: str) -> None:
    rows = [prefix for prefix, _, states in prefix_table() if state in states.split()]

    assert rows
    assert all(prefix.startswith("+1") and len(prefix) == 5 for prefix in rows)


@pytest.mark.parametrize("code", ["800", "833", "888", "500", "521", "900", "999"])
def test_a_number_without_a_place_may_be_anywhere_in_the_united_states(code: str) -> None:
    place = parse_key(place_key(f"+1{code}5550100"))

    assert place.states == ("US",)
    assert place.in_united_states
    assert {EASTERN, CENTRAL, MOUNTAIN, "America/Phoenix", PACIFIC, "America/Anchorage", "Pacific/Honolulu"} < set(
        place.zones
    )


@pytest.mark.parametrize(
    ("number", "key"),
    [
        ("+442079460000", "Europe/London#"),
        ("+4915112345678", "Europe/Berlin#"),
        # Same time as Lisbon's but for the Azores.
        ("+351912345678", "Atlantic/Azores Europe/Lisbon#"),
        # Without daylight saving time, unlike Paris.
        ("+213551234567", "Africa/Algiers#"),
        ("+353851234567", "Europe/Dublin#"),
        ("+97798412345678", "Asia/Kathmandu#"),
        # India's old name is an alias.
        ("+919812345678", "Asia/Kolkata#"),
    ],
)
def test_a_calling_code_gives_every_zone_it_allows(number: str, key: str) -> None:
    assert place_key(number) == key


def test_a_country_loses_no_zone_that_differs_on_some_day() -> None:
    australia = place_key("+61412345678").rstrip("#").split()

    # Darwin and Adelaide agree in winter only, Brisbane and Sydney too.
    assert {"Australia/Adelaide", "Australia/Brisbane", "Australia/Darwin", "Australia/Lord_Howe"} < set(australia)
    assert {"Europe/Kaliningrad", "Europe/Moscow", "Asia/Kamchatka"} < set(
        place_key("+79161234567").rstrip("#").split()
    )


@pytest.mark.parametrize(
    "number", ["", "+", "foo", "4155550100", "+1", "+1415", "+1055", "+881612345678", "+2101", "+999123"]
)
def test_what_has_no_place_is_unknown(number: str) -> None:
    assert place_key(number) == (UNKNOWN if number != "+1415" else f"{PACIFIC}#CA")


def test_the_subscribers_own_zone_replaces_the_numbers_and_the_state_stays() -> None:
    assert place_key("+18505550100", "America/Chicago") == "America/Chicago#FL"
    assert place_key("+14155550100", "Asia/Tokyo") == "Asia/Tokyo#CA"
    assert place_key("+442079460000", "America/New_York") == "America/New_York#"
    assert place_key("+881612345678", "Asia/Tokyo") == "Asia/Tokyo#"


@pytest.mark.parametrize(
    "zone", ["", "Mars/Base", "../../etc/passwd", "EST5EDT#", "America", "america/chicago ", "Europe/London Asia/Tokyo"]
)
def test_a_zone_that_does_not_exist_counts_as_not_known(zone: str) -> None:
    assert not is_zone(zone)
    assert place_key("+18505550100", zone) == "America/Chicago America/New_York#FL"


def test_every_key_is_canonical_short_enough_and_can_be_read() -> None:
    longest_own = max(
        (f"{zone}#{s}" for zone in ("America/Argentina/ComodRivadavia",) for _, _, s in prefix_table()), key=len
    )

    assert max(len(key) for key in [*KEYS, longest_own]) <= MAX_KEY_LENGTH
    for key in KEYS:
        place = parse_key(key)
        assert list(place.zones) == sorted(set(place.zones))
        assert list(place.states) == sorted(set(place.states))
        assert set(place.states) <= set(STATES)
        assert all(ZoneInfo(zone).key == zone for zone in place.zones)
        assert describe(key)


@pytest.mark.parametrize(
    ("key", "here"),
    [
        ("America/New_York#NY", True),
        ("America/Puerto_Rico#PR", True),
        ("America/Toronto#ON", False),
        ("America/Jamaica#", False),
        ("Europe/London#", False),
        # A British number whose owner is known to live in Boise; a Toronto number in Detroit; the old name of a zone.
        ("America/Boise#", True),
        ("America/Detroit#ON", True),
        ("US/Eastern#", True),
        # A Californian on the road: the number is still one of the United States.
        ("Asia/Tokyo#CA", True),
    ],
)
def test_the_federal_law_holds_for_numbers_and_for_clocks_of_the_united_states(key: str, here: bool) -> None:
    assert parse_key(key).in_united_states is here


@pytest.mark.parametrize("key", ["", "#", "#CA", "America/New_York", "Mars/Base#", "New York#NY"])
def test_what_is_no_key_is_refused_by_name(key: str) -> None:
    with pytest.raises(ValueError, match="place"):
        parse_key(key)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("America/Los_Angeles#CA", "California, Pacific time"),
        ("America/Chicago America/New_York#FL", "Florida, Eastern or Central time"),
        ("America/Denver America/Phoenix#AZ", "Arizona, Mountain or Arizona time"),
        ("America/Halifax#NS PE", "Nova Scotia or Prince Edward Island, Atlantic time"),
        (
            "America/Edmonton America/Fort_Nelson America/Vancouver#BC",
            "British Columbia, Mountain, Pacific or Fort Nelson time",
        ),
        ("Europe/London#", "London time"),
        ("Asia/Tokyo#CA", "California, Tokyo time"),
        (UNKNOWN, "Place unknown, Universal time"),
    ],
)
def test_a_place_is_described_for_people(key: str, text: str) -> None:
    assert describe(key) == text


def test_a_number_from_anywhere_counts_its_zones() -> None:
    assert describe(place_key("+18005550100")) == "United States, any of 9 time zones"


def test_the_tables_say_where_they_are_from() -> None:
    from messaging.hours.places import FOLDER

    for name in ("area_codes.json", "calling_codes.json"):
        about = (FOLDER / name).read_text()[:400]
        assert "make_places.py" in about
        assert "phonenumbers 9." in about
        assert "tzdata 20" in about


def test_the_database_can_do_the_same_with_one_join() -> None:
    """Given the rows of ``prefix_table()``, when SQL takes the documented prefix, then it finds what ``place_key`` does."""
    two = ", ".join(f"'{code}'" for code in sorted(TWO_DIGIT_CODES))
    prefix = f"""CASE WHEN number LIKE '+1%' THEN SUBSTR(number, 1, 5) WHEN number LIKE '+7%' THEN '+7'
                 WHEN SUBSTR(number, 2, 2) IN ({two}) THEN SUBSTR(number, 1, 3) ELSE SUBSTR(number, 1, 4) END"""
    zones = ["", "America/Chicago"]
    people = [(f"{row[0]}5550100000"[:15], zone) for row in prefix_table() for zone in zones]
    people += [(number, zone) for number in ("+881612345678", "+10505550100", "+2101234567") for zone in zones]
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE prefixes (prefix TEXT PRIMARY KEY, zones TEXT, states TEXT)")
        database.executemany("INSERT INTO prefixes VALUES (?, ?, ?)", prefix_table())
        database.execute("CREATE TABLE people (number TEXT, zone TEXT)")
        database.executemany("INSERT INTO people VALUES (?, ?)", people)
        rows = database.execute(
            f"""SELECT number, zone, {prefix}, COALESCE(NULLIF(zone, ''), zones, 'UTC') || '#' || COALESCE(states, '')
                FROM people LEFT JOIN prefixes ON prefix = {prefix}"""  # noqa: S608  the test's own words
        ).fetchall()

    assert len(rows) == len(people) > 2000
    for number, zone, found, key in rows:
        assert found == prefix_of(number)
        assert key == place_key(number, zone)


def test_a_prefix_has_one_row_and_every_possible_area_code_has_one() -> None:
    prefixes = [prefix for prefix, _, _ in prefix_table()]

    assert len(prefixes) == len(set(prefixes))
    assert {f"+1{code}" for code in range(200, 1000)} <= set(prefixes)
    assert all(prefix_of(f"{prefix}123456789") == prefix for prefix in prefixes)


def test_hours_need_no_django() -> None:
    code = "import sys, messaging.hours; sys.exit(any(name.partition('.')[0] == 'django' for name in sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

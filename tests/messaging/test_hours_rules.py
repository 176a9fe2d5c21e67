"""The legal hours, as data; and the holidays that they name."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from messaging.hours.names import STATES, UNITED_STATES
from messaging.hours.rules import DAY_SECONDS, SOURCES, Spans, holidays, is_holiday, legal_spans, read_rules, rules

MONDAY, SATURDAY, SUNDAY = dt.date(2026, 11, 23), dt.date(2026, 11, 21), dt.date(2026, 11, 22)
THANKSGIVING = dt.date(2026, 11, 26)
#: A Sunday of which the Monday is the holiday (4 July 2027).
FOURTH, FIFTH = dt.date(2027, 7, 4), dt.date(2027, 7, 5)


def hours(spans: Spans) -> str:
    return ", ".join(f"{start // 3600}-{end // 3600}" for start, end in spans)


@pytest.mark.parametrize(
    ("states", "day", "expected"),
    [
        ("CA", MONDAY, "8-21"),
        ("NY", SUNDAY, "8-21"),
        ("US", SUNDAY, "8-21"),
        ("PR", MONDAY, "8-21"),
        ("FL", SUNDAY, "8-20"),
        ("OK", MONDAY, "8-20"),
        ("WA", MONDAY, "8-20"),
        ("MD", MONDAY, "8-20"),
        ("MA", MONDAY, "8-20"),
        ("CT", MONDAY, "9-20"),
        ("NV", MONDAY, "9-20"),
        ("MN", MONDAY, "9-21"),
        ("NM", MONDAY, "9-21"),
        ("KY", MONDAY, "10-21"),
        ("TX", SATURDAY, "9-21"),
        ("TX", SUNDAY, "12-21"),
        ("TX", THANKSGIVING, "9-21"),
        ("AL", SATURDAY, "8-20"),
        ("AL", SUNDAY, ""),
        ("AL", THANKSGIVING, ""),
        ("LA", SUNDAY, ""),
        ("LA", FIFTH, ""),
        ("MS", SUNDAY, ""),
        ("MS", THANKSGIVING, "8-20"),
        ("SD", SATURDAY, "9-21"),
        ("SD", SUNDAY, ""),
        ("UT", MONDAY, "8-21"),
        ("UT", SUNDAY, ""),
        ("UT", FIFTH, ""),
        ("PA", MONDAY, "8-21"),
        ("PA", THANKSGIVING, ""),
        ("RI", MONDAY, "9-18"),
        ("RI", SATURDAY, "10-17"),
        ("RI", SUNDAY, ""),
        ("RI", THANKSGIVING, ""),
        # Somebody in either of two states: the strictest of both.
        ("CT KY", MONDAY, "10-20"),
        ("AL FL", SUNDAY, ""),
    ],
)
def test_the_strictest_of_all_rules_counts(states: str, day: dt.date, expected: str) -> None:
    assert hours(legal_spans(tuple(states.split()), True, day)) == expected


def test_no_law_is_kept_outside_the_united_states() -> None:
    assert legal_spans((), False, SUNDAY) == ((0, DAY_SECONDS),)
    assert legal_spans(("ON",), False, SUNDAY) == ((0, DAY_SECONDS),)


def test_every_rule_has_a_source_and_says_how_sure_it_is() -> None:
    federal, *others = rules()

    assert federal.citation == "47 CFR § 64.1200(c)(1)"
    assert hours(federal.spans) == "8-21"
    for rule in others:
        assert rule.state in UNITED_STATES
        assert "§" in rule.citation or " r. " in rule.citation, rule
        assert rule.checked in SOURCES
        assert rule.note
        assert "\n" not in rule.note


def test_every_state_rule_is_stricter_than_the_federal_one_and_every_week_has_an_opening() -> None:
    states = {rule.state for rule in rules()} - {""}
    week = [MONDAY + dt.timedelta(days=day) for day in range(7)]

    for state in states:
        assert any(legal_spans((state,), True, day) != legal_spans((), True, day) for day in [*week, THANKSGIVING]), (
            state
        )
        assert any(legal_spans((state,), True, day) for day in week), state


def test_the_documentation_lists_every_rule() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "quiet-hours.md").read_text(encoding="utf-8")

    for rule in rules():
        row = next((line for line in page.splitlines() if line.startswith("|") and rule.citation in line), "")
        assert STATES.get(rule.state, "federal") in row, f"docs/quiet-hours.md does not list {rule}"
        assert (f"{rule.spans[0][0] // 3600}–{rule.spans[0][1] // 3600}" if rule.spans else "closed") in row
        assert rule.checked in row


GOOD = """[federal]
days = ["mon"]
from = "08:00"
to = "24:00"
citation = "x § 1"
checked = "secondary"
note = "n"

[[rule]]
state = "TX"
days = ["sun", "holiday"]
closed = true
citation = "y § 2"
checked = "statute text"
note = "m"
"""


def test_rules_are_read_from_text() -> None:
    federal, texas = read_rules(GOOD)

    assert (federal.state, federal.spans) == ("", ((28_800, 86_400),))
    assert (texas.state, texas.spans, texas.days) == ("TX", (), frozenset({"sun", "holiday"}))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('from = "08:00"', 'from = "8 am"', "federal: “8 am” is no time of day"),
        ('from = "08:00"\n', "", "federal: “None” is no time of day"),
        ('to = "24:00"', 'to = "07:00"', "federal: give from and a later to"),
        ('"TX"', '"ZZ"', "“ZZ” is no state"),
        ('"holiday"', '"holidays"', "days have to be some of"),
        ('["mon"]', "[]", "days have to be some of"),
        ("closed = true", 'closed = true\nfrom = "09:00"', r"rule 1 \(TX\)"),
        ('"statute text"', '"sure"', "checked has to be one of"),
        ('citation = "y § 2"\n', "", r"missing \['citation'\]"),
        ("closed = true", "shut = true", r"not known \['shut'\]"),
        ("[federal]", "[federal", "cannot be read"),
    ],
)
def test_a_damaged_rule_is_named(old: str, new: str, said: str) -> None:
    assert old in GOOD

    with pytest.raises(ValueError, match=said):
        read_rules(GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("year", "days"),
    [
        (2026, "01-01 01-19 02-16 05-25 06-19 07-03 07-04 09-07 10-12 11-11 11-26 12-25"),
        (2027, "01-01 01-18 02-15 05-31 06-18 06-19 07-04 07-05 09-06 10-11 11-11 11-25 12-24 12-25 12-31"),
        (2028, "01-01 01-17 02-21 05-29 06-19 07-04 09-04 10-09 11-10 11-11 11-23 12-25"),
    ],
)
def test_the_legal_public_holidays_of_a_year(year: int, days: str) -> None:
    """As the Office of Personnel Management lists them, and the days themselves when they are kept on another."""
    assert sorted(f"{day:%m-%d}" for day in holidays(year)) == days.split()
    assert is_holiday(dt.date(year, 12, 25))
    assert not is_holiday(dt.date(year, 12, 26))
    assert is_holiday(FOURTH)

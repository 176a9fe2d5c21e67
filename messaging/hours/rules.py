"""When the law lets a marketing text arrive: the rules of ``rules.toml``, and the public holidays that they name.

The file is data with its sources, for counsel to check and staff to change; this module only reads it. See
docs/quiet-hours.md.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from messaging.hours.names import STATES

FILE: Final = Path(__file__).resolve().parent / "rules.toml"
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAY: Final = "holiday"
SOURCES: Final = ("statute text", "secondary")
DAY_SECONDS: Final = 86_400

#: Pieces of a day on the clock: pairs of seconds since midnight, the second of each not included; in order, not touching.
Spans = tuple[tuple[int, int], ...]
WHOLE_DAY: Final[Spans] = ((0, DAY_SECONDS),)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the file.

    Args:
        state: two-letter code; empty for the federal rule.
        days: on which it holds, of ``WEEKDAYS`` and ``HOLIDAY``.
        spans: when a text may arrive on these days, by the recipient's clock; none: not at all.
        citation: the statute, rule or order.
        checked: how sure the source is, of ``SOURCES``.
        note: one line for whoever checks it.
    """

    state: str
    days: frozenset[str]
    spans: Spans
    citation: str
    checked: str
    note: str


def read_rules(text: str) -> tuple[Rule, ...]:
    """The rules that a file's text holds, the federal one first.

    Args:
        text: TOML, as in ``rules.toml``.

    Raises:
        ValueError: a rule is not whole, with its place in the file and what is wrong.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"rules.toml cannot be read: {error}. Mend the file and start again.") from error
    entries = [("federal", {"state": "", **table.get("federal", {})})]
    entries += [
        (f"rule {count} ({entry.get('state', '?')})", entry) for count, entry in enumerate(table.get("rule", []), 1)
    ]
    return tuple(_rule(where, entry) for where, entry in entries)


def _rule(where: str, entry: dict[str, Any]) -> Rule:
    missing = [name for name in ("state", "days", "citation", "checked", "note") if name not in entry]
    known = {"state", "days", "from", "to", "closed", "citation", "checked", "note"}
    if missing or set(entry) - known:
        raise ValueError(
            f"rules.toml, {where}: missing {missing or 'nothing'}, not known {sorted(set(entry) - known) or 'nothing'}."
        )
    state, days, closed = entry["state"], frozenset(entry["days"]), entry.get("closed", False)
    if state and state not in STATES:
        raise ValueError(f"rules.toml, {where}: “{state}” is no state or province; write its two letters.")
    if not days or days - {*WEEKDAYS, HOLIDAY}:
        raise ValueError(f"rules.toml, {where}: days have to be some of {', '.join([*WEEKDAYS, HOLIDAY])}.")
    if entry["checked"] not in SOURCES:
        raise ValueError(f"rules.toml, {where}: checked has to be one of {', '.join(SOURCES)}.")
    if closed is True and not {"from", "to"} & set(entry):
        spans: Spans = ()
    else:
        start, end = _seconds(where, entry.get("from")), _seconds(where, entry.get("to"))
        if closed or start >= end:
            raise ValueError(f"rules.toml, {where}: give from and a later to, or closed = true alone.")
        spans = ((start, end),)
    return Rule(state, days, spans, entry["citation"], entry["checked"], entry["note"])


def _seconds(where: str, text: object) -> int:
    if text == "24:00":
        return DAY_SECONDS
    try:
        clock = dt.time.fromisoformat(str(text))
    except ValueError as error:
        raise ValueError(f"rules.toml, {where}: “{text}” is no time of day such as 08:00.") from error
    return clock.hour * 3600 + clock.minute * 60


@cache
def rules() -> tuple[Rule, ...]:
    """The rules of ``rules.toml``, read once a process.

    Raises:
        ValueError: the file is damaged.
    """
    return read_rules(FILE.read_text(encoding="utf-8"))


@lru_cache(maxsize=65_536)
def legal_spans(states: tuple[str, ...], in_united_states: bool, day: dt.date) -> Spans:
    """When the law lets a text arrive on a day: the federal hours and all rules of all the states, together.

    Args:
        states: codes; the strictest of all of them counts.
        in_united_states: whether the federal hours hold.
        day: the recipient's own date.

    Returns:
        Pieces of the day by the recipient's clock; none: not at all.
    """
    kinds = {WEEKDAYS[day.weekday()]} | ({HOLIDAY} if is_holiday(day) else set())
    spans = WHOLE_DAY
    for rule in rules():
        if (rule.state in states if rule.state else in_united_states) and rule.days & kinds:
            spans = both(spans, rule.spans)
    return spans


def both(first: Iterable[tuple[int, int]], second: Iterable[tuple[int, int]]) -> Spans:
    """What two lists of spans have in common."""
    common = ((max(a, c), min(b, d)) for a, b in first for c, d in second)
    return tuple((start, end) for start, end in common if start < end)


def is_holiday(day: dt.date) -> bool:
    """Whether a day is a legal public holiday of the United States (5 U.S.C. § 6103), or the day on which one is kept."""
    return day in holidays(day.year)


@cache
def holidays(year: int) -> frozenset[dt.date]:
    """The legal public holidays of a year: the days themselves, and the Friday or Monday on which those of a weekend are kept.

    Args:
        year: a year from 2022 on; older ones had other holidays.
    """
    fixed = [
        dt.date(year, 1, 1),
        dt.date(year, 6, 19),
        dt.date(year, 7, 4),
        dt.date(year, 11, 11),
        dt.date(year, 12, 25),
    ]
    kept = {5: -1, 6: 1}
    # New Year's Day on a Saturday is kept on the last day of the year before.
    fixed_and_next = [*fixed, dt.date(year + 1, 1, 1)]
    observed = {day + dt.timedelta(days=kept[day.weekday()]) for day in fixed_and_next if day.weekday() in kept}
    moving = {
        _nth(year, 1, 0, 3),
        _nth(year, 2, 0, 3),
        _nth(year, 6, 0, 1) - dt.timedelta(days=7),
        _nth(year, 9, 0, 1),
        _nth(year, 10, 0, 2),
        _nth(year, 11, 3, 4),
    }
    return frozenset(day for day in {*fixed, *observed, *moving} if day.year == year)


def _nth(year: int, month: int, weekday: int, count: int) -> dt.date:
    """The first, second … of a weekday in a month; Monday is 0."""
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))

"""Legs: a batch leaves from different numbers by the recipient's country, decided by the database for all rows at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from messaging.engine import sql
from messaging.engine.countries import name_of, prefixes_of
from messaging.engine.recipients import RecipientQuery

#: Why a message to a blocked country is suppressed.
REASON = "country_blocked"
#: The reason of a row that may have left once and was queued again by a person; its result replaces it.
RESENT = "resent"


@dataclass(frozen=True, slots=True)
class Leg:
    """What leaves for one country.

    Args:
        country: ISO code.
        numbers: ids of our numbers, one for each group of recipients, or a single one; empty: nothing goes there.
    """

    country: str
    numbers: tuple[int, ...] = ()

    @property
    def reason_text(self) -> str:
        """Why nothing goes there, for a person."""
        return f"A route of the account says that nothing goes to {name_of(self.country)} ({self.country})."


def join(recipient: str, countries: Sequence[str]) -> tuple[str, list[Any]]:
    """SQL that joins a recipient's place in a list of countries as ``c.leg``, NULL for all others; and its parameters.

    Args:
        recipient: the column, E.164.
        countries: ISO codes, each once.
    """
    rows = [(prefix, place) for place, country in enumerate(countries) for prefix in prefixes_of(country)]
    table, params = sql.values_table((("prefix", "text"), ("leg", "int")), rows, "c")
    return f"LEFT JOIN {table} ON c.prefix = {sql.country_prefix(recipient)}", params


def pick(recipient: str, numbers: Sequence[int]) -> tuple[str, list[Any]]:
    """SQL of the number that a recipient hears from, and its parameters.

    Args:
        recipient: the column, E.164.
        numbers: ids of our numbers, one for each group of recipients, or a single one.
    """
    return ("%s", [numbers[0]]) if len(numbers) == 1 else sql.pick(recipient, list(numbers))


def number_of(recipient: str, default: Sequence[int], legs: Sequence[Leg]) -> tuple[str, list[Any]]:
    """SQL of the number that a recipient hears from by their country, and its parameters; needs ``join`` if there are legs.

    Args:
        recipient: the column, E.164.
        default: for all countries without a leg, and for the rows of those that nothing goes to.
        legs: in the order of the join.
    """
    otherwise, last = pick(recipient, default)
    cases: list[str] = []
    params: list[Any] = []
    for place, leg in enumerate(legs):
        if leg.numbers:
            expression, some = pick(recipient, leg.numbers)
            # An untyped parameter alone would make the whole CASE a text on PostgreSQL.
            cases.append(f"WHEN {place} THEN CAST({expression} AS bigint)")
            params += some
    if not cases:
        return otherwise, last
    return f"CASE c.leg {' '.join(cases)} ELSE CAST({otherwise} AS bigint) END", [*params, *last]


def blocked(legs: Sequence[Leg]) -> tuple[str, str, list[Any]]:
    """SQL of whether nothing goes to a recipient's country, of why, and the parameters of the latter; needs ``join``."""
    places = [place for place, leg in enumerate(legs) if not leg.numbers]
    if not places:
        return "FALSE", "''", []
    cases = " ".join(f"WHEN {place} THEN %s" for place in places)
    listed = ", ".join(map(str, places))
    return (
        f"COALESCE(c.leg, -1) IN ({listed})",
        f"CASE c.leg {cases} ELSE '' END",
        [legs[place].reason_text for place in places],
    )


def count_legs(*, account_id: int, recipients: RecipientQuery, countries: Sequence[str]) -> dict[str, int]:
    """How many of those who would be sent to are in each of some countries, and in all others (""); nothing is written.

    Args:
        account_id: whose suppressions hold.
        recipients: who would get it.
        countries: ISO codes, each once.
    """
    joined, params = join("r.recipient", countries)
    rows = sql.fetch(
        f"""
        SELECT COALESCE(c.leg, -1), count(*) FROM ({recipients.sql}) r {joined}
        LEFT JOIN messaging_suppression x
          ON x.account_id = %s AND x.recipient = r.recipient AND x.lifted_at IS NULL
        WHERE x.id IS NULL GROUP BY 1
        """,  # noqa: S608  compiled from querysets
        [*recipients.params, *params, account_id],
    )
    return {countries[place] if place >= 0 else "": count for place, count in rows}


@dataclass(frozen=True, slots=True)
class Rows:
    """Which of a batch's queued rows move.

    Args:
        batch_id: whose.
        numbers: ids of the numbers that they were to leave from.
        countries: of the account's routes, in the order of the join.
        leg: the place of the rows' country among these; None: those of all other countries.
        places: only those who may be written to now, by their place; None: all.
        canary_step: only the first few, whose id it divides; 0: all.
    """

    batch_id: int
    numbers: Collection[int]
    countries: Sequence[str] = ()
    leg: int | None = None
    places: Collection[str] | None = None
    canary_step: int = 0


def move_rows(*, rows: Rows, to: Sequence[int], most: int, now: dt.datetime | None = None) -> dict[int, list[int]]:
    """Give rows that never left to other numbers: one conditional UPDATE, so each is with one number at any time.

    Who claims a row at the same moment has it, or does not find it any more. A row that may have left before, and was queued again
    by a person, is not moved: its number's provider may have sent it already.

    Args:
        rows: which.
        to: ids of our numbers, one for each group of recipients, or a single one.
        most: rows at once.
        now: an aware time; now when omitted.

    Returns:
        The ids that moved, by their new number.
    """
    number, number_params = pick("recipient", to)
    from_numbers, numbers = sql.id_list(rows.numbers)
    joined, join_params = join("m.recipient", rows.countries) if rows.countries else ("", [])
    conditions, params = ["m.batch_id = %s", f"m.number_id {from_numbers}"], [rows.batch_id, numbers]
    if rows.countries:
        conditions.append("c.leg IS NULL" if rows.leg is None else f"c.leg = {rows.leg}")
    if rows.places is not None:
        condition, places = sql.text_list(rows.places)
        conditions.append(f"m.place {condition}")
        params.append(places)
    if rows.canary_step:
        conditions.append(f"m.id %% {rows.canary_step} = 0")
    # Rows that a claim holds at this moment are the claim's; waiting for it could be waiting for each other.
    skip = "FOR UPDATE OF m SKIP LOCKED" if sql.is_postgresql() else ""
    # Materialised: as a subquery it may run once a row on PostgreSQL, and each run would find the next rows that are not locked.
    moved = sql.fetch(
        f"""
        WITH chosen AS MATERIALIZED (
          SELECT m.id FROM messaging_message m {joined}
          WHERE m.state = 'queued' AND m.reason <> '{RESENT}' AND {" AND ".join(conditions)}
          ORDER BY m.id LIMIT %s {skip}
        )
        UPDATE messaging_message SET number_id = {number}, changed_at = %s
        WHERE id IN (SELECT id FROM chosen) AND state = 'queued' AND number_id {from_numbers}
        RETURNING id, number_id
        """,  # noqa: S608  the conditions are ours
        [*join_params, *params, most, *number_params, now or timezone.now(), numbers],
    )
    found: dict[int, list[int]] = {}
    for pk, number_id in sorted(moved):
        found.setdefault(number_id, []).append(pk)
    return found


def waiting(rows: Rows) -> set[tuple[int | None, bool]]:
    """What waits of a batch: places of countries (None: all others), each with whether it stays where it is (``RESENT``).

    Args:
        rows: which; their own leg, places and canary do not count.
    """
    numbers, parameter = sql.id_list(rows.numbers)
    joined, params = join("m.recipient", rows.countries) if rows.countries else ("", [])
    leg = "c.leg" if rows.countries else "NULL"
    found = sql.fetch(
        f"SELECT DISTINCT {leg}, m.reason = '{RESENT}' FROM messaging_message m {joined} "  # noqa: S608  ours
        f"WHERE m.batch_id = %s AND m.state = 'queued' AND m.number_id {numbers}",
        [*params, rows.batch_id, parameter],
    )
    return {(leg, bool(resent)) for leg, resent in found}

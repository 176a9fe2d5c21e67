"""The few statements that differ between PostgreSQL and SQLite, and running them.

Both databases get one array or one JSON document a chunk, whatever the number of rows, and answer with ``RETURNING``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from django.db import connection

from messaging.hours import TWO_DIGIT_CODES, prefix_table
from messaging.states import RANK


def pick(recipient: str, numbers: list[int]) -> tuple[str, list[Any]]:
    """SQL that picks one of some numbers by the last digits of a recipient's, and its parameters.

    Args:
        recipient: the column, E.164.
        numbers: one for each group of recipients.
    """
    size = len(numbers)
    if is_postgresql():
        return f"(%s::bigint[])[1 + right({recipient}, 6)::int %% {size}]", [numbers]
    digits = f"CAST(substr({recipient}, -6) AS INTEGER) %% {size}"
    return f"json_extract(%s, '$[' || ({digits}) || ']')", [orjson.dumps(numbers).decode()]


def country_prefix(recipient: str) -> str:
    """SQL of the first digits of a recipient that tell their country (``messaging.engine.countries``).

    Args:
        recipient: the column, E.164.
    """
    two_digits = ", ".join(f"'{code}'" for code in sorted(TWO_DIGIT_CODES))
    return (
        f"CASE WHEN substr({recipient}, 1, 2) = '+1' THEN substr({recipient}, 1, 5) "
        f"WHEN substr({recipient}, 1, 2) = '+7' OR substr({recipient}, 2, 2) IN ({two_digits}) "
        f"THEN substr({recipient}, 1, 3) ELSE substr({recipient}, 1, 4) END"
    )


def place(recipient: str, zone: str) -> tuple[str, str, list[Any]]:
    """SQL of a recipient's place (``messaging.hours.place_key``), a join that it needs, and the join's parameters.

    Args:
        recipient: the column, E.164.
        zone: the column with the person's own zone.
    """
    table, params = values_table((("prefix", "text"), ("zones", "text"), ("states", "text")), prefix_table())
    two_digits = ", ".join(f"'{code}'" for code in sorted(TWO_DIGIT_CODES))
    # messaging.hours.prefix_of, in SQL.
    prefix = (
        f"CASE WHEN substr({recipient}, 1, 2) = '+1' THEN substr({recipient}, 1, 5) "
        f"WHEN substr({recipient}, 1, 2) = '+7' THEN '+7' "
        f"WHEN substr({recipient}, 2, 2) IN ({two_digits}) THEN substr({recipient}, 1, 3) ELSE substr({recipient}, 1, 4) END"
    )
    expression = f"COALESCE(NULLIF({zone}, ''), v.zones, 'UTC') || '#' || COALESCE(v.states, '')"
    return expression, f"LEFT JOIN {table} ON v.prefix = {prefix}", params


def is_postgresql() -> bool:
    """Whether the database is PostgreSQL; else it is SQLite."""
    return connection.vendor == "postgresql"


def id_list(ids: Iterable[int]) -> tuple[str, Any]:
    """A condition's right side for a list of ids, and its parameter: ``f"id {condition}"``."""
    if is_postgresql():
        return "= ANY(%s::bigint[])", list(ids)
    return "IN (SELECT value FROM json_each(%s))", orjson.dumps(list(ids)).decode()


def text_list(values: Iterable[str]) -> tuple[str, Any]:
    """The same for a list of texts."""
    if is_postgresql():
        return "= ANY(%s::text[])", list(values)
    return "IN (SELECT value FROM json_each(%s))", orjson.dumps(list(values)).decode()


def values_table(
    columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]], name: str = "v"
) -> tuple[str, list[Any]]:
    """A derived table of rows, and its parameters.

    Args:
        columns: name and PostgreSQL type of each column.
        rows: values, one sequence a row.
        name: the table's.
    """
    if is_postgresql():
        # One document is parsed faster than an array a column, and its row estimate keeps the planner at index look-ups;
        # unnest made it hash the whole table for each thousand rows.
        names = [column for column, _ in columns]
        declared = ", ".join(f"{column} {kind}" for column, kind in columns)
        document = orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode()
        return f"json_to_recordset(%s::json) AS {name}({declared})", [document]
    fields = ", ".join(f"json_extract(value, '$[{i}]') AS {column}" for i, (column, _) in enumerate(columns))
    # The names of columns are ours.
    table = f"(SELECT {fields} FROM json_each(%s)) AS {name}"  # noqa: S608  our own column names
    return table, [orjson.dumps([list(row) for row in rows]).decode()]


def rank_of(column: str) -> str:
    """An expression for the rank of a state."""
    cases = " ".join(f"WHEN '{state}' THEN {rank}" for state, rank in RANK.items())
    return f"CASE {column} {cases} END"


def timestamp(column: str) -> str:
    """An expression for a timestamp that came as text or NULL."""
    return f"{column}::timestamptz" if is_postgresql() else column


def _adapted(params: Sequence[Any]) -> list[Any]:
    """Times as the database stores them; SQLite has text."""
    adapt = connection.ops.adapt_datetimefield_value
    return [adapt(value) if isinstance(value, dt.datetime) else value for value in params]


def fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement and fetch all it returns."""
    with connection.cursor() as cursor:
        cursor.execute(sql, _adapted(params))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def run(sql: str, params: Sequence[Any]) -> int:
    """Run a statement; the number of rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, _adapted(params))
        return int(cursor.rowcount)

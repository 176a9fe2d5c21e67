"""What migrations leave in the database, put back quickly after a test that committed.

Django empties every table after such a test and announces a migration to each app, whose receivers then make the content
types, permissions and roles again, one by one. The very same rows come back from a copy in a fiftieth of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from django.contrib.contenttypes.models import ContentType
from django.core.management.commands import flush
from django.db import connection, transaction

from campaigns.migrations._append_only import MAY_EMPTY, SQLITE_TRIGGER, TABLE

_LEDGER = f'"{TABLE}"'


@dataclass(frozen=True)
class Copy:
    """The rows of one table.

    Args:
        table: its name, quoted.
        insert: the statement that puts one row back.
        rows: the values of each.
    """

    table: str
    insert: str
    rows: list[tuple[Any, ...]]


def tables() -> list[str]:
    """Ours, quoted."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [connection.ops.quote_name(name) for name in names]


def copies() -> list[Copy]:
    """What the database holds now."""
    found = []
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608  names from the database itself - a table of ours
            if rows := cursor.fetchall():
                columns = [column[0] for column in cursor.description]
                names, marks = ", ".join(map(connection.ops.quote_name, columns)), ", ".join(["%s"] * len(columns))
                insert = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  names from the database itself
                found.append(Copy(table, insert, rows))
    return found


def are_there(kept: list[Copy]) -> bool:
    """Whether tables hold what they held, no more and no less; in whatever order."""
    with connection.cursor() as cursor:
        for copy in kept:
            cursor.execute(f"SELECT * FROM {copy.table}")  # noqa: S608  as above
            if sorted(map(repr, cursor.fetchall())) != sorted(map(repr, copy.rows)):
                return False
    return True


def with_rows(among: list[str]) -> list[str]:
    """The tables that are not empty."""
    looks = [f"SELECT {index} WHERE EXISTS (SELECT 1 FROM {table})" for index, table in enumerate(among)]  # noqa: S608  as above
    asked = " UNION ALL ".join(looks)
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return [among[index] for (index,) in cursor.fetchall()]


@contextmanager
def rows_kept() -> Iterator[None]:
    """Let every ``flush`` end with what the database holds at the beginning.

    It deletes from the tables that have rows: PostgreSQL takes a tenth of a second to truncate all of them.
    """
    kept = copies()
    ours = tables()
    lost: list[Copy] = []

    def statements(*_: object, **__: object) -> list[str]:
        lost[:] = [] if are_there(kept) else kept
        staying = set() if lost else {copy.table for copy in kept}
        emptied = [table for table in with_rows(ours) if table not in staying]
        return _empty_ledger(emptied) + [f"DELETE FROM {table}" for table in emptied if table != _LEDGER]  # noqa: S608  as above

    def put_back(*_: object) -> None:
        # References between them are checked at the end of the transaction only.
        with transaction.atomic(), connection.cursor() as cursor:
            for copy in lost:
                cursor.executemany(copy.insert, copy.rows)
        ContentType.objects.clear_cache()

    with (
        mock.patch.object(flush, "sql_flush", statements),
        mock.patch.object(flush, "emit_post_migrate_signal", put_back),
    ):
        yield


def _empty_ledger(emptied: list[str]) -> list[str]:
    """Empty the consent ledger, which nothing else may; it is guarded again afterwards."""
    if _LEDGER not in emptied:
        return []
    if connection.vendor == "sqlite":
        guard = SQLITE_TRIGGER.format(event="DELETE", lower="delete")
        return ["DROP TRIGGER IF EXISTS campaigns_consent_no_delete", f"DELETE FROM {_LEDGER}", guard]  # noqa: S608  as above
    # First of all: a table with references that are still to be checked cannot be truncated.
    return [f"SELECT set_config('{MAY_EMPTY}', 'on', true)", f"TRUNCATE {_LEDGER} CASCADE"]

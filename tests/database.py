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
from django.core.management.sql import sql_flush
from django.db import connection, transaction

from campaigns.migrations._append_only import MAY_EMPTY, SQLITE_TRIGGER


@dataclass(frozen=True)
class Copy:
    """The rows of one table.

    Args:
        insert: the statement that puts one row back.
        rows: the values of each.
    """

    insert: str
    rows: list[tuple[Any, ...]]


def copies() -> list[Copy]:
    """What the database holds now."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(only_existing=True, include_views=False):
            name = connection.ops.quote_name(table)
            cursor.execute(f"SELECT * FROM {name}")  # noqa: S608  names from the database itself - a table of ours
            if rows := cursor.fetchall():
                columns = [column[0] for column in cursor.description]
                names, marks = ", ".join(map(connection.ops.quote_name, columns)), ", ".join(["%s"] * len(columns))
                found.append(Copy(f"INSERT INTO {name} ({names}) VALUES ({marks})", rows))  # noqa: S608  names from the database itself
    return found


@contextmanager
def rows_kept() -> Iterator[None]:
    """Let every ``flush`` end with what the database holds at the beginning."""
    kept = copies()

    def put_back(*_: object) -> None:
        # References between them are checked at the end of the transaction only.
        with transaction.atomic(), connection.cursor() as cursor:
            for copy in kept:
                cursor.executemany(copy.insert, copy.rows)
        ContentType.objects.clear_cache()

    with mock.patch.object(flush, "emit_post_migrate_signal", put_back):
        yield


@contextmanager
def ledger_emptied_by_flush() -> Iterator[None]:
    """Let a flush empty the consent ledger, which nothing else may; it is guarded again after each."""
    if connection.vendor == "sqlite":
        before = "DROP TRIGGER IF EXISTS campaigns_consent_no_delete"
        after = [SQLITE_TRIGGER.format(event="DELETE", lower="delete")]
    else:
        before = f"SELECT set_config('{MAY_EMPTY}', 'on', true)"
        after = []

    def statements(*args: Any, **options: Any) -> list[str]:
        return [before, *sql_flush(*args, **options), *after]

    with mock.patch.object(flush, "sql_flush", statements):
        yield

"""Starts from nothing, and takes care that nothing but an earlier demo is thrown away."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction

from accounts.models import Account
from broadcast.core.config import Config
from broadcast.core.redis import connect
from campaigns.migrations._append_only import may_be_emptied

#: Left in a demo's data folder and Redis, to know them again.
MARKER = "broadcast-demo"
ACCOUNT_NAME = "Harbour Lights Theatre"

_EMPTIED_APPS = ("accounts", "integrations", "messaging", "campaigns", "django_q", "sessions", "admin")


class NotADemo(Exception):
    """What should be emptied holds something else; the text names it and says what to do."""


def clean_folder(folder: Path) -> None:
    """Empty a demo's data folder; generated secrets and the lock stay.

    Raises:
        NotADemo: the folder holds an installation that is no demo.
    """
    marker = folder / MARKER
    if (folder / "db.sqlite3").exists() and not marker.exists():
        raise NotADemo(
            f"{folder} holds a database that is not a demo's: set BROADCAST_DATA_DIR to another folder for the demo."
        )
    marker.touch()
    for path in folder.glob("db.sqlite3*"):
        path.unlink()
    for name in ("valkey", "files", "static", "leases"):
        shutil.rmtree(folder / name, ignore_errors=True)


def clean_database(config: Config) -> None:
    """Empty the tables of a database of one's own choice (``--use-environment``); what migrations made stays.

    Raises:
        NotADemo: it holds accounts that are no demo's.
    """
    if not config.database_url:
        return
    if Account.objects.exclude(name=ACCOUNT_NAME).exists():
        raise NotADemo("DATABASE_URL names a database with real accounts: name an empty one for the demo.")
    models = (
        model for name in _EMPTIED_APPS for model in apps.get_app_config(name).get_models(include_auto_created=True)
    )
    statements = connection.ops.sql_flush(no_style(), [model._meta.db_table for model in models], reset_sequences=True)
    with transaction.atomic(), may_be_emptied(connection):
        connection.ops.execute_sql_flush(statements)


def clean_redis(config: Config) -> None:
    """Empty a Redis database of one's own choice (``--use-environment``).

    Raises:
        NotADemo: it holds keys that are no demo's.
    """
    if config.redis_embedded:
        return
    with connect() as client:
        if client.dbsize() and not client.exists(MARKER):
            raise NotADemo("REDIS_URL names a database with keys of somebody else's: name an empty one for the demo.")
        client.flushdb()
        client.set(MARKER, 1)

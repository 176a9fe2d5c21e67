"""What every bench stands on: a folder that is thrown away, a Valkey, a database, and the environment that names them.

The project reads its environment once, so nothing of it that reads settings is imported before ``open_lab`` has run.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from broadcast.core.valkey import server_command, wait_until_ready
from tests.bench.machine import Cores, cores, free_port
from tests.bench.postgres import running_server


@dataclass(frozen=True, slots=True)
class Lab:
    """A bench's surroundings.

    Args:
        folder: for files; removed at the end.
        database: ``postgresql`` or ``sqlite``.
        valkey_pid: the server's process.
        webhook_port: where the webhook process is to listen.
        cores: who may use which.
    """

    folder: Path
    database: str
    valkey_pid: int
    webhook_port: int
    cores: Cores


@contextmanager
def open_lab(database: str) -> Iterator[Lab]:
    """Start everything, set the environment and migrate.

    Args:
        database: ``auto`` (a scratch database on the server of ``DATABASE_URL`` if that is set, else SQLite),
            ``sqlite``, or ``postgresql`` (a server of the bench's own).

    Raises:
        PostgresError: no server could be started.
        ValkeyError: no Valkey could be started.
        psycopg.Error: the server of ``DATABASE_URL`` refuses a scratch database.
    """
    with ExitStack() as stack:
        # Short, so that the socket's path fits (Linux allows 108 bytes).
        folder = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        url = stack.enter_context(_database(database, folder))
        port = free_port()
        redis_url = f"unix://{folder}/valkey.sock"
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "broadcast.settings",
            "DATABASE_URL": url,
            "REDIS_URL": redis_url,
            "BROADCAST_DATA_DIR": str(folder),
            "BROADCAST_ENV": "local",
            "BROADCAST_DEBUG": "false",
            "BROADCAST_LOG_LEVEL": "WARNING",
            "BROADCAST_WEBHOOK_BIND": f"127.0.0.1:{port}",
            "BROADCAST_WEBHOOK_URL": f"http://127.0.0.1:{port}",
        }
        valkey = stack.enter_context(_valkey(folder, redis_url))
        stack.enter_context(_migrated())
        yield Lab(folder, "postgresql" if url else "sqlite", valkey, port, cores())


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database; empty for SQLite."""
    given = os.environ.get("DATABASE_URL", "")
    if kind == "postgresql":
        with running_server(folder / "postgres") as url, _scratch(url) as scratch:
            yield scratch
    elif kind == "auto" and given.startswith(("postgres://", "postgresql://")):
        with _scratch(given) as scratch:
            yield scratch
    else:
        yield ""


@contextmanager
def _scratch(url: str) -> Iterator[str]:
    """A database of the bench's own on a server, dropped at the end."""
    name = f"broadcast_bench_{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def end_with_parent() -> None:
    """For a server's process: ask Linux to end it should the bench be killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@contextmanager
def _valkey(folder: Path, url: str) -> Iterator[int]:
    """A Valkey as ``manage.py up`` starts it, append-only file included."""
    command = server_command(folder=folder / "valkey", socket_path=folder / "valkey.sock")
    server = subprocess.Popen(command, stdout=sys.stderr, stderr=sys.stderr, preexec_fn=end_with_parent)
    try:
        wait_until_ready(url, alive=lambda: server.poll() is None)
        yield server.pid
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextmanager
def _migrated() -> Iterator[None]:
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    try:
        yield
    finally:
        connections.close_all()

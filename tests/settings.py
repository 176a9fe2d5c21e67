"""The project's settings in a data folder and with a Valkey socket of the test run's own.

The environment is read once, so it is set before anything of the project is imported. A process that a test starts
inherits it and shares the run's folder and server.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import tempfile
from pathlib import Path


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def remove_as(creator: int, folder: str) -> None:
    """Remove the run's folder at its end; a worker that was forked leaves it to the run."""
    if os.getpid() == creator:
        shutil.rmtree(folder, ignore_errors=True)


if "BROADCAST_TEST_DIR" not in os.environ:
    # Short, so that the socket's path fits (Linux allows 108 bytes).
    directory = tempfile.mkdtemp(prefix="broadcast-test-", dir="/tmp")
    atexit.register(remove_as, os.getpid(), directory)
    # whitenoise warns in every request of a folder that is not there.
    (Path(directory) / "static").mkdir()
    os.environ |= {
        "BROADCAST_TEST_DIR": directory,
        "BROADCAST_DATA_DIR": directory,
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

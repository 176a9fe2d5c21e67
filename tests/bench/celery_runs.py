"""Celery with one task a message, in three configurations, measured by what the simulator sees.

Celery is no dependency of the project: it lives in a virtualenv of its own, made at the first use and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path

from broadcast.core.redis import connect
from integrations.simulator.process import SimulatorProcess
from tests.bench.child import ChildError
from tests.bench.lab import Lab, end_with_parent
from tests.bench.machine import Cores

logger = logging.getLogger("bench")

PACKAGES = ("celery[redis]==5.7.0", "gevent==26.9.0", "requests==2.34.2")
#: Its own defaults otherwise; what only talks to other workers is off.
CONFIGURATIONS = {
    "threads": ("--pool", "threads", "--concurrency", "40"),
    "gevent": ("--pool", "gevent", "--concurrency", "40"),
    "prefork": ("--pool", "prefork", "--concurrency", "4"),
}
INSTALL_SECONDS = 600
RUN_SECONDS = 300.0
#: A Valkey database beside the installation's.
BROKER_DATABASE = 1
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Celery:
    """Celery, installed.

    Args:
        python: its virtualenv's.
        socket: the broker's unix socket.
        cores: its worker gets the subject's.
    """

    python: Path
    socket: Path
    cores: Cores

    def measure(self, simulator: SimulatorProcess, count: int) -> dict[str, float]:
        """Messages a second of each configuration.

        The tasks are in the broker before the worker starts, and the time runs from the first request that the simulator
        receives to the last: neither enqueuing nor starting is held against Celery. What became of a message it keeps in
        its own result backend, on the same Valkey.

        Raises:
            ChildError: a worker did not send everything in time.
        """
        return {name: self._measure(simulator, count, options) for name, options in CONFIGURATIONS.items()}

    def _measure(self, simulator: SimulatorProcess, count: int, options: tuple[str, ...]) -> float:
        simulator.reset()
        connect(f"unix://{self.socket}?db={BROKER_DATABASE}").flushdb()
        settings = simulator.initial
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "BENCH_BROKER": f"redis+socket://{self.socket}?virtual_host={BROKER_DATABASE}",
            "BENCH_URL": f"{simulator.url}/2010-04-01/Accounts/{settings.account_sid}/Messages.json",
            "BENCH_ACCOUNT_SID": settings.account_sid,
            "BENCH_AUTH_TOKEN": settings.auth_token,
            "BENCH_SENDER": settings.numbers[-1],
        }
        folder = Path(__file__).parent
        subprocess.run(
            [str(self.python), "celery_app.py", str(count)],
            cwd=folder,
            env=environment,
            stdout=sys.stderr,
            check=True,
            timeout=RUN_SECONDS,
        )
        command = [str(self.python), "-m", "celery", "-A", "celery_app", "worker", "--loglevel", "WARNING", *options]
        worker = subprocess.Popen(
            [*command, "--without-gossip", "--without-mingle", "--without-heartbeat"],
            cwd=folder,
            env=environment,
            stdout=sys.stderr,
            stderr=sys.stderr,
            start_new_session=True,
            preexec_fn=self._become_subject,
        )
        try:
            return self._wait(simulator, worker, count)
        finally:
            # Its pool's processes end with it.
            worker.terminate()
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def _become_subject(self) -> None:
        os.sched_setaffinity(0, self.cores.subject)
        end_with_parent()

    def _wait(self, simulator: SimulatorProcess, worker: subprocess.Popen[bytes], count: int) -> float:
        deadline = time.monotonic() + RUN_SECONDS
        while True:
            stats = simulator.stats()
            if stats["messages_taken"] >= count:
                return float(stats["requests_per_second"])
            if worker.poll() is not None or time.monotonic() > deadline:
                raise ChildError(
                    f"Celery sent {stats['messages_taken']} of {count} messages; its own words stand above."
                )
            time.sleep(_POLL_SECONDS)


def prepare(lab: Lab) -> Celery:
    """Celery's virtualenv, made where it is missing.

    Raises:
        ChildError: its packages could not be installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "broadcast-bench" / f"celery-{hashlib.sha256(repr(PACKAGES).encode()).hexdigest()[:12]}"
    done = folder / "installed"
    python = folder / "bin" / "python"
    if not done.exists():
        logger.info("Installing %s into %s", ", ".join(PACKAGES), folder)
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        if subprocess.run(command, stdout=sys.stderr, check=False, timeout=INSTALL_SECONDS).returncode:
            raise ChildError(
                f"Celery could not be installed into {folder}; leave --celery out, or see pip's words above."
            )
        done.touch()
    return Celery(python, lab.folder / "valkey.sock", lab.cores)

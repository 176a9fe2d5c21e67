"""Keeps programs running, starts what dies at once, and lets itself be told to kill them.

``manage.py up`` waits longer and longer before it starts again what keeps dying; here dying is what is asked for.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from broadcast.core.config import BASE_DIR
from broadcast.supervisor import leash

logger = logging.getLogger("chaos")

WATCH_SECONDS = 0.1
#: How long a program may take to start.
START_SECONDS = 60.0
#: How often a program may end by itself at its start before that is an error.
MOST_FALSE_STARTS = 5


class KeeperError(RuntimeError):
    """A program does not start; the text says which and where its words are."""


@dataclass(slots=True)
class _Kept:
    command: tuple[str, ...]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    again_at: float = 0.0
    starts: int = 0
    killed: set[int] = field(default_factory=set)
    unasked: int = 0


class Keeper:
    """Runs programs, each with its children in a process group of its own, until ``stop``.

    Args:
        folder: where what they say is written, in a file each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[str, _Kept] = {}
        self._guard = threading.RLock()
        self._stopping = threading.Event()
        # Ends the programs should we be killed with -9.
        self._leash = subprocess.Popen(
            [sys.executable, "-I", leash.__file__], stdin=subprocess.PIPE, start_new_session=True, text=True, bufsize=1
        )
        self._watcher = threading.Thread(target=self._watch, name="keeper", daemon=True)
        self._watcher.start()

    def start(self, name: str, command: tuple[str, ...], **environment: str) -> None:
        """Start a program; from now on it is started again whenever it ends."""
        with self._guard:
            self._kept[name] = kept = _Kept(command, environment)
            self._spawn(name, kept)

    def wait_until(self, ready: Callable[[], bool], name: str) -> None:
        """Return when a program can be used.

        Raises:
            KeeperError: it ends again and again, or is not ready in time.
        """
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self._kept[name].unasked >= MOST_FALSE_STARTS or time.monotonic() > deadline:
                raise KeeperError(f"{name} does not start: {self.folder / name}.log says why.\n{self.words(name)}")
            self._stopping.wait(WATCH_SECONDS)

    def words(self, name: str, lines: int = 15) -> str:
        """The last lines of what a program said."""
        log = self.folder / f"{name}.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    def pid(self, name: str) -> int | None:
        """A program's process id, which is also its group's; None while it does not run."""
        process = self._kept[name].process
        return process.pid if process is not None and process.poll() is None else None

    def starts(self, name: str) -> int:
        """How often a program was started."""
        return self._kept[name].starts

    def kill(self, name: str, *, away_seconds: float = 0.0, before: Callable[[], None] | None = None) -> bool:
        """Kill a program with its whole group (-9); False when it was not running.

        Args:
            name: which.
            away_seconds: how long it stays away.
            before: called while the group stands still, just before it is killed.
        """
        with self._guard:
            kept = self._kept[name]
            kept.again_at = time.monotonic() + away_seconds
            if kept.process is None or kept.process.poll() is not None:
                return False
            kept.killed.add(kept.process.pid)
            if before is not None:
                _signal_group(kept.process.pid, signal.SIGSTOP)
                before()
            _signal_group(kept.process.pid, signal.SIGKILL)
            kept.process.wait()
            return True

    def stop(self) -> None:
        """Kill everything, the last started first."""
        self._stopping.set()
        self._watcher.join()
        with self._guard:
            for kept in reversed(self._kept.values()):
                if kept.process is not None:
                    _signal_group(kept.process.pid, signal.SIGKILL)
                    kept.process.wait()
        if self._leash.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._leash.stdin.close()
        self._leash.wait()

    def _spawn(self, name: str, kept: _Kept) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            kept.process = subprocess.Popen(
                kept.command,
                cwd=BASE_DIR,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **kept.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        kept.starts += 1
        self._tell_leash(f"+{kept.process.pid} 0")

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_SECONDS):
            with self._guard:
                for name, kept in self._kept.items():
                    self._look_after(name, kept)

    def _look_after(self, name: str, kept: _Kept) -> None:
        if kept.process is None or kept.process.poll() is None:
            return
        pid = kept.process.pid
        # Children that outlive their parent would keep its port and its place.
        _signal_group(pid, signal.SIGKILL)
        self._tell_leash(f"-{pid}")
        if pid not in kept.killed:
            kept.killed.add(pid)
            kept.unasked += 1
            logger.info("  %s ended by itself (%s); it is started again", name, kept.process.returncode)
        if time.monotonic() >= kept.again_at:
            self._spawn(name, kept)

    def _tell_leash(self, text: str) -> None:
        if self._leash.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._leash.stdin.write(f"{text}\n")


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)

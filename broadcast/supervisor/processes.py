"""Starts programs, writes down what they say, restarts what dies and stops them in order."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from broadcast.supervisor import leash
from broadcast.supervisor.lock import FolderLock
from broadcast.supervisor.terminal import Terminal

#: A program that dies is started again after this many seconds, twice as many the next time, up to the most.
FIRST_BACKOFF_SECONDS = 1.0
MOST_BACKOFF_SECONDS = 30.0
#: A program that ran this long without dying is forgiven its earlier deaths.
STEADY_SECONDS = 60.0

_WATCH_SECONDS = 0.2
#: How long a program's last words are waited for when it has ended.
_LAST_WORDS_SECONDS = 2.0


@dataclass(frozen=True)
class Program:
    """One program to run.

    Args:
        name: short, shown before each of its lines.
        command: program and arguments.
        stage: programs are stopped in order of their stage, highest first; those of one stage together.
        grace_seconds: how long it may take to stop before its whole process group is killed.
        environment: variables added to ours.
        ready: whether it can be used; None when it can as soon as it runs.
        unsaid: lines that hold one of these texts tell a person nothing and are left out.
    """

    name: str
    command: tuple[str, ...]
    stage: int = 2
    grace_seconds: float = 10.0
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None
    unsaid: tuple[str, ...] = ()


class ProgramError(Exception):
    """A program did not start; the text says which and what to do."""


class _Child:
    """A program that was started, with its present process."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[str] | None = None
        self.reader: threading.Thread | None = None
        self.started_at = 0.0
        self.deaths = 0
        self.start_again_at: float | None = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Runs programs, each in a session of its own so that the terminal's Ctrl-C reaches the supervisor alone.

    Args:
        terminal: where their lines go.
        folder: their working folder.
        lock: the data folder's lock; shared with the leash, which ends the programs should we be killed.
    """

    def __init__(self, terminal: Terminal, *, folder: Path, lock: FolderLock | None = None) -> None:
        self._terminal = terminal
        self._folder = folder
        self._children: dict[str, _Child] = {}
        self._guard = threading.RLock()
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        shared = (lock.fileno(),) if lock is not None else ()
        self._leash = subprocess.Popen(  # noqa: S603  our own file
            [sys.executable, "-I", leash.__file__],
            stdin=subprocess.PIPE,
            pass_fds=shared,
            start_new_session=True,
            text=True,
            bufsize=1,
        )
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._watcher.start()

    def start(self, program: Program) -> None:
        """Start a program; from now on it is started again whenever it dies."""
        with self._guard:
            child = self._children[program.name] = _Child(program)
            self._spawn(child)

    def wait_until_ready(self, name: str, *, timeout_seconds: float = 60.0) -> None:
        """Return when a program can be used.

        Raises:
            ProgramError: it died twice, or was not ready in time.
        """
        child = self._children[name]
        ready = child.program.ready
        deadline = time.monotonic() + timeout_seconds
        while not self._stopping.is_set() and not (child.is_running and (ready is None or ready())):
            if child.deaths > 1:
                raise ProgramError(f"{name} ends again and again while it starts; its own words stand above.")
            if time.monotonic() > deadline:
                raise ProgramError(f"{name} was not ready within {timeout_seconds:g} seconds.")
            self._stopping.wait(_WATCH_SECONDS / 2)

    def is_running(self, name: str) -> bool:
        """Whether a program's process is there."""
        child = self._children.get(name)
        return child is not None and child.is_running

    def process_id(self, name: str) -> int | None:
        """A program's process id, which is also its group's; None while it does not run."""
        child = self._children.get(name)
        return child.process.pid if child is not None and child.process is not None and child.is_running else None

    def kill(self, name: str, why: str) -> None:
        """Kill a program with all its processes; it is started again like any that dies.

        Args:
            name: the program's name.
            why: for the person at the terminal.
        """
        with self._guard:
            child = self._children[name]
            self._terminal.line("up", f"{name}: {why}")
            if child.process is not None:
                _signal_group(child.process.pid, signal.SIGKILL)

    def hurry(self) -> None:
        """Stop waiting for programs that are being stopped: kill them."""
        self._hurry.set()

    def stop(self) -> None:
        """Stop everything, stage by stage; what outlives its grace is killed."""
        self._stopping.set()
        self._watcher.join()
        with self._guard:
            for stage in sorted({child.program.stage for child in self._children.values()}, reverse=True):
                self._stop_together([child for child in self._children.values() if child.program.stage == stage])
        if self._leash.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._leash.stdin.close()
        self._leash.wait()

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _spawn(self, child: _Child) -> None:
        program = child.program
        child.process = subprocess.Popen(  # noqa: S603  commands are made by this project
            program.command,
            cwd=self._folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._tell_leash(f"+{child.process.pid} {program.grace_seconds}")
        child.started_at = time.monotonic()
        child.start_again_at = None
        child.reader = threading.Thread(target=self._read, args=(program, child.process), daemon=True)
        child.reader.start()

    def _read(self, program: Program, process: subprocess.Popen[str]) -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            for line in lines:
                if not any(text in line for text in program.unsaid):
                    self._terminal.line(program.name, line.rstrip())

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_SECONDS):
            with self._guard:
                for child in self._children.values():
                    self._look_after(child)

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if child.start_again_at is not None:
            if now >= child.start_again_at:
                self._spawn(child)
            return
        if child.process is None or child.is_running:
            return
        self._bury(child)
        if now - child.started_at > STEADY_SECONDS:
            child.deaths = 0
        wait = min(FIRST_BACKOFF_SECONDS * 2**child.deaths, MOST_BACKOFF_SECONDS)
        child.deaths += 1
        child.start_again_at = now + wait
        name, how = child.program.name, _how_it_ended(child.process.returncode)
        self._terminal.line("up", f"{name} {how}; it is started again in {wait:g} s")

    def _bury(self, child: _Child) -> None:
        """Clear up after a process that has ended: children it left behind would keep its port."""
        if child.process is None:
            return
        _signal_group(child.process.pid, signal.SIGKILL)
        self._tell_leash(f"-{child.process.pid}")
        if child.reader is not None:
            child.reader.join(_LAST_WORDS_SECONDS)

    def _stop_together(self, children: list[_Child]) -> None:
        for child in children:
            if child.process is not None and child.is_running:
                # The main process alone: django-q2 hangs when its children are told too.
                child.process.terminate()
        begun = time.monotonic()
        for child in children:
            if child.process is None:
                continue
            while child.is_running and not self._hurry.is_set():
                left = begun + child.program.grace_seconds - time.monotonic()
                if left <= 0:
                    self._terminal.line("up", f"{child.program.name} does not stop; it is killed")
                    break
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(min(left, _WATCH_SECONDS))
            _signal_group(child.process.pid, signal.SIGKILL)
            child.process.wait()
            self._bury(child)

    def _tell_leash(self, text: str) -> None:
        if self._leash.stdin is None:
            return
        try:
            self._leash.stdin.write(f"{text}\n")
        except BrokenPipeError:
            self._terminal.line("up", "The process that guards against a kill -9 is gone; restart to have it back.")


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"ended with code {code}"

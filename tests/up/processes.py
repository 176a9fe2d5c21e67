"""Small programs for the supervisor to run, and ways to look at processes from outside."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

from broadcast.supervisor.processes import Program
from broadcast.supervisor.terminal import Terminal

# Only a failure waits for so long: a machine that is busy with other things may take half of it.
WAIT_SECONDS = 60.0


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait for something that other processes do.

    Raises:
        AssertionError: it did not come true.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"Not within {WAIT_SECONDS:g} s: {what}"
        time.sleep(0.02)


def is_running(process: int) -> bool:
    """Whether a process does anything: one that has ended and waits to be buried does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


def script(name: str, code: str, *arguments: object, stage: int = 2, grace_seconds: float = 10.0) -> Program:
    """A program of a few lines of Python."""
    command = (sys.executable, "-I", "-c", code, *map(str, arguments))
    return Program(name, command, stage=stage, grace_seconds=grace_seconds)


def recording_terminal() -> tuple[Terminal, io.StringIO]:
    """A terminal whose text can be read."""
    text = io.StringIO()
    return Terminal(text), text

"""What the person at the terminal reads: lines of many programs, and one line that changes in place."""

from __future__ import annotations

import os
import sys
import threading
from typing import TextIO

_RESET = "\x1b[0m"
_CLEAR_LINE = "\r\x1b[K"
#: Readable on dark and on light ground.
_COLOURS = ("\x1b[36m", "\x1b[35m", "\x1b[33m", "\x1b[34m", "\x1b[32m", "\x1b[31m")


class Terminal:
    """Writes whole lines from any thread.

    Args:
        stream: standard error unless told.
        width: width of the column of names.
    """

    def __init__(self, stream: TextIO | None = None, *, width: int = 9) -> None:
        self.stream = stream or sys.stderr
        self.width = width
        self.is_interactive = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self._has_colour = self.is_interactive and not os.environ.get("NO_COLOR")
        self._lock = threading.Lock()
        self._status = ""
        self._colours: dict[str, str] = {}

    def line(self, name: str, text: str) -> None:
        """One line of a program.

        Args:
            name: the program's name; each has its own colour.
            text: without a line break.
        """
        self._write(f"{self._prefix(name)} {text}\n")

    def say(self, text: str = "") -> None:
        """A line or lines to the person, without a prefix."""
        self._write(f"{text}\n")

    def status(self, text: str) -> None:
        """Replace the line that stays at the bottom; only where lines can be replaced."""
        if not self.is_interactive:
            return
        with self._lock:
            self._status = text
            self.stream.write(f"{_CLEAR_LINE}{text}")
            self.stream.flush()

    def bold(self, text: str) -> str:
        """The text, bold where that can be shown."""
        return f"\x1b[1m{text}{_RESET}" if self._has_colour else text

    def _prefix(self, name: str) -> str:
        padded = f"{name:<{self.width}} │"
        if not self._has_colour:
            return padded
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        return f"{colour}{padded}{_RESET}"

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                self.stream.write(f"{_CLEAR_LINE}{text}{self._status}" if self._status else text)
                self.stream.flush()
            except BrokenPipeError:
                # Nobody reads any more (the terminal was closed); the programs still have to be stopped in order.
                self._status = ""

"""Ctrl-C, SIGTERM and a closed terminal: one way to be told to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked us to stop; not an error, so that nothing that handles errors holds it up."""


@contextmanager
def stop_signals() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Turn the first stop signal into ``Stopped``, raised in the main thread.

    Yields:
        A function to call when the stopping begins: further signals then call what it was given, instead of breaking
        off the clean-up half-way.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    def from_now_on(react: Callable[[], None]) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, lambda _number, _frame: react())

    earlier = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    try:
        yield from_now_on
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)

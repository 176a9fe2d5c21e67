"""The campaign's progress in the terminal: one line that changes in place, or a line now and then in a log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from broadcast.supervisor.terminal import Terminal

BAR_CHARACTERS = 28
LOOK_SECONDS = 0.4
#: In a log, a line each so many seconds.
LINE_SECONDS = 3.0


class TookTooLong(Exception):
    """The campaign was not over in time; the text says how far it came."""


@dataclass(frozen=True)
class Glance:
    """How far the campaign is.

    Args:
        total: the audience.
        settled: recipients in a final state.
        accepted: taken by the carrier so far.
        in_flight: requests in flight now.
        is_over: nothing more will happen.
        state: the campaign's, for people.
    """

    total: int
    settled: int
    accepted: int
    in_flight: int
    is_over: bool
    state: str


def bar(share: float) -> str:
    """A bar of blocks for a share from 0 to 1."""
    full = int(BAR_CHARACTERS * min(max(share, 0.0), 1.0))
    return "█" * full + "░" * (BAR_CHARACTERS - full)


def describe(glance: Glance, *, seconds: float) -> str:
    """One line about a glance.

    Args:
        glance: how far it is.
        seconds: since the launch.
    """
    if not glance.total:
        return f"{bar(0)}   0%  the audience is put together · {seconds:.0f} s"
    share = glance.settled / glance.total
    return (
        f"{bar(share)} {share:4.0%}  {glance.accepted:,} of {glance.total:,} taken, {glance.settled:,} settled · "
        f"{glance.in_flight} in flight · {seconds:.0f} s"
    )


def follow(
    look: Callable[[], Glance], *, terminal: Terminal, timeout_seconds: float, nudge: Callable[[], None]
) -> float:
    """Show progress until the campaign is over.

    Args:
        look: asks how far it is.
        terminal: where it is shown.
        timeout_seconds: how long it may take.
        nudge: called every few seconds; lets the sweeper look sooner than its minute.

    Returns:
        Seconds from the beginning to the end.

    Raises:
        TookTooLong: it was not over in time.
    """
    started = time.monotonic()
    pause = threading.Event()
    next_line = started
    while True:
        glance = look()
        now = time.monotonic()
        text = describe(glance, seconds=now - started)
        terminal.status(text)
        if now >= next_line or glance.is_over:
            next_line = now + LINE_SECONDS
            nudge()
            if not terminal.is_interactive:
                terminal.say(text)
        if glance.is_over:
            terminal.status("")
            if terminal.is_interactive:
                terminal.say(text)
            return now - started
        if now - started > timeout_seconds:
            terminal.status("")
            raise TookTooLong(
                f"The campaign was not finished within {timeout_seconds:g} seconds: it is {glance.state.lower()}, "
                f"{glance.settled:,} of {glance.total:,} recipients are settled. The lines above say what went wrong."
            )
        pause.wait(LOOK_SECONDS)

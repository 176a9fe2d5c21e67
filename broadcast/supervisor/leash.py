"""Ends the supervisor's programs when the supervisor is gone without having done so itself (killed with -9).

A program of its own, on nothing but the standard library. It reads lines from a pipe that only the supervisor holds
open: ``+PID GRACE_SECONDS`` for a program that was started, in the order of starting, and ``-PID`` for one that has
ended. When the pipe closes it ends what is left, newest first. It also holds the supervisor's lock on the data folder,
so that nobody starts a second Valkey on the same files meanwhile.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable

_POLL_SECONDS = 0.05


def group_exists(group: int) -> bool:
    """Whether any process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end_group(leader: int, grace_seconds: float) -> None:
    """Ask a group's leader to end, and end the whole group when it has not after a while.

    Args:
        leader: process id, and id of its group.
        grace_seconds: how long it may take.
    """
    try:
        os.kill(leader, signal.SIGTERM)
    except ProcessLookupError:
        # The leader is gone already, its children may not be.
        grace_seconds = 0.0
    deadline = time.monotonic() + grace_seconds
    while group_exists(leader) and time.monotonic() < deadline:
        # Only children of one's own can be waited for; those of a group may be anybody's.
        time.sleep(_POLL_SECONDS)
    if group_exists(leader):
        os.killpg(leader, signal.SIGKILL)


def watch(lines: Iterable[str]) -> None:
    """Follow what the supervisor says until it falls silent, then end what is left."""
    groups: dict[int, float] = {}
    for line in lines:
        sign, rest = line[:1], line[1:].split()
        if sign == "+":
            groups[int(rest[0])] = float(rest[1])
        elif sign == "-":
            groups.pop(int(rest[0]), None)
    for leader in reversed(groups):
        end_group(leader, groups[leader])


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watch(sys.stdin)

"""How long to wait before trying again: one function for everything."""

from __future__ import annotations

import random

#: Longest wait, seconds.
CAP_SECONDS = 30.0


def backoff_seconds(attempt: int, *, base: float = 0.5, retry_after: float | None = None) -> float:
    """Seconds to wait.

    Args:
        attempt: failures in a row so far, from 1.
        base: seconds after the first.
        retry_after: what the provider asked for; never waited less.

    Returns:
        Exponential with full jitter above its half, so that many waiters do not come back together.
    """
    wait: float = min(CAP_SECONDS, base * 2.0 ** (min(attempt, 16) - 1))
    wait = wait / 2 + random.random() * wait / 2
    return max(wait, retry_after + random.random() * base) if retry_after is not None else wait

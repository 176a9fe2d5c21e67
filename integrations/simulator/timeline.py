"""What happens later: one heap for all that is due, instead of a timer for each of a million events."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable
from typing import Any

_TICK_SECONDS = 0.005


class Timeline:
    """Runs functions when they are due, to within a few milliseconds, in batches.

    A batch runs in shuffled order when asked to, as a carrier's many machines would have it.

    Args:
        loop: the running event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._sequence = 0
        self._timer: asyncio.TimerHandle | None = None
        self._shuffler = random.Random()
        self.shuffled = True

    def __len__(self) -> int:
        return len(self._heap)

    def after(self, seconds: float, function: Callable[..., None], *arguments: Any) -> None:
        """Run ``function(*arguments)`` in this many seconds."""
        self._sequence += 1
        heapq.heappush(self._heap, (self._loop.time() + seconds, self._sequence, function, arguments))
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK_SECONDS, self._run_due)

    def clear(self) -> None:
        """Forget everything that is due."""
        self._heap.clear()

    def _run_due(self) -> None:
        self._timer = None
        now = self._loop.time()
        due = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap))
        if self.shuffled:
            self._shuffler.shuffle(due)
        for _, _, function, arguments in due:
            function(*arguments)
        # Something that was due may have set the timer again.
        if self._heap and self._timer is None:
            self._timer = self._loop.call_later(_TICK_SECONDS, self._run_due)

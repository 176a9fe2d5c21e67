"""The queue between stager and workers: single messages go before those of batches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from messaging.engine.lanes import Staged


class StagedQueue(asyncio.Queue["Staged | None"]):
    """Staged messages; None tells a worker to end."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._first: deque[Staged] = deque()
        #: Taken from behind them and put back.
        self._second: deque[Staged] = deque()
        self._is_returning = False

    def _put(self, item: Staged | None) -> None:
        if item is None:
            super()._put(item)
        elif self._is_returning:
            (self._first if item.lane.is_single else self._second).appendleft(item)
        elif item.lane.is_single:
            self._first.append(item)
        else:
            super()._put(item)

    def _get(self) -> Staged | None:
        if self._first:
            return self._first.popleft()
        return self._second.popleft() if self._second else super()._get()

    def put_back(self, items: Sequence[Staged]) -> None:
        """Put what was just taken in front again, in its order, and wake who waits for it."""
        self._is_returning = True
        try:
            for item in reversed(items):
                self.put_nowait(item)
        finally:
            self._is_returning = False

    def qsize(self) -> int:
        """How many there are."""
        return super().qsize() + len(self._first) + len(self._second)

    def empty(self) -> bool:
        """Whether there is none."""
        return not self._first and not self._second and super().empty()

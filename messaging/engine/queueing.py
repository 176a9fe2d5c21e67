"""The queue between stager and workers: single messages go before those of batches."""

from __future__ import annotations

import asyncio
from collections import deque

from messaging.engine.lanes import Staged


class StagedQueue(asyncio.Queue["Staged | None"]):
    """Staged messages; None tells a worker to end."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._first: deque[Staged] = deque()

    def _put(self, item: Staged | None) -> None:
        if item is not None and item.lane.is_single:
            self._first.append(item)
        else:
            super()._put(item)

    def _get(self) -> Staged | None:
        return self._first.popleft() if self._first else super()._get()

    def qsize(self) -> int:
        """How many there are."""
        return super().qsize() + len(self._first)

    def empty(self) -> bool:
        """Whether there is none."""
        return not self._first and super().empty()

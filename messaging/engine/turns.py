"""Turns: who goes next. Single messages first; then accounts take turns, an account's batches, and a batch's lanes."""

from __future__ import annotations

from collections.abc import Sequence

from messaging.engine.lanes import Lane


class Turns:
    """Remembers whose turn it was.

    Whoever waited longest is next, first among accounts, then among the batches of that account, then among the lanes of that
    batch. So neither an account with many batches nor a batch with many numbers gets more than its share.
    """

    def __init__(self) -> None:
        self._turn = 0
        self._last: dict[int | str, int] = {}

    def next(self, ready: Sequence[Lane]) -> Lane:
        """The lane that goes next, one of those given."""
        lane = ready[0] if len(ready) == 1 else min(ready, key=self._waited)
        self._turn += 1
        for key in _keys(lane):
            self._last[key] = self._turn
        return lane

    def _waited(self, lane: Lane) -> tuple[bool, int, int, int]:
        account, owner, own = (self._last.get(key, 0) for key in _keys(lane))
        return not lane.is_single, account, owner, own


def _keys(lane: Lane) -> tuple[int, str, str]:
    return lane.number.account_id, lane.owner, lane.token

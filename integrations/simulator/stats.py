"""What the simulator saw."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any


class Stats:
    """Counters of one run. ``in_flight`` alone outlives a reset, because it counts what is still open."""

    def __init__(self, *, in_flight: int = 0) -> None:
        self.in_flight = in_flight
        self.max_in_flight = in_flight
        self.sends = 0
        self.other_requests = 0
        self.outcomes: Counter[str] = Counter()
        self.final_statuses: Counter[str] = Counter()
        self.taken = 0
        self.callbacks_put = 0
        self.callbacks_sent = 0
        self.callbacks_failed = 0
        self.callbacks_repeated = 0
        self.inbound_sent = 0
        self.inbound_answered = 0
        self.inbound_failed = 0
        self.inbound_unroutable = 0
        self.inbound_words: Counter[str] = Counter()
        self.request_seconds = 0.0
        self._counted_at = time.monotonic()
        self._first = 0.0
        self._last = 0.0

    def arrived(self, *, send: bool) -> None:
        """A request was received whole."""
        self._count()
        self.in_flight += 1
        if self.in_flight > self.max_in_flight:
            self.max_in_flight = self.in_flight
        if send:
            self.sends += 1
            self._last = time.time()
            self._first = self._first or self._last
        else:
            self.other_requests += 1

    def finished(self) -> None:
        """Its reply was written, or its connection is gone."""
        self._count()
        self.in_flight -= 1

    def _count(self) -> None:
        now = time.monotonic()
        self.request_seconds += self.in_flight * (now - self._counted_at)
        self._counted_at = now

    def as_json(self) -> dict[str, Any]:
        """The counters; the memory's and the people's are added by ``Carrier.stats``."""
        seconds = self._last - self._first
        return {
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "request_seconds": round(self.request_seconds, 6),
            "requests": self.sends,
            "other_requests": self.other_requests,
            "outcomes": dict(self.outcomes),
            "messages_taken": self.taken,
            "statuses": dict(self.final_statuses),
            "callbacks": {
                "sent": self.callbacks_sent,
                "failed": self.callbacks_failed,
                "pending": self.callbacks_put - self.callbacks_sent - self.callbacks_failed,
                "repeated": self.callbacks_repeated,
            },
            "inbound": {
                "sent": self.inbound_sent,
                "answered": self.inbound_answered,
                "failed": self.inbound_failed,
                "pending": self.inbound_sent - self.inbound_answered - self.inbound_failed,
                "unroutable": self.inbound_unroutable,
                "words": dict(self.inbound_words),
            },
            "first_request_at": _iso(self._first),
            "last_request_at": _iso(self._last),
            "seconds_sending": round(seconds, 6),
            "requests_per_second": round((self.sends - 1) / seconds, 2) if seconds > 0 else 0.0,
        }


def _iso(moment: float) -> str | None:
    return datetime.fromtimestamp(moment, UTC).isoformat() if moment else None

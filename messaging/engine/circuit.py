"""The circuit of a gateway: opens when nothing answers any more, tries one request from time to time, closes when that succeeds.

::

    closed ──(FAILURES in a row)──► open ──(its time is over)──► trying one ──► closed
                                     ▲                               │
                                     └──────(no answer, longer)──────┘

What a gateway that is down swallows ends ``unknown``, and each message of it needs a look-up or a person; so few are risked.
All senders of a gateway share one circuit through Redis (``keys.circuit``), and the console shows it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from messaging.engine.backoff import backoff_seconds

#: Requests in a row without an answer after which the circuit opens.
FAILURES = 10
#: Seconds of the first wait; they double up to ``backoff.CAP_SECONDS``.
BASE_SECONDS = 2.0
#: Redis forgets an open circuit this long after its next try was due and nobody had anything to send, seconds.
FORGET_SECONDS = 120


class Circuit:
    """One sender's view of its gateway's circuit.

    Args:
        clock: unix time in seconds.

    Attributes:
        changed: whether Redis has yet to be told.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.failures = 0
        self.opened = 0
        self.since = 0.0
        self.until = 0.0
        self.reason = ""
        self.changed = False

    @property
    def is_open(self) -> bool:
        """Whether the gateway counts as down."""
        return self.opened > 0

    def limit(self) -> int | None:
        """How many requests may be in flight: None for as many as there are slots."""
        if not self.opened:
            return None
        return 1 if self.clock() >= self.until else 0

    def answered(self) -> None:
        """The provider answered a request, whatever it said."""
        self.failures = 0
        if self.opened:
            self._close()
            self.changed = True

    def failed(self, reason: str) -> bool:
        """A request got no answer, or that of a broken server; True when the circuit opened just now.

        Args:
            reason: for a person.
        """
        self.failures += 1
        now = self.clock()
        if self.opened:
            if now < self.until:
                # It was in flight when the circuit opened.
                return False
        elif self.failures < FAILURES:
            return False
        first = not self.opened
        self.opened += 1
        self.since = self.since or now
        self.until = now + backoff_seconds(self.opened, base=BASE_SECONDS)
        self.reason = reason
        self.changed = True
        return first

    def shared(self) -> dict[str, Any]:
        """What Redis is told of an open circuit."""
        return {"since": self.since, "until": self.until, "reason": self.reason, "failures": self.opened}

    def seconds_kept(self) -> int:
        """How long Redis keeps it."""
        return max(1, int(self.until - self.clock())) + FORGET_SECONDS

    def follow(self, shared: Mapping[bytes, bytes]) -> None:
        """See what other senders of this gateway found; empty when the circuit is closed."""
        if self.changed:
            return
        if not shared:
            if self.opened:
                self._close()
            return
        until = float(shared[b"until"])
        if not self.opened or until > self.until:
            self.until = until
            self.since = float(shared[b"since"])
            self.reason = shared[b"reason"].decode()
            self.opened = max(1, int(shared[b"failures"]))

    def _close(self) -> None:
        self.opened = self.failures = 0
        self.since = self.until = 0.0
        self.reason = ""

"""Seats: a job that one process does at a time, over all machines."""

from __future__ import annotations

import secrets
from types import TracebackType
from typing import Self

from broadcast.core.redis import get_redis
from messaging.engine import keys, limits

_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_LEAVE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Seat:
    """One job's seat: ``with Seat("recorder") as seat: if seat.taken: …``."""

    def __init__(self, name: str) -> None:
        self.key = keys.seat(name)
        self.token = secrets.token_hex(8)
        self.taken = False

    def __enter__(self) -> Self:
        self.taken = bool(get_redis().set(self.key, self.token, nx=True, px=limits.SEAT_MILLISECONDS))
        return self

    def renew(self) -> bool:
        """Keep the seat; False when somebody else may have it."""
        self.taken = bool(get_redis().eval(_RENEW, 1, self.key, self.token, str(limits.SEAT_MILLISECONDS)))
        return self.taken

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.taken:
            get_redis().eval(_LEAVE, 1, self.key, self.token)

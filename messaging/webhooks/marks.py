"""Marks of when a gateway's webhooks last came, for people: valid, signed with the former credentials, refused and why.

They are written seldom, so a valid webhook costs a look at a clock, and a storm of forged ones a write a second.
"""

from __future__ import annotations

import logging
import time

import redis

from broadcast.core.redis import AsyncClient
from messaging.engine import keys

logger = logging.getLogger("webhooks")

#: A gateway's valid webhooks are marked this often at most, seconds.
VALID_SECONDS = 10.0
#: So are its refused ones.
REFUSED_SECONDS = 1.0
#: Most characters of a reason.
_MOST_CHARACTERS = 300


class Marks:
    """Marks of this process; those of all processes are in one hash a gateway.

    Args:
        client: Redis. Without it nothing is marked, and nobody is told: a mark is worth no webhook.
    """

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self._next: dict[tuple[int, str], float] = {}
        self._valid_next: dict[int, float] = {}

    def is_due(self, gateway_id: int) -> bool:
        """Whether a valid webhook is to be marked; a coroutine for each would cost more than this."""
        return time.monotonic() >= self._valid_next.get(gateway_id, 0.0)

    async def valid(self, gateway_id: int) -> None:
        """A webhook was signed with the present credentials."""
        self._valid_next[gateway_id] = time.monotonic() + VALID_SECONDS
        await self._write(gateway_id, {"valid": time.time()})

    async def former(self, gateway_id: int, version: int) -> None:
        """A webhook was signed with the former ones.

        Args:
            gateway_id: whose.
            version: of the present credentials.
        """
        now = time.monotonic()
        if now >= self._next.get((gateway_id, "former"), 0.0):
            self._next[gateway_id, "former"] = now + REFUSED_SECONDS
            at = time.time()
            await self._write(gateway_id, {"valid": at, "former": at, "former_version": version})

    async def refused(self, gateway_id: int, why: str) -> None:
        """A webhook was refused.

        Args:
            gateway_id: whose address it was sent to.
            why: for a person; holds no secret.
        """
        now = time.monotonic()
        if now >= self._next.get((gateway_id, "refused"), 0.0):
            self._next[gateway_id, "refused"] = now + REFUSED_SECONDS
            await self._write(gateway_id, {"refused": time.time(), "why": why[:_MOST_CHARACTERS]})

    async def _write(self, gateway_id: int, values: dict[str, float | int | str]) -> None:
        name = keys.webhook_marks(gateway_id)
        try:
            pipe = self.client.pipeline(transaction=False)
            pipe.hset(name, mapping=values)
            pipe.expire(name, keys.WEBHOOK_MARKS_SECONDS)
            await pipe.execute()
        except (redis.RedisError, OSError) as error:
            logger.warning("Redis is away, it is not noted when a webhook of gateway %s came: %s", gateway_id, error)

"""The gateways as the webhook process knows them: published to Redis, encrypted, cached here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import redis

from broadcast.core.crypto import decrypt
from broadcast.core.redis import AsyncClient
from integrations.sms.contract import GatewayConfig, SmsAdapter
from integrations.sms.registry import make_adapter
from messaging.engine.keys import WEBHOOK_GATEWAYS

#: A changed credential is used within this many seconds.
CACHE_SECONDS = 2.0


class NothingPublished(Exception):
    """Redis knows of no gateways at all: it was emptied, and the console publishes them again within a minute."""


@dataclass(frozen=True, slots=True)
class KnownGateway:
    """A gateway's adapter, with its id."""

    id: int
    adapter: SmsAdapter


class GatewayDirectory:
    """Finds gateways by their key in webhook URLs."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self.known: dict[str, tuple[bytes, KnownGateway]] = {}
        self.fresh_until: dict[str, float] = {}

    async def find(self, key: str) -> KnownGateway | None:
        """The gateway with this key; None when there is none.

        Raises:
            NothingPublished: Redis was emptied.
            redis.RedisError: Redis is away and the gateway is not known yet.
        """
        now = time.monotonic()
        if self.fresh_until.get(key, 0.0) > now:
            return self.known[key][1]
        try:
            token = await self.client.hget(WEBHOOK_GATEWAYS, key)
        except redis.RedisError:
            if key in self.known:
                return self.known[key][1]
            raise
        if token is None:
            self.known.pop(key, None)
            self.fresh_until.pop(key, None)
            if not await self.client.exists(WEBHOOK_GATEWAYS):
                raise NothingPublished
            return None
        if key not in self.known or self.known[key][0] != token:
            self.known[key] = (token, _make(decrypt(token.decode())))
        self.fresh_until[key] = now + CACHE_SECONDS
        return self.known[key][1]


def _make(values: dict[str, Any]) -> KnownGateway:
    config = GatewayConfig(credentials=values["credentials"], base_url=values["base_url"])
    return KnownGateway(values["id"], make_adapter(values["kind"], config))

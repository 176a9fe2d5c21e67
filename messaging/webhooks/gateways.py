"""The gateways as the webhook process knows them: published to Redis, encrypted, cached here."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from dataclasses import dataclass
from typing import Any

import redis

from broadcast.core.crypto import DecryptionError, decrypt
from broadcast.core.redis import AsyncClient
from integrations.sms.contract import GatewayConfig, SmsAdapter
from integrations.sms.errors import AdapterError
from integrations.sms.registry import make_adapter
from messaging.engine.keys import WEBHOOK_GATEWAYS

logger = logging.getLogger("webhooks")

#: A changed credential is used within this many seconds.
CACHE_SECONDS = 2.0


class NothingPublished(Exception):
    """Redis knows of no gateways at all: it was emptied, and the console publishes them again within a minute."""


@dataclass(frozen=True, slots=True)
class KnownGateway:
    """A gateway's adapters.

    Args:
        id: the gateway's.
        adapter: of the present credentials; the one that reads webhooks.
        version: of the present credentials.
        former: of former ones, which webhooks may still be signed with, each with the unix time at which they may not any more.
    """

    id: int
    adapter: SmsAdapter
    version: int = 0
    former: tuple[tuple[SmsAdapter, float], ...] = ()


class GatewayDirectory:
    """Finds gateways by their key in webhook URLs.

    All of them are read at once and one read serves everybody who waits for it, so neither a storm of webhooks nor one of
    made-up keys takes more than one connection.
    """

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self.tokens: dict[str, bytes] = {}
        self.known: dict[str, tuple[bytes, KnownGateway]] = {}
        self.lock = asyncio.Lock()
        self.read_at = -math.inf
        self.failed_at = -math.inf
        self.failure: redis.RedisError | None = None

    async def find(self, key: str) -> KnownGateway | None:
        """The gateway with this key; None when there is none.

        Raises:
            NothingPublished: Redis was emptied.
            redis.RedisError: Redis is away and the gateway is not known yet.
            DecryptionError: it was encrypted with a key that this process lacks.
            AdapterError: its settings are not complete.
            LookupError: this process does not know its kind.
        """
        if key not in self.tokens or time.monotonic() - self.read_at > CACHE_SECONDS:
            try:
                await self._read(since=time.monotonic())
            except redis.RedisError:
                if key not in self.tokens:
                    raise
        token = self.tokens.get(key)
        if token is None:
            if not self.tokens:
                raise NothingPublished
            return None
        if key not in self.known or self.known[key][0] != token:
            self.known[key] = (token, _make(key, decrypt(token.decode())))
        return self.known[key][1]

    def others(self, than: KnownGateway) -> list[KnownGateway]:
        """The other gateways of the same kind, as they were read last; those that this process cannot read are left out."""
        found = []
        for key, token in self.tokens.items():
            if key not in self.known or self.known[key][0] != token:
                try:
                    self.known[key] = (token, _make(key, decrypt(token.decode())))
                except (DecryptionError, AdapterError, LookupError):
                    continue
            known = self.known[key][1]
            if known.id != than.id and known.adapter.kind == than.adapter.kind:
                found.append(known)
        return found

    async def _read(self, *, since: float) -> None:
        """Read the gateways, unless somebody else has done so, or failed to, after ``since``."""
        async with self.lock:
            if self.read_at >= since:
                return
            if self.failure is not None and self.failed_at >= since:
                raise self.failure
            started = time.monotonic()
            try:
                tokens = await self.client.hgetall(WEBHOOK_GATEWAYS)
            except redis.RedisError as error:
                self.failed_at, self.failure = started, error
                raise
            self.tokens = {key.decode(): token for key, token in tokens.items()}
            self.known = {key: made for key, made in self.known.items() if key in self.tokens}
            self.read_at, self.failure = started, None


def _make(key: str, values: dict[str, Any]) -> KnownGateway:
    options = {"key": key}

    def adapter(credentials: dict[str, str]) -> SmsAdapter:
        return make_adapter(values["kind"], GatewayConfig(credentials, values["base_url"], options))

    present = adapter(values["credentials"])
    former = []
    for credentials, until in values.get("former") or ():
        try:
            former.append((adapter(credentials), until))
        except AdapterError as error:
            # What cannot be used any more must not take the present ones with it.
            logger.warning("The former credentials of gateway %s cannot be used: %s", values["id"], error)
    return KnownGateway(values["id"], present, values.get("version", 0), tuple(former))

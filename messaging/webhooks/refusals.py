"""Why a webhook was refused, where that is worth telling: another gateway's secret, or clocks that differ.

Only told, in the log and to the console through Redis: what is refused stays refused.
"""

from __future__ import annotations

import logging
import time

import redis

from broadcast.core.redis import AsyncClient
from integrations.sms.contract import Webhook
from integrations.sms.errors import AdapterError, SignatureError
from messaging.engine import keys
from messaging.webhooks.gateways import GatewayDirectory, KnownGateway

logger = logging.getLogger("webhooks")

#: The console is told the same of a gateway this often at most.
TELL_AGAIN_SECONDS = 60.0
#: Other gateways' secrets are tried for a gateway's refused webhooks this often at most: each try costs a few signatures, and
#: anybody can send what is refused.
TRY_AGAIN_SECONDS = 2.0
#: Most other gateways that are tried.
MOST_TRIED = 50
#: After a webhook of the gateway was accepted, one of another time is a late or repeated one for so long, not a wrong clock.
RIGHT_CLOCK_SECONDS = 300.0


class Refusals:
    """What this process has noticed.

    Args:
        client: its Redis client.
        gateways: those it knows.
    """

    def __init__(self, client: AsyncClient, gateways: GatewayDirectory) -> None:
        self.client = client
        self.gateways = gateways
        # By the keys in gateways' addresses.
        self.accepted_at: dict[str, float] = {}
        self.tried_at: dict[str, float] = {}
        self.told_at: dict[tuple[str, str], float] = {}

    async def accepted(self, gateway: KnownGateway) -> None:
        """A webhook of the gateway was right in everything, and is stored: so are the clocks.

        That is news to nobody but whom we have told otherwise; should Redis be away for it, what was told expires by itself.
        """
        self.accepted_at[_key(gateway)] = time.monotonic()
        if self.told_at.pop((_key(gateway), keys.clock(gateway.id)), None) is not None:
            try:
                await self.client.delete(keys.clock(gateway.id))
            except (redis.RedisError, OSError, TimeoutError) as error:
                logger.warning("Redis is away; that the clocks are right again is not told: %s", error)

    async def note(self, gateway: KnownGateway, webhook: Webhook, error: SignatureError) -> None:
        """Note why a webhook was refused.

        Args:
            gateway: whose address it came to.
            webhook: as it came.
            error: why it was refused.

        Raises:
            redis.RedisError: Redis is away.
        """
        if error.clock_seconds is not None:
            await self._note_clock(gateway, error.clock_seconds)
        elif not error.matching_url:
            await self._note_foreign_secret(gateway, webhook)

    async def _note_clock(self, gateway: KnownGateway, seconds: float) -> None:
        accepted = self.accepted_at.get(_key(gateway))
        if accepted is not None and time.monotonic() - accepted < RIGHT_CLOCK_SECONDS:
            return
        await self._tell(gateway, keys.clock(gateway.id), round(seconds))

    async def _note_foreign_secret(self, gateway: KnownGateway, webhook: Webhook) -> None:
        now = time.monotonic()
        last = self.tried_at.get(_key(gateway))
        if last is not None and now - last < TRY_AGAIN_SECONDS:
            return
        self.tried_at[_key(gateway)] = now
        for other in self.gateways.others(gateway)[:MOST_TRIED]:
            if _matches(other, webhook):
                logger.warning(
                    "The signature of the webhook for gateway %s would match with the secret of gateway %s. It stays refused: "
                    "have the provider call the address of that gateway.",
                    gateway.id,
                    other.id,
                )
                await self._tell(gateway, keys.foreign_secret(gateway.id), other.id)
                return

    async def _tell(self, gateway: KnownGateway, key: str, value: int) -> None:
        now = time.monotonic()
        told = self.told_at.get((_key(gateway), key))
        if told is not None and now - told < TELL_AGAIN_SECONDS:
            return
        await self.client.set(key, value, ex=keys.WRONG_URL_SECONDS)
        # Only now: what Redis did not take must be told with the next one.
        self.told_at[_key(gateway), key] = now


def _key(gateway: KnownGateway) -> str:
    return gateway.adapter.config.options["key"]


def _matches(gateway: KnownGateway, webhook: Webhook) -> bool:
    """Whether a webhook is signed with a gateway's secret, its time aside."""
    try:
        gateway.adapter.verify(webhook)
    except SignatureError as error:
        return error.clock_seconds is not None
    except AdapterError:
        return False
    return True

"""Gateways as the transport uses them: their webhook URLs, publishing them, stopping and starting them."""

from __future__ import annotations

import logging

from django.db import transaction

from broadcast.core.config import config
from broadcast.core.crypto import encrypt
from broadcast.core.redis import RedisAway, get_redis
from integrations.models import Gateway
from messaging.engine import keys
from messaging.models import Batch
from messaging.services.batches import pause_batch
from messaging.states import BatchState

logger = logging.getLogger(__name__)


def inbound_url(gateway: Gateway) -> str:
    """Where the provider sends inbound messages."""
    return f"{config().webhook_url}/webhooks/{gateway.key}/inbound"


def status_url(gateway: Gateway) -> str:
    """Where the provider sends delivery statuses; a message's id may follow after a slash."""
    return f"{config().webhook_url}/webhooks/{gateway.key}/status"


def publish_gateways() -> None:
    """Tell the webhook process about all gateways, encrypted, through Redis.

    Raises:
        redis.RedisError: Redis is away; the sweeper publishes again.
    """
    published = {
        gateway.key: encrypt(
            {
                "id": gateway.pk,
                "kind": gateway.kind,
                "credentials": dict(gateway.config.credentials),
                "base_url": gateway.config.base_url,
            }
        )
        for gateway in Gateway.objects.all()
    }
    client = get_redis()
    pipe = client.pipeline(transaction=True)
    pipe.delete(keys.WEBHOOK_GATEWAYS)
    if published:
        pipe.hset(keys.WEBHOOK_GATEWAYS, mapping=published)
    pipe.execute()


def publish_on_commit() -> None:
    """Publish once the open transaction is committed; the sweeper does it if Redis is away now."""

    def publish() -> None:
        try:
            publish_gateways()
        except RedisAway as error:
            logger.warning("Redis is away; the sweeper will publish the gateways: %s", error)

    transaction.on_commit(publish)


def stop_gateway(gateway_id: int, reason: str) -> None:
    """The provider refuses everything: pause every batch that leaves through this gateway, with its reason.

    Nobody is marked as failed; once the cause is mended, a person resumes.
    """
    Gateway.objects.filter(pk=gateway_id).update(stopped_reason=reason[:255])
    for batch_id in Batch.objects.filter(gateway_id=gateway_id, state=BatchState.SENDING).values_list("id", flat=True):
        pause_batch(batch_id, code=Batch.PauseCode.GATEWAY, reason=reason)


def start_gateway(gateway_id: int) -> None:
    """The cause is mended: sending may be tried again."""
    Gateway.objects.filter(pk=gateway_id).update(stopped_reason="")


def stop_number(number_id: int, reason: str) -> None:
    """The provider refuses this sending number: pause its batches, with the provider's reason."""
    for batch_id in Batch.objects.filter(number_id=number_id, state=BatchState.SENDING).values_list("id", flat=True):
        pause_batch(batch_id, code=Batch.PauseCode.NUMBER, reason=reason)

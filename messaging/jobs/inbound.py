"""Drains inbound webhooks from their stream through the router."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from typing import Any

import orjson
from django.db import InterfaceError, OperationalError

from broadcast.core.redis import RedisAway, get_redis
from integrations.models import Gateway
from integrations.sms.contract import Webhook
from integrations.sms.errors import AdapterError, UnparsableWebhook
from messaging.engine import keys
from messaging.inbound import router
from messaging.jobs.recorder import BLOCK_MILLISECONDS, ENTRIES, keep_rejected

logger = logging.getLogger(__name__)


def run(*, seconds: float, go_on: Callable[[], bool]) -> None:
    """Route what arrives.

    Args:
        seconds: how long.
        go_on: asked before each read; False ends the run.

    Raises:
        redis.RedisError: Redis is away.
        django.db.DatabaseError: the database is away; nothing was deleted from the stream.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end and go_on():
        drain(block_milliseconds=BLOCK_MILLISECONDS)


def drain(*, block_milliseconds: int | None = None) -> int:
    """Route what is in the stream now, one read of it; the number of messages."""
    client = get_redis()
    reply = client.xread({keys.INBOUND: "0"}, count=ENTRIES, block=block_milliseconds)
    count = 0
    for _, entries in reply.items() if isinstance(reply, dict) else reply or []:
        for entry_id, entry in entries:
            for event in orjson.loads(entry[keys.FIELD]):
                count += _receive(event)
            client.xdel(keys.INBOUND, entry_id)
    return count


def _receive(event: dict[str, Any]) -> int:
    """Route one webhook's messages; their number."""
    gateway = Gateway.objects.filter(pk=event["g"]).first()
    if gateway is None:
        logger.warning("An inbound message came through gateway %s, which is not here any more", event["g"])
        return 0
    webhook = Webhook(event["u"], event["h"], event["b"].encode("latin-1"))
    try:
        messages = gateway.adapter.parse_inbound(webhook)
    except AdapterError as error:
        keep_rejected(event, "inbound", error)
        return 0
    received_at = dt.datetime.fromtimestamp(event["t"], dt.UTC)
    try:
        for sms in messages:
            router.receive(gateway_id=gateway.pk, sms=sms, received_at=received_at)
    except (OperationalError, InterfaceError, *RedisAway):
        raise
    except Exception as error:
        # One message that cannot be stored must not keep all others from being read.
        logger.exception("An inbound message of gateway %s cannot be routed; it is kept for staff", gateway.pk)
        keep_rejected(event, "inbound", UnparsableWebhook(f"It cannot be routed ({type(error).__name__}): {error}"))
        return 0
    return len(messages)

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
from integrations.sms.errors import AdapterError, UnparsableWebhook
from integrations.sms.events import InboundSms
from messaging.engine import keys
from messaging.inbound import router
from messaging.jobs.recorder import BLOCK_MILLISECONDS, ENTRIES, as_webhook, keep_rejected

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
    try:
        messages = gateway.adapter.parse_inbound(as_webhook(event))
        route(event, messages, repeat_header=gateway.adapter.repeat_header)
    except AdapterError as error:
        keep_rejected(event, "inbound", error)
        return 0
    return len(messages)


def route(event: dict[str, Any], messages: list[InboundSms], *, repeat_header: str) -> int:
    """Store and route a webhook's messages; how many of them were new.

    Args:
        event: the webhook as it stands in the stream.
        messages: what the adapter read in it.
        repeat_header: the adapter's.

    Raises:
        UnparsableWebhook: one of them cannot be routed; it must not keep all others from being read.
        redis.RedisError: Redis is away; to be tried again.
        django.db.DatabaseError: the database is away; to be tried again.
    """
    received_at = dt.datetime.fromtimestamp(event["t"], dt.UTC)
    # Of a webhook with several messages each has its own id, and the token is that of all.
    token = event["h"].get(repeat_header, "") if len(messages) == 1 else ""
    try:
        routed = [
            router.receive(gateway_id=event["g"], sms=sms, received_at=received_at, idempotency_token=token)
            for sms in messages
        ]
    except (OperationalError, InterfaceError, *RedisAway):
        raise
    except Exception as error:
        logger.exception("An inbound message of gateway %s cannot be routed; it is kept for staff", event["g"])
        raise UnparsableWebhook(f"It cannot be routed ({type(error).__name__}): {error}") from error
    return sum(message is not None for message in routed)

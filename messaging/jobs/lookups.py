"""Look-ups: what does the provider know of messages whose fate is unknown?"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
from collections.abc import Callable

from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.redis import get_redis
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import TransportFailure
from integrations.models import Gateway
from integrations.sms.contract import OutboundSms, SmsAdapter
from integrations.sms.errors import AdapterError
from messaging.engine import keys, stream
from messaging.engine.slots import give_slot, take_slot
from messaging.jobs.recorder import Recorder
from messaging.models import Message
from messaging.states import MessageState

logger = logging.getLogger(__name__)

#: Delivery reports usually settle a message within this many seconds; only then the provider is asked.
GRACE_SECONDS = 60
#: Most look-ups of one round, for one gateway.
MOST = 200
#: How long it is remembered who was asked about last.
ASKED_SECONDS = 24 * 3600


def settle(*, renew: Callable[[], bool]) -> int:
    """Ask the providers about unknown messages.

    Args:
        renew: called before each request; False ends it.

    Returns:
        How many messages are settled now.
    """
    settled = 0
    client = get_redis()
    before = timezone.now() - dt.timedelta(seconds=GRACE_SECONDS)
    for gateway in Gateway.objects.filter(is_enabled=True, stopped_reason=""):
        adapter = gateway.adapter
        if not adapter.capabilities.lookup:
            continue
        unknown = (
            Message.objects.filter(state=MessageState.UNKNOWN, changed_at__lt=before, number__gateway=gateway)
            .select_related("number", "batch")
            .order_by("pk")
        )
        if adapter.capabilities.lookup_needs_provider_id:
            unknown = unknown.exclude(provider_id="")
        # By turns: those that the provider never had must not keep it from being asked about others.
        last = int(client.get(keys.asked(gateway.pk)) or 0)
        messages = list(unknown.filter(pk__gt=last)[:MOST]) or list(unknown[:MOST])
        if messages:
            settled += _settle_gateway(gateway, adapter, messages, renew)
    return settled


def _settle_gateway(gateway: Gateway, adapter: SmsAdapter, messages: list[Message], renew: Callable[[], bool]) -> int:
    found = 0
    holder = f"lookup-{secrets.token_hex(4)}"
    # Connecting, writing and waiting have a third each, so that the slot is not another's before the look-up is over.
    driver = HttpxDriver(timeout_seconds=config().request_timeout_seconds / 3)
    try:
        for message in messages:
            # A look-up is a request like any other: it takes one of the gateway's slots.
            if not renew() or not take_slot(gateway_id=gateway.pk, limit=gateway.concurrency, holder=holder):
                break
            get_redis().set(keys.asked(gateway.pk), message.pk, ex=ASKED_SECONDS)
            try:
                found += _look_up(gateway, adapter, driver, message)
            except (AdapterError, TransportFailure) as error:
                logger.warning("Gateway %s cannot be asked about unknown messages now: %s", gateway.pk, error)
                break
    finally:
        give_slot(gateway_id=gateway.pk, holder=holder)
    return found


def _look_up(gateway: Gateway, adapter: SmsAdapter, driver: HttpxDriver, message: Message) -> bool:
    """Ask about one message; True when the provider knows it."""
    sms = OutboundSms(message.pk, message.number.number, message.recipient, message.text)
    attempted_at = message.claimed_at or message.changed_at
    request = adapter.build_lookup(
        sms, provider_id=message.provider_id, on_date=f"{attempted_at.astimezone(dt.UTC):%Y-%m-%d}"
    )
    result = adapter.parse_lookup(sms, driver.send(request))
    if result is None:
        return False
    recorder = Recorder()
    recorder.apply(stream.unpack(stream.pack(gateway.pk, [(result, timezone.now().timestamp())])))
    recorder.finish_batches(force=True)
    return True

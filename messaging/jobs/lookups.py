"""Look-ups: what does the provider know of messages whose fate is unknown?"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable

from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.redis import get_redis
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request, TransportFailure
from integrations.models import Gateway
from integrations.sms.contract import OutboundSms, SendResult, SmsAdapter
from integrations.sms.errors import AdapterError, ProviderError
from messaging.engine import keys, stream
from messaging.engine.slots import give_slot, take_slot
from messaging.jobs.recorder import Recorder
from messaging.models import Message
from messaging.states import MessageState

logger = logging.getLogger(__name__)

#: Delivery reports usually settle a message within this many seconds; only then the provider is asked.
GRACE_SECONDS = 60
#: Most requests of one round, for one gateway.
MOST = 200
#: Most messages of one round, for one gateway: one answer may tell of a whole batch of the provider's.
MOST_MESSAGES = 20_000
#: Messages that are read at a time.
CHUNK = 500
#: Pages of one answer that are read at most.
PAGES = 20
#: Answers that are kept for messages that follow: those of one batch stand close together.
KEPT = 32
#: After so many refusals in a row the provider is left alone until the next round.
REFUSALS = 3
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
        messages = list(unknown.filter(pk__gt=last)[:CHUNK]) or list(unknown[:CHUNK])
        if not messages:
            continue
        asking = _Asking(gateway, adapter, renew)
        try:
            while messages:
                settled += _record([result for message in messages if (result := asking.about(message))], gateway.pk)
                if asking.is_over:
                    break
                asking.note(messages[-1])
                messages = list(unknown.filter(pk__gt=messages[-1].pk)[:CHUNK])
        finally:
            give_slot(gateway_id=gateway.pk, holder=asking.holder)
    return settled


class _Asking:
    """One round of look-ups at one gateway. Messages that are asked about in the same words share an answer.

    Args:
        gateway: who is asked.
        adapter: the gateway's.
        renew: called before each request; False ends the round.

    Attributes:
        holder: of the gateway's slot, which is to be given back at the end.
        is_over: nobody is asked any more.
    """

    def __init__(self, gateway: Gateway, adapter: SmsAdapter, renew: Callable[[], bool]) -> None:
        self.holder = f"lookup-{secrets.token_hex(4)}"
        self.is_over = False
        self._gateway = gateway
        self._adapter = adapter
        self._renew = renew
        # Connecting, writing and waiting have a third each, so that the slot is not another's before the look-up is over.
        self._driver = HttpxDriver(timeout_seconds=config().request_timeout_seconds / 3)
        self._answers: OrderedDict[Request, Reply] = OrderedDict()
        self._refused: set[Request] = set()
        self._messages = self._requests = 0

    def note(self, message: Message) -> None:
        """Remember whom was asked about last."""
        get_redis().set(keys.asked(self._gateway.pk), message.pk, ex=ASKED_SECONDS)

    def about(self, message: Message) -> SendResult | None:
        """What the provider knows of a message; None when that is nothing, or the round is over."""
        self._messages += 1
        self.is_over = self.is_over or self._messages > MOST_MESSAGES
        if self.is_over:
            return None
        sms = OutboundSms(message.pk, message.number.number, message.recipient, message.text)
        attempted_at = message.claimed_at or message.changed_at
        request: Request | None = self._adapter.build_lookup(
            sms, provider_id=message.provider_id, on_date=f"{attempted_at.astimezone(dt.UTC):%Y-%m-%d}"
        )
        for _ in range(PAGES):
            reply = self._answer(request, message) if request is not None else None
            if request is None or reply is None:
                break
            try:
                result = self._adapter.parse_lookup(sms, reply)
            except AdapterError as error:
                self._note_refusal(request, error)
                break
            self._refused.clear()
            if result is not None:
                return result
            request = self._adapter.next_lookup(sms, request, reply)
        return None

    def _answer(self, request: Request, message: Message) -> Reply | None:
        """The answer to a request, which may be known already; None at the round's end."""
        if request in self._answers:
            self._answers.move_to_end(request)
            return self._answers[request]
        # A look-up is a request like any other: it takes one of the gateway's slots.
        gateway, limit = self._gateway, self._gateway.concurrency
        if (
            self._requests >= MOST
            or not self._renew()
            or not take_slot(gateway_id=gateway.pk, limit=limit, holder=self.holder)
        ):
            self.is_over = True
            return None
        self._requests += 1
        self.note(message)
        try:
            reply = self._answers[request] = self._driver.send(request)
        except TransportFailure as failure:
            self._end(failure)
            return None
        if len(self._answers) > KEPT:
            self._answers.popitem(last=False)
        return reply

    def _note_refusal(self, request: Request, error: AdapterError) -> None:
        """One message that cannot be asked about must not keep the provider from being asked about others."""
        self._refused.add(request)
        if len(self._refused) >= REFUSALS or (isinstance(error, ProviderError) and error.retryable):
            self._end(error)

    def _end(self, error: Exception) -> None:
        logger.warning("Gateway %s cannot be asked about unknown messages now: %s", self._gateway.pk, error)
        self.is_over = True


def _record(results: list[SendResult], gateway_id: int) -> int:
    """Record what was found; how many there were."""
    if results:
        now = timezone.now().timestamp()
        recorder = Recorder()
        recorder.apply(stream.unpack(stream.pack(gateway_id, [(result, now) for result in results])))
        recorder.finish_batches(force=True)
    return len(results)

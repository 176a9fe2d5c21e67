"""Repeating: messages that nobody has answered for are sent once more, where the provider sends them once all the same.

Only at gateways with ``capabilities.idempotent_sends`` whose requests have one message: the same message makes the same
request to the byte, also after a restart, and the provider answers as it did the first time. Elsewhere unknown messages wait
for their reports and look-ups.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterator

from django.db.models import F, Q
from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.redis import get_redis
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import TransportFailure
from integrations.models import Gateway
from integrations.sms.contract import SendResult, SmsAdapter
from integrations.sms.errors import ErrorKind, SendError
from messaging.engine import keys, stream
from messaging.engine.lanes import Staged
from messaging.engine.repeats import UNANSWERED, YOUNG_HOURS, claim_repeat, is_kept_back, stage_again
from messaging.engine.slots import give_slot, take_slot
from messaging.jobs.recorder import Recorder
from messaging.models import Message
from messaging.services.gateways import status_url
from messaging.states import MessageState

logger = logging.getLogger(__name__)

#: How long after it became unknown a message is repeated for the first, second and last time, seconds. Before that its report
#: may settle it, and the first request may still be under way.
AFTER_SECONDS = (60, 300, 1500)
#: Most repetitions of one round, for one gateway.
MOST = 200
#: Of a number's pace for the minute of a round, what repetitions may use: its sender has the rest.
PACE_SECONDS = 30


def repeat_unknown(*, renew: Callable[[], bool]) -> int:
    """Send unknown messages once more.

    Args:
        renew: called before each request; False ends it.

    Returns:
        How many messages are settled now.
    """
    settled = 0
    client = get_redis()
    for gateway in Gateway.objects.filter(is_enabled=True, stopped_reason=""):
        capabilities = gateway.adapter.capabilities
        if not capabilities.idempotent_sends or capabilities.recipients_per_request > 1:
            continue
        # Whoever asked to be left alone, or does not answer at all, is not asked to repeat itself.
        if client.exists(keys.backoff(gateway.pk)) or client.exists(keys.circuit(gateway.pk)):
            continue
        messages = list(_due(gateway))
        if messages:
            settled += _Round(gateway).run(messages, renew)
    return settled


def _due(gateway: Gateway) -> Iterator[Message]:
    """Unknown messages whose next repetition is due, oldest first, within their numbers' pace."""
    now = timezone.now()
    due = Q(pk__in=())
    for repeats, seconds in enumerate(AFTER_SECONDS):
        due |= Q(repeats=repeats, changed_at__lt=now - dt.timedelta(seconds=seconds))
    found = (
        Message.objects.filter(
            due,
            state=MessageState.UNKNOWN,
            reason__in=UNANSWERED,
            provider_id="",
            claimed_at__gt=now - dt.timedelta(hours=YOUNG_HOURS),
            number__gateway=gateway,
        )
        .select_related("number__gateway", "batch__account")
        .order_by("pk")
    )
    taken: Counter[int] = Counter()
    for message in found[:MOST]:
        if taken[message.number_id] < max(1, message.number.segments_per_second * PACE_SECONDS):
            taken[message.number_id] += 1
            yield message


class _Round:
    """One gateway's repetitions of one round.

    Args:
        gateway: whose.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.adapter: SmsAdapter = gateway.adapter
        self.holder = f"repeat-{secrets.token_hex(4)}"
        # Connecting, writing and waiting have a third each, so that the slot is not another's before the request is over.
        self.driver = HttpxDriver(timeout_seconds=config().request_timeout_seconds / 3)
        self.settled = 0

    def run(self, messages: list[Message], renew: Callable[[], bool]) -> int:
        """Repeat until the provider wants no more; how many are settled."""
        gateway = self.gateway
        try:
            for message in messages:
                if not renew() or not take_slot(gateway_id=gateway.pk, limit=gateway.concurrency, holder=self.holder):
                    break
                item = stage_again(message, status_url=f"{status_url(gateway)}/")
                if item is None or is_kept_back(item, gateway.pk) or not claim_repeat(message):
                    continue
                if not self._repeat(message, item):
                    break
        finally:
            give_slot(gateway_id=gateway.pk, holder=self.holder)
            self.driver.close()
        if self.settled:
            logger.info("Gateway %s: %s unknown messages are settled by their repetition", gateway.pk, self.settled)
        return self.settled

    def _repeat(self, message: Message, item: Staged) -> bool:
        """Send one message once more; False when the others had better wait."""
        try:
            reply = self.driver.send(self.adapter.build_send([item.sms]))
        except TransportFailure as failure:
            logger.warning("Gateway %s does not answer repetitions: %s", self.gateway.pk, failure)
            if not failure.request_left:
                # It did not leave, so it is not one of the few times.
                Message.objects.filter(pk=message.pk).update(repeats=F("repeats") - 1)
            return False
        [result] = self.adapter.parse_send([item.sms], reply)
        error = result.error
        if error is None or error.kind is ErrorKind.REJECTED:
            self._record(result)
            return True
        if error.kind is ErrorKind.UNKNOWN:
            _never_again(message, error)
            return True
        logger.warning("Gateway %s takes no repetitions now: %s", self.gateway.pk, error.text)
        return False

    def _record(self, result: SendResult) -> None:
        recorder = Recorder()
        recorder.apply(stream.unpack(stream.pack(self.gateway.pk, [(result, timezone.now().timestamp())])))
        recorder.finish_batches(force=True)
        self.settled += 1


def _never_again(message: Message, error: SendError) -> None:
    """Keep what a broken server said of an unknown message: after that its key proves nothing any more."""
    Message.objects.filter(pk=message.pk, state=MessageState.UNKNOWN).update(
        reason=error.code[:32], reason_text=error.text[:255]
    )

"""Repeating: messages that nobody has answered for are sent once more, where the provider sends them once all the same.

Only at gateways with ``capabilities.idempotent_sends`` whose requests have one message: the same message makes the same
request to the byte, also after a restart, and the provider answers as it did the first time. Elsewhere unknown messages wait
for their reports and look-ups.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import secrets
import time
from collections.abc import Callable

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
from messaging.engine.claims import singles_from
from messaging.engine.lanes import Staged
from messaging.engine.limits import ENDING_SECONDS, LONGEST_RUN_SECONDS
from messaging.engine.passing import let_pass
from messaging.engine.repeats import UNANSWERED, YOUNG_HOURS, claim_repeat, is_kept_back, stage_again
from messaging.engine.slots import give_slot, take_slot
from messaging.jobs.recorder import Recorder
from messaging.models import Message
from messaging.services.gateways import status_url
from messaging.services.slotted import pause
from messaging.states import BatchState, MessageState

logger = logging.getLogger(__name__)

#: How long after it became unknown a message is repeated for the first, second and last time, seconds. Before that its report
#: may settle it, and the first request may still be under way.
AFTER_SECONDS = (60, 300, 1500)
#: Most repetitions of one round, for one gateway.
MOST = 200
#: A round that began so long ago waits for no number's pace any more, seconds; and so long at a time at most.
WAIT_SECONDS = 10.0
LOOK_SECONDS = 1.0
#: How long it is remembered whose turn it was last.
TURN_SECONDS = 24 * 3600


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
        messages = _due(gateway)
        if messages:
            settled += _Round(gateway).run(messages, renew)
    return settled


def _due(gateway: Gateway) -> list[Message]:
    """Unknown messages whose next repetition is due, by turns: those that may not leave must not keep others waiting."""
    now = timezone.now()
    due = Q(pk__in=())
    for repeats, seconds in enumerate(AFTER_SECONDS):
        due |= Q(repeats=repeats, changed_at__lt=now - dt.timedelta(seconds=seconds))
    goes_on = Q(batch__expires_at=None) | Q(batch__expires_at__gt=now)
    found = (
        Message.objects.filter(
            due,
            Q(batch=None, created_at__gt=singles_from(now)) | Q(goes_on, batch__state=BatchState.SENDING),
            state=MessageState.UNKNOWN,
            reason__in=UNANSWERED,
            provider_id="",
            claimed_at__gt=_since(gateway, now),
            number__gateway=gateway,
        )
        .select_related("number__gateway", "number__ten_dlc__campaign__brand", "batch__account")
        .order_by("pk")
    )
    last = int(get_redis().get(keys.repeated(gateway.pk)) or 0)
    messages = list(found.filter(pk__gt=last)[:MOST])
    return messages + list(found.filter(pk__lte=last)[: MOST - len(messages)])


def _since(gateway: Gateway, now: dt.datetime) -> dt.datetime:
    """What was claimed before this is not repeated: its key is forgotten, or another account's at the provider."""
    young = now - dt.timedelta(hours=YOUNG_HOURS)
    if gateway.account_since is None:
        return young
    # A sender that began with the former credentials claims with them until its run is over.
    longest = LONGEST_RUN_SECONDS + 2 * config().request_timeout_seconds + ENDING_SECONDS
    return max(young, gateway.account_since + dt.timedelta(seconds=longest))


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
        self.is_over = False

    def run(self, messages: list[Message], renew: Callable[[], bool]) -> int:
        """Repeat until the provider wants no more, or only what is beyond the paces is left; how many are settled."""
        until = time.monotonic() + WAIT_SECONDS
        left = messages
        try:
            while left and not self.is_over:
                left, wait = self._go_over(left, renew)
                if time.monotonic() + wait > until:
                    break
                self._give_slot()
                pause(min(wait, LOOK_SECONDS))
        finally:
            self._give_slot()
            self.driver.close()
        if self.settled:
            logger.info(
                "Gateway %s: %s unknown messages are settled by their repetition", self.gateway.pk, self.settled
            )
        return self.settled

    def _go_over(self, messages: list[Message], renew: Callable[[], bool]) -> tuple[list[Message], float]:
        """Repeat what may leave now; what has to wait for its number, and for how many seconds the first of it has to.

        Its sender uses the same pace, so what is left is left for the next round while a campaign goes on.
        """
        left: list[Message] = []
        waits: dict[int, float] = {}
        for message in messages:
            if message.number_id in waits:
                left.append(message)
                continue
            if not renew() or not self._take_slot():
                self.is_over = True
                break
            get_redis().set(keys.repeated(self.gateway.pk), message.pk, ex=TURN_SECONDS)
            item = stage_again(message, status_url=f"{status_url(self.gateway)}/")
            # Claimed before its pace is asked: what may not leave uses up none of it.
            if item is None or is_kept_back(item, self.gateway.pk) or not claim_repeat(message):
                continue
            wait = let_pass(item, sent_at=message.claimed_at or message.changed_at)
            if wait:
                _not_repeated(message)
                if wait < math.inf:
                    waits[message.number_id] = wait
                    left.append(message)
            elif not self._repeat(message, item):
                self.is_over = True
                break
        return left, min(waits.values(), default=0.0)

    def _take_slot(self) -> bool:
        return take_slot(gateway_id=self.gateway.pk, limit=self.gateway.concurrency, holder=self.holder)

    def _give_slot(self) -> None:
        give_slot(gateway_id=self.gateway.pk, holder=self.holder)

    def _repeat(self, message: Message, item: Staged) -> bool:
        """Send one message once more; False when the others had better wait."""
        try:
            reply = self.driver.send(self.adapter.build_send([item.sms]))
        except TransportFailure as failure:
            logger.warning("Gateway %s does not answer repetitions: %s", self.gateway.pk, failure)
            if not failure.request_left:
                _not_repeated(message)
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


def _not_repeated(message: Message) -> None:
    """It has not left after all, so that was not one of its few times."""
    Message.objects.filter(pk=message.pk).update(repeats=F("repeats") - 1)
    message.repeats -= 1


def _never_again(message: Message, error: SendError) -> None:
    """Keep what a broken server said of an unknown message: after that its key proves nothing any more."""
    Message.objects.filter(pk=message.pk, state=MessageState.UNKNOWN).update(
        reason=error.code[:32], reason_text=error.text[:255]
    )

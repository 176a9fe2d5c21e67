"""Single messages: replies and what is sent by hand. They go before campaigns."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from accounts.models import Account
from broadcast.core.redis import RedisAway
from messaging.engine import keys
from messaging.engine.launch import put_ids, wake_sender
from messaging.models import InboundMessage, Message, PhoneNumber, Suppression
from messaging.states import MessageState

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)


def submit(
    *,
    account: Account,
    number: PhoneNumber,
    recipient: str,
    body: str,
    kind: str = Message.Kind.REPLY,
    in_reply_to: InboundMessage | None = None,
    author: User | None = None,
    composer_key: uuid.UUID | None = None,
) -> Message:
    """Queue one message; it leaves once the open transaction is committed.

    Args:
        account: whose it is.
        number: where it leaves from.
        recipient: E.164.
        body: the text.
        kind: ``SERVICE`` messages also go to who has opted out.
        in_reply_to: what it answers; one answer each.
        author: who wrote it, None for a machine.
        composer_key: of the box it was written in; there is one message of each.

    Returns:
        The message; in state ``suppressed`` when the recipient is.
    """
    now = timezone.now()
    suppression = None
    if kind != Message.Kind.SERVICE:
        # Who may have opted out gets no campaigns until somebody has decided, but answers.
        suppression = (
            Suppression.objects.active()
            .filter(account=account, recipient=recipient)
            .exclude(reason=Suppression.Reason.REVIEW)
            .first()
        )
    message = Message.objects.create(
        kind=kind,
        account=account,
        number=number,
        recipient=recipient,
        body=body,
        state=MessageState.SUPPRESSED if suppression else MessageState.QUEUED,
        reason=suppression.reason if suppression else "",
        in_reply_to=in_reply_to,
        author=author,
        composer_key=composer_key,
        created_at=now,
        changed_at=now,
    )
    if suppression is None:
        transaction.on_commit(lambda: _put(message))
        wake_sender(number.gateway_id)
    return message


def _put(message: Message) -> None:
    try:
        put_ids(number=message.number, queue_name=keys.single_queue(message.number_id), ids=[message.pk])
    except RedisAway as error:
        logger.warning("Redis is away; the sweeper will queue message %s: %s", message.pk, error)

"""Replies that people wrote and that did not arrive: their conversations open again, so that somebody sees it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F
from django.utils import timezone

from messaging.models import Conversation, Message
from messaging.states import MessageState

#: States in which a reply has not arrived, or nobody can say whether it has; with what the inbox says of it.
WORDS: dict[str, str] = {
    MessageState.FAILED: "Not sent",
    MessageState.UNDELIVERED: "Not delivered",
    MessageState.EXPIRED: "Not sent",
    MessageState.SUPPRESSED: "Not sent",
    MessageState.CANCELLED: "Not sent",
    MessageState.UNRESOLVED: "May not have arrived",
}

_LONGEST = Conversation._meta.get_field("trouble").max_length or 0


def tell_of_unsent(ids: Iterable[int]) -> int:
    """Open the conversations of replies that did not arrive, as unread; part of the transaction that changes their states.

    Args:
        ids: messages whose state has just changed; those of campaigns and machines, and those that are well, are left out.

    Returns:
        How many replies had not arrived.
    """
    wanted = list(ids)
    if not wanted:
        return 0
    rows = Message.objects.filter(pk__in=wanted, author__isnull=False, state__in=WORDS).order_by(
        "number_id", "recipient"
    )
    count = 0
    for message in rows.only("number_id", "recipient", "state", "reason", "reason_text"):
        why = message.reason_text or message.reason.replace("_", " ")
        trouble = f"{WORDS[message.state]}: {why}" if why else f"{WORDS[message.state]}."
        count += Conversation.objects.filter(number_id=message.number_id, person=message.recipient).update(
            state=Conversation.State.OPEN,
            unread_count=F("unread_count") + 1,
            is_unread=True,
            trouble=trouble if len(trouble) <= _LONGEST else f"{trouble[: _LONGEST - 1].rstrip()}…",
            updated_at=timezone.now(),
        )
    return count

"""Loops: two machines that answer each other would go on for ever."""

from __future__ import annotations

import datetime as dt

from messaging.models import InboundMessage, Message

#: More messages to and from one person within so many minutes are no conversation between people.
LOOP_MESSAGES = 20
LOOP_MINUTES = 5


def is_talking_in_circles(account_id: int, person: str, at: dt.datetime, *, but: int = 0) -> bool:
    """Whether an account and a person have exchanged ``LOOP_MESSAGES`` within the last ``LOOP_MINUTES``.

    Args:
        account_id: whose conversation.
        person: E.164.
        at: aware time; until when is counted from.
        but: id of an inbound message that does not count; 0: all count.
    """
    since = at - dt.timedelta(minutes=LOOP_MINUTES)
    # The newest few by the index, whatever the length of the history.
    heard = InboundMessage.objects.filter(account_id=account_id, sender=person).exclude(pk=but).order_by("-id")
    sent = Message.objects.filter(account_id=account_id, recipient=person).order_by("-id")
    times = [
        *heard.values_list("received_at", flat=True)[:LOOP_MESSAGES],
        *sent.values_list("created_at", flat=True)[:LOOP_MESSAGES],
    ]
    return sum(time >= since for time in times) >= LOOP_MESSAGES

"""Loops: two machines that answer each other would go on for ever."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from messaging.models import InboundMessage, Message

#: More messages to and from one person within so many minutes are no conversation between people.
LOOP_MESSAGES = 20
LOOP_MINUTES = 5

#: Tells whether somebody waits for just this text: (our number's id, the person, what they wrote).
Expectation = Callable[[int, str, str], bool]
_expectations: list[Expectation] = []


def register_expectation(expects: Expectation) -> None:
    """Have a layer above tell which messages are a step forward in an exchange of its own, so that they are in no loop.

    It must not expect the same for ever: an exchange that can go in circles expects each of its steps once.
    """
    if expects not in _expectations:
        _expectations.append(expects)


def is_expected(*, number_id: int, person: str, text: str) -> bool:
    """Whether a message is a step forward in an exchange, however many messages there have been.

    Args:
        number_id: where it came to.
        person: E.164.
        text: what they wrote.
    """
    return any(expects(number_id, person, text) for expects in _expectations)


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

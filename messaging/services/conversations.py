"""Conversations: opened by who writes, answered, assigned and closed by staff."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from messaging.models import Conversation, ConversationNote, InboundMessage, Message, PhoneNumber
from messaging.models.conversations import EXCERPT_CHARACTERS
from messaging.services.singles import submit
from messaging.services.threads import Seen, newest, suppression_of, theirs
from messaging.states import MessageState

if TYPE_CHECKING:
    from accounts.models import User

State = Conversation.State
Direction = Conversation.Direction

#: Longest reply in characters: the most that carriers take.
LONGEST_REPLY_CHARACTERS = 1600


class ConversationRefused(Exception):
    """It cannot be done; the text says why and what to do next, for a person."""


class ThreadChanged(ConversationRefused):
    """Somebody wrote since the thread was read; nothing was sent."""


def note_inbound(*, message: InboundMessage, waits: bool) -> None:
    """Put an inbound message into its conversation; part of the transaction that stores it. One to no number of ours has none.

    Args:
        message: the row, decided upon.
        waits: a person has to look at it: the conversation is opened and the message is unread. What a machine has answered
            is kept in the conversation, and leaves it open or closed as it was; a new one begins closed.
    """
    if message.number_id is None or message.account_id is None:
        return
    at, excerpt = message.received_at, excerpt_of(message)
    # One statement: each version of the row is written into its indexes. A message that was replayed may be older than the last.
    is_last = Q(last_message_at__lte=at) | Q(last_excerpt="")
    changes: dict[str, Any] = {
        "last_message_at": _when(is_last, at, "last_message_at"),
        "last_excerpt": _when(is_last, excerpt, "last_excerpt"),
        "last_direction": _when(is_last, Direction.IN, "last_direction"),
        "last_inbound_at": _when(Q(last_inbound_at__isnull=True) | Q(last_inbound_at__lt=at), at, "last_inbound_at"),
        "updated_at": timezone.now(),
    }
    if waits:
        changes |= {"state": State.OPEN, "unread_count": F("unread_count") + 1, "is_unread": True}
    rows = Conversation.objects.filter(number_id=message.number_id, person=message.sender)
    if rows.update(**changes):
        return
    _, is_new = Conversation.objects.get_or_create(
        number_id=message.number_id,
        person=message.sender,
        defaults={
            "account_id": message.account_id,
            "state": State.OPEN if waits else State.CLOSED,
            "unread_count": int(waits),
            "is_unread": waits,
            "last_message_at": at,
            "last_excerpt": excerpt,
            "last_direction": Direction.IN,
            "last_inbound_at": at,
        },
    )
    if not is_new:
        # Another message of theirs made it a moment ago.
        rows.update(**changes)


def _when(condition: Q, value: object, column: str) -> Case:
    """A value under a condition, else what the column holds."""
    return Case(When(condition, then=Value(value)), default=F(column))


@transaction.atomic
def hand_over(
    *, number: PhoneNumber, person: str, why: str, to_id: int | None = None, counts: bool = True
) -> Conversation:
    """Have a person go on where a machine stops: the conversation is opened and unread, and a note in it says why.

    Args:
        number: our number.
        person: E.164.
        why: for staff, in a sentence or more.
        to_id: a user who attends to it from now on; whoever does already when None, or no longer on the staff.
        counts: whether it is unread by itself; False when a message that waits is put into it anyway.
    """
    conversation, _ = Conversation.objects.get_or_create(
        number=number, person=person, defaults={"account_id": number.account_id, "last_excerpt": _excerpt(why)}
    )
    rows = Conversation.objects.filter(pk=conversation.pk)
    rows.update(state=State.OPEN, updated_at=timezone.now())
    if counts:
        rows.update(unread_count=F("unread_count") + 1, is_unread=True)
    if to_id is not None and get_user_model().objects.filter(pk=to_id, is_staff=True, is_active=True).exists():
        rows.update(assigned_to_id=to_id)
    ConversationNote.objects.create(conversation=conversation, body=why)
    conversation.refresh_from_db()
    return conversation


def excerpt_of(message: InboundMessage) -> str:
    """The beginning of what somebody wrote, on one line."""
    return _excerpt(f"(media) {message.body}" if message.media else message.body) or "(empty)"


def reply(
    *, conversation_id: int, body: str, user: User, seen: Seen | None = None, composer_key: uuid.UUID | None = None
) -> Message:
    """Answer somebody.

    Args:
        conversation_id: whom, and from which number.
        body: the text, at most ``LONGEST_REPLY_CHARACTERS``.
        user: who writes.
        seen: the newest messages the writer had read; None sends whatever was said since.
        composer_key: of the box it was written in. Sent again, because the answer was lost, it is the same message.

    Returns:
        The message, queued. The conversation is open and read.

    Raises:
        ThreadChanged: somebody wrote since.
        ConversationRefused: there is no such conversation, no text, too much of it, the person is suppressed, the account
            or number does not send, or another text has left this box before.
    """
    text = body.replace("\r\n", "\n").replace("\x00", "").strip()
    if not text:
        raise ConversationRefused("There is no text to send: write one.")
    if len(text) > LONGEST_REPLY_CHARACTERS:
        raise ConversationRefused(
            f"The text has {len(text)} characters; carriers take {LONGEST_REPLY_CHARACTERS}. "
            "Shorten it, or send it in two parts."
        )
    with transaction.atomic():
        conversation = _locked(conversation_id)
        before = Message.objects.filter(composer_key=composer_key).first() if composer_key else None
        if before is not None:
            return _sent_before(before, conversation, text)
        _check_sendable(conversation)
        there_is = newest(conversation)
        if seen is not None and there_is != seen:
            raise ThreadChanged(_what_changed(conversation, seen, there_is))
        last = theirs(conversation).first()
        message = submit(
            account=conversation.account,
            number=conversation.number,
            recipient=conversation.person,
            body=text,
            in_reply_to=last if last and not Message.objects.filter(in_reply_to=last).exists() else None,
            author=user,
            composer_key=composer_key,
        )
        if message.state == MessageState.SUPPRESSED:
            raise ConversationRefused(_suppressed(conversation))
        now = timezone.now()
        Conversation.objects.filter(pk=conversation.pk).update(
            state=State.OPEN, unread_count=0, is_unread=False, trouble="", updated_at=now
        )
        _show_last(conversation.pk, message.created_at, _excerpt(text), Direction.OUT)
    return message


def _sent_before(before: Message, conversation: Conversation, text: str) -> Message:
    """The message that has left a box before, if it is the one that is sent again."""
    if (before.number_id, before.recipient) != (conversation.number_id, conversation.person):
        raise ConversationRefused("This page is out of date. Nothing was sent: open the conversation again.")
    if before.body != text:
        raise ThreadChanged(
            "What you sent before has gone out after all, as the thread shows. This text was not sent: change it if it says the "
            "same, or send it as well."
        )
    return before


def add_note(*, conversation_id: int, body: str, user: User) -> ConversationNote:
    """Keep a note that only staff see.

    Args:
        conversation_id: on what.
        body: the note.
        user: who writes.

    Raises:
        ConversationRefused: there is no such conversation, or no text.
    """
    text = body.replace("\r\n", "\n").replace("\x00", "").strip()
    if not text:
        raise ConversationRefused("There is no text to keep: write one.")
    if not Conversation.objects.filter(pk=conversation_id).exists():
        raise ConversationRefused(_GONE)
    return ConversationNote.objects.create(conversation_id=conversation_id, author=user, body=text)


def assign(*, conversation_id: int, to: User | None) -> None:
    """Say who attends to a conversation; None: nobody in particular.

    Raises:
        ConversationRefused: there is no such conversation, or that user is not on the staff any more.
    """
    if to is not None and not (to.is_staff and to.is_active):
        raise ConversationRefused(f"{to} is not on the staff any more: choose somebody else.")
    _update(conversation_id, assigned_to=to)


def close(*, conversation_id: int, seen: Seen | None = None) -> None:
    """Nobody has to attend to it; it opens again when the person writes.

    Args:
        conversation_id: which.
        seen: the newest messages that were looked at; None closes it whatever they have written since.

    Raises:
        ThreadChanged: the person has written since.
        ConversationRefused: there is no such conversation.
    """
    with transaction.atomic():
        conversation = _locked(conversation_id)
        if seen is not None and theirs(conversation).filter(pk__gt=seen.inbound_id).exists():
            raise ThreadChanged(f"{conversation.person} has written again. It was not closed: read it first.")
        _update(conversation_id, state=State.CLOSED, unread_count=0, is_unread=False, trouble="")


def reopen(*, conversation_id: int) -> None:
    """Somebody has to attend to it after all.

    Raises:
        ConversationRefused: there is no such conversation.
    """
    _update(conversation_id, state=State.OPEN)


def mark_read(*, conversation_id: int, inbound_id: int) -> bool:
    """Somebody has looked at it; False when nothing was unread, or the person has written since.

    Args:
        conversation_id: which.
        inbound_id: the newest message of theirs that was looked at.
    """
    conversation = Conversation.objects.filter(pk=conversation_id, is_unread=True).first()
    if conversation is None or theirs(conversation).filter(pk__gt=inbound_id).exists():
        return False
    # A message in between has raised the count, and stays unread.
    rows = Conversation.objects.filter(pk=conversation_id, unread_count=conversation.unread_count)
    return bool(rows.update(unread_count=0, is_unread=False, updated_at=timezone.now()))


def mark_unread(*, conversation_id: int) -> None:
    """Leave it to somebody else, or for later.

    Raises:
        ConversationRefused: there is no such conversation.
    """
    _update(conversation_id, state=State.OPEN, unread_count=1, is_unread=True)


_GONE = "This conversation is not here any more; go back to the list."


def _update(conversation_id: int, **values: object) -> None:
    rows = Conversation.objects.filter(pk=conversation_id)
    if not rows.update(**values, updated_at=timezone.now()):
        raise ConversationRefused(_GONE)


def _locked(conversation_id: int) -> Conversation:
    """The conversation, so that of two replies at once the second sees the first."""
    row = Conversation.objects.select_for_update().filter(pk=conversation_id).first()
    if row is None:
        raise ConversationRefused(_GONE)
    return Conversation.objects.select_related("account", "number__gateway").get(pk=row.pk)


def _show_last(conversation_id: int, at: dt.datetime, excerpt: str, direction: str) -> None:
    Conversation.objects.filter(pk=conversation_id, last_message_at__lte=at).update(
        last_message_at=at, last_excerpt=excerpt, last_direction=direction
    )


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT_CHARACTERS else f"{line[: EXCERPT_CHARACTERS - 1].rstrip()}…"


def why_not_sendable(conversation: Conversation) -> str:
    """Why no reply can be sent, and what to do about it; empty when one can."""
    account, number = conversation.account, conversation.number
    if not account.is_active:
        return (
            f"{account} is {account.get_status_display().lower()}: nothing is sent for it. Activate the account first."
        )
    if number.state == PhoneNumber.State.RELEASED:
        return f"{number} was released and cannot send any more. Write to them from another number of {account}."
    if not number.answers:
        return f"{number} is {number.get_state_display().lower()}: enable it under Phone numbers first."
    if not number.gateway.is_enabled:
        return f"The gateway {number.gateway} is disabled: enable it under Gateways first."
    return _suppressed(conversation)


def _check_sendable(conversation: Conversation) -> None:
    if why := why_not_sendable(conversation):
        raise ConversationRefused(why)


def _suppressed(conversation: Conversation) -> str:
    suppression = suppression_of(conversation)
    if suppression is None:
        return ""
    since = suppression.created_at.astimezone(conversation.account.zone)
    return (
        f"{conversation.person} is suppressed ({suppression.get_reason_display().lower()}, {since:%-d %B %Y}): nothing is sent "
        "to them until they write START, or the suppression is lifted with their consent."
    )


def _what_changed(conversation: Conversation, seen: Seen, there_is: Seen) -> str:
    if there_is.message_id != seen.message_id:
        message = Message.objects.select_related("author").filter(pk=there_is.message_id).first()
        who = str(message.author) if message and message.author else "An automatic answer"
        said = f"{who} has answered {conversation.person}" if message and message.author else f"{who} has gone out"
        return f"{said} since you opened this. Nothing was sent; read it, then send your text or change it."
    return f"{conversation.person} has written again. Nothing was sent; read it, then send your text or change it."

"""Reading a conversation: what was said both ways, oldest first, and whether anything changed."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from django.db.models import QuerySet

from broadcast.core.merge import TemplateError
from messaging.models import Conversation, ConversationNote, InboundMessage, Message, Suppression

if TYPE_CHECKING:
    from accounts.models import User

#: Messages of each direction that a thread shows unless more are asked for.
THREAD_LENGTH = 50
#: Most that it shows.
LONGEST_THREAD = 1000

Kind = Literal["theirs", "ours", "automatic", "campaign", "note"]


@dataclass(frozen=True, slots=True)
class ThreadItem:
    """One bubble of a thread.

    Args:
        kind: who wrote it; ``ours`` are people's replies.
        at: aware time.
        text: what was said.
        author: of a reply or a note, where known.
        why: why a machine answered, or did not.
        inbound: the row of what they wrote.
        message: the row of what we wrote.
    """

    kind: Kind
    at: dt.datetime
    text: str
    author: User | None = None
    why: str = ""
    inbound: InboundMessage | None = None
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation as it is shown.

    Args:
        items: oldest first.
        is_all: whether nothing older was left out.
        seen: mark of the newest messages in it; a reply says with it what its writer had read.
        version: mark of everything that is shown; see ``version_of``.
    """

    items: list[ThreadItem]
    is_all: bool
    seen: str
    version: str


class Seen(NamedTuple):
    """The newest messages somebody has read.

    Args:
        inbound_id: of theirs, 0 for none.
        message_id: of ours that no campaign sent, 0 for none.
    """

    inbound_id: int
    message_id: int

    def __str__(self) -> str:
        return f"{self.inbound_id}.{self.message_id}"

    @classmethod
    def parse(cls, text: str) -> Seen:
        """Read a mark; what is none has seen nothing."""
        inbound, _, message = text.partition(".")
        ids = [int(part) if part.isascii() and part.isdigit() and len(part) < 19 else 0 for part in (inbound, message)]
        return cls(*ids)


def text_of(message: Message) -> str:
    """What the recipient read, or that it cannot be made."""
    try:
        return message.text
    except TemplateError as error:
        return f"(its text cannot be made: {error})"


def theirs(conversation: Conversation) -> QuerySet[InboundMessage]:
    """What the person wrote, newest first."""
    return InboundMessage.objects.filter(
        account_id=conversation.account_id, sender=conversation.person, number_id=conversation.number_id
    ).order_by("-id")


def ours(conversation: Conversation) -> QuerySet[Message]:
    """What was sent to the person from this number, newest first."""
    return Message.objects.filter(
        account_id=conversation.account_id, recipient=conversation.person, number_id=conversation.number_id
    ).order_by("-id")


def newest(conversation: Conversation) -> Seen:
    """The newest messages there are."""
    written = ours(conversation).exclude(kind=Message.Kind.CAMPAIGN)
    return Seen(
        theirs(conversation).values_list("id", flat=True).first() or 0,
        written.values_list("id", flat=True).first() or 0,
    )


def suppression_of(conversation: Conversation) -> Suppression | None:
    """What keeps a reply from the person; None when they may be answered.

    Who may have opted out (a review waits) gets no campaigns, but answers.
    """
    return (
        Suppression.objects.active()
        .filter(account_id=conversation.account_id, recipient=conversation.person)
        .exclude(reason=Suppression.Reason.REVIEW)
        .first()
    )


def version_of(conversation: Conversation, *, length: int = THREAD_LENGTH) -> str:
    """A mark that changes when anything changes that the thread shows; a few small queries, all by an index.

    Args:
        conversation: fresh from the database.
        length: messages that are shown.
    """
    suppression = suppression_of(conversation)
    parts = (
        conversation.state,
        conversation.assigned_to_id,
        theirs(conversation).values_list("id", "handler").first(),
        list(ours(conversation).values_list("id", "state", "reason_text")[:length]),
        conversation.notes.order_by("-id").values_list("id", flat=True).first(),
        suppression.pk if suppression else None,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


def read_thread(conversation: Conversation, *, length: int = THREAD_LENGTH) -> Thread:
    """What was said; three queries, and those of ``version_of`` and ``newest``.

    Args:
        conversation: whose.
        length: most messages of each direction, and most notes.
    """
    # The marks first: what comes in between is in the items and makes the page ask again.
    version, seen = version_of(conversation, length=length), newest(conversation)
    heard = list(theirs(conversation).select_related("reply")[: length + 1])
    sent = list(ours(conversation).select_related("batch", "author", "in_reply_to")[: length + 1])
    notes = list(conversation.notes.select_related("author").order_by("-id")[: length + 1])
    items = [
        *(_heard(row) for row in heard[:length]),
        *(_sent(row) for row in sent[:length]),
        *(_note(row) for row in notes[:length]),
    ]
    items.sort(key=lambda item: item.at)
    is_all = max(len(heard), len(sent), len(notes)) <= length
    if not is_all:
        # Of the direction that was cut off nothing is older than its oldest shown: show no other as if it were complete.
        since = max(
            (_at(rows[length - 1]) for rows in (heard, sent, notes) if len(rows) > length),
        )
        items = [item for item in items if item.at >= since]
    return Thread(items=items, is_all=is_all, seen=str(seen), version=version)


def _at(row: InboundMessage | Message | ConversationNote) -> dt.datetime:
    return row.received_at if isinstance(row, InboundMessage) else row.created_at


def _heard(row: InboundMessage) -> ThreadItem:
    answered = getattr(row, "reply", None)
    # The answer says why it came; what waits in the inbox needs no word.
    why = "" if answered is not None or row.handler in ("", "inbox") else row.decision
    return ThreadItem("theirs", row.received_at, row.body, why=why, inbound=row)


def _sent(row: Message) -> ThreadItem:
    if row.kind == Message.Kind.CAMPAIGN:
        return ThreadItem("campaign", row.created_at, text_of(row), message=row)
    if row.author_id is not None:
        return ThreadItem("ours", row.created_at, text_of(row), author=row.author, message=row)
    why = row.in_reply_to.decision if row.in_reply_to else ""
    return ThreadItem("automatic", row.created_at, text_of(row), why=why, message=row)


def _note(row: ConversationNote) -> ThreadItem:
    return ThreadItem("note", row.created_at, row.body, author=row.author)

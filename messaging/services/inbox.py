"""The inbox's list: which conversations are shown, and in what order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from messaging.models import Conversation
from messaging.querysets import ConversationQuerySet
from messaging.services.people import names_of
from messaging.services.searching import Found, clean_words, search

if TYPE_CHECKING:
    from accounts.models import User

#: Conversations that a list shows unless more are asked for.
LIST_LENGTH = 50
#: Most that it shows; who looks for an older one searches.
LONGEST_LIST = 500
#: Unread conversations are counted up to this many; the count is on every page.
MOST_COUNTED = 99

#: Views of the list: name in the address → as shown.
VIEWS = {"open": "Open", "unread": "Unread", "mine": "Mine", "unassigned": "Unassigned", "closed": "Closed"}


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """What somebody wants to see.

    Args:
        view: a key of ``VIEWS``.
        account_id: only this account's; None for all.
        number_id: only this number's; None for all.
        words: part of a number, a name or a text; searched for in all views at once, closed ones too.
        length: most rows.
    """

    view: str = "open"
    account_id: int | None = None
    number_id: int | None = None
    words: str = ""
    length: int = LIST_LENGTH


@dataclass(frozen=True, slots=True)
class InboxList:
    """Rows of the inbox.

    Args:
        rows: conversations, unread first, then the newest.
        names: by conversation, empty when nobody knows it.
        has_more: whether there are others.
        unread: how many nobody has looked at, whatever is wanted; ``99+`` for more.
        version: changes with what is shown.
        left_out: what a search did not look through, for a person.
    """

    rows: list[Conversation]
    names: dict[int, str]
    has_more: bool
    unread: str
    version: str
    left_out: str = ""


def list_inbox(*, user: User, wanted: InboxFilter) -> InboxList:
    """The conversations somebody wants to see and may see; two queries, and one of a layer above for names.

    Args:
        user: who looks.
        wanted: which.
    """
    found = _found(user, wanted)
    rows = list(
        found.rows.select_related("account", "number", "assigned_to").unread_first()[
            : min(wanted.length, LONGEST_LIST) + 1
        ]
    )
    has_more = len(rows) > wanted.length and wanted.length < LONGEST_LIST
    rows = rows[: wanted.length]
    known = names_of({(row.account_id, row.person) for row in rows})
    names = {row.pk: known.get((row.account_id, row.person), "") for row in rows}
    unread = count_unread(Conversation.objects.for_user(user))
    shown = [
        (row.pk, row.unread_count, row.last_message_at, row.state, row.assigned_to_id, row.trouble, names[row.pk])
        for row in rows
    ]
    version = hashlib.sha256(repr((shown, unread)).encode()).hexdigest()[:20]
    return InboxList(rows=rows, names=names, has_more=has_more, unread=unread, version=version, left_out=found.left_out)


def count_unread(rows: ConversationQuerySet) -> str:
    """How many conversations nobody has looked at, as shown: up to 99, then ``99+``.

    Args:
        rows: of which.
    """
    count = rows.unread().order_by()[: MOST_COUNTED + 1].count()
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count)


def _found(user: User, wanted: InboxFilter) -> Found:
    rows = Conversation.objects.for_user(user)
    if wanted.account_id is not None:
        rows = rows.filter(account_id=wanted.account_id)
    if wanted.number_id is not None:
        rows = rows.filter(number_id=wanted.number_id)
    if clean_words(wanted.words):
        return search(rows, wanted.words, account_id=wanted.account_id)
    return Found(_view(rows, user, wanted.view))


def _view(rows: ConversationQuerySet, user: User, view: str) -> ConversationQuerySet:
    match view:
        case "unread":
            return rows.unread()
        case "mine":
            return rows.open().filter(assigned_to=user)
        case "unassigned":
            return rows.open().filter(assigned_to__isnull=True)
        case "closed":
            return rows.closed()
    return rows.open()

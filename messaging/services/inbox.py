"""The inbox's list: which conversations are shown, and in what order."""

from __future__ import annotations

import hashlib
import operator
import re
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q

from messaging.models import Conversation, InboundMessage, Message
from messaging.querysets import ConversationQuerySet
from messaging.services.people import find_people, names_of

if TYPE_CHECKING:
    from accounts.models import User

#: Conversations that a list shows unless more are asked for.
LIST_LENGTH = 50
#: Most that it shows; who looks for an older one searches.
LONGEST_LIST = 500
#: Fewest digits that are searched for as part of a number.
FEWEST_DIGITS = 4

#: Views of the list: name in the address → as shown.
VIEWS = {"open": "Open", "unread": "Unread", "mine": "Mine", "unassigned": "Unassigned", "closed": "Closed"}


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """What somebody wants to see.

    Args:
        view: a key of ``VIEWS``.
        account_id: only this account's; None for all.
        number_id: only this number's; None for all.
        words: part of a number, a name or a text; searches closed ones too, whatever the view.
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
        unread: how many nobody has looked at, whatever is wanted.
        version: changes with what is shown.
    """

    rows: list[Conversation]
    names: dict[int, str]
    has_more: bool
    unread: int
    version: str


def list_inbox(*, user: User, wanted: InboxFilter) -> InboxList:
    """The conversations somebody wants to see and may see; two queries, and one of a layer above for names.

    Args:
        user: who looks.
        wanted: which.
    """
    found = _search(_view(Conversation.objects.for_user(user), user, wanted), wanted.words)
    rows = list(
        found.select_related("account", "number", "assigned_to").unread_first()[: min(wanted.length, LONGEST_LIST) + 1]
    )
    has_more = len(rows) > wanted.length and wanted.length < LONGEST_LIST
    rows = rows[: wanted.length]
    known = names_of({(row.account_id, row.person) for row in rows})
    names = {row.pk: known.get((row.account_id, row.person), "") for row in rows}
    unread = Conversation.objects.for_user(user).unread().count()
    shown = [
        (row.pk, row.unread_count, row.last_message_at, row.state, row.assigned_to_id, names[row.pk]) for row in rows
    ]
    version = hashlib.sha256(repr((shown, unread)).encode()).hexdigest()[:20]
    return InboxList(rows=rows, names=names, has_more=has_more, unread=unread, version=version)


def _view(rows: ConversationQuerySet, user: User, wanted: InboxFilter) -> ConversationQuerySet:
    if wanted.account_id is not None:
        rows = rows.filter(account_id=wanted.account_id)
    if wanted.number_id is not None:
        rows = rows.filter(number_id=wanted.number_id)
    match wanted.view:
        case "unread":
            return rows.unread()
        case "mine":
            return rows.open().filter(assigned_to=user)
        case "unassigned":
            return rows.open().filter(assigned_to__isnull=True)
        case "closed":
            return rows.closed()
    return rows if wanted.words.strip() else rows.open()


def _search(rows: ConversationQuerySet, words: str) -> ConversationQuerySet:
    words = " ".join(words.replace("\x00", "").split())[:100]
    if not words:
        return rows
    digits = re.sub(r"\D", "", words)
    if len(digits) >= FEWEST_DIGITS and not re.search(r"[^\W\d_]", words):
        return rows.filter(person__contains=digits)
    people: dict[int, list[str]] = {}
    for account_id, number in find_people(words):
        people.setdefault(account_id, []).append(number)
    named = [Q(account_id=account_id, person__in=numbers) for account_id, numbers in people.items()]
    # Person by person through their indexes; campaigns' texts are not what people look for here.
    heard = InboundMessage.objects.filter(
        account_id=OuterRef("account_id"),
        sender=OuterRef("person"),
        number_id=OuterRef("number_id"),
        body__icontains=words,
    )
    sent = Message.objects.filter(
        account_id=OuterRef("account_id"),
        recipient=OuterRef("person"),
        number_id=OuterRef("number_id"),
        body__icontains=words,
    ).exclude(kind=Message.Kind.CAMPAIGN)
    return rows.filter(reduce(operator.or_, named, Q(Exists(heard)) | Q(Exists(sent))))

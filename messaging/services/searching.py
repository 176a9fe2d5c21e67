"""Searching the inbox: by part of a number, a name, or words of a message. What it costs does not grow with the tables."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from messaging.models import InboundMessage, Message, PhoneNumber
from messaging.querysets import ConversationQuerySet
from messaging.services.people import find_people

#: Fewest digits that are searched for as part of a number.
FEWEST_DIGITS = 4
#: Longest text that is searched for, in characters.
LONGEST_WORDS = 100
#: Newest messages of each direction whose words are looked through.
MESSAGES_SEARCHED = 50_000
#: Newest of those that hold the words whose conversations are shown.
MOST_MATCHES = 1_000


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Args:
        rows: the conversations.
        left_out: what was not searched, for a person; empty when everything was.
    """

    rows: ConversationQuerySet
    left_out: str = ""


def clean_words(words: str) -> str:
    """What is searched for: on one line, and not too long."""
    return " ".join(words.replace("\x00", "").split())[:LONGEST_WORDS].strip()


def search(rows: ConversationQuerySet, words: str, *, account_id: int | None = None) -> Found:
    """Conversations with somebody, or in which something was said.

    Args:
        rows: those to search among.
        words: part of a number (``FEWEST_DIGITS`` digits and more), a name, or words of a message. Campaigns' texts are not
            what people look for here.
        account_id: the one account they are of, if they are.
    """
    words = clean_words(words)
    digits = re.sub(r"\D", "", words)
    if len(digits) >= FEWEST_DIGITS and not re.search(r"[^\W\d_]", words):
        return Found(rows.filter(person__contains=digits))
    people = find_people(words, account_id)
    heard, sent = InboundMessage.objects.all(), Message.objects.exclude(kind=Message.Kind.CAMPAIGN)
    if account_id is not None:
        heard, sent = heard.filter(account_id=account_id), sent.filter(account_id=account_id)
    (heard_by, heard_all), (sent_to, sent_all) = _said(heard, "sender", words), _said(sent, "recipient", words)
    wanted = _named(people.pairs) | _with(heard_by) | _with(sent_to)
    left_out = []
    if not (heard_all and sent_all):
        left_out.append("words of older messages")
    if not people.is_all:
        left_out.append("names of people added long ago")
    text = f"Not searched: {' and '.join(left_out)}. A number finds anybody." if left_out else ""
    return Found(rows.filter(wanted), text)


def _said(messages: QuerySet[Any], person: str, words: str) -> tuple[list[tuple[int, str]], bool]:
    """Number and person of the newest messages that hold these words, and whether all messages were looked through."""
    newest = messages.order_by("-id")
    oldest = newest.values_list("id", flat=True)[MESSAGES_SEARCHED : MESSAGES_SEARCHED + 1].first()
    searched = newest if oldest is None else newest.filter(pk__gt=oldest)
    found = searched.filter(body__icontains=words, number_id__isnull=False).values_list("number_id", person)
    pairs = list(found[:MOST_MATCHES])
    return pairs, oldest is None and len(pairs) < MOST_MATCHES


def _with(pairs: Iterable[tuple[int, str]]) -> Q:
    """A condition that holds for conversations of one of these pairs of number and person."""
    people: dict[int, set[str]] = defaultdict(set)
    for number_id, person in pairs:
        people[number_id].add(person)
    condition = Q(pk__in=[])
    for number_id, persons in people.items():
        condition |= Q(number_id=number_id, person__in=sorted(persons))
    return condition


def _named(pairs: Iterable[tuple[int, str]]) -> Q:
    """The same for pairs of account and person; by the account's numbers, because the index begins with them."""
    people: dict[int, list[str]] = defaultdict(list)
    for account_id, person in pairs:
        people[account_id].append(person)
    numbers = PhoneNumber.objects.filter(account_id__in=people).values_list("id", "account_id") if people else ()
    return _with((number_id, person) for number_id, account_id in numbers for person in people[account_id])

"""Which keyword a message is about: capitals, accents and punctuation do not matter, and of several one wins by rule."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from django.db.models import Q

from campaigns.models import Keyword
from messaging.wording import fold, words
from messaging.wording.text import MOST_CHARACTERS

Where = Keyword.Where
Phrase = tuple[str, ...]

_JOINTS = re.compile(r"[-_]+")
_WORD_ENDS = re.compile(r"[\w\u0300-\u036f](?![\w\u0300-\u036f])")
#: What may stand between a keyword and the rest of a message.
_BETWEEN = " \t\r\n:;,.!?-–—_\"'“”"


@dataclass(frozen=True, slots=True)
class Match:
    """The keyword that a message is about.

    Args:
        keyword: the keyword.
        phrase: which of its phrases.
    """

    keyword: Keyword
    phrase: Phrase

    def rest(self, body: str) -> str:
        """What follows the phrase in a message, as the person wrote it; empty if nothing does."""
        body = unicodedata.normalize("NFC", body)[:MOST_CHARACTERS]
        size = len(self.phrase)
        for end in (match.end() for match in _WORD_ENDS.finditer(body)):
            if folded_words(body[:end])[-size:] == self.phrase:
                return body[end:].strip(_BETWEEN)
        return ""


def folded_words(text: str) -> Phrase:
    """The words of a text in the spelling that is compared: capitals without accents, hyphens between words."""
    # Folded first: an accent that no letter is ever written with would part a word in two.
    parts = (part for word in words(fold(text)) for part in _JOINTS.split(word))
    return tuple(part for part in parts if part)


@lru_cache(maxsize=1024)
def phrases_of(text: str) -> tuple[Phrase, ...]:
    """The phrases of a keyword, each once, in their order.

    Args:
        text: ``Keyword.words``: one a line; lines without a letter or digit are left out.
    """
    return tuple(dict.fromkeys(phrase for line in text.splitlines() if (phrase := folded_words(line))))


def matching_phrase(keyword: Keyword, said: Phrase) -> Phrase | None:
    """The longest phrase of a keyword that a message has where it must stand; None without one.

    Args:
        keyword: the keyword.
        said: the message's words, from ``folded_words``.
    """
    found = [phrase for phrase in phrases_of(keyword.words) if _stands(phrase, said, keyword.where)]
    return max(found, key=_length, default=None)


def find(*, account_id: int, number_id: int, body: str, moment: dt.datetime) -> Match | None:
    """The keyword that a message to a number is about; None without one.

    Highest priority first, then a number's own before the account's, then the longest phrase, then the oldest keyword.

    Args:
        account_id: whose number it came to.
        number_id: the number.
        body: the message.
        moment: when; keywords have active times.
    """
    said = folded_words(body[:MOST_CHARACTERS])
    if not said:
        return None
    active = Keyword.objects.filter(
        Q(number=None) | Q(number_id=number_id),
        Q(active_from=None) | Q(active_from__lte=moment),
        Q(active_until=None) | Q(active_until__gt=moment),
        account_id=account_id,
        is_enabled=True,
    )
    matches = [Match(keyword, phrase) for keyword in active if (phrase := matching_phrase(keyword, said))]
    return max(matches, key=_rank, default=None)


def _stands(phrase: Phrase, said: Phrase, where: str) -> bool:
    size = len(phrase)
    if where == Where.WHOLE:
        return said == phrase
    if where == Where.FIRST:
        return said[:size] == phrase
    return any(said[start : start + size] == phrase for start in range(len(said) - size + 1))


def _length(phrase: Phrase) -> tuple[int, int]:
    return len(phrase), sum(map(len, phrase))


def _rank(match: Match) -> tuple[int, bool, tuple[int, int], int]:
    keyword = match.keyword
    return keyword.priority, keyword.number_id is not None, _length(match.phrase), -keyword.pk

"""The standard words people answer with. Plain Python: the webhook process uses them too.

Sources: Twilio's default keywords and the US rules on revoking consent (see docs/architecture.md).
"""

from __future__ import annotations

import re
import unicodedata

OPT_OUT = frozenset(
    "STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT OPT-OUT ARRET ARRÊT STOPP BAJA ALTO CANCELAR".split()
)
OPT_IN = frozenset("START YES UNSTOP OPTIN OPT-IN SUBSCRIBE".split())
HELP = frozenset("HELP INFO AIDE HILFE AYUDA".split())

#: Words that may follow an opt-out word without changing what is meant: "stop please", "STOP TEXTING ME".
_FILLERS = frozenset(
    "PLEASE PLS PLZ NOW ALL CALLING TEXTING TEXTS TEXT MESSAGES MESSAGING MESSAGE MSG MSGS SENDING SMS ME THESE THIS THE MY OUT IT "
    "THANKS THANK YOU TO FROM ALREADY IMMEDIATELY SUBSCRIPTION CONTACTING SPAM SPAMMING US RECEIVING GETTING ALERTS "
    "NOTIFICATIONS LIST NUMBER ANYMORE".split()
)
#: Words that may stand in front of any wording.
_POLITE = frozenset("PLEASE PLS PLZ HI HELLO HEY".split())
#: What a text that asks to stop may begin with, whatever follows.
_OPT_OUT_PHRASES = (
    ("OPT", "OUT"),
    ("OPT", "ME", "OUT"),
    ("UNSUBSCRIBE",),
    ("UNSUB",),
    ("STOP", "TEXTING"),
    ("STOP", "SENDING"),
    ("STOP", "MESSAGING"),
    ("STOP", "CONTACTING"),
    ("REMOVE", "ME"),
    ("REMOVE", "MY", "NUMBER"),
    ("TAKE", "ME", "OFF"),
    ("DO", "NOT", "TEXT"),
    ("DO", "NOT", "MESSAGE"),
    ("DO", "NOT", "CONTACT"),
    ("DONT", "TEXT"),
    ("DONT", "MESSAGE"),
    ("DONT", "CONTACT"),
    ("NO", "MORE", "TEXTS"),
    ("NO", "MORE", "MESSAGES"),
    ("LEAVE", "ME", "ALONE"),
)
_WORD = re.compile(r"[\w-]+")
#: A long text is not a command, whatever it begins with.
_MOST_WORDS = 8


def words(body: str) -> list[str]:
    """The words of a text: capitals, without punctuation, quotes, invisible characters or full-width forms."""
    text = unicodedata.normalize("NFKC", body).upper().replace("'", "").replace("’", "")
    if not text.isascii():
        text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    found = [word for part in _WORD.findall(text) if (word := part.strip("-_"))]
    # "S.T.O.P" is one word, spelled.
    return ["".join(found)] if len(found) > 1 and all(len(word) == 1 for word in found) else found


def first_word(body: str) -> str:
    """The first word in capitals, empty if there is none."""
    found = words(body)
    return found[0] if found else ""


def is_opt_out(body: str) -> bool:
    """Whether a text asks not to be written to any more: any reasonable wording that begins with it.

    The first line alone is enough: telephones and people put a signature below it.
    """
    if _asks_to_stop(words(body)):
        return True
    first, line_break, _ = body.strip().partition("\n")
    return bool(line_break) and _asks_to_stop(words(first))


def _asks_to_stop(found: list[str]) -> bool:
    while found and found[0] in _POLITE:
        found = found[1:]
    if not found or len(found) > _MOST_WORDS:
        return False
    if any(tuple(found[: len(phrase)]) == phrase for phrase in _OPT_OUT_PHRASES):
        return True
    return found[0] in OPT_OUT and set(found[1:]) <= _FILLERS | OPT_OUT


def is_opt_in(body: str) -> bool:
    """Whether a text is one of the words that undo an opt-out."""
    found = words(body)
    return len(found) == 1 and found[0] in OPT_IN


def is_help(body: str) -> bool:
    """Whether a text asks who we are."""
    found = words(body)
    return len(found) == 1 and found[0] in HELP

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
    "THANKS THANK YOU TO FROM ALREADY IMMEDIATELY SUBSCRIPTION CONTACTING SPAM SPAMMING US".split()
)
_OPT_OUT_PHRASES = (
    ("OPT", "OUT"),
    ("UNSUBSCRIBE",),
    ("REMOVE", "ME"),
    ("TAKE", "ME", "OFF"),
    ("DO", "NOT", "TEXT"),
    ("DONT", "TEXT"),
)
_WORD = re.compile(r"[\w-]+")
#: A long text is not a command, whatever it begins with.
_MOST_WORDS = 8


def words(body: str) -> list[str]:
    """The words of a text: capitals, without punctuation, quotes or full-width forms."""
    text = unicodedata.normalize("NFKC", body).upper().replace("'", "").replace("’", "")
    return _WORD.findall(text)


def first_word(body: str) -> str:
    """The first word in capitals, empty if there is none."""
    found = words(body)
    return found[0] if found else ""


def is_opt_out(body: str) -> bool:
    """Whether a text asks not to be written to any more: any reasonable wording that begins with it."""
    found = words(body)
    if not found or len(found) > _MOST_WORDS:
        return False
    if any(tuple(found[: len(phrase)]) == phrase for phrase in _OPT_OUT_PHRASES):
        return True
    if found[0] not in OPT_OUT:
        return found[0] in {"PLEASE", "PLS"} and len(found) > 1 and found[1] in OPT_OUT and set(found[2:]) <= _FILLERS
    return set(found[1:]) <= _FILLERS | OPT_OUT


def is_opt_in(body: str) -> bool:
    """Whether a text is one of the words that undo an opt-out."""
    found = words(body)
    return len(found) == 1 and found[0] in OPT_IN


def is_help(body: str) -> bool:
    """Whether a text asks who we are."""
    found = words(body)
    return len(found) == 1 and found[0] in HELP

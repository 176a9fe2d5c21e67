"""What a rule is, and the vocabulary that rules are written with."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Words of a pattern in angle brackets, and what they stand for. All are tried at one place of a text, and none can run on:
#: a rule takes constant time there.
VOCABULARY = {
    # Up to so many words, not beyond a clause.
    "0-1": r"(?:\w+ ){0,1}",
    "0-2": r"(?:\w+ ){0,2}",
    "0-3": r"(?:\w+ ){0,3}",
    "0-5": r"(?:\w+ ){0,5}",
    "END": r"[.,?]",
    "TEXTS": (
        r"(?:TEXTS?|MESSAGES?|MESSAGING|SMS|MMS|NOTIFICATIONS?|NEWSLETTERS?|SOLICITATIONS?|BROADCASTS?|BLASTS?|ALERTS?|SPAM|PROMOS?|PROMOTIONS?|ADS|ADVERTISING|MARKETING|UPDATES"
        r"|COMMUNICATIONS?|OFFERS|NONSENSE|RUBBISH|BS|CRAP|SHIT|BULLSHIT|JUNK|GARBAGE|STUFF|THINGS|TEXTING)\b"
    ),
    "SENDING": (
        r"(?:TEXTING|SENDING|MESSAGING|CONTACTING|WRITING|SPAMMING|BOTHERING"
        r"|HARASSING|BUGGING|PESTERING|BLASTING|BLOWING (?:MY \w+ )?UP|CALLING|DISTURBING|HASSLING|SOLICITING|NOTIFYING"
        r"|(?:TEXTI|TEXTE|MANDA|ENVIA|MOLEST)\w{1,9})\b"
    ),
    "ME": r"(?:ME|US|(?:TO )?(?:MY|THIS|OUR|HER|HIS|THEIR) (?:\w+ )?(?:NUMBER|PHONE|CELL|LINE|MOBILE))\b",
    "MENSAJES": r"(?:MENSAJES?|MESSAGES?|SMS|TEXTOS?|PROMOCIONES|PUBLICIDAD|OFERTAS|NOTIFICACIONES|SPAM|NADA)\b",
    "SMS": r"(?:MESSAGES?|SMS|TEXTOS?|TEXTS?|PUBS?|PUBLICITES?|PROMOS?|OFFRES|NOTIFICATIONS?|SPAM|ENVOIS?)\b",
}
_NAMED = re.compile(r"<([A-Z0-9-]+)>")


#: Points that a doubt leaves: enough for a person to look.
DOUBTFUL = 30


@dataclass(frozen=True, slots=True)
class Rule:
    """A way of writing, and how strongly it asks to stop.

    Args:
        name: for people: "asks to stop messages".
        weight: points; negative for what speaks against an opt-out.
        begins: words (or marks) one of which begins it, parted by spaces.
        then: a regular expression for what follows, a space later; may use ``VOCABULARY`` in angle brackets.
        example: a sentence that it matches.
        floor: points that it leaves to a sentence that had more; ``DOUBTFUL`` for what makes a wish doubtful without
            taking it back: a limit, a condition, a question.
    """

    name: str
    weight: int
    begins: str
    then: str
    example: str
    floor: int = 0

    @property
    def label(self) -> str:
        """Its name and weight: "asks to stop messages +70"."""
        return f"{self.name} {self.weight:+d}"

    def pattern(self) -> re.Pattern[str]:
        """What follows the first word, compiled."""
        return re.compile(_NAMED.sub(lambda match: VOCABULARY[match[1]], self.then))

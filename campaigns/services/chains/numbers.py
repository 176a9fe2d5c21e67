"""Numbers as people write them in a text."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from campaigns.services.chains.words import COURTESY, DOUBTS, FILLERS, fold

NUMBER_WORDS: dict[str, int] = {
    word: number
    for number, words in enumerate(
        (
            "zero cero",
            "one uno una un une",
            "two dos deux",
            "three tres trois",
            "four cuatro quatre",
            "five cinco cinq",
            "six seis",
            "seven siete sept",
            "eight ocho huit",
            "nine nueve neuf",
            "ten diez dix",
        )
    )
    for word in words.split()
}
#: Zero, but only by themselves: “nobody else” may leave one.
_NOTHING = frozenset("none nobody ninguno nadie aucun personne".split())
_DIGITS = re.compile(r"(?<![\w.,])[-+]?\d+(?:[.,]\d+)*(?!\w)")
#: Words around a number that change nothing about it. “And” does: “me and 2 kids” are three.
_AROUND = FILLERS - {"and", "with", "un", "une", "una"} | frozenset(
    "there here total all altogether come coming bring bringing people persons person guest guests adult adults of out "
    "somos seremos sommes serons personas personnes ser son nous nosotros number give years old star stars point points "
    "dollars usd euros seats tickets places".split()
)
#: What no unit is: “seven hundred”, “4 pm”.
_NO_UNITS = DOUBTS | frozenset(
    "hundred hundreds thousand million dozen half and plus minus times each cien cientos mil millones cent cents mille y et pm "
    "am today tomorrow later oclock question questions moment moments twenty thirty forty fifty eleven twelve".split()
)


def read_number(text: str) -> Decimal | None:
    """The number that a text is about; None when there is none, or it could be another.

    In a sentence a number is taken only with words that change nothing (“there will be 4 of us”) and one unit after it
    (“3 suitcases”); one of anything is no unit (“one moment”).

    Args:
        text: what the person wrote.
    """
    said = fold(text)
    if set(said.split()) & _NOTHING and set(said.split()) <= _NOTHING | COURTESY:
        return Decimal(0)
    digits = {decimal(match[0]) for match in _DIGITS.finditer(text)}
    if digits:
        marked = _DIGITS.sub(" # ", text)
    else:
        words = {word for word in said.split() if word in NUMBER_WORDS}
        digits = {Decimal(NUMBER_WORDS[word]) for word in words}
        marked = " ".join("#" if word in words else word for word in said.split())
    number = digits.pop() if len(digits) == 1 else None
    if number is None or any(char.isdigit() for char in marked):
        return None
    parts = [fold(part).split() for part in marked.split("#")]
    after = parts[-1]
    if after and number != 1 and after[0] not in _NO_UNITS:
        after = after[1:]
    rest = {word for part in (*parts[:-1], after) for word in part}
    return number if rest <= _AROUND else None


def decimal(text: str) -> Decimal | None:
    """A number in digits; a group of three after a comma or point is thousands when there are several, or for a comma."""
    if not text:
        return None
    if re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        text = text.replace(",", "")
    elif re.fullmatch(r"[-+]?\d{1,3}(?:\.\d{3})+,\d+|[-+]?\d{1,3}(?:\.\d{3}){2,}", text):
        text = text.replace(".", "").replace(",", ".")
    else:
        text = text.replace(",", ".")
    try:
        return Decimal(text)
    except InvalidOperation:
        return None

"""Answers as people write them, checked tolerantly. Nothing is guessed: what could mean two things is asked again."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from campaigns.models.chain_values import AnswerKind
from campaigns.services.chains.dates import read_date
from campaigns.services.chains.plan import Step

#: Longest answer that is kept, in characters.
MAX_ANSWER_CHARACTERS = 500
_NUMBER_WORDS: dict[str, int] = {
    word: number
    for number, words in enumerate(
        (
            "zero none nobody cero ninguno aucun",
            "one uno una un une",
            "two dos deux both",
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
_YES = frozenset(
    "y yes yeah yep yup ya yea yess sure ok okay definitely absolutely certainly affirmative true correct right "
    "si claro oui ouais ja 👍 ✅ ✔".split()
)
_NO = frozenset("n no nope nah nay never non nein negative false incorrect 👎 ❌ ✖ cannot cant wont dont".split())
_UNSURE = frozenset("maybe perhaps unsure possibly quizas quiza peutetre".split())
_DIGITS = re.compile(r"(?<![\w.,])[-+]?\d+(?:[.,]\d+)*(?!\w)")
_EMAIL = re.compile(r"[^\s<>,;:()\"]+@[^\s<>,;:()\"]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says.

    Args:
        value: as it is kept, empty when it was not understood: a number in digits, a date as ``2026-03-14``, ``yes``.
        problem: why it was not understood, a sentence for the person; empty with a value.
    """

    value: str
    problem: str = ""


def read_answer(text: str, step: Step, *, region: str, today: dt.date) -> Answer:
    """Understand an answer to a question.

    Args:
        text: what the person wrote.
        step: the question.
        region: two-letter country; decides whether 3/4 is in March or in April.
        today: in the account's zone, for “tomorrow” and dates without a year.
    """
    text = text.replace("\x00", "").strip()[:MAX_ANSWER_CHARACTERS]
    if not text:
        return Answer("", hint(step))
    match step.answer_kind:
        case AnswerKind.CHOICE:
            value = _read_choice(text, step)
        case AnswerKind.YES_NO:
            value = _read_yes_no(text)
        case AnswerKind.NUMBER:
            return _read_number(text, step)
        case AnswerKind.EMAIL:
            value = _read_email(text)
        case AnswerKind.DATE:
            value = _within_dates(read_date(text, region=region, today=today), step)
        case _:
            value = _within_length(text, step)
    return Answer(value) if value else Answer("", hint(step))


def hint(step: Step) -> str:
    """How a question wants to be answered, in a sentence."""
    low, high = step.minimum, step.maximum
    between = (
        f" from {low} to {high}" if low and high else f" of {low} or more" if low else f" up to {high}" if high else ""
    )
    match step.answer_kind:
        case AnswerKind.CHOICE:
            offered = ", ".join(f"{index} {choice.value}" for index, choice in enumerate(step.choices, start=1))
            return f"Please answer with one of these: {offered}."
        case AnswerKind.YES_NO:
            return "Please answer YES or NO."
        case AnswerKind.NUMBER:
            return f"Please answer with a number{between}, for example {low or '2'}."
        case AnswerKind.EMAIL:
            return "Please answer with an e-mail address, for example ann@example.com."
        case AnswerKind.DATE:
            return f"Please answer with a date{between}, for example 14 March 2027."
        case _:
            return f"Please answer with a few words{between.replace(' of', ',')}{' characters' if between else ''}."


def fold(text: str) -> str:
    """A text in small letters, without accents and punctuation, its words one blank apart."""
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(char for char in text if not unicodedata.combining(char)).replace("'", "").replace("’", "")
    return " ".join(re.sub(r"[^\w👍👎✅✔❌✖]+|_", " ", text).split())


def _read_choice(text: str, step: Step) -> str:
    said = fold(text)
    ways = [(choice.value, {fold(way) for way in (choice.value, *choice.words)} - {""}) for choice in step.choices]
    exact = [value for value, words in ways if said in words]
    if exact:
        return exact[0] if len(exact) == 1 else ""
    number = re.fullmatch(r"(?:number |option |no )?(\w+)", said)
    if number:
        place = int(number[1]) if number[1].isascii() and number[1].isdecimal() else _NUMBER_WORDS.get(number[1], 0)
        if 1 <= place <= len(step.choices):
            return step.choices[place - 1].value
    if {"not", "no", "dont"} & set(said.split()):
        # “not the fish” names the fish.
        return ""
    named = [value for value, words in ways if any(f" {word} " in f" {said} " for word in words)]
    if not named and len(said) >= 3:
        named = [value for value, words in ways if any(word.startswith(said) for word in words)]
    return named[0] if len(named) == 1 else ""


def _read_yes_no(text: str) -> str:
    said = fold(text)
    words = re.sub(r"([👍👎✅✔❌✖])", r" \1 ", said).split()
    if not words or "not" in words or _UNSURE & set(words):
        return ""
    if said in ("por supuesto", "bien sur", "of course", "d accord", "daccord"):
        return "yes"
    yes, no = bool(_YES & set(words)), bool(_NO & set(words))
    if said in ("no problem", "why not"):
        return "yes"
    if yes == no:
        # “No, sorry, you were right”: the first word is the answer; “well yes and no” is none.
        return "yes" if words[0] in _YES and yes and not no else ""
    return "yes" if yes else "no"


def _read_number(text: str, step: Step) -> Answer:
    found = {_decimal(match[0]) for match in _DIGITS.finditer(text)}
    if not found:
        found = {Decimal(_NUMBER_WORDS[word]) for word in fold(text).split() if word in _NUMBER_WORDS}
    number = found.pop() if len(found) == 1 else None
    if number is None or any(char.isdigit() for char in _DIGITS.sub("", text)):
        return Answer("", hint(step))
    low, high = _decimal(step.minimum), _decimal(step.maximum)
    if (low is not None and number < low) or (high is not None and number > high):
        return Answer("", hint(step))
    return Answer(f"{number.normalize():f}")


def _decimal(text: str) -> Decimal | None:
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


def _read_email(text: str) -> str:
    found = {match[0].strip(".!?'").removeprefix("mailto:").lower() for match in _EMAIL.finditer(text)}
    if len(found) != 1:
        return ""
    address = found.pop()
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return address if len(address) <= 254 else ""


def _within_dates(day: dt.date | None, step: Step) -> str:
    if day is None:
        return ""
    value = day.isoformat()
    # Dates in ISO form are in the order of their texts.
    return "" if (step.minimum and value < step.minimum) or (step.maximum and value > step.maximum) else value


def _within_length(text: str, step: Step) -> str:
    low = int(step.minimum) if step.minimum.isdecimal() else 1
    high = int(step.maximum) if step.maximum.isdecimal() else MAX_ANSWER_CHARACTERS
    return text if low <= len(text) <= high else ""

"""Answers as people write them, checked tolerantly. Nothing is guessed: what could mean two things is asked again.

An answer is taken when it is the whole message but for words that change nothing about it (“the salmon, please”).
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from campaigns.models.chain_values import AnswerKind
from campaigns.services.chains.dates import read_date
from campaigns.services.chains.numbers import NUMBER_WORDS, decimal, read_number
from campaigns.services.chains.plan import Step
from campaigns.services.chains.words import COURTESY, FILLERS, around, fold
from campaigns.services.chains.yes_no import read_yes_no

#: Longest answer that is kept, in characters.
MAX_ANSWER_CHARACTERS = 500
_EMAIL = re.compile(r"[^\s<>,;:()\"]+@[^\s<>,;:()\"]+")
#: Beginnings of a choice's name that are words of their own.
_NO_BEGINNINGS = frozenset(
    "the and but for not nor never neither none nobody both all any either who what why how when where which can".split()
)


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
            value = read_yes_no(text)
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


def _read_choice(text: str, step: Step) -> str:
    said = fold(text)
    ways = [(choice.value, {fold(way) for way in (choice.value, *choice.words)} - {""}) for choice in step.choices]
    exact = [value for value, words in ways if said in words]
    if exact:
        return exact[0] if len(exact) == 1 else ""
    # “2” of the choices 5, 2 and 10 is no place.
    has_numbers = any(word.isdecimal() for _, words in ways for word in words)
    if not has_numbers and (place := _read_place(said)) and place <= len(step.choices):
        return step.choices[place - 1].value
    named = {word: value for value, words in ways for word in words if _is_all_but_fillers(said, word)}
    # “Very good, thanks” names “very good”, and not “good”.
    longest = {
        value
        for word, value in named.items()
        if not any(f" {word} " in f" {other} " for other in named if other != word)
    }
    if not named and len(said) >= 3 and said not in _NO_BEGINNINGS:
        longest = {value for value, words in ways if any(word.startswith(said) for word in words)}
    return longest.pop() if len(longest) == 1 else ""


def _read_place(said: str) -> int:
    """The place of a choice, such as “2”, “option two, please”; 0 for none."""
    found = re.fullmatch(r"(?:the )?(?:number |option |no |nr )?(\w+)((?: \w+)*)", said)
    if found is None or not set(found[2].split()) <= COURTESY:
        return 0
    word = found[1]
    return int(word) if word.isascii() and word.isdecimal() else NUMBER_WORDS.get(word, 0)


def _is_all_but_fillers(said: str, phrase: str) -> bool:
    """Whether a text says this and nothing else: “not the fish” and “is there fish” name the fish, too."""
    rest = around(said, phrase)
    return rest is not None and FILLERS.issuperset(rest)


def _read_number(text: str, step: Step) -> Answer:
    number = read_number(text)
    if number is None:
        return Answer("", hint(step))
    low, high = decimal(step.minimum), decimal(step.maximum)
    if (low is not None and number < low) or (high is not None and number > high):
        return Answer("", hint(step))
    return Answer(f"{number.normalize():f}")


def _read_email(text: str) -> str:
    found = {match[0].strip(".!?'").removeprefix("mailto:").lower() for match in _EMAIL.finditer(text)}
    if len(found) != 1 or {"not", "isnt", "wrong", "dont"} & set(fold(_EMAIL.sub(" ", text)).split()):
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

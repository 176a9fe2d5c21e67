"""What is wrong with a chain's questions: answers that cannot be, points that are never given, waits that never end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

from campaigns.models.chain_values import AnswerKind, Operator
from campaigns.services.chains.conditions import compares, number_of, same
from campaigns.services.chains.plan import Step
from campaigns.services.chains.words import fold


def question_errors(step: Step, *, fields: tuple[str, ...], limit_minutes: int | None) -> Iterator[str]:
    """Everything that is wrong with a question.

    Args:
        step: the question.
        fields: names of the account's merge fields.
        limit_minutes: the longest run; None: not known.
    """
    if step.answer_kind == AnswerKind.CHOICE:
        yield from _choices(step)
    yield from _bounds(step)
    yield from _points(step)
    if step.save_to and (step.save_to not in fields or step.save_to == "number"):
        yield f"It saves to “{step.save_to}”, which is no field of a subscriber. Add it as a custom field first."
    elif step.save_to == "email" and step.answer_kind != AnswerKind.EMAIL:
        yield "It saves any answer as the e-mail address: let its answer be an e-mail address, or save it elsewhere."
    yield from _waits(step, limit_minutes)


def _choices(step: Step) -> Iterator[str]:
    if len(step.choices) < 2:
        yield "A choice needs at least two choices."
    names = [fold(choice.value) for choice in step.choices]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"“{name}” is there more than once among its choices: leave one of them."
    seen: dict[str, str] = {}
    for choice in step.choices:
        for word in {fold(way) for way in (choice.value, *choice.words)}:
            if seen.setdefault(word, choice.value) != choice.value:
                yield f"“{word}” means both {seen[word]} and {choice.value}: leave it to one of them."


def _bounds(step: Step) -> Iterator[str]:
    low, high = step.minimum, step.maximum
    if step.answer_kind in (AnswerKind.NUMBER, AnswerKind.TEXT):
        if None in [number_of(value) for value in (low, high) if value]:
            yield "Its minimum and maximum must be numbers, or empty."
        elif low and high and not compares(low, Operator.AT_MOST, high):
            yield f"No answer fits: its minimum {low} is over its maximum {high}."
    elif step.answer_kind == AnswerKind.DATE and low and high and low > high:
        yield f"No date fits: {low} is after {high}."


def _points(step: Step) -> Iterator[str]:
    answers = list(step.weights)
    for index, answer in enumerate(answers):
        if not _can_be(step, answer):
            yield f"It gives points for “{answer}”, which is never its answer: write the answer as it is kept."
        elif any(same(answer, other) for other in answers[:index]):
            yield f"It gives points for “{answer}” twice: leave one of them."


def _can_be(step: Step, answer: str) -> bool:
    """Whether an answer is ever kept so; ``*`` stands for any number."""
    match step.answer_kind:
        case AnswerKind.YES_NO:
            return fold(answer) in ("yes", "no")
        case AnswerKind.CHOICE:
            return any(same(choice.value, answer) for choice in step.choices)
        case AnswerKind.NUMBER:
            number = number_of(answer)
            return answer == "*" or (number is not None and _is_within(step, number))
        case AnswerKind.DATE:
            return _is_date(answer)
        case _:
            return answer != "*"


def _is_within(step: Step, number: Decimal) -> bool:
    low, high = number_of(step.minimum), number_of(step.maximum)
    return (low is None or number >= low) and (high is None or number <= high)


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _waits(step: Step, limit_minutes: int | None) -> Iterator[str]:
    if step.reminder_minutes and not step.reminder_text.strip():
        yield "Its reminder has no text."
    if step.reminder_minutes and step.timeout_minutes and step.reminder_minutes >= step.timeout_minutes:
        yield "Its reminder comes no earlier than its time-out: make it shorter."
    if step.timeout_to and not step.timeout_minutes:
        yield "It says where a time-out goes to, but not after how many minutes."
    for name, minutes in (("reminder", step.reminder_minutes), ("time-out", step.timeout_minutes)):
        if minutes and limit_minutes and minutes >= limit_minutes:
            yield f"Its {name} never comes: the chain's longest run of {limit_minutes // 60} hours is over before. Change one."

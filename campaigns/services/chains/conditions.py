"""Whether a branch is taken."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from campaigns.models.chain_values import LAST_ANSWER, SCORE, Operator
from campaigns.services.chains.plan import Branch
from campaigns.services.chains.words import fold


def holds(branch: Branch, answers: Mapping[str, str], last_answer: str, score: int) -> bool:
    """Whether a condition holds.

    Args:
        branch: the condition.
        answers: by label of the question.
        last_answer: the last one; what ``answer`` stands for.
        score: points so far.
    """
    if branch.operator == Operator.OTHERWISE:
        return True
    if branch.subject == SCORE:
        said = str(score)
    elif branch.subject == LAST_ANSWER:
        said = last_answer
    else:
        said = answers.get(branch.subject, "")
    return compares(said, branch.operator, branch.value)


def compares(said: str, operator: str, wanted: str) -> bool:
    """Compare an answer: as numbers where both are, else as texts without case and accents; dates are in ISO form."""
    match operator:
        case Operator.IS:
            return same(said, wanted)
        case Operator.IS_NOT:
            return not same(said, wanted)
        case Operator.CONTAINS:
            return bool(fold(wanted)) and f" {fold(wanted)} " in f" {fold(said)} "
        case Operator.AT_LEAST | Operator.AT_MOST:
            order = _order(said, wanted)
            return order is not None and (order >= 0 if operator == Operator.AT_LEAST else order <= 0)
        case _:
            return operator == Operator.OTHERWISE


def same(said: str, wanted: str) -> bool:
    """Whether two answers are one: as numbers where both are, else as texts without case, accents and punctuation."""
    numbers = number_of(said), number_of(wanted)
    if None not in numbers:
        return numbers[0] == numbers[1]
    return fold(said) == fold(wanted) if fold(wanted) else said == wanted


def _order(said: str, wanted: str) -> int | None:
    left, right = number_of(said), number_of(wanted)
    if left is not None and right is not None:
        return (left > right) - (left < right)
    if not said or left is not None or right is not None:
        return None
    return (said > wanted) - (said < wanted)


def number_of(text: str) -> Decimal | None:
    """A number in digits as answers are kept; None for anything else."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None

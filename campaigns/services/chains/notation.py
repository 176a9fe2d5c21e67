"""Choices, points and branches as people write them, a line each."""

from __future__ import annotations

import re

from campaigns.models import ChainBranch, ChainStep
from campaigns.models.chain_values import LAST_ANSWER, SCORE, Operator

#: (subject, operator, value, goes to)
BranchValues = tuple[str, str, str, str]
#: Longest value that a branch compares with.
MAX_VALUE_CHARACTERS = 60

_OPERATORS = {
    "is not": Operator.IS_NOT,
    "is at least": Operator.AT_LEAST,
    "is at most": Operator.AT_MOST,
    "at least": Operator.AT_LEAST,
    "at most": Operator.AT_MOST,
    ">=": Operator.AT_LEAST,
    "<=": Operator.AT_MOST,
    "contains": Operator.CONTAINS,
    "is": Operator.IS,
    "=": Operator.IS,
}
_BRANCH = re.compile(
    r"(?P<subject>[a-z][a-z0-9_]*)\s*(?P<operator>"
    + "|".join(re.escape(words) for words in _OPERATORS)
    + r")\s+(?P<value>.+?)\s*(?:->|→)\s*(?P<to>[a-z][a-z0-9_]*)",
    re.IGNORECASE,
)
_OTHERWISE = re.compile(r"otherwise\s*(?:->|→)\s*(?P<to>[a-z][a-z0-9_]*)", re.IGNORECASE)
_POINTS = re.compile(r"(?P<answer>.+?)\s*=\s*(?P<points>[+-]?\d{1,4})")


class NotationError(ValueError):
    """A line cannot be read; the text says which and how to write it."""


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def parse_choices(text: str) -> list[dict[str, object]]:
    """Choices of lines such as ``Fish: salmon, pescado``."""
    choices: list[dict[str, object]] = []
    for line in _lines(text):
        # “10:00” is a time: only a colon with a blank after it begins the other words.
        value, _, words = f"{line} ".partition(": ")
        choices.append({"value": value.strip(), "words": [word.strip() for word in words.split(",") if word.strip()]})
    return choices


def format_choices(step: ChainStep) -> str:
    """A step's choices, a line each."""
    return "\n".join(
        f"{choice['value']}: {', '.join(choice['words'])}" if choice.get("words") else str(choice["value"])
        for choice in step.choices
    )


def parse_points(text: str) -> dict[str, int]:
    """Points of lines such as ``yes = 2``.

    Raises:
        NotationError: a line is none.
    """
    points = {}
    for line in _lines(text):
        found = _POINTS.fullmatch(line)
        if not found:
            raise NotationError(f"“{line}” gives no points. Write the answer and its points, for example: yes = 2")
        points[found["answer"]] = int(found["points"])
    return points


def format_points(step: ChainStep) -> str:
    """A step's points, a line each."""
    return "\n".join(f"{answer} = {points}" for answer, points in step.weights.items())


def parse_branches(text: str) -> list[BranchValues]:
    """Branches of lines such as ``answer is yes -> thanks``.

    Raises:
        NotationError: a line is none.
    """
    branches: list[BranchValues] = []
    for line in _lines(text):
        if found := _OTHERWISE.fullmatch(line):
            branches.append((LAST_ANSWER, Operator.OTHERWISE, "", found["to"].lower()))
        elif found := _BRANCH.fullmatch(line):
            operator = _OPERATORS[found["operator"].lower()]
            if len(found["value"]) > MAX_VALUE_CHARACTERS:
                raise NotationError(
                    f"“{found['value'][:40]}…” is too long for a branch: write at most {MAX_VALUE_CHARACTERS} characters, "
                    "or a word that the answer contains."
                )
            branches.append((found["subject"].lower(), operator, found["value"], found["to"].lower()))
        else:
            raise NotationError(
                f"“{line}” is no branch. Write for example: answer is yes -> thanks, {SCORE} at least 5 -> good, otherwise -> bye"
            )
    return branches


def format_branches(step: ChainStep) -> str:
    """A step's branches, a line each."""
    words = {operator: text for text, operator in reversed(_OPERATORS.items())} | {Operator.IS: "is"}
    return "\n".join(
        f"otherwise -> {branch.goes_to}"
        if branch.operator == Operator.OTHERWISE
        else f"{branch.subject} {words[Operator(branch.operator)]} {branch.value} -> {branch.goes_to}"
        for branch in step.branches.all()
    )


def set_branches(*, step: ChainStep, branches: list[BranchValues]) -> None:
    """Give a step these branches in place of those it has."""
    step.branches.all().delete()
    ChainBranch.objects.bulk_create(
        ChainBranch(step=step, position=place, subject=subject, operator=operator, value=value, goes_to=goes_to)
        for place, (subject, operator, value, goes_to) in enumerate(branches)
    )

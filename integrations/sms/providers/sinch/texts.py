"""Many texts as one: what they share in the body, what differs in parameters.

Sinch puts parameters in place of ``${name}`` in the body, each recipient's own. A value has 160 characters at most, so longer
ones are cut into several parameters. What Sinch does with an empty value is not documented, so there are none; and there
is no default, so that a recipient who is missed gets nothing rather than somebody else's text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

#: What Sinch would read as the place of a parameter. There is no way to escape it.
PLACE = "${"
#: Sinch's limits, in characters. It is not said whether one outside the BMP counts two, so it does.
MOST_OF_VALUE = 160
MOST_OF_BODY = 1600

_astral = re.compile("[\U00010000-\U0010ffff]").search
_special = re.compile(r"(?<=\$)(?=\{)")


@dataclass(frozen=True, slots=True)
class Shape:
    """Texts as Sinch takes them.

    Args:
        body: with the places of the parameters.
        values: for each parameter's name a value for each text, in their order; empty when the texts are all the same.
    """

    body: str
    values: dict[str, list[str]] = field(default_factory=dict)


def pieces(text: str) -> int:
    """How many values a text needs at most when none of it is shared."""
    size = MOST_OF_VALUE if text.isascii() or not _astral(text) else MOST_OF_VALUE // 2
    return -(-len(text) // size)


def shape(texts: Sequence[str]) -> Shape:
    """One body for several texts.

    Args:
        texts: one or more. One with ``${`` in it stands alone, and none is shorter than the values that the longest needs.

    Raises:
        ValueError: texts that do not go together.
    """
    first = texts[0]
    if PLACE in first:
        if len(texts) > 1:
            raise ValueError("A text with ${ in it goes alone.")
        return _parameters("", [_apart(first)], "")
    if all(text == first for text in texts):
        return Shape(first)
    prefix, suffix = _shared(texts)
    end = -len(suffix) if suffix else None
    middles = [text[len(prefix) : end] for text in texts]
    count = max(map(pieces, middles))
    if min(map(len, middles)) < count or len(prefix) + len(suffix) + 6 * count > MOST_OF_BODY:
        prefix, suffix, middles = "", "", list(texts)
        count = max(map(pieces, middles))
        if min(map(len, middles)) < count:
            raise ValueError("A text is too short to go with one as long.")
    if count == 1:
        return Shape(f"{prefix}${{t1}}{suffix}", {"t1": middles})
    return _parameters(prefix, [_evenly(middle, count) for middle in middles], suffix)


def _parameters(prefix: str, cut: list[list[str]], suffix: str) -> Shape:
    names = [f"t{place}" for place in range(1, len(cut[0]) + 1)]
    places = "".join(f"${{{name}}}" for name in names)
    values = {name: [own[place] for own in cut] for place, name in enumerate(names)}
    return Shape(f"{prefix}{places}{suffix}", values)


def _shared(texts: Sequence[str]) -> tuple[str, str]:
    """What all texts begin and end with, so that something is left of each in between."""
    low, high = min(texts), max(texts)
    start = same(low, high)
    # Two dollar signs in a row may mean something to Sinch, as one and a brace do.
    while start and low[start - 1] == "$":
        start -= 1
    reversed_texts = [text[::-1] for text in texts]
    end = same(min(reversed_texts), max(reversed_texts))
    room = min(map(len, texts)) - 1
    start = min(start, room)
    while start and low[start - 1] == "$":
        start -= 1
    end = min(end, room - start)
    return low[:start], low[len(low) - end :]


def same(left: str, right: str) -> int:
    """How many characters two texts begin with in common."""
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return place
    return min(len(left), len(right))


def _evenly(text: str, count: int) -> list[str]:
    length = len(text)
    return [text[place * length // count : (place + 1) * length // count] for place in range(count)]


def _apart(text: str) -> list[str]:
    """A text cut so that no value has ``${`` in it, nor too many characters.

    With more than some two hundred of them the body gets too long, and Sinch refuses it.
    """
    return [piece for part in _special.split(text) for piece in _evenly(part, pieces(part))]

"""Reads what a person wrote: opt-out, perhaps an opt-out, help, opt-in, or none of them.

Standard words decide alone. Everything else is scored: each rule that matches adds its weight to the sentence it is in, a
sentence counts if its sum is above zero, and the message's score is the sum of its sentences. The scale: 0 says nothing of
stopping, ``REVIEW_AT`` may be meant so, ``OPT_OUT_AT`` is clear, 100 and more leaves no room. docs/opt-outs.md explains it and
has the figures.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from messaging.wording import standard
from messaging.wording.rule import Rule
from messaging.wording.rules import RULES
from messaging.wording.text import has_signs, sentences, shorten, tokens, words

#: Points from which a message is an opt-out without anybody looking.
OPT_OUT_AT = 60
#: Points from which a person must look.
REVIEW_AT = 25
#: Points of a message that is a standard word.
STANDARD_SCORE = 100
_WHY_CHARACTERS = 200


class Intent(StrEnum):
    """What a message asks for."""

    OPT_OUT = "opt_out"
    #: May be an opt-out: a person must look.
    UNCLEAR = "unclear"
    HELP = "help"
    OPT_IN = "opt_in"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message was taken for, and why.

    Args:
        intent: what it asks for.
        score: how strongly it asks to stop, in points; see ``OPT_OUT_AT`` and ``REVIEW_AT``.
        rules: what matched, each with its weight: "asks to stop messages +70".
        words: the words of the message.
    """

    intent: Intent
    score: int = 0
    rules: tuple[str, ...] = ()
    words: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def is_yes(self) -> bool:
        """Whether it says yes and nothing else, as an answer to a question."""
        return standard.is_yes_words(self.words)

    @property
    def is_no(self) -> bool:
        """Whether it says no and nothing else, as an answer to a question."""
        return standard.is_no_words(self.words)

    @property
    def is_bare_yes(self) -> bool:
        """Whether it is the YES that some take for a wish to come back, and that may as well answer something else."""
        return standard.is_bare_yes(self.words)

    @property
    def help_language(self) -> str:
        """Language of the word that asks for help: ``es``, ``fr``, else empty, which is English."""
        return standard.help_language(self.words)

    @property
    def why(self) -> str:
        """The reason, for a person; at most 200 characters."""
        said = {
            Intent.OPT_OUT: f"Asks to stop ({self.score} points, clear from {OPT_OUT_AT})",
            Intent.UNCLEAR: f"May ask to stop ({self.score} points, clear from {OPT_OUT_AT})",
            Intent.HELP: "Asks for help",
            Intent.OPT_IN: "Asks to come back",
            Intent.NONE: f"Does not ask to stop ({self.score} points, looked at from {REVIEW_AT})",
        }[self.intent]
        text = f"{said}: {', '.join(self.rules)}." if self.rules else f"{said}."
        return text if len(text) <= _WHY_CHARACTERS else f"{text[: _WHY_CHARACTERS - 1]}…"


#: How telephones report a reaction to one of our messages, which they quote: "Liked “Sale! Reply STOP to opt out”".
_REACTION = re.compile(
    r"\s*(?:Liked|Loved|Disliked|Laughed at|Emphasized|Emphasised|Questioned|Reacted \S{1,8} to|Removed an? \w+ from|"
    r"A aimé|Aimé|J’aime|A adoré|N’a pas aimé|Le gustó|Me gustó|Le encantó|Me encantó|No le gustó|Se rio de)\s*:?\s*"
    r"[“\"«].*[”\"»]\s*",
    re.IGNORECASE | re.DOTALL,
)
#: How our own messages tell people to opt out; who repeats it has not asked for anything by that.
_INSTRUCTION = re.compile(
    r"\b(?:REPLY|RESPOND|TEXT|SEND|ANSWER|RESPONDA|RESPONDE|ENVIE|REPONDEZ|ENVOYEZ|REPONDRE) (?:WITH |CON |PAR )?"
    r"(?:STOP|ALTO|BAJA|ARRET) (?:TO|2|FOR|PARA|POUR) (?:VOUS )?(?:OPT OUT|NOT RECEIVE|\w+)"
)
_QUOTATION = re.compile(r'"[^"]{0,400}"')


class _Beginning:
    """The rules that a word begins."""

    def __init__(self) -> None:
        self.rules: list[tuple[Rule, re.Pattern[str]]] = []

    def add(self, rule: Rule) -> None:
        """Add a rule."""
        self.rules.append((rule, rule.pattern()))

    @cached_property
    def any(self) -> re.Pattern[str]:
        """Matches where one of them does: most words are followed by what none of them is about."""
        return re.compile("|".join(f"(?:{pattern.pattern})" for _, pattern in self.rules))


def _index(rules: tuple[Rule, ...]) -> dict[str, _Beginning]:
    index: dict[str, _Beginning] = defaultdict(_Beginning)
    for rule in rules:
        for word in dict.fromkeys(rule.begins.split()):
            index[word].add(rule)
    return dict(index)


_BEGINNINGS = _index(RULES)


def read(body: str) -> Reading:
    """What a message asks for.

    Never raises, and takes time in proportion to the text's length, of which at most 1,600 characters are read.

    Args:
        body: the text as it came.
    """
    body = shorten(body)
    found = words(body)
    said = tuple(found)
    if (not found and not has_signs(body)) or _REACTION.fullmatch(body):
        return Reading(Intent.NONE, words=said)
    first, line_break, _ = body.strip().partition("\n")
    # The first line alone is enough: telephones and people put a signature below it.
    word = standard.opt_out_word(found) or (standard.opt_out_word(words(first)) if line_break else "")
    if word:
        return Reading(Intent.OPT_OUT, STANDARD_SCORE, (f"the standard word {word} +{STANDARD_SCORE}",), said)
    if standard.is_help_word(found):
        return Reading(Intent.HELP, words=said)
    if standard.is_opt_in_word(found):
        return Reading(Intent.OPT_IN, words=said)
    score, rules = _score(body)
    if score >= OPT_OUT_AT:
        return Reading(Intent.OPT_OUT, score, rules, said)
    return Reading(Intent.UNCLEAR if score >= REVIEW_AT else Intent.NONE, score, rules, said)


def matching_rules(body: str) -> list[Rule]:
    """The rules that match a text, whatever its score, each once; for those who look into a reading."""
    found = {rule: None for matched in _matched(shorten(body)) for rule in matched.values()}
    return list(found)


def _score(body: str) -> tuple[int, tuple[str, ...]]:
    """Points of a text, and the labels of the rules they come from."""
    total = 0
    labels: dict[str, None] = {}
    counted: set[str] = set()
    for matched in _matched(body):
        labels |= dict.fromkeys(rule.label for rule in matched.values())
        points = _points([rule for name, rule in matched.items() if name not in counted])
        if points > 0:
            total += points
            counted.update(name for name, rule in matched.items() if rule.weight > 0)
    return total, tuple(labels)


def _matched(body: str) -> list[dict[str, Rule]]:
    """Of each sentence in which rules match, those rules by name."""
    found = _without_instructions(tokens(body))
    return [matched for sentence in sentences(found) if (matched := _matching(sentence))]


def _points(matched: list[Rule]) -> int:
    """A sentence's points: what asks to stop, less what speaks against it, less doubts as far as they go."""
    points = sum(rule.weight for rule in matched if not rule.floor)
    for rule in matched:
        if rule.floor:
            points = max(points + rule.weight, min(points, rule.floor))
    return points


def _without_instructions(found: list[str]) -> list[str]:
    """Tokens without our own words about opting out, and without quotations that hold them."""
    if not found:
        return found
    text = " ".join(found)
    if not _INSTRUCTION.search(text):
        return found
    text = _QUOTATION.sub(lambda match: '"' if _INSTRUCTION.search(match[0]) else match[0], text)
    return _INSTRUCTION.sub("REPLYSTOP", text).split()


def _matching(sentence: list[str]) -> dict[str, Rule]:
    """The rules that match a sentence, by name: of those that share a name the strongest."""
    text = " ".join(sentence)
    found: dict[str, Rule] = {}
    position = 0
    for token in sentence:
        position += len(token) + 1
        beginning = _BEGINNINGS.get(token)
        if beginning is None or not beginning.any.match(text, position):
            continue
        for rule, pattern in beginning.rules:
            known = found.get(rule.name)
            if (known is None or abs(known.weight) < abs(rule.weight)) and pattern.match(text, position):
                found[rule.name] = rule
    return found

"""Understands what people write: opt-out, help, opt-in. Plain Python: the webhook process uses it too."""

from __future__ import annotations

from messaging.wording.reading import OPT_OUT_AT, REVIEW_AT, Intent, Reading, read
from messaging.wording.text import first_word, fold, words

__all__ = [
    "OPT_OUT_AT",
    "REVIEW_AT",
    "Intent",
    "Reading",
    "first_word",
    "fold",
    "is_help",
    "is_no",
    "is_opt_in",
    "is_opt_out",
    "is_yes",
    "read",
    "words",
]


def is_opt_out(body: str) -> bool:
    """Whether a text clearly asks not to be written to any more, in any reasonable words."""
    return read(body).intent is Intent.OPT_OUT


def is_help(body: str) -> bool:
    """Whether a text asks who we are: HELP and its like."""
    return read(body).intent is Intent.HELP


def is_opt_in(body: str) -> bool:
    """Whether a text is one of the words that undo an opt-out."""
    return read(body).intent is Intent.OPT_IN


def is_yes(body: str) -> bool:
    """Whether a text says yes and nothing else, as an answer to a question (double opt-in)."""
    return read(body).is_yes


def is_no(body: str) -> bool:
    """Whether a text says no and nothing else, as an answer to a question."""
    return read(body).is_no

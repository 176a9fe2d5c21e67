"""Keywords: which one a message is about, and what is done then. ``register_kind`` adds an action."""

from __future__ import annotations

from campaigns.services.keywords.actions import register_own_kinds
from campaigns.services.keywords.checks import clashes, phrase_problems, standard_word_warnings
from campaigns.services.keywords.handler import keyword
from campaigns.services.keywords.matching import Match, find, phrases_of
from campaigns.services.keywords.registry import ActionContext, ActionFailed, ActionKind, kind_of, kinds, register_kind

__all__ = [
    "ActionContext",
    "ActionFailed",
    "ActionKind",
    "Match",
    "clashes",
    "find",
    "keyword",
    "kind_of",
    "kinds",
    "phrase_problems",
    "phrases_of",
    "register_kind",
    "register_own_kinds",
    "standard_word_warnings",
]

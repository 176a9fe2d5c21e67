"""Double opt-in: who joins such a list is asked once, and gets campaigns after a YES."""

from __future__ import annotations

from campaigns.services.double_opt_in.answering import Answered, answer, asked_at, double_opt_in
from campaigns.services.double_opt_in.asking import (
    ANSWER_DAYS,
    CannotAsk,
    ask_list,
    ask_waiting_lists,
    choose_to_ask,
    obstacle,
    stop_asking,
)
from campaigns.services.double_opt_in.joining import Joined, Outcome, join, leave, refusal
from campaigns.services.double_opt_in.reminding import remind

__all__ = [
    "ANSWER_DAYS",
    "Answered",
    "CannotAsk",
    "Joined",
    "Outcome",
    "answer",
    "ask_list",
    "ask_waiting_lists",
    "asked_at",
    "choose_to_ask",
    "double_opt_in",
    "join",
    "leave",
    "obstacle",
    "refusal",
    "remind",
    "stop_asking",
]

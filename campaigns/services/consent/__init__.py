"""Consent: the ledger, what writes to it, a person's evidence, opt-outs that were asked for by other ways."""

from __future__ import annotations

from campaigns.services.consent.clock import Clock, clock
from campaigns.services.consent.ledger import (
    Action,
    Entry,
    How,
    Origin,
    Standing,
    history,
    present_state,
    record,
    record_many,
)

__all__ = [
    "Action",
    "Clock",
    "Entry",
    "How",
    "Origin",
    "Standing",
    "clock",
    "history",
    "present_state",
    "record",
    "record_many",
]

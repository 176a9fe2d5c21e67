"""Consent: the ledger, what writes to it, a person's evidence, opt-outs that were asked for by other ways."""

from __future__ import annotations

from campaigns.services.consent.clock import Clock, clock
from campaigns.services.consent.ledger import Entry, Standing, history, present_state, record, record_many

__all__ = ["Clock", "Entry", "Standing", "clock", "history", "present_state", "record", "record_many"]

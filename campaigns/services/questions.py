"""Whose question a YES or NO answers, when several were asked: the one that was asked last."""

from __future__ import annotations

from campaigns.services.chains.inbound import takes
from campaigns.services.double_opt_in import asked_at, double_opt_in
from messaging.inbound.context import Decision, Inbound


def opt_in_answer(inbound: Inbound) -> Decision | None:
    """The inbound handler of double opt-in, unless a chain asked after it and understands the answer."""
    asked = asked_at(number=inbound.number, person=inbound.message.sender)
    if asked is None or takes(inbound, since=asked):
        return None
    return double_opt_in(inbound)

"""The inbound handler of running chains."""

from __future__ import annotations

from campaigns.models.chain_values import RunState
from campaigns.services.chains.runs import answer
from messaging.inbound.context import Decision, Inbound


def chain_handler(inbound: Inbound) -> Decision | None:
    """Give the message to the chain that runs with its sender on this number."""
    found = answer(number=inbound.number, person=inbound.message.sender, inbound=inbound.message)
    if found is None:
        return None
    run, reply = found
    if run.state == RunState.RUNNING:
        return Decision(f"The text chain “{run.chain}” goes on at “{run.step}”.", reply)
    return Decision(f"The text chain “{run.chain}”: {run.get_state_display().lower()}.", reply)

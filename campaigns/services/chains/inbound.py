"""What running chains have to do with inbound messages: the handler, and whose question a word answers."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from campaigns.models.chain_values import EventKind, RunState
from campaigns.services.chains.answers import read_answer
from campaigns.services.chains.plan import plan_from_json
from campaigns.services.chains.runs import answer, running_with
from messaging.inbound.context import Decision, Inbound


def chain_handler(inbound: Inbound) -> Decision | None:
    """Give the message to the chain that runs with its sender on this number."""
    if inbound.muted:
        # Without its next text the chain would wait at a question that nobody has read.
        run = running_with(number_id=inbound.number.pk, person=inbound.message.sender)
        return Decision(f"The text chain “{run.chain}” stays at “{run.step}”.", waits=True) if run else None
    found = answer(number=inbound.number, person=inbound.message.sender, inbound=inbound.message)
    if found is None:
        return None
    run = found.run
    if run.state == RunState.RUNNING:
        why = f"The text chain “{run.chain}” goes on at “{run.step}”."
    else:
        why = f"The text chain “{run.chain}”: {run.get_state_display().lower()}."
    if found.waits and run.state_reason:
        why = f"{why} {run.state_reason}"
    return Decision(" ".join((why, *found.troubles)), found.reply, waits=found.waits)


def takes(inbound: Inbound, *, since: dt.datetime) -> bool:
    """Whether a chain asked the sender something after a moment that the message is an answer to.

    Args:
        inbound: the message.
        since: when something else asked them.
    """
    run = running_with(number_id=inbound.number.pk, person=inbound.message.sender)
    if run is None or not run.events.filter(kind=EventKind.SAID, at__gt=since).exists():
        return False
    plan = plan_from_json(run.plan)
    step = plan.find(run.step)
    today = timezone.now().astimezone(run.account.zone).date()
    return step is not None and bool(read_answer(inbound.message.body, step, region=plan.region, today=today).value)

"""What running chains have to do with inbound messages: the handler, and whose question a word answers."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from campaigns.models import ChainRun
from campaigns.models.chain_values import AnswerKind, EventKind, RunState
from campaigns.services.chains.answers import read_answer
from campaigns.services.chains.plan import Step, plan_from_json
from campaigns.services.chains.runs import answer, running_with
from messaging.inbound.context import Decision, Inbound

#: Kinds of questions that a plain YES or NO may answer, if they understand it.
_YES_OR_NO = (AnswerKind.YES_NO, AnswerKind.CHOICE)


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

    A plain YES or NO to a list that was asked about on the way of the same chain is the list's, unless the chain's own
    question is one of yes or no, or has that choice.

    Args:
        inbound: the message.
        since: when something else asked them.
    """
    run = running_with(number_id=inbound.number.pk, person=inbound.message.sender)
    if run is None or not run.events.filter(kind=EventKind.SAID, at__gt=since).exists():
        return False
    step = _understood_at(run, inbound.message.body)
    is_plain = inbound.reading.is_yes or inbound.reading.is_no
    is_the_lists = is_plain and since >= run.started_at
    return step is not None and (not is_the_lists or step.answer_kind in _YES_OR_NO)


def expects(number_id: int, person: str, text: str) -> bool:
    """Whether a chain understands a text as the answer to a question that it has no answer to yet.

    A chain that comes back to a question does not expect it again, so that no loop goes on by this.

    Args:
        number_id: our number's.
        person: E.164.
        text: what they wrote.
    """
    run = running_with(number_id=number_id, person=person)
    return run is not None and run.step not in run.answers and _understood_at(run, text) is not None


def _understood_at(run: ChainRun, text: str) -> Step | None:
    """The question that waits, if it understands a text."""
    plan = plan_from_json(run.plan)
    step = plan.find(run.step)
    today = timezone.now().astimezone(run.account.zone).date()
    return step if step and read_answer(text, step, region=plan.region, today=today).value else None

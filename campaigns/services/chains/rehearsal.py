"""A rehearsal: a chain played without a run. Nothing is sent or saved; where it stands is signed and kept in the page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.core import signing
from django.utils import timezone

from campaigns.models import Chain
from campaigns.models.chain_values import EventKind
from campaigns.services.chains import machine
from campaigns.services.chains.plan import Plan, plan_from_json, plan_of

_SALT = "campaigns.chains.rehearsal"
#: A page that is left open for longer begins again.
MAX_AGE_SECONDS = 12 * 3600
#: Who plays.
PERSON = {"first_name": "Ann", "last_name": "Example", "email": "", "number": "+14155550100"}


class RehearsalLost(Exception):
    """A rehearsal cannot go on; the text says why and what to do next."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the page shows after a turn.

    Args:
        token: where it stands, signed.
        text: what the chain says; empty for nothing.
        notes: what would have been recorded: saved, scored, moved.
        state: a value of ``RunState``.
        reason: why it ended.
        answers: by label of the question.
        score: points so far.
        step: label of the question that waits.
        reminder_minutes: when the reminder would come; None without one.
        timeout_minutes: when the time-out would come; None without one.
    """

    token: str
    text: str
    notes: list[str]
    state: str
    reason: str
    answers: dict[str, str]
    score: int
    step: str
    reminder_minutes: int | None
    timeout_minutes: int | None


def begin(*, chain: Chain) -> Scene:
    """The first turn of a chain as it is saved, a draft too."""
    plan = plan_of(chain)
    return _play(chain, plan, machine.Position(), machine.Start())


def go_on(*, chain: Chain, token: str, event: str, text: str = "") -> Scene:
    """The next turn.

    Args:
        chain: the one that is rehearsed.
        token: of the scene before.
        event: ``answer``, ``reminder`` or ``timeout``.
        text: the answer.

    Raises:
        RehearsalLost: the token is not ours, too old, or of another chain; or there is no such event.
    """
    try:
        kept = signing.loads(token, salt=_SALT, max_age=MAX_AGE_SECONDS, serializer=signing.JSONSerializer)
    except signing.BadSignature:
        raise RehearsalLost("This rehearsal is too old or was changed on its way. Start again.") from None
    if kept["chain"] != chain.pk:
        raise RehearsalLost("This rehearsal is another chain's. Start again.")
    events: dict[str, machine.Event] = {
        "answer": machine.Answered(text),
        "reminder": machine.Reminder(),
        "timeout": machine.TimeOut(),
    }
    if event not in events:
        raise RehearsalLost(f"“{event[:20]}” is nothing that can happen here. Start again.")
    return _play(chain, plan_from_json(kept["plan"]), machine.Position(**kept["position"]), events[event])


def _play(chain: Chain, plan: Plan, position: machine.Position, event: machine.Event) -> Scene:
    today = timezone.now().astimezone(chain.account.zone).date()
    turn = machine.advance(plan, position, event, person=PERSON, today=today)
    now = turn.position
    kept: dict[str, Any] = {"chain": chain.pk, "plan": plan.to_json(), "position": asdict(now)}
    step = plan.find(now.step)
    notes = [note for effect in turn.effects if (note := _in_words(effect))]
    return Scene(
        token=signing.dumps(kept, salt=_SALT, compress=True),
        text=turn.text,
        notes=notes,
        state=now.state,
        reason=now.reason,
        answers=dict(now.answers),
        score=now.score,
        step=now.step,
        reminder_minutes=step.reminder_minutes if step and step.reminder_text and not now.reminded else None,
        timeout_minutes=step.timeout_minutes if step else None,
    )


def _in_words(effect: machine.Effect) -> str:
    """What would be recorded of an effect; empty for what another one says."""
    match effect:
        case machine.Note(kind, step, text):
            return f"{EventKind(kind).label}: {text or step}"
        case machine.Join(_, _, list_name):
            return f"{EventKind.JOINED.label}: {list_name}"
        case _:
            return ""

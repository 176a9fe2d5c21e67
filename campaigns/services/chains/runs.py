"""Runs of chains: starting, answering, waking and ending them. What was played is stored with what it did, or not at all."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from campaigns.models import Chain, ChainRun, Subscriber
from campaigns.models.chain_values import EventKind, RunState
from campaigns.services.chains import machine
from campaigns.services.chains.effects import carry_out, record
from campaigns.services.chains.plan import plan_from_json, plan_of
from campaigns.services.contacts import known_person
from messaging.engine.places import opens_at
from messaging.models import InboundMessage, Message, PhoneNumber, Suppression
from messaging.services.singles import submit
from messaging.states import MessageState

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

#: Runs that one sweep wakes; the next sweep goes on.
WAKES_A_SWEEP = 2000


class ChainError(Exception):
    """A chain cannot be started; the text says why and what to do next."""


@dataclass(frozen=True, slots=True)
class Started:
    """A run that began.

    Args:
        run: its row; may have ended already.
        reply: its first text where an inbound message started it, for the caller to answer with; empty when it was sent.
        troubles: what could not be done, a sentence each.
        waits: whether a person has to go on.
    """

    run: ChainRun
    reply: str = ""
    troubles: tuple[str, ...] = ()
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an answer.

    Args:
        run: the run that took it.
        reply: the text to answer with; may be empty.
        troubles: what could not be done, a sentence each.
        waits: whether a person has to look at it: the chain handed over, failed, or could not do something.
    """

    run: ChainRun
    reply: str
    troubles: tuple[str, ...] = ()
    waits: bool = False


@dataclass(frozen=True, slots=True)
class _Played:
    text: str
    troubles: tuple[str, ...]
    waits: bool


def start(
    *, chain: Chain, number: PhoneNumber, person: str, how: str, inbound: InboundMessage | None = None
) -> Started:
    """Begin a chain with a person; what runs with them on this number is replaced, with a record.

    Args:
        chain: an active one.
        number: of the chain's account; where the chain speaks from.
        person: E.164.
        how: what started it, for the record: ``keyword RSVP``.
        inbound: the message that started it. Its answer is then the caller's to send (``Started.reply``).

    Raises:
        ChainError: the chain is not active or of another account, the number cannot send, or the person is suppressed.
    """
    with transaction.atomic():
        # Held so that archiving it at this moment comes before or after.
        chain = Chain.objects.select_related("account").select_for_update(of=("self",)).get(pk=chain.pk)
        _check_start(chain, number, person)
        run = _insert(chain, number, person, how)
        record(run, EventKind.STARTED, text=how, inbound=inbound)
        played = _play(run, machine.Start(), inbound=inbound)
        if inbound is None and played.text:
            _send(run, played.text)
    return Started(run, played.text if inbound is not None else "", played.troubles, played.waits)


def stop(*, run_id: int, by: User) -> ChainRun:
    """End a run by hand; nothing is sent.

    Args:
        run_id: which.
        by: who ends it, for the record.

    Raises:
        ChainError: it has ended already.
    """
    with transaction.atomic():
        run = ChainRun.objects.select_for_update(of=("self",)).select_related("chain").get(pk=run_id)
        if run.state != RunState.RUNNING:
            raise ChainError(f"“{run.chain}” with {run.person} has ended already: {run.get_state_display().lower()}.")
        _end(run, RunState.STOPPED, f"Ended by {by}.")
    return run


def running_with(*, number_id: int, person: str) -> ChainRun | None:
    """What runs with a person on one of our numbers.

    Args:
        number_id: our number's.
        person: E.164.
    """
    runs = ChainRun.objects.filter(number_id=number_id, person=person, state=RunState.RUNNING)
    return runs.select_related("account", "chain", "number").first()


def answer(*, number: PhoneNumber, person: str, inbound: InboundMessage) -> Answered | None:
    """Give a message to the run that waits for it; None when none does.

    Args:
        number: the number it came to.
        person: E.164.
        inbound: the message.
    """
    with transaction.atomic():
        # The second of two messages at once waits here until the first has moved the run.
        run = (
            ChainRun.objects.select_for_update(of=("self",))
            .select_related("account", "chain", "number")
            .filter(number=number, person=person, state=RunState.RUNNING)
            .first()
        )
        if run is None:
            return None
        if run.ends_at <= timezone.now():
            _play(run, machine.LimitReached(), inbound=inbound)
            return None
        played = _play(run, machine.Answered(inbound.body), inbound=inbound)
        return Answered(run, played.text, played.troubles, played.waits)


def wake_due(*, now: dt.datetime | None = None) -> int:
    """Send the reminders and follow the time-outs that are due; how many runs moved.

    What would say something waits for the open hours of the person's place; an answer in between comes first.

    Args:
        now: aware; the present when omitted.
    """
    now = now or timezone.now()
    # Nobody who may have opted out is written to first; their runs wait for the decision.
    doubtful = Suppression.objects.active().filter(
        account_id=OuterRef("account_id"), recipient=OuterRef("person"), reason=Suppression.Reason.REVIEW
    )
    due = (
        ChainRun.objects.filter(state=RunState.RUNNING, wakes_at__lte=now)
        .exclude(Exists(doubtful))
        .order_by("wakes_at", "id")
        .values_list("pk", "wakes_at")[:WAKES_A_SWEEP]
    )
    count = 0
    for run_id, wakes_at in list(due):
        try:
            count += _wake(run_id, wakes_at, now)
        except Exception:  # one that cannot be played must not hold up the others; it is tried again
            logger.exception("The chain run %s could not be woken", run_id)
    return count


def _wake(run_id: int, wakes_at: dt.datetime | None, now: dt.datetime) -> bool:
    with transaction.atomic():
        # Of two sweepers, and of a sweeper and an answer, only one finds the time still there.
        claimed = ChainRun.objects.filter(pk=run_id, state=RunState.RUNNING, wakes_at=wakes_at).update(wakes_at=None)
        if not claimed:
            return False
        run = ChainRun.objects.select_related("account", "chain", "number").get(pk=run_id)
        event: machine.Event | None = machine.LimitReached()
        if run.ends_at > now:
            event = machine.wake_event(plan_from_json(run.plan), _position(run))
        if event is None:
            event = machine.LimitReached()
        now_or_later = _may_speak_at(run, event, now)
        if now_or_later > now:
            ChainRun.objects.filter(pk=run_id).update(wakes_at=now_or_later)
            return False
        if text := _play(run, event).text:
            _send(run, text)
    return True


def _may_speak_at(run: ChainRun, event: machine.Event, now: dt.datetime) -> dt.datetime:
    """When a turn that nobody has just written for may be played: now if it says nothing, else in the person's hours."""
    if not _turn(run, event, now).text:
        return now
    zones = Subscriber.objects.filter(account_id=run.account_id, number=run.person).values_list("time_zone", flat=True)
    opening = opens_at(account=run.account, number=run.person, zone=zones.first() or "", now=now)
    return min(run.ends_at, opening or run.ends_at)


def end_for(*, account_id: int, person: str, reason: str) -> int:
    """End what runs with a person who opted out; how many there were.

    Args:
        account_id: whose runs.
        person: E.164.
        reason: a value of ``Suppression.Reason``.
    """
    label = Suppression.Reason(reason).label
    runs = ChainRun.objects.select_for_update().filter(account_id=account_id, person=person, state=RunState.RUNNING)
    with transaction.atomic():
        found = list(runs.order_by("id"))
        for run in found:
            _end(run, RunState.OPTED_OUT, f"{label}.")
    return len(found)


def _check_start(chain: Chain, number: PhoneNumber, person: str) -> None:
    if chain.state != Chain.State.ACTIVE:
        raise ChainError(f"“{chain}” is {chain.get_state_display().lower()}: activate it on its page, then start it.")
    if number.account_id != chain.account_id:
        raise ChainError(f"{number} does not belong to {chain.account}: choose one of its own numbers.")
    if not chain.account.is_active or number.state != PhoneNumber.State.ACTIVE:
        raise ChainError(f"“{chain}” cannot speak: make {chain.account} and {number} active first.")
    suppression = Suppression.objects.active().filter(account_id=chain.account_id, recipient=person).first()
    if suppression is not None:
        raise ChainError(
            f"{person} is suppressed ({suppression.get_reason_display().lower()}): “{chain}” was not started with them."
        )


def _insert(chain: Chain, number: PhoneNumber, person: str, how: str) -> ChainRun:
    now = timezone.now()
    ends_at = now + dt.timedelta(hours=chain.run_limit_hours)
    values = {
        "chain": chain,
        "account": chain.account,
        "number": number,
        "person": person,
        "how": how[:60],
        "plan": plan_of(chain).to_json(),
        "started_at": now,
        "ends_at": ends_at,
        "wakes_at": ends_at,
    }
    _replace(number, person, chain)
    try:
        with transaction.atomic():
            return ChainRun.objects.create(**values)
    except IntegrityError:
        # Another start came first, between the look and the insert: this one replaces it.
        _replace(number, person, chain)
        return ChainRun.objects.create(**values)


def _replace(number: PhoneNumber, person: str, chain: Chain) -> None:
    running = ChainRun.objects.select_for_update().filter(number=number, person=person, state=RunState.RUNNING)
    for run in running:
        _end(run, RunState.REPLACED, f"“{chain}” was started with them.")


def _end(run: ChainRun, state: str, reason: str) -> None:
    run.state, run.state_reason, run.ended_at, run.wakes_at = state, reason[:255], timezone.now(), None
    run.save(update_fields=("state", "state_reason", "ended_at", "wakes_at"))
    record(run, EventKind.ENDED, text=reason)


def _position(run: ChainRun) -> machine.Position:
    return machine.Position(
        run.state,
        run.step,
        run.tries,
        run.reminded,
        run.answers,
        run.last_answer,
        run.score,
        run.state_reason,
        run.unanswered,
    )


def _play(run: ChainRun, event: machine.Event, *, inbound: InboundMessage | None = None) -> _Played:
    """Play a turn and keep what it did."""
    now = timezone.now()
    turn = _turn(run, event, now)
    troubles = carry_out(run, turn, inbound=inbound, now=now)
    position = turn.position
    run.state, run.step, run.tries, run.reminded = position.state, position.step, position.tries, position.reminded
    run.answers, run.last_answer, run.score = dict(position.answers), position.last_answer, position.score
    run.state_reason, run.unanswered = position.reason, position.unanswered
    run.wakes_at, run.ended_at = None, None if position.is_running else now
    if position.is_running:
        wait = turn.wakes_in_minutes
        run.wakes_at = run.ends_at if wait is None else min(run.ends_at, now + dt.timedelta(minutes=wait))
    run.save()
    if turn.text:
        record(run, EventKind.SAID, step=run.step, text=turn.text, inbound=inbound)
    waits = bool(troubles) or position.state in (RunState.HANDED_OVER, RunState.FAILED)
    return _Played(turn.text, troubles, waits)


def _turn(run: ChainRun, event: machine.Event, now: dt.datetime) -> machine.Turn:
    """What an event leads to; nothing is kept of it."""
    return machine.advance(
        plan_from_json(run.plan),
        _position(run),
        event,
        person={"number": run.person, **known_person(run.account_id, run.person)},
        today=now.astimezone(run.account.zone).date(),
    )


def _send(run: ChainRun, text: str) -> None:
    """Queue what nothing inbound asked for."""
    if not run.account.is_active or run.number.state != PhoneNumber.State.ACTIVE:
        record(run, EventKind.NOT_SENT, step=run.step, text=f"{run.account} or {run.number} is not active.")
        return
    message = submit(account=run.account, number=run.number, recipient=run.person, body=text, kind=Message.Kind.REPLY)
    said = run.events.filter(kind=EventKind.SAID).latest("id")
    said.message = message
    said.save(update_fields=("message",))
    if message.state == MessageState.SUPPRESSED:
        record(run, EventKind.NOT_SENT, step=run.step, text="They are suppressed.")

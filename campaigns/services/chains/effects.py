"""What a turn of a chain does beside talking: fields, lists, a person who goes on, and the run's record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from campaigns.models import ChainEvent, ChainRun, SubscriberList
from campaigns.models.chain_values import EventKind
from campaigns.services.chains import machine
from campaigns.services.consent import How, Origin
from campaigns.services.contacts import ensure_subscriber, set_value
from campaigns.services.double_opt_in import Outcome, join
from messaging.models import InboundMessage
from messaging.services.conversations import hand_over

#: What became of a wish to join that a person should hear of.
_TROUBLE = (Outcome.NOT_ASKED, Outcome.REFUSED)


def record(
    run: ChainRun, kind: str, *, step: str = "", text: str = "", inbound: InboundMessage | None = None
) -> ChainEvent:
    """Add a line to a run's record."""
    return ChainEvent.objects.create(run=run, kind=kind, step=step, text=text, inbound=inbound)


def carry_out(
    run: ChainRun, turn: machine.Turn, *, inbound: InboundMessage | None, now: dt.datetime
) -> tuple[str, ...]:
    """Do what a turn is to have done, in its order; inside the transaction that moves the run.

    Args:
        run: the run, with its chain, account and number.
        turn: what the machine decided.
        inbound: the message that moved it; None for a start by staff, a reminder, a time-out.
        now: the moment; lists that are joined in one turn are confirmed by one YES.

    Returns:
        What could not be done, a sentence each.
    """
    troubles = []
    for effect in turn.effects:
        match effect:
            case machine.Save(field, value):
                person = ensure_subscriber(account_id=run.account_id, number=run.person)
                set_value(subscriber=person, field=field, value=value)
            case machine.Join(step, list_id, list_name, is_their_word):
                words = inbound if is_their_word else None
                troubles.append(_join(run, step, list_id, list_name, words, now))
            case machine.HandOver(staff_id):
                _hand_over(run, turn.position, staff_id, inbound)
            case machine.Note(kind, step, text):
                if inbound is not None and kind in (EventKind.ANSWERED, EventKind.NOT_UNDERSTOOD):
                    text = f"{inbound.body} → {text}"
                record(run, kind, step=step, text=text, inbound=inbound)
    return tuple(_sentences(troubles))


def _sentences(troubles: Iterable[str]) -> Iterable[str]:
    return (f"{trouble[:1].upper()}{trouble[1:]}." for trouble in troubles if trouble)


def _join(
    run: ChainRun, step: str, list_id: int, list_name: str, words: InboundMessage | None, now: dt.datetime
) -> str:
    """Put them on a list by the words that led there; what stands in the way, empty for nothing."""
    list_ = SubscriberList.objects.select_related("account", "opt_in_number").filter(
        pk=list_id, account_id=run.account_id
    )
    chosen = list_.first()
    why_not = ""
    if chosen is None:
        why_not = f"did not join “{list_name}”: the list is gone"
    elif words is None:
        # A list is joined by who says so; silence, or words that nobody understood, are no consent.
        why_not = f"did not join “{list_name}”: no answer of theirs led there"
    if chosen is None or words is None:
        record(run, EventKind.NOT_JOINED, step=step, text=why_not, inbound=words)
        return why_not
    origin = Origin(
        how=How.CHAIN,
        source=f"text chain {run.chain}",
        wording=words.body,
        inbound_id=words.pk,
        at=words.received_at,
    )
    joined = join(
        subscriber=ensure_subscriber(account_id=run.account_id, number=run.person),
        lists=[chosen],
        origin=origin,
        number=run.number,
        now=now,
    )[0]
    kind = EventKind.NOT_JOINED if joined.outcome == Outcome.REFUSED else EventKind.JOINED
    record(run, kind, step=step, text=str(joined), inbound=words)
    return str(joined) if joined.outcome in _TROUBLE else ""


def _hand_over(run: ChainRun, position: machine.Position, staff_id: int | None, inbound: InboundMessage | None) -> None:
    answers = "".join(f"\n{label}: {value}" for label, value in position.answers.items())
    score = f"\nScore: {position.score}" if position.score else ""
    hand_over(
        number=run.number,
        person=run.person,
        why=f"The text chain “{run.chain}” hands over to a person. {position.reason}{answers}{score}",
        to_id=staff_id,
        # The message that led here waits by itself.
        counts=inbound is None,
    )

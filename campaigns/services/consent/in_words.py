"""The ledger in words that everybody understands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from campaigns.models import ConsentEvent
from campaigns.services.consent.ledger import Action, How, Standing

#: What an event about the whole account says.
_OF_ACCOUNT = {
    Action.REQUESTED: "Asked to confirm",
    Action.GIVEN: "Agreed to be written to",
    Action.CONFIRMED: "Confirmed",
    Action.WITHDRAWN: "Consent withdrawn: nothing more is sent to them",
    Action.RESTORED: "Consent restored: they can be written to again",
}
#: What an event about lists says, before their names.
_OF_LISTS = {
    Action.REQUESTED: "Asked to confirm",
    Action.GIVEN: "Joined",
    Action.CONFIRMED: "Confirmed",
    Action.WITHDRAWN: "Left",
    Action.RESTORED: "Back on",
}
_HOW = {
    How.IMPORT: "by an import",
    How.KEYWORD: "by a keyword",
    How.FORM: "by a form",
    How.API: "over the API",
    How.STAFF: "by staff",
    How.MESSAGE: "by their message",
    How.PROVIDER: "told by the provider",
    How.CHAIN: "in a text chain",
    How.SYNC: "by a synchronisation",
}
_STANDING = {Standing.PENDING: "asked to confirm", Standing.GIVEN: "given", Standing.WITHDRAWN: "withdrawn"}


@dataclass(frozen=True, slots=True)
class Line:
    """One happening in words; an opt-out that ends three subscriptions is one.

    Args:
        at: when it happened.
        recorded_at: when it was written down; differs for what was told late.
        text: what happened.
        how: by which way.
        source: where it is from, or empty.
        wording: the exact words, or empty.
        by: the member of staff, or empty.
        inbound_id: the inbound message that did it.
        colour: ``success``, ``danger`` or ``info``, for a label.
        label: the action.
    """

    at: dt.datetime
    recorded_at: dt.datetime
    text: str
    how: str
    source: str
    wording: str
    by: str
    inbound_id: int | None
    colour: str
    label: str

    @property
    def is_late(self) -> bool:
        """Whether it was written down more than a minute after it happened."""
        return self.recorded_at - self.at > dt.timedelta(minutes=1)


def in_words(events: Iterable[ConsentEvent]) -> list[Line]:
    """A person's ledger, newest first.

    Args:
        events: of one person at one account, oldest first.
    """
    lines = [_line(list(group)) for _, group in groupby(events, key=_happening)]
    return lines[::-1]


def what(event: ConsentEvent) -> str:
    """What one event says."""
    return _what(Action(event.action), of_account=event.list_id is None, lists=[event.list_name])


def how(event: ConsentEvent) -> str:
    """By which way, as the end of a sentence."""
    return _HOW[How(event.how)]


def standing_in_words(state: dict[int | None, Standing], names: dict[int, str]) -> Iterator[str]:
    """How everything stands, a sentence each: the account first, then its lists by name.

    Args:
        state: from ``present_state``.
        names: of lists, by id.
    """
    if None in state:
        yield f"The whole account: {_STANDING[state[None]]}"
    lists = [(names.get(list_id, f"list {list_id}"), standing) for list_id, standing in state.items() if list_id]
    for name, standing in sorted(lists):
        yield f"“{name}”: {_STANDING[standing]}"


def _happening(event: ConsentEvent) -> tuple[object, ...]:
    """What events have in common that were written together for one reason."""
    return (event.recorded_at, event.at, event.action, event.how, event.source, event.wording, event.inbound_id)


def _line(events: list[ConsentEvent]) -> Line:
    event = events[0]
    action = Action(event.action)
    of_account = any(one.list_id is None for one in events)
    lists = [one.list_name for one in events if one.list_id is not None]
    colours = {Action.WITHDRAWN: "danger", Action.REQUESTED: "info"}
    return Line(
        at=event.at,
        recorded_at=event.recorded_at,
        text=_what(action, of_account=of_account, lists=lists),
        how=how(event),
        source=event.source,
        wording=event.wording,
        by=event.by_name,
        inbound_id=event.inbound_id,
        colour=colours.get(action, "success"),
        label=action.label,
    )


def _what(action: Action, *, of_account: bool, lists: list[str]) -> str:
    parts = [_OF_ACCOUNT[action]] if of_account else []
    named = [f"“{name}”" for name in lists if name]
    if named or not of_account:
        names = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named) or "a list"
        parts.append(f"{_OF_LISTS[action]} {names}")
    return ". ".join(parts)

"""The consent ledger: written to by everything that changes consent, read to say how it stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils import timezone

from campaigns.models import ConsentEvent, Subscriber, SubscriberList

if TYPE_CHECKING:
    from accounts.models import User

Action = ConsentEvent.Action
How = ConsentEvent.How

_ROWS_PER_INSERT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What an event of the ledger says.

    Args:
        account_id: whose subscriber.
        number: E.164.
        action: what happened.
        how: by which way.
        list_id: which list; None for the whole account.
        list_name: its name as it is now.
        wording: the exact words: theirs, or those they agreed to.
        source: where it is from, e.g. a file's name.
        inbound_id: the inbound message that did it.
        message_id: the message of ours that led to it.
        at: aware time at which it happened; now when omitted.
        by: the member of staff who did it.
    """

    account_id: int
    number: str
    action: Action
    how: How
    list_id: int | None = None
    list_name: str = ""
    wording: str = ""
    source: str = ""
    inbound_id: int | None = None
    message_id: int | None = None
    at: dt.datetime | None = None
    by: User | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a change of somebody's consent comes from; what several lists' events have in common.

    Args:
        how: by which way.
        source: where it is from, for a person.
        wording: the exact words: theirs, or those they agreed to.
        inbound_id: the inbound message that did it.
        at: aware time at which it happened, e.g. at which the message came; now when omitted.
        by: the member of staff who did it.
    """

    how: How
    source: str = ""
    wording: str = ""
    inbound_id: int | None = None
    at: dt.datetime | None = None
    by: User | None = None

    def entry(
        self, action: Action, subscriber: Subscriber, list_: SubscriberList, *, message_id: int | None = None
    ) -> Entry:
        """What the ledger says of somebody's place on a list.

        Args:
            action: what happened.
            subscriber: whose place.
            list_: of the same account.
            message_id: the message of ours that led to it.
        """
        return Entry(
            account_id=subscriber.account_id,
            number=subscriber.number,
            action=action,
            how=self.how,
            list_id=list_.pk,
            list_name=list_.name,
            wording=self.wording,
            source=self.source,
            inbound_id=self.inbound_id,
            message_id=message_id,
            at=self.at,
            by=self.by,
        )


class Standing(StrEnum):
    """How somebody's consent to a list, or to an account as a whole, stands."""

    PENDING = "pending"
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


#: What an event makes of the consent that it is about.
_STANDING = {
    Action.REQUESTED: Standing.PENDING,
    Action.GIVEN: Standing.GIVEN,
    Action.CONFIRMED: Standing.GIVEN,
    Action.RESTORED: Standing.GIVEN,
    Action.WITHDRAWN: Standing.WITHDRAWN,
}


def record(entry: Entry) -> ConsentEvent:
    """Write one event; call it in the transaction of what it is about."""
    event = _event(entry, timezone.now())
    event.save()
    return event


def record_many(entries: Iterable[Entry]) -> int:
    """Write events in their order; call it in the transaction of what they are about.

    Returns:
        how many.
    """
    now = timezone.now()
    events = [_event(entry, now) for entry in entries]
    ConsentEvent.objects.bulk_create(events, batch_size=_ROWS_PER_INSERT)
    return len(events)


def history(account_id: int, number: str) -> list[ConsentEvent]:
    """A person's events at an account, oldest first.

    Args:
        account_id: whose subscriber.
        number: E.164; need not be a subscriber's.
    """
    return list(ConsentEvent.objects.of_person(account_id, number))


def present_state(events: Iterable[ConsentEvent]) -> dict[int | None, Standing]:
    """How a person's consent stands, from nothing but their events.

    Args:
        events: all of one person at one account, oldest first.

    Returns:
        the standing by list; that of the account as a whole under None. What is not in it was never heard of.
    """
    return {event.list_id: _STANDING[Action(event.action)] for event in events}


def name_of(user: User | None) -> str:
    """A member of staff as the ledger names them: name and e-mail address, because names are shared and change."""
    if user is None:
        return ""
    name = user.get_full_name()
    return f"{name} ({user.email})"[:200] if name else user.email[:200]


def _event(entry: Entry, now: dt.datetime) -> ConsentEvent:
    return ConsentEvent(
        account_id=entry.account_id,
        number=entry.number,
        action=entry.action,
        how=entry.how,
        list_id=entry.list_id,
        list_name=entry.list_name[:100],
        wording=entry.wording,
        source=entry.source[:200],
        inbound_id=entry.inbound_id,
        message_id=entry.message_id,
        at=entry.at or now,
        recorded_at=now,
        by=entry.by,
        by_name=name_of(entry.by),
    )

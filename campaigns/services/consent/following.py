"""What the ledger writes when the transport suppresses somebody or lifts it, in the same transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from campaigns.services.consent.ledger import Action, Entry, How, record_many
from campaigns.services.contacts import subscribe_again, unsubscribe_everywhere
from messaging.models import Suppression
from messaging.services.suppressions import OPT_OUTS

if TYPE_CHECKING:
    from accounts.models import User

#: Reasons that say something of a person's consent; a number that cannot be reached and a doubt do not.
CONSENT_REASONS = (*OPT_OUTS, Suppression.Reason.STAFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A suppression that was added or lifted; see ``messaging.signals``."""

    account_id: int
    recipient: str
    reason: str
    how: str
    note: str
    source: str
    inbound_id: int | None
    user: User | None
    at: dt.datetime


def follow_suppression(*, change: Change, message_id: int | None) -> None:
    """Who opts out leaves every list; who is suppressed by staff stays on them, unreached.

    Args:
        change: the suppression.
        message_id: the message of ours that led to it.
    """
    if change.reason not in CONSENT_REASONS:
        return
    left = []
    if change.reason in OPT_OUTS:
        left = unsubscribe_everywhere(account_id=change.account_id, number=change.recipient)
    record_many(_entries(change, Action.WITHDRAWN, left, message_id=message_id))


def follow_lifting(*, change: Change) -> None:
    """Who takes an opt-out back is on the lists again that it took them from.

    Args:
        change: the lifting.
    """
    if change.reason not in CONSENT_REASONS:
        return
    back = []
    if change.reason in OPT_OUTS:
        back = subscribe_again(account_id=change.account_id, number=change.recipient)
    record_many(_entries(change, Action.RESTORED, back))


def _entries(
    change: Change, action: Action, lists: list[tuple[int, str]], *, message_id: int | None = None
) -> Iterator[Entry]:
    """The account's event, then one for each list that went with it."""
    for list_id, name in [(None, ""), *lists]:
        yield Entry(
            account_id=change.account_id,
            number=change.recipient,
            action=action,
            how=How(change.how),
            list_id=list_id,
            list_name=name,
            wording=change.note,
            source=change.source,
            inbound_id=change.inbound_id,
            message_id=message_id,
            at=change.at,
            by=change.user,
        )

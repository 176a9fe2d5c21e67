"""A person's evidence: all of their consent, suppressions, decisions and messages, for whoever asks what they agreed to."""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Account
from broadcast.core.merge import TemplateError
from campaigns.models import ConsentEvent, Subscriber
from campaigns.services.consent.in_words import how, standing_in_words, what
from campaigns.services.consent.ledger import history, name_of, present_state
from campaigns.services.exports import CSV, Export, clock_in, make_export
from messaging.models import InboundMessage, Message, OptOutReview, Suppression

CONSENT, SENT, RECEIVED, REVIEW, SUPPRESSION = "Consent", "To them", "From them", "Review", "Suppression"
#: Within one moment: what they wrote, what it did, what they were answered.
_ORDER = (RECEIVED, REVIEW, SUPPRESSION, CONSENT, SENT)
_DECISIONS = {
    OptOutReview.State.PENDING: "May be an opt-out: waits for a decision",
    OptOutReview.State.OPTED_OUT: "Decided: it was an opt-out",
    OptOutReview.State.KEPT: "Decided: it was no opt-out",
}
#: Messages that are in memory at a time.
_ROWS_PER_READ = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that happened.

    Args:
        at: when it happened.
        kind: ``CONSENT``, ``SENT``, ``RECEIVED``, ``REVIEW`` or ``SUPPRESSION``.
        what: what happened; of a message, what became of it.
        words: the text, or the exact words.
        how: by which way; of a message, its kind.
        source: where it is from.
        ours: our number, of a message.
        by: the member of staff.
        recorded_at: when it was written down.
        reference: an id to find it again.
    """

    at: dt.datetime
    kind: str
    what: str
    words: str
    how: str = ""
    source: str = ""
    ours: str = ""
    by: str = ""
    recorded_at: dt.datetime | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All there is of a person at an account.

    Args:
        account: the account; times are shown in its zone.
        number: E.164.
        name: theirs, empty for who is no subscriber.
        made_at: when it was put together.
        standing: how their consent stands, a sentence each.
        suppressed: what keeps messages from them now, or empty.
    """

    account: Account
    number: str
    name: str
    made_at: dt.datetime
    standing: list[str]
    suppressed: str

    def items(self) -> Iterator[Item]:
        """Everything that happened, oldest first; read from the database while it goes through, however much there is."""
        return heapq.merge(
            _events(self.account, self.number),
            _suppressions(self.account, self.number),
            _reviews(self.account, self.number),
            _sent(self.account, self.number),
            _received(self.account, self.number),
            key=_place,
        )


def evidence_of(*, account: Account, number: str) -> Evidence:
    """Put a person's evidence together.

    Args:
        account: whose recipient.
        number: E.164; need not be a subscriber's.
    """
    events = history(account.pk, number)
    names = {event.list_id: event.list_name for event in events if event.list_id is not None}
    person = Subscriber.objects.filter(account=account, number=number).first()
    suppression = Suppression.objects.active().filter(account=account, recipient=number).first()
    return Evidence(
        account=account,
        number=number,
        name=person.full_name if person else "",
        made_at=timezone.now(),
        standing=list(standing_in_words(present_state(events), names)),
        suppressed=suppression.get_reason_display() if suppression else "",
    )


def export_evidence(evidence: Evidence) -> Export:
    """The evidence as CSV; times are in the account's zone, which the header names."""
    zone = evidence.account.time_zone
    clock = clock_in(evidence.account.zone)
    header = [f"When ({zone})", "Kind", "Number", "What", "Words", "How", "Source", "Our number", "By"]
    header += [f"Recorded ({zone})", "Reference"]
    rows = (
        [
            *(clock(item.at), item.kind, evidence.number, item.what, item.words, item.how, item.source, item.ours),
            *(item.by, clock(item.recorded_at), item.reference),
        ]
        for item in evidence.items()
    )
    return make_export(f"evidence {evidence.number.lstrip('+')}", CSV, header, rows, lambda: 0)


def _place(item: Item) -> tuple[dt.datetime, int]:
    return item.at, _ORDER.index(item.kind)


def _events(account: Account, number: str) -> Iterator[Item]:
    # Told late, recorded late: the order of the ledger is not that of what happened.
    yield from sorted(map(_of_event, history(account.pk, number)), key=_place)


def _suppressions(account: Account, number: str) -> Iterator[Item]:
    items = []
    for row in Suppression.objects.filter(account=account, recipient=number).select_related("created_by"):
        reference = f"suppression {row.pk}"
        by = name_of(row.created_by)
        what_began = f"Suppressed: {row.get_reason_display().lower()}"
        items.append(
            Item(at=row.created_at, kind=SUPPRESSION, what=what_began, words=row.note, by=by, reference=reference)
        )
        if row.lifted_at is not None:
            items.append(
                Item(at=row.lifted_at, kind=SUPPRESSION, what="Lifted", words=row.lifted_note, reference=reference)
            )
    yield from sorted(items, key=_place)


def _reviews(account: Account, number: str) -> Iterator[Item]:
    rows = OptOutReview.objects.filter(account=account, recipient=number).select_related("inbound", "decided_by")
    yield from (
        Item(
            at=row.decided_at or row.created_at,
            kind=REVIEW,
            what=_DECISIONS[OptOutReview.State(row.state)],
            words=row.inbound.body,
            how="by staff" if row.decided_by else "",
            by=name_of(row.decided_by),
            reference=f"review {row.pk}, inbound message {row.inbound_id}",
        )
        for row in rows.order_by(Coalesce("decided_at", "created_at"), "id")
    )


def _of_event(event: ConsentEvent) -> Item:
    from_message = f", inbound message {event.inbound_id}" if event.inbound_id else ""
    return Item(
        at=event.at,
        kind=CONSENT,
        what=what(event),
        words=event.wording,
        how=how(event),
        source=event.source,
        by=event.by_name,
        recorded_at=event.recorded_at,
        reference=f"event {event.pk}{from_message}",
    )


def _sent(account: Account, number: str) -> Iterator[Item]:
    messages = Message.objects.filter(account=account, recipient=number).select_related("batch", "number")
    for message in messages.order_by(Coalesce("accepted_at", "created_at"), "id").iterator(_ROWS_PER_READ):
        yield Item(
            at=message.accepted_at or message.created_at,
            kind=SENT,
            what=f"{message.get_state_display()}: {message.reason_text}".removesuffix(": "),
            words=_text(message),
            how=message.get_kind_display(),
            source=str(message.batch or ""),
            ours=message.number.number,
            recorded_at=message.created_at,
            reference=f"message {message.pk}, {message.provider_id}".removesuffix(", "),
        )


def _received(account: Account, number: str) -> Iterator[Item]:
    messages = InboundMessage.objects.filter(account=account, sender=number).order_by("received_at", "id")
    for message in messages.iterator(_ROWS_PER_READ):
        yield Item(
            at=message.received_at,
            kind=RECEIVED,
            what=message.decision or message.get_state_display(),
            words="\n".join([message.body, *(f"{kind or 'file'}: {url}" for url, kind in message.media)]).strip(),
            how="Text with media (MMS)" if message.media else "Text",
            ours=message.recipient,
            recorded_at=message.handled_at,
            reference=f"inbound message {message.pk}, {message.provider_id}",
        )


def _text(message: Message) -> str:
    try:
        return message.text
    except TemplateError as error:
        return f"(its text cannot be made: {error})"

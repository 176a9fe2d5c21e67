"""What was stored of an exchange, turn by turn, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from campaigns.models import ChainEvent, ConsentEvent, Subscriber, Subscription
from messaging.models import Conversation, ConversationNote, InboundMessage, PhoneNumber

_HEADER = ("", "They write", "Inbound row and decision", "Arrived at the simulator", "Chain", "Kept", "Conversation")


@dataclass(slots=True)
class Turn:
    """One turn.

    Args:
        said: what the person wrote, or what was done instead.
        inbound: the row; None where staff wrote.
        answers: texts that arrived at the simulator, in their order.
        chain: lines of the chain's record.
        kept: fields, places on lists, lines of the ledger, notes.
        conversation: how it stands now.
    """

    said: str
    inbound: InboundMessage | None
    answers: list[str]
    chain: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    conversation: str = ""

    @property
    def handler(self) -> str:
        """Who took it."""
        return self.inbound.handler if self.inbound else ""


class Observer:
    """Sees what is new since it looked last.

    Args:
        number: where the person writes to.
        person: E.164.
    """

    def __init__(self, number: PhoneNumber, person: str) -> None:
        self.number, self.person = number, person
        self._seen: dict[str, set[str]] = {"chain": set(), "kept": set()}

    def look(self, turn: Turn) -> Turn:
        """Fill in what a turn did."""
        turn.chain = self._new("chain", self._chain())
        turn.kept = self._new("kept", self._kept())
        made = Conversation.objects.filter(number=self.number, person=self.person).first()
        if made is not None:
            unread = f", {made.unread_count} unread" if made.is_unread else ""
            turn.conversation = f"{made.state}{unread}, {made.assigned_to or 'assigned to nobody'}"
        return turn

    def _new(self, kind: str, lines: Iterator[tuple[str, str]]) -> list[str]:
        rows = list(lines)
        new = [line for key, line in rows if key not in self._seen[kind]]
        self._seen[kind] |= {key for key, _ in rows}
        return new

    def _chain(self) -> Iterator[tuple[str, str]]:
        for event in ChainEvent.objects.filter(run__number=self.number, run__person=self.person).order_by("id"):
            if event.kind not in ("said", "moved"):
                step = f" `{event.step}`" if event.step else ""
                yield str(event.pk), f"{event.get_kind_display()}{step}: {event.text}"

    def _kept(self) -> Iterator[tuple[str, str]]:
        person = Subscriber.objects.filter(account=self.number.account, number=self.person).first()
        if person is not None:
            values: dict[str, Any] = {"first_name": person.first_name, "email": person.email, **person.fields}
            for name, value in values.items():
                if value:
                    yield f"field {name} {value}", f"field {name} = {value}"
        for place in Subscription.objects.filter(subscriber=person).select_related("list"):
            yield f"{place.pk} {place.state}", f"list “{place.list}”: {place.state}"
        for event in ConsentEvent.objects.of_person(self.number.account_id, self.person):
            about = f"“{event.list_name}”" if event.list_name else "the account"
            words = event.wording.replace("\n", " / ")
            yield f"ledger {event.pk}", f"ledger: {event.action} by {event.how}, {about}, words “{words}”"
        for note in ConversationNote.objects.filter(conversation__person=self.person).order_by("id"):
            yield f"note {note.pk}", f"note: {note.body}".replace("\n", " / ")


def table(turns: Iterable[Turn]) -> str:
    """The turns in Markdown."""
    lines = [_line(_HEADER), _line(["---"] * len(_HEADER))]
    for index, turn in enumerate(turns, start=1):
        row = f"#{turn.inbound.pk} `{turn.handler}`: {turn.inbound.decision}" if turn.inbound else ""
        parts = (turn.answers, turn.chain, turn.kept)
        lines.append(_line([str(index), turn.said, row, *("<br>".join(part) for part in parts), turn.conversation]))
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/').replace(chr(10), ' / ') for cell in cells)} |"

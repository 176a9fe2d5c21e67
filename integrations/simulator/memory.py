"""What the simulator remembers: messages and people, compact enough for a million of each."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from hashlib import sha256

_MASK = 2**64 - 1
_SPREAD = 0x9E3779B97F4A7C15
_GATHER = pow(_SPREAD, -1, 2**64)


class Message:
    """A message that was taken, or one that a person wrote. Its number is its place in ``Memory.messages``."""

    __slots__ = (
        "body", "created", "dialect", "direction", "error", "given_id", "media", "previous", "recipient", "segments",
        "sender", "sent", "service", "status", "status_url", "updated",
    )  # fmt: skip

    def __init__(
        self, recipient: str, sender: str, body: str, status: str, *, direction: str, segments: int, media: int = 0
    ) -> None:
        self.recipient = recipient
        self.sender = sender
        self.body = body
        self.status = status
        self.direction = direction
        self.segments = segments
        self.media = media
        self.created = self.updated = int(time.time())
        self.sent = 0
        self.error = 0
        self.service = ""
        #: Whose webhooks tell of it.
        self.dialect = "twilio"
        #: The sender's own id, empty for none.
        self.given_id = ""
        #: Kept only until the last callback is due.
        self.status_url = ""
        #: Number of the message before this one to the same person, -1 for none.
        self.previous = -1


class Person:
    """Whoever has a phone number that something was sent to."""

    __slots__ = ("attempts", "last", "taken")

    def __init__(self) -> None:
        self.attempts = 0
        self.taken = 0
        self.last = -1


class Batch:
    """Messages of one request that the provider counts as one thing.

    Args:
        id: the provider's.
        sender: whose they are.
        body: with the places of parameters.
        url: where to report, empty for nowhere.
        reference: the sender's own, empty for none.
    """

    __slots__ = ("body", "created", "id", "recipients", "reference", "sender", "url")

    def __init__(self, id: str, sender: str, body: str, url: str, reference: str) -> None:
        self.id = id
        self.sender = sender
        self.body = body
        self.url = url
        self.reference = reference
        self.created = int(time.time())
        #: By a recipient's digits the number of their message, or the code below zero with which it was refused.
        self.recipients: dict[str, int] = {}


def _key(message: Message) -> int:
    """The same for the same text from the same number to the same person."""
    return hash((message.recipient, message.sender, message.body))


class Memory:
    """Messages by number and by recipient.

    An id holds the message's number in a form that can be turned back, so that no index by id is needed; the rest of it
    is new for each run, so that ids of two runs never meet.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.people: dict[str, Person] = {}
        self.duplicated: set[int] = set()
        self.recipients_with_duplicates: set[str] = set()
        self.most_to_one = 0
        self.recipients = 0
        #: Status and destination of those that were refused, by the sender's id.
        self.refused: dict[str, tuple[int, str]] = {}
        #: Body and message's number of requests that were taken, by the key that their repetition has as well.
        self.by_key: dict[str, tuple[bytes, int]] = {}
        #: By id, in the order in which they came.
        self.batches: dict[str, Batch] = {}
        self._by_given_id: dict[str, int] = {}
        self._indexed = 0
        self._seen: set[int] = set()
        self._answers: set[int] = set()
        self._run = secrets.token_hex(8)

    def person(self, number: str) -> Person:
        """The person with this number; a new one the first time."""
        person = self.people.get(number)
        if person is None:
            person = self.people[number] = Person()
        return person

    def add(self, message: Message) -> int:
        """Keep a message and return its number."""
        self.messages.append(message)
        return len(self.messages) - 1

    def add_outbound(self, message: Message, person: Person, *, answers_person: bool) -> int:
        """Keep a message to a person, and notice whether they had the same before.

        Args:
            message: what was taken.
            person: whom it is for.
            answers_person: the person wrote and this is the first message to them since. Someone who asks twice is
                answered twice with the same words, which is no duplicate; the same text without a question is.
        """
        number = len(self.messages)
        self.messages.append(message)
        message.previous = person.last
        person.last = number
        person.taken += 1
        if person.taken == 1:
            self.recipients += 1
        if person.taken > self.most_to_one:
            self.most_to_one = person.taken
        if person.taken == 1 and not answers_person:
            # Most people get one message: there is nothing to compare it with, and it is remembered as it is.
            return number
        if message.previous >= 0:
            self._seen.add(_key(self.messages[message.previous]))
        key = _key(message)
        if key not in self._seen:
            self._seen.add(key)
            if answers_person:
                self._answers.add(key)
        elif not (answers_person and key in self._answers):
            self.duplicated.add(key)
            self.recipients_with_duplicates.add(message.recipient)
        return number

    def id_of(self, number: int) -> str:
        """32 hexadecimal digits for a message's number."""
        return f"{self._run}{number * _SPREAD & _MASK:016x}"

    def find_given(self, given_id: str) -> int | None:
        """The number of the latest message with an id that the sender gave, or None."""
        for number in range(self._indexed, len(self.messages)):
            if self.messages[number].given_id:
                self._by_given_id[self.messages[number].given_id] = number
        self._indexed = len(self.messages)
        return self._by_given_id.get(given_id)

    def find(self, message_id: str) -> int | None:
        """The message's number for 32 hexadecimal digits, or None."""
        if not message_id.startswith(self._run) or len(message_id) != 32:
            return None
        try:
            number = int(message_id[16:], 16) * _GATHER & _MASK
        except ValueError:
            return None
        return number if number < len(self.messages) else None

    def newest_first(self, recipient: str = "", *, before: int | None = None) -> Iterator[int]:
        """Numbers of messages, the newest first.

        Args:
            recipient: only to this person; empty for all.
            before: only numbers below this one.
        """
        if recipient in self.people:
            number = self.people[recipient].last
            while number >= 0:
                if before is None or number < before:
                    yield number
                number = self.messages[number].previous
            return
        yield from range((len(self.messages) if before is None else before) - 1, -1, -1)

    def by_recipient(self) -> dict[str, dict[str, int]]:
        """For each recipient, how often each text was taken, by the first 16 digits of its SHA-256."""
        detail: dict[str, dict[str, int]] = {}
        for number, person in self.people.items():
            if not person.taken:
                continue
            counts = detail[number] = {}
            for place in self.newest_first(number):
                digest = sha256(self.messages[place].body.encode("utf-8", "surrogatepass")).hexdigest()[:16]
                counts[digest] = counts.get(digest, 0) + 1
        return detail

"""What the carrier and a provider's dialect tell each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from integrations.simulator.client import Answer
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.memory import Message
from integrations.simulator.outbox import Webhook


class Unroutable(Exception):
    """A person wrote to a number whose messages go nowhere. The text says what to set."""


#: A file of an MMS: where it is, and its content type.
Medium = tuple[str, str]


class InboundWriter(Protocol):
    """How one provider words what people write."""

    def inbound(
        self, settings: SimulatorSettings, message_id: str, message: Message, url: str, media: Sequence[Medium] = ()
    ) -> Webhook:
        """A message that a person wrote, with what they attached."""

    def replies(self, answer: Answer) -> list[str]:
        """Texts that the answer to an inbound webhook wants sent back."""


class StatusWriter(Protocol):
    """How a provider words the status of one message."""

    def status(self, settings: SimulatorSettings, message_id: str, message: Message, status: str) -> Webhook:
        """A delivery status."""


class ReportWriter(Protocol):
    """How a provider words reports on several messages at once.

    Attributes:
        most: reports of one webhook.
    """

    most: int

    def reports(self, settings: SimulatorSettings, url: str, messages: Sequence[tuple[str, Message]]) -> Webhook:
        """Delivery reports of messages with their ids; they share an address and have reached their final status."""


@dataclass(slots=True)
class Submission:
    """A message as the API received and checked it."""

    recipient: str
    sender: str
    body: str
    status_url: str = ""
    media: int = 0
    service: str = ""
    dialect: str = "twilio"


@dataclass(slots=True)
class Verdict:
    """What becomes of a request.

    Args:
        delay_seconds: until its reply.
        number: of the message, None if it was not taken.
        error: the API's error code, 0 for none.
        failure: ``""``, ``500``, ``503``, ``close`` or ``hang``.
    """

    delay_seconds: float
    number: int | None = None
    error: int = 0
    failure: str = ""


#: One message of a request that holds many: recipient, sender, text, where to report, the sender's own id. A plain tuple,
#: because there are hundreds of thousands of them.
Parcel = tuple[str, str, str, str, str]


@dataclass(slots=True)
class BulkVerdict:
    """What becomes of a request with many messages.

    Args:
        delay_seconds: until its reply.
        outcomes: for each parcel the number of its message, or an error code below zero; empty if none was looked at.
        error: the API's error code for the whole request, 0 for none.
        failure: ``""``, ``500``, ``503``, ``close`` or ``hang``.
    """

    delay_seconds: float
    outcomes: list[int] = field(default_factory=list)
    error: int = 0
    failure: str = ""

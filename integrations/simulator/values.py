"""What the carrier and a provider's dialect tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from integrations.simulator.client import Answer
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.memory import Message
from integrations.simulator.outbox import Webhook


class Unroutable(Exception):
    """A person wrote to a number whose messages go nowhere. The text says what to set."""


class WebhookWriter(Protocol):
    """How one provider words its webhooks."""

    def status(self, settings: SimulatorSettings, message_id: str, message: Message, status: str) -> Webhook:
        """A delivery status."""

    def inbound(self, settings: SimulatorSettings, message_id: str, message: Message, url: str) -> Webhook:
        """A message that a person wrote."""

    def replies(self, answer: Answer) -> list[str]:
        """Texts that the answer to an inbound webhook wants sent back."""


@dataclass(slots=True)
class Submission:
    """A message as the API received and checked it."""

    recipient: str
    sender: str
    body: str
    status_url: str = ""
    media: int = 0
    service: str = ""


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

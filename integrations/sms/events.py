"""What webhooks say, normalised before anyone else sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DeliveryState(StrEnum):
    """What a provider says of a message it has taken; in the order in which they can follow each other."""

    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"


class OptOutAction(StrEnum):
    """What the provider has already answered by itself, so that we don't."""

    NONE = ""
    STOP = "STOP"
    START = "START"
    HELP = "HELP"


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A delivery status.

    Args:
        provider_id: the provider's id of the message.
        state: normalised state.
        message_id: our id, where the webhook carries it, else None.
        error_code: provider's code of a failure, else empty.
        error_text: for a person, else empty.
        opts_out: the failure says that the recipient has opted out at the provider.
        bad_number: the failure says that the number can never receive a text.
    """

    provider_id: str
    state: DeliveryState
    message_id: int | None = None
    error_code: str = ""
    error_text: str = ""
    opts_out: bool = False
    bad_number: bool = False


@dataclass(frozen=True, slots=True)
class InboundSms:
    """A message that somebody sent to one of our numbers.

    Args:
        provider_id: the provider's id; a repeat has the same.
        sender: E.164.
        recipient: our number, E.164 or a short code's digits.
        body: text, may be empty (media only).
        media: (URL, content type) pairs.
        handled_by_provider: what the provider has answered already.
        segments: segments of the body, as billed.
    """

    provider_id: str
    sender: str
    recipient: str
    body: str
    media: tuple[tuple[str, str], ...] = ()
    handled_by_provider: OptOutAction = OptOutAction.NONE
    segments: int = 1

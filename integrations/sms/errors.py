"""The closed catalogue of what can go wrong with a send."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ErrorKind(StrEnum):
    """What an error means for the message. There are no others."""

    #: Permanent: the provider looked at the message and refused it.
    REJECTED = "rejected"
    #: Never processed by the provider: safe to send again, after ``retry_after_seconds``.
    THROTTLED = "throttled"
    #: It never reached the provider (connection refused, DNS, bad credentials): safe to send again.
    NOT_SENT = "not_sent"
    #: The provider may have taken it (time-out after the request left, 5xx): never sent again blindly.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SendError:
    """One error of one message.

    Args:
        kind: what it means for the message.
        code: the provider's code or a word of ours, at most 32 characters, e.g. ``21610`` or ``timeout``.
        text: for a person: what happened and what to do next.
        retry_after_seconds: how long to wait before anything is sent again, if the provider said so.
        opts_out: the recipient has opted out at the provider; they are to be suppressed here too.
        bad_number: the recipient's number can never receive a text.
        stops_gateway: nothing can be sent through this gateway until a person acts (wrong credentials,
            suspended account): sending pauses, no message is marked as failed.
        stops_number: nothing can be sent from this sending number until a person acts.
    """

    kind: ErrorKind
    code: str
    text: str
    retry_after_seconds: float | None = None
    opts_out: bool = False
    bad_number: bool = False
    stops_gateway: bool = False
    stops_number: bool = False


class AdapterError(Exception):
    """Base of what an adapter raises outside sending. The text says what to do next."""


class SignatureError(AdapterError):
    """A webhook's signature is missing or does not match.

    Args:
        text: what is wrong, without secrets.
        matching_url: the URL for which the signature would have matched, where one was found.
        clock_seconds: how much later it is here than in the signature, where it matches and nothing but its time is wrong;
            negative when it is earlier here.
    """

    def __init__(self, text: str, *, matching_url: str = "", clock_seconds: float | None = None) -> None:
        super().__init__(text)
        self.matching_url = matching_url
        self.clock_seconds = clock_seconds


class UnparsableWebhook(AdapterError):
    """A signed webhook that is not understood; it is kept for staff."""


class ProviderError(AdapterError):
    """The provider refused a request that is not a send (numbers, look-ups).

    Args:
        code: the provider's code, or the HTTP status.
        text: the provider's reason and what to do next.
        retryable: the same request may work later.
        undone: the provider says that nothing came of it, although it took requests before.
    """

    def __init__(self, code: str, text: str, *, retryable: bool = False, undone: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.retryable = retryable
        self.undone = undone


class NumberPending(ProviderError):
    """A number is ordered and not ready yet. The same asked for again later finds it; it is not bought twice.

    Args:
        text: what it waits for and what to do.
        order_id: the provider's id of the order, if there is one.
    """

    def __init__(self, text: str, *, order_id: str = "") -> None:
        super().__init__("pending", text, retryable=True)
        self.order_id = order_id

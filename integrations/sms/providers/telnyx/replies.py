"""What Telnyx's replies and events have in common: JSON, messages with a status for each recipient, lists of errors."""

from __future__ import annotations

from typing import Any, NamedTuple

from integrations.http.values import Reply
from integrations.sms.contract import SendResult
from integrations.sms.errors import ErrorKind, ProviderError, SendError
from integrations.sms.events import DeliveryState
from integrations.sms.providers.telnyx.codes import delivery_error

#: Telnyx's statuses of an outbound message, in our words.
STATES: dict[str, DeliveryState] = {
    "queued": DeliveryState.ACCEPTED,
    "scheduled": DeliveryState.ACCEPTED,
    "sending": DeliveryState.ACCEPTED,
    # The carrier has not said that it took the message, nor that it did not.
    "gw_timeout": DeliveryState.ACCEPTED,
    "sent": DeliveryState.SENT,
    # The last that is heard of a message whose carrier sends no receipts; it may well have arrived.
    "delivery_unconfirmed": DeliveryState.SENT,
    "dlr_timeout": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "delivery_failed": DeliveryState.UNDELIVERED,
    "expired": DeliveryState.UNDELIVERED,
    "sending_failed": DeliveryState.FAILED,
    "cancelled": DeliveryState.FAILED,
    "canceled": DeliveryState.FAILED,
}
FAILURES = frozenset({DeliveryState.UNDELIVERED, DeliveryState.FAILED})
#: Statuses that say themselves what happened when Telnyx gives no code.
_OWN_CODES = {"expired": "expired", "cancelled": "canceled", "canceled": "canceled"}


class Fault(NamedTuple):
    """An error as Telnyx words it.

    Args:
        code: Telnyx's; the HTTP status where there is none.
        reason: its words.
        pointer: which field of the request is at fault, empty if it does not say.
    """

    code: str
    reason: str
    pointer: str = ""


def decoded(reply: Reply) -> Any:
    """The decoded body, None when it is not JSON."""
    try:
        return reply.json()
    except ValueError:
        return None


def resource(body: Any) -> dict[str, Any] | None:
    """The message of a reply's body; None when there is none with an id."""
    data = body.get("data") if isinstance(body, dict) else None
    return data if isinstance(data, dict) and isinstance(data.get("id"), str) and data["id"] else None


def status_word(message: dict[str, Any]) -> str:
    """The status of a message's one recipient, in Telnyx's word; empty if it has none."""
    recipients = message.get("to")
    first = recipients[0] if isinstance(recipients, list) and recipients else None
    return str(first.get("status") or "") if isinstance(first, dict) else ""


def read_message(message_id: int, message: dict[str, Any]) -> SendResult:
    """A result from a message as Telnyx describes it.

    One that Telnyx took and that failed since has both a state and an error; one with a status that is not known here is
    ``unknown`` and has Telnyx's id, so that it can be looked up.
    """
    word, parts = status_word(message), message.get("parts")
    state = STATES.get(word)
    if state is None:
        return SendResult(
            message_id, message["id"], error=unreadable(f"Telnyx gave the message the status {word[:40]!r}")
        )
    segments = parts if type(parts) is int and parts > 0 else None
    error = failure_of(message, word) if state in FAILURES else None
    return SendResult(message_id, message["id"], state, segments, error)


def failure_of(message: dict[str, Any], word: str) -> SendError:
    """Why a message failed.

    Args:
        message: as Telnyx describes it.
        word: its status.
    """
    fault = _fault(message.get("errors"))
    if fault is None:
        return delivery_error(_OWN_CODES.get(word, ""))
    return delivery_error(fault.code, fault.reason)


def fault_of(reply: Reply) -> Fault:
    """The first error of an error body; the HTTP status when there is no such body."""
    body = decoded(reply)
    fault = _fault(body.get("errors") if isinstance(body, dict) else None) or Fault("", "")
    return fault._replace(code=fault.code or str(reply.status), reason=fault.reason or f"HTTP {reply.status}")


def _fault(errors: Any) -> Fault | None:
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return None
    words = [str(first.get(name) or "").strip().rstrip(".") for name in ("title", "detail")]
    source = first.get("source")
    pointer = str(source.get("pointer") or source.get("parameter") or "") if isinstance(source, dict) else ""
    return Fault(str(first.get("code") or "")[:32], ": ".join(filter(None, words))[:200], pointer)


def quoted(reason: str) -> str:
    """Telnyx's own words, as the sentence that more may follow."""
    return f"Telnyx says: “{reason.rstrip('.')}”."


def unreadable(what: str) -> SendError:
    """The error of a message of which a successful reply tells nothing that is understood."""
    text = f"{what}, so the message may have been taken. Await its delivery status before it is sent again."
    return SendError(ErrorKind.UNKNOWN, "unreadable_reply", text)


def refusal(reply: Reply, doing: str) -> ProviderError:
    """The error of a request that is not a send.

    Args:
        reply: what Telnyx answered.
        doing: what was asked for, e.g. ``to look a message up``.
    """
    if 200 <= reply.status < 400:
        text = f"Telnyx's address answered HTTP {reply.status}, which is no answer. Check the gateway's base URL."
        return ProviderError("unreadable_reply", text, retryable=False)
    fault = fault_of(reply)
    retryable = reply.status in (408, 429) or reply.status >= 500
    if reply.status in (401, 403):
        hint = "Check the gateway's API key and its rights."
    elif retryable:
        hint = "Try again in a minute."
    else:
        hint = "Check the gateway's base URL; Telnyx's list of error codes tells more."
    text = f"Telnyx refused {doing} (error {fault.code}: {fault.reason}). {hint}"
    return ProviderError(fault.code, text, retryable=retryable)

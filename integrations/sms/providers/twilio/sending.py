"""Sends and look-ups: a message as form fields, and Twilio's reply as a result."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

from integrations.http.values import Reply
from integrations.sms.contract import OutboundSms, SendResult
from integrations.sms.errors import ErrorKind, ProviderError, SendError
from integrations.sms.events import DeliveryState
from integrations.sms.providers.twilio.codes import HINTS, SEND_ERRORS, delivery_error

#: Twilio's statuses of an outbound message, in our words.
STATES: dict[str, DeliveryState] = {
    "accepted": DeliveryState.ACCEPTED,
    "scheduled": DeliveryState.ACCEPTED,
    "queued": DeliveryState.ACCEPTED,
    "sending": DeliveryState.ACCEPTED,
    "sent": DeliveryState.SENT,
    # Some parts may still be on their way, so this is not an end.
    "partially_delivered": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.DELIVERED,
    "undelivered": DeliveryState.UNDELIVERED,
    "failed": DeliveryState.FAILED,
    "canceled": DeliveryState.FAILED,
}
FAILURES = frozenset({DeliveryState.UNDELIVERED, DeliveryState.FAILED})

# Only what changes meaning inside a form is escaped: a tenth of what quote_plus costs on ordinary text.
_escapable = re.compile(rb"[^A-Za-z0-9 _.~,:/!'()*@$?-]").sub
_ESCAPES = {bytes([byte]): b"%%%02X" % byte for byte in range(256)}

#: The Location of these names the place of the API, so the message itself was not looked at.
_MOVED = frozenset({301, 307, 308})


def form_value(text: str) -> bytes:
    """A value as ``application/x-www-form-urlencoded``. A lone surrogate, which has no encoding, becomes ``?``."""
    return _escapable(_escape, text.encode("utf-8", "replace")).replace(b" ", b"+")


def _escape(match: re.Match[bytes]) -> bytes:
    return _ESCAPES[match.group()]


@lru_cache(maxsize=1024)
def sender_field(sender: str) -> bytes:
    """The ``From`` field, ready to append; a campaign has one for all its messages."""
    return b"&From=" + form_value(sender) if sender else b""


def send_body(message: OutboundSms, service_field: bytes) -> bytes:
    """The form of one message.

    Args:
        message: what to send.
        service_field: the encoded ``MessagingServiceSid`` field, or empty.
    """
    body = b"To=" + form_value(message.recipient) + sender_field(message.sender) + service_field
    if message.body or not message.media_urls:
        body += b"&Body=" + form_value(message.body)
    if message.status_url:
        body += b"&StatusCallback=" + form_value(message.status_url)
    for url in message.media_urls:
        body += b"&MediaUrl=" + form_value(url)
    return body


def read_send(message_id: int, reply: Reply) -> SendResult:
    """What the reply to a send says of the message; never raises."""
    if 200 <= reply.status < 300:
        return read_message(message_id, decoded(reply)) or SendResult(
            message_id,
            error=SendError(
                ErrorKind.UNKNOWN,
                "unreadable_reply",
                "Twilio's reply could not be read, so the message may have been taken. "
                "Await its delivery status or look it up before it is sent again.",
            ),
        )
    return SendResult(message_id, error=refused_send(reply))


def read_message(message_id: int, resource: Any) -> SendResult | None:
    """A result from a message as Twilio describes it; None when it is not such a description.

    A message that Twilio took and that failed since has both a state and an error.
    """
    if not isinstance(resource, dict):
        return None
    sid, state = resource.get("sid"), STATES.get(str(resource.get("status")))
    if not isinstance(sid, str) or not sid or state is None:
        return None
    number = str(resource.get("num_segments") or "")
    # A messaging service says 0 until it has chosen a sender.
    segments = int(number) or None if number.isdecimal() else None
    if state not in FAILURES:
        return SendResult(message_id, sid, state, segments)
    code = str(resource.get("error_code") or ("canceled" if resource["status"] == "canceled" else ""))
    error = delivery_error(code, str(resource.get("error_message") or ""))
    return SendResult(message_id, sid, state, segments, error)


def refused_send(reply: Reply) -> SendError:
    """The catalogued error of a reply that is not 2xx."""
    status = reply.status
    code, reason = code_and_reason(reply)
    if status >= 500 or status == 408:
        return SendError(
            ErrorKind.UNKNOWN,
            code,
            f"Twilio failed with HTTP {status}, so the message may have been taken. "
            "Await its delivery status or look it up before it is sent again.",
        )
    known = SEND_ERRORS.get(code)
    if known is not None and (status != 401 or known.stops_gateway):
        if known.kind is ErrorKind.REJECTED:
            return known
        if known.kind is ErrorKind.THROTTLED:
            return replace(known, retry_after_seconds=reply.retry_after_seconds)
        return replace(known, text=f"{known.text} {_quoted(reason)}")
    if status == 429:
        return replace(SEND_ERRORS["20429"], code=code, retry_after_seconds=reply.retry_after_seconds)
    if status in (401, 403, 404, 405) or status in _MOVED:
        text = _gateway_text(status)
        return SendError(ErrorKind.NOT_SENT, code, f"{text} {_quoted(reason)}", stops_gateway=True)
    if 400 <= status < 500:
        text = f"Twilio refused the message (error {code}: {reason}). Twilio's error dictionary tells what to do."
        return SendError(ErrorKind.REJECTED, code, text)
    text = f"Twilio's address answered HTTP {status}, which is no answer to a message. Check the gateway's base URL."
    return SendError(ErrorKind.UNKNOWN, code, text)


def _quoted(reason: str) -> str:
    """Twilio's own words, as the sentence that more may follow."""
    return f"Twilio says: “{reason.rstrip('.')}”."


def _gateway_text(status: int) -> str:
    if status in (401, 403):
        return SEND_ERRORS["20003"].text
    return f"The gateway's base URL is not Twilio's API (HTTP {status}). Correct it, then resume."


def refusal(reply: Reply, doing: str) -> ProviderError:
    """The error of a refused request that is not a send.

    Args:
        reply: a reply that is not what was wanted.
        doing: what was attempted, e.g. ``to release the number``.
    """
    if 200 <= reply.status < 300:
        text = (
            f"Twilio's reply to a request {doing} could not be read. Check in the Twilio Console whether it was done."
        )
        return ProviderError("unreadable_reply", text, retryable=False)
    code, reason = code_and_reason(reply)
    retryable = reply.status == 429 or reply.status >= 500
    if reply.status in (401, 403):
        hint = HINTS["20003"]
    elif reply.status == 402:
        hint = "Add money to the Twilio account, then try again."
    elif reply.status == 429 and reply.retry_after_seconds:
        hint = f"Try again in {reply.retry_after_seconds:.0f} seconds."
    else:
        fallback = "Try again in a minute." if retryable else "Twilio's error dictionary tells what to do."
        hint = HINTS.get(code, fallback)
    return ProviderError(code, f"Twilio refused {doing} (error {code}: {reason}). {hint}", retryable=retryable)


def code_and_reason(reply: Reply) -> tuple[str, str]:
    """Twilio's code and words of an error body; the HTTP status when there is no such body."""
    body = decoded(reply)
    if isinstance(body, dict):
        code, reason = body.get("code"), body.get("message")
        return str(code or reply.status)[:32], str(reason or f"HTTP {reply.status}").strip()[:200]
    return str(reply.status), f"HTTP {reply.status}"


def decoded(reply: Reply) -> Any:
    """The decoded body, None when it is not JSON."""
    try:
        return reply.json()
    except ValueError:
        return None

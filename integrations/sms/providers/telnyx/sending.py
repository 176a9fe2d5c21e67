"""Sends: a message as JSON, and Telnyx's reply as a result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from integrations.http.values import Reply
from integrations.sms.contract import OutboundSms, SendResult
from integrations.sms.errors import ErrorKind, SendError
from integrations.sms.providers.telnyx.codes import CREDENTIALS, FUNDS, SEND_ERRORS, SENDER, THROTTLED
from integrations.sms.providers.telnyx.replies import decoded, fault_of, quoted, read_message, resource, unreadable

#: The Location of these names the place of the API, so the message itself was not looked at.
_MOVED = frozenset({301, 307, 308})


def send_body(message: OutboundSms) -> bytes:
    """One message. A lone surrogate, which has no encoding, becomes ``?``.

    Equal messages have equal bytes: Telnyx repeats its reply only to a body that is the same to the byte.
    """
    values: dict[str, Any] = {"from": message.sender, "to": message.recipient}
    if message.body or not message.media_urls:
        values["text"] = message.body
    if message.media_urls:
        values["media_urls"] = message.media_urls
    if message.status_url:
        # Otherwise the profile's address, which is for inbound messages, would hear of every status as well.
        values |= {"webhook_url": message.status_url, "use_profile_webhooks": False}
    try:
        return orjson.dumps(values)
    except orjson.JSONEncodeError:
        return orjson.dumps({name: _encodable(value) for name, value in values.items()})


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return [_encodable(item) for item in value] if isinstance(value, tuple) else value


def read_send(message_id: int, reply: Reply) -> SendResult:
    """What the reply to a send says of the message; never raises."""
    if 200 <= reply.status < 300:
        message = resource(decoded(reply))
        if message is None:
            return SendResult(message_id, error=unreadable("Telnyx's reply could not be read"))
        return read_message(message_id, message)
    return SendResult(message_id, error=refused_send(reply))


def refused_send(reply: Reply) -> SendError:
    """The catalogued error of a reply that is not 2xx."""
    status, fault = reply.status, fault_of(reply)
    if status >= 500 or status == 408:
        return _unknown(fault.code, f"Telnyx failed with HTTP {status}, so the message may have been taken.")
    if status == 409 or "idempoten" in fault.reason.lower():
        text = "Telnyx knows a request with this message's key already, so the message may have been taken."
        return _unknown(fault.code, f"{text} {quoted(fault.reason)}")
    known = SEND_ERRORS.get(fault.code)
    if known is not None and known.bad_number and fault.pointer.strip("/").endswith("from"):
        known = replace(SENDER, code=fault.code)
    if known is not None and (status != 401 or known.stops_gateway):
        if known.kind is ErrorKind.REJECTED:
            return known
        if known.kind is ErrorKind.THROTTLED:
            return replace(known, retry_after_seconds=reply.retry_after_seconds)
        return replace(known, text=f"{known.text} {quoted(fault.reason)}")
    if status == 429:
        return replace(THROTTLED, code=fault.code, retry_after_seconds=reply.retry_after_seconds)
    if status in (401, 403):
        return replace(CREDENTIALS, code=fault.code, text=f"{CREDENTIALS.text} {quoted(fault.reason)}")
    if status == 402:
        return replace(FUNDS, code=fault.code, text=f"{FUNDS.text} {quoted(fault.reason)}")
    if status in (404, 405) or status in _MOVED:
        text = f"The gateway's base URL is not Telnyx's API (HTTP {status}). Correct it, then resume."
        return SendError(ErrorKind.NOT_SENT, fault.code, f"{text} {quoted(fault.reason)}", stops_gateway=True)
    if 400 <= status < 500:
        text = f"Telnyx refused the message (error {fault.code}: {fault.reason})."
        return SendError(ErrorKind.REJECTED, fault.code, f"{text} Telnyx's list of error codes tells what to do.")
    text = f"Telnyx's address answered HTTP {status}, which is no answer to a message. Check the gateway's base URL."
    return SendError(ErrorKind.UNKNOWN, fault.code, text)


def _unknown(code: str, what: str) -> SendError:
    return SendError(ErrorKind.UNKNOWN, code, f"{what} Await its delivery status before it is sent again.")

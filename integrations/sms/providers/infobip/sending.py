"""Sends: a thousand messages as one JSON body, and Infobip's reply as a result for each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from integrations.http.values import Reply
from integrations.sms.contract import OutboundSms, SendResult
from integrations.sms.errors import ErrorKind, SendError
from integrations.sms.events import DeliveryState
from integrations.sms.providers.infobip.codes import FAILURES, send_error
from integrations.sms.providers.infobip.message_ids import MessageIds
from integrations.sms.providers.infobip.replies import (
    MOVED,
    code_and_reason,
    decoded,
    quoted,
    read_status_object,
    segments_of,
    unreadable,
    violations,
)

#: What nearly every message of a reply has; only what differs is looked at more closely.
_PENDING_ACCEPTED = 26
_OPTIONS = {"includeSmsCountInResponse": True}
_named_message = re.compile(r"\bmessages\[(\d{1,6})\]").search


def send_body(messages: Iterable[OutboundSms], ids: MessageIds) -> bytes:
    """The body of a send. A lone surrogate, which has no encoding, becomes ``?``."""
    try:
        return orjson.dumps({"messages": _entries(messages, ids), "options": _OPTIONS})
    except TypeError:
        entries = _entries(messages, ids)
        for entry in entries:
            entry["content"] = {"text": entry["content"]["text"].encode("utf-8", "replace").decode()}
        return orjson.dumps({"messages": entries, "options": _OPTIONS})


def _entries(messages: Iterable[OutboundSms], ids: MessageIds) -> list[dict[str, Any]]:
    prefix = ids.prefix
    entries: list[dict[str, Any]] = []
    base = ""
    webhooks: dict[str, Any] = {}
    for message in messages:
        number = str(message.id)
        entry: dict[str, Any] = {
            "sender": message.sender.removeprefix("+"),
            "destinations": ({"to": message.recipient.removeprefix("+"), "messageId": prefix + number},),
            "content": {"text": message.body},
        }
        url = message.status_url
        if url:
            # The id is in messageId: with one address for all of them, Infobip reports on many in one request.
            if url != base + number:
                base = url.removesuffix(number) if url.endswith(f"/{number}") else ""
                webhooks = {"delivery": {"url": base[:-1] or url}, "contentType": "application/json"}
            entry["webhooks"] = webhooks
        entries.append(entry)
    return entries


def read_send(messages: Sequence[OutboundSms], ids: MessageIds, reply: Reply) -> list[SendResult]:
    """What the reply to a send says of each message; never raises."""
    if 200 <= reply.status < 300:
        body = decoded(reply)
        listed = body.get("messages") if isinstance(body, dict) else None
        if isinstance(listed, list):
            return _results(messages, ids, listed)
        error = unreadable("Infobip's reply could not be read")
        return [SendResult(message.id, error=error) for message in messages]
    return _refused(messages, reply)


def _results(messages: Sequence[OutboundSms], ids: MessageIds, listed: list[Any]) -> list[SendResult]:
    prefix, accepted = ids.prefix, DeliveryState.ACCEPTED
    results: list[SendResult] = []
    by_id: dict[str, Any] | None = None
    for place, message in enumerate(messages):
        given = prefix + str(message.id)
        try:
            entry = listed[place]
            if entry["messageId"] == given and entry["status"]["id"] == _PENDING_ACCEPTED:
                count = entry["details"]["messageCount"]
                results.append(SendResult(message.id, given, accepted, count if type(count) is int and count else None))
                continue
        except (LookupError, TypeError):
            # Not the usual form: it is read more slowly below.
            pass
        if by_id is None:
            by_id = _by_id(listed)
        results.append(_result(message.id, given, by_id.get(given)))
    return results


def _by_id(listed: list[Any]) -> dict[str, Any]:
    """Entries by their ids. Of two with the same id the first counts: the other is of a repeat within the request."""
    found: dict[str, Any] = {}
    for entry in listed:
        if isinstance(entry, dict) and isinstance(entry.get("messageId"), str):
            found.setdefault(entry["messageId"], entry)
    return found


def _result(message_id: int, given: str, entry: Any) -> SendResult:
    if entry is None:
        return SendResult(message_id, error=unreadable("Infobip's reply does not name the message"))
    status = read_status_object(entry.get("status"))
    if status is None:
        return SendResult(message_id, given, error=unreadable("Infobip's reply tells no status of the message"))
    if status.state in FAILURES:
        return SendResult(message_id, given, error=send_error(status.code, status.reason))
    details = entry.get("details")
    segments = segments_of(details.get("messageCount")) if isinstance(details, dict) else None
    return SendResult(message_id, given, status.state, segments)


# Replies that are no success concern the request as a whole


def _refused(messages: Sequence[OutboundSms], reply: Reply) -> list[SendResult]:
    error = refused_send(reply)
    if error.kind is ErrorKind.REJECTED:
        at_fault = _at_fault(reply, len(messages))
        if at_fault and len(at_fault) < len(messages):
            # One bad message makes Infobip refuse the whole request: the others were not looked at and can go again.
            text = "Infobip refused the whole request because of another message in it. It is sent again by itself."
            spared = SendError(ErrorKind.NOT_SENT, error.code, text)
            return [
                SendResult(message.id, error=error if place in at_fault else spared)
                for place, message in enumerate(messages)
            ]
    return [SendResult(message.id, error=error) for message in messages]


def _at_fault(reply: Reply, count: int) -> set[int]:
    """Places of the messages that a refusal names; empty unless each of its violations names one."""
    found: set[int] = set()
    for path, _ in violations(decoded(reply)):
        named = _named_message(path)
        place = int(named[1]) if named else count
        if place >= count:
            return set()
        found.add(place)
    return found


def refused_send(reply: Reply) -> SendError:
    """The catalogued error of a reply that is not 2xx."""
    status = reply.status
    code, reason = code_and_reason(reply)
    if status >= 500 or status == 408:
        return SendError(
            ErrorKind.UNKNOWN,
            code,
            f"Infobip failed with HTTP {status}, so the message may have been taken. "
            "Await its delivery report or look it up before it is sent again.",
        )
    if status == 429:
        return SendError(
            ErrorKind.THROTTLED,
            code,
            "Infobip took too many requests at once. They are sent again by themselves.",
            retry_after_seconds=reply.retry_after_seconds,
        )
    if status in (401, 402, 403, 404, 405) or status in MOVED:
        return SendError(ErrorKind.NOT_SENT, code, f"{_gateway_text(status)} {quoted(reason)}", stops_gateway=True)
    if 400 <= status < 500:
        text = f"Infobip refused the message (error {code}: {reason}). Infobip's documentation tells what to do."
        return SendError(ErrorKind.REJECTED, code, text)
    text = f"Infobip's address answered HTTP {status}, which is no answer to a message. Check the gateway's base URL."
    return SendError(ErrorKind.UNKNOWN, code, text)


def _gateway_text(status: int) -> str:
    if status == 401:
        return "Infobip refused the API key. Check it on the gateway's page, then resume."
    if status == 402:
        return "The Infobip account cannot pay for messages. Top it up, then resume."
    if status == 403:
        return "The API key may not send messages. Give it that right at Infobip, then resume."
    return "The gateway's base URL is not that of Infobip's API. Enter your account's own, then resume."

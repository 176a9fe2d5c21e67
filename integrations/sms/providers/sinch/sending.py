"""Sends: messages that go together as one batch, and Sinch's reply as a result for each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson

from integrations.http.values import Reply
from integrations.sms.contract import OutboundSms, SendResult
from integrations.sms.errors import ErrorKind, SendError
from integrations.sms.events import DeliveryState
from integrations.sms.providers.sinch.references import BLOCK, References, provider_id
from integrations.sms.providers.sinch.replies import MOVED, code_and_reason, decoded, quoted, unreadable
from integrations.sms.providers.sinch.texts import PLACE, pieces, same, shape
from integrations.sms.segments import segments

_named_place = re.compile(r"\bto\[(\d{1,4})\]").search
_named_number = re.compile(r"\bparameters\b.*?\b(\d{7,15})\b").search
_named_sender = re.compile(r"\b(?:parameter|field) '?from\b").search


#: Characters of all parameters of a batch, about. Sinch names no limit of a request; what stands before it may have one.
MOST_OF_BATCH = 400_000


def fitting(messages: Sequence[OutboundSms], most: int) -> int:
    """How many messages, from the first, go into one batch: from one sender, each to somebody else, with texts that go together.

    Args:
        messages: at least one.
        most: the batch's limit.
    """
    first = messages[0]
    if PLACE in first.body:
        return 1
    sender, block = first.sender, first.id // BLOCK
    base = _base(first)
    if base is None:
        return 1
    recipients: set[str] = set()
    needed, shortest = 1, len(first.body)
    total, prefix, suffix = 0, first.body, first.body
    for place, (number, from_, recipient, text, url, _) in enumerate(messages[:most]):
        if from_ != sender or recipient in recipients or not 0 <= number // BLOCK - block <= 1 or PLACE in text:
            return place
        if url != (f"{base}{number}" if base else ""):
            return place
        length = len(text)
        # Few texts are as long as this, so few are counted.
        wanted = max(needed, pieces(text)) if length > 80 else needed
        if min(shortest, length) < wanted:
            return max(place, 1)
        # Usually both hold, so the loop costs half a microsecond a message.
        if not text.startswith(prefix):
            prefix = prefix[: same(prefix, text)]
        if not text.endswith(suffix):
            suffix = suffix[len(suffix) - same(suffix[::-1], text[::-1]) :]
        total += length
        if total - (place + 1) * min(len(prefix) + len(suffix), shortest, length) > MOST_OF_BATCH:
            return max(place, 1)
        needed, shortest = wanted, min(shortest, length)
        recipients.add(recipient)
    return min(len(messages), most)


def _base(message: OutboundSms) -> str | None:
    """A status URL without the message's id; empty when there is no URL, None when it does not end in the id."""
    url, number = message.status_url, str(message.id)
    if not url:
        return ""
    return url.removesuffix(number) if url.endswith(f"/{number}") else None


def send_body(messages: Sequence[OutboundSms], references: References) -> bytes:
    """The body of a send. A lone surrogate, which has no encoding, becomes ``?``.

    Raises:
        ValueError: the messages do not go into one batch.
    """
    try:
        return orjson.dumps(_batch(messages, [message.body for message in messages], references))
    except TypeError:
        texts = [message.body.encode("utf-8", "replace").decode() for message in messages]
        return orjson.dumps(_batch(messages, texts, references))


def _batch(messages: Sequence[OutboundSms], texts: Sequence[str], references: References) -> dict[str, Any]:
    first = messages[0]
    numbers = [message.recipient.removeprefix("+") for message in messages]
    shaped = shape(texts)
    batch: dict[str, Any] = {
        "from": first.sender.removeprefix("+"),
        "to": numbers,
        "type": "mt_text",
        "body": shaped.body,
        "client_reference": references.of(first.id),
        "delivery_report": "none",
    }
    if shaped.values:
        batch["parameters"] = {name: dict(zip(numbers, values, strict=True)) for name, values in shaped.values.items()}
    if first.status_url:
        # Of one message the address tells which: its report finds it although the reply was lost.
        base = (_base(first) or "").removesuffix("/") if len(messages) > 1 else ""
        batch |= {"delivery_report": "per_recipient", "callback_url": base or first.status_url}
    return batch


def read_send(messages: Sequence[OutboundSms], reply: Reply) -> list[SendResult]:
    """What the reply to a send says of each message; never raises."""
    if not 200 <= reply.status < 300:
        return _refused(messages, reply)
    body = decoded(reply)
    batch_id = body.get("id") if isinstance(body, dict) else None
    if not isinstance(batch_id, str) or not batch_id:
        error = unreadable("Sinch's reply could not be read")
        return [SendResult(message.id, error=error) for message in messages]
    listed = body.get("to")
    taken = {str(number).removeprefix("+") for number in listed} if isinstance(listed, list) else None
    prefix = provider_id(batch_id, "")
    missing = unreadable("Sinch's reply does not name the recipient")
    accepted = DeliveryState.ACCEPTED
    results: list[SendResult] = []
    for message in messages:
        number = message.recipient.removeprefix("+")
        if taken is None or number in taken:
            # Sinch does not say how many segments it has made of a text.
            result = SendResult(message.id, prefix + number, accepted, segments(message.body) or None)
        else:
            result = SendResult(message.id, error=missing)
        results.append(result)
    return results


# Replies that are no success concern the batch as a whole


def _refused(messages: Sequence[OutboundSms], reply: Reply) -> list[SendResult]:
    error, at_fault = refused_send(reply), None
    if reply.status == 400:
        at_fault = _at_fault(messages, code_and_reason(reply)[1])
    if at_fault is None or len(messages) == 1:
        return [SendResult(message.id, error=error) for message in messages]
    # One bad message makes Sinch refuse the whole batch: nobody's was sent, and the others can go again.
    text = "Sinch refused the whole batch because of another message in it. It is sent again by itself."
    spared = SendError(ErrorKind.NOT_SENT, error.code, text)
    return [
        SendResult(message.id, error=error if place == at_fault else spared) for place, message in enumerate(messages)
    ]


def _at_fault(messages: Sequence[OutboundSms], reason: str) -> int | None:
    """The place of the message that a refusal names; None when it names none."""
    if named := _named_place(reason):
        place = int(named[1])
        return place if place < len(messages) else None
    if named := _named_number(reason):
        numbers = [message.recipient.removeprefix("+") for message in messages]
        return numbers.index(named[1]) if named[1] in numbers else None
    return None


def refused_send(reply: Reply) -> SendError:
    """The catalogued error of a reply that is not 2xx."""
    status = reply.status
    code, reason = code_and_reason(reply)
    if status >= 500 or status == 408:
        return SendError(
            ErrorKind.UNKNOWN,
            code,
            f"Sinch failed with HTTP {status}, so the message may have been taken. "
            "Await its delivery report or look it up before it is sent again.",
        )
    if status == 429:
        return SendError(
            ErrorKind.THROTTLED,
            code,
            "Sinch took too many requests at once. They are sent again by themselves.",
            retry_after_seconds=reply.retry_after_seconds,
        )
    if code == "unknown_campaign" or (status == 400 and _named_sender(reason)):
        text = (
            f"Sinch does not send from this number. {quoted(reason)} Have it enabled for the service plan, then resume."
        )
        return SendError(ErrorKind.NOT_SENT, code, text, stops_number=True)
    if code == "unknown_group":
        return SendError(ErrorKind.REJECTED, code, "Sinch took the recipient for a group. Correct their number.")
    if status in (401, 402, 403, 404, 405) or status in MOVED:
        return SendError(ErrorKind.NOT_SENT, code, f"{_gateway_text(status)} {quoted(reason)}", stops_gateway=True)
    if status == 400 and _named_place(reason):
        text = "The recipient's number is not a valid phone number. Correct it."
        return SendError(ErrorKind.REJECTED, code, text, bad_number=True)
    if 400 <= status < 500:
        text = f"Sinch refused the message (error {code}: {reason}). Sinch's documentation tells what to do."
        return SendError(ErrorKind.REJECTED, code, text)
    text = f"Sinch's address answered HTTP {status}, which is no answer to a message. Check the gateway's base URL."
    return SendError(ErrorKind.UNKNOWN, code, text)


def _gateway_text(status: int) -> str:
    if status == 401:
        return "Sinch refused the API token. Check it and the service plan ID on the gateway's page, then resume."
    if status == 402:
        return "The Sinch account cannot pay for messages. Top it up, then resume."
    if status == 403:
        return "Sinch does not let the service plan send this. Have it allowed at Sinch, then resume."
    return "Sinch knows no such service plan at this address. Check the base URL's region and the service plan ID, then resume."

"""Sinch's values: statuses with their codes, error bodies, batches, and webhooks with their signatures."""

from __future__ import annotations

import hmac
import secrets
import time
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from integrations.simulator.client import Answer
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.memory import Batch, Memory, Message
from integrations.simulator.outbox import Webhook
from integrations.simulator.values import Medium

#: A recipient of a batch for whom a parameter has no value.
UNMATCHED_PARAMETER = 405
#: HTTP status by error code.
_REFUSED_REQUESTS = {
    "syntax_invalid_json": 400,
    "syntax_invalid_parameter_format": 400,
    "syntax_constraint_violation": 400,
    "unauthorized": 401,
    "missing_callback_url": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_many_requests": 429,
    "internal_error": 500,
    "service_unavailable": 503,
}
#: The simulator's settings name errors by Twilio's codes; these are Sinch's for those of a send ...
_REFUSALS = {21211: 300, 21217: 300, 21408: 412, 21606: 310, 21610: 257, 21612: 402, 21614: 152, 21635: 152}
#: ... and for those of a delivery.
_FAILURES = {
    30001: 406, 30003: 201, 30004: 151, 30005: 150, 30006: 152, 30007: 62, 30008: 217, 30022: 64, 30023: 64, 30027: 64,
    30032: 64, 30034: 60,
}  # fmt: skip


def error_body(code: str, text: str) -> tuple[int, bytes]:
    """HTTP status and body of a refused request.

    Args:
        code: Sinch's.
        text: for a person.
    """
    return _REFUSED_REQUESTS[code], orjson.dumps({"code": code, "text": text})


def refusal_code(error: int) -> int:
    """Sinch's code for an error code of the settings, of a message that never left."""
    return _REFUSALS.get(error, 408)


def status_of(message: Message) -> tuple[str, int]:
    """Status and code of a message as it is now."""
    if message.error:
        code = _FAILURES.get(message.error, 217)
        return ("Aborted" if message.status == "failed" else "Failed"), code
    if message.status == "delivered":
        return "Delivered", 0
    return ("Dispatched", 401) if message.status == "sent" else ("Queued", 400)


def _moment(unix: float) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def batch_json(batch: Batch) -> dict[str, Any]:
    """A batch as replies show it."""
    return {
        "id": batch.id,
        "to": list(batch.recipients),
        "from": batch.sender.removeprefix("+"),
        "canceled": False,
        "type": "mt_text",
        "body": batch.body,
        "created_at": _moment(batch.created),
        "modified_at": _moment(batch.created),
        "delivery_report": "per_recipient" if batch.url else "none",
        "flash_message": False,
        **({"callback_url": batch.url} if batch.url else {}),
        **({"client_reference": batch.reference} if batch.reference else {}),
    }


def report_json(memory: Memory, batch: Batch, digits: str) -> dict[str, Any]:
    """The delivery report of one recipient of a batch."""
    number = batch.recipients[digits]
    if number < 0:
        code = -number
        return _report(batch.id, batch.reference, digits, "Aborted" if code >= 400 else "Rejected", code, batch.created)
    message = memory.messages[number]
    status, code = status_of(message)
    return _report(batch.id, batch.reference, digits, status, code, message.updated)


def _report(batch_id: str, reference: str, digits: str, status: str, code: int, at: float) -> dict[str, Any]:
    return {
        "type": "recipient_delivery_report_sms",
        "batch_id": batch_id,
        "recipient": digits,
        "code": code,
        "status": status,
        "at": _moment(at),
        **({"client_reference": reference} if reference else {}),
    }


class SinchWebhooks:
    """Webhooks as Sinch words them: JSON, one recipient or message each."""

    most = 1

    def reports(self, settings: SimulatorSettings, url: str, messages: Sequence[tuple[str, Message]]) -> Webhook:
        """The delivery report of one message; its id is ``<batch>:<reference>``."""
        given_id, message = messages[0]
        batch_id, _, reference = given_id.partition(":")
        status, code = status_of(message)
        digits = message.recipient.removeprefix("+")
        return self.signed(settings, url, _report(batch_id, reference, digits, status, code, message.updated))

    def inbound(
        self, settings: SimulatorSettings, message_id: str, message: Message, url: str, media: Sequence[Medium] = ()
    ) -> Webhook:
        """A message somebody wrote: ``mo_text``, or ``mo_media`` with files."""
        body: Any = message.body
        if media:
            files = [{"url": address, "content_type": kind, "status": "Uploaded", "code": 0} for address, kind in media]
            body = {"message": message.body, "media": files}
        values = {
            "type": "mo_media" if media else "mo_text",
            "id": message_id,
            "from": message.sender.removeprefix("+"),
            "to": message.recipient.removeprefix("+"),
            "body": body,
            "operator_id": "310260",
            "received_at": _moment(message.created),
        }
        return self.signed(settings, url, values)

    def replies(self, answer: Answer) -> list[str]:  # noqa: ARG002  Sinch reads nothing from an answer
        """None: Sinch sends no replies of its own."""
        return []

    def signed(self, settings: SimulatorSettings, url: str, values: dict[str, Any]) -> Webhook:
        """A webhook that is signed now."""
        body, nonce, timestamp = orjson.dumps(values), secrets.token_hex(13), str(int(time.time()))
        signed = body + f".{nonce}.{timestamp}".encode()
        signature = b64encode(hmac.digest(settings.sinch_webhook_secret.encode(), signed, "sha256")).decode()
        name = "X-Sinch-Webhook-Signature"
        lines = (
            "Content-Type: application/json",
            f"{name}: {signature}",
            f"{name}-Nonce: {nonce}",
            f"{name}-Timestamp: {timestamp}",
            f"{name}-Algorithm: HmacSHA256",
        )
        return Webhook(url, "".join(f"{line}\r\n" for line in lines).encode(), body)

"""Telnyx's values: error bodies, messages, and events with their signatures."""

from __future__ import annotations

import base64
import functools
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrations.simulator.client import Answer
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.memory import Message
from integrations.simulator.outbox import Webhook
from integrations.simulator.values import Medium

#: What the account is told of its money.
BALANCE = {
    "record_type": "balance",
    "pending": "0.00",
    "balance": "300.00",
    "credit_limit": "0.00",
    "available_credit": "300.00",
    "currency": "USD",
}
#: HTTP status, title and detail by code.
_ERRORS: dict[str, tuple[int, str, str]] = {
    "10002": (400, "Invalid phone number", "The phone number is invalid."),
    "10003": (400, "Invalid URL", "The URL provided was invalid."),
    "10004": (400, "Missing required parameter", "A required parameter was missing."),
    "10005": (404, "Resource not found", "The requested resource or URL could not be found."),
    "10007": (500, "Unexpected error", "An unexpected error occurred."),
    "10009": (401, "Authentication failed", "The required authentication headers were invalid or missing."),
    "10011": (429, "Too many requests", "You have exceeded the maximum number of allowed requests."),
    "10015": (400, "Bad Request", "The request failed because it was not well-formed."),
    "40001": (400, "Not routable", "The destination number is either a landline or a non-routable wireless number."),
    "40300": (400, "Blocked due to STOP message", "Messages cannot be sent due to an existing block rule."),
    "40302": (400, "Message too large", "The message is too large."),
    "40305": (400, "Invalid 'from' address", "The number does not belong to a messaging profile of the account."),
    "40309": (400, "Invalid destination region", "The destination region is not whitelisted."),
    "40310": (400, "Invalid 'to' address", "The 'to' address is not a valid phone number."),
    "40316": (400, "No content", "The message has neither a text nor media."),
    "40317": (400, "Invalid MMS content", "A message takes 10 media at most."),
    "40318": (429, "Message queue full", "The number's queue is full."),
    "key_reused": (422, "Unprocessable entity", "The Idempotency-Key belongs to a request with another body."),
}
#: The simulator's settings name errors by Twilio's codes; these are Telnyx's for those of a send ...
_REFUSALS = {
    20429: "10011", 20500: "10007", 20503: "10007", 21211: "40310", 21217: "40310", 21408: "40309", 21606: "40305",
    21610: "40300", 21611: "40318", 21612: "40001", 21614: "40001", 21617: "40302", 21635: "40001",
}  # fmt: skip
#: ... and its codes and titles for those of a delivery.
_FAILURES = {
    30001: ("40014", "Message expired in queue"), 30003: ("40006", "Recipient server unavailable"),
    30004: ("40004", "Rejected by destination"), 30005: ("40008", "Undeliverable"), 30006: ("40001", "Not routable"),
    30007: ("40002", "Blocked as spam - temporary"), 30008: ("40008", "Undeliverable"),
    30022: ("40018", "AT&T 10DLC sending limit reached"), 30023: ("40016", "T-Mobile 10DLC sending limit reached"),
    30027: ("40016", "T-Mobile 10DLC sending limit reached"), 30032: ("40329", "Toll-free number not verified"),
    30034: ("40010", "Unregistered 10DLC message"),
}  # fmt: skip
_STATUSES = {"undelivered": "delivery_failed", "failed": "sending_failed"}
_PROFILE = "5f1d7c90-0f52-4b27-9a30-2a5a0a5c0001"
_ORGANIZATION = "5f1d7c90-0f52-4b27-9a30-2a5a0a5c0002"


def error_body(code: str, pointer: str = "") -> tuple[int, bytes]:
    """HTTP status and body of an error.

    Args:
        code: Telnyx's; one that is not known here is a 400.
        pointer: the field that is at fault, such as ``/to``.
    """
    status, title, detail = _ERRORS.get(code, (400, "The request was refused", "No detail."))
    error: dict[str, Any] = {"code": "10015" if code == "key_reused" else code, "title": title, "detail": detail}
    if pointer:
        error["source"] = {"pointer": pointer}
    return status, orjson.dumps({"errors": [error]})


def refusal_code(code: int) -> str:
    """Telnyx's code for an error code of the settings."""
    return _REFUSALS.get(code, "10015")


def public_key(settings: SimulatorSettings) -> str:
    """What belongs into a gateway's public key."""
    return base64.b64encode(_private_key(settings.telnyx_private_key).public_key().public_bytes_raw()).decode()


@functools.lru_cache(maxsize=8)
def _private_key(given: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(given))


def message_id_of(hexadecimal: str) -> str:
    """A message's 32 hexadecimal digits as Telnyx writes them."""
    return str(uuid.UUID(hexadecimal))


def message_json(message_id: str, message: Message, status: str, *, as_taken: bool = False) -> dict[str, Any]:
    """A message that was sent.

    Args:
        message_id: 32 hexadecimal digits.
        message: the message.
        status: in the carrier's words.
        as_taken: as the reply to its creation shows it, whatever has happened since.
    """
    failed = not as_taken and message.error and status in _STATUSES
    code, title = _FAILURES.get(message.error, ("40008", "Undeliverable"))
    final = not as_taken and status in ("delivered", *_STATUSES)
    return {
        "record_type": "message",
        "direction": "outbound",
        "id": message_id_of(message_id),
        "type": "MMS" if message.media else "SMS",
        "messaging_profile_id": _PROFILE,
        "organization_id": _ORGANIZATION,
        "from": _party(message.sender),
        "to": [_party(message.recipient, status=_STATUSES.get(status, status))],
        "cc": [],
        "text": message.body.encode("utf-8", "replace").decode(),
        "webhook_url": message.status_url or None,
        "encoding": "GSM-7" if message.body.isascii() else "UCS-2",
        "parts": message.segments,
        "tags": [],
        "cost": {"amount": f"{0.004 * message.segments:.4f}", "currency": "USD"},
        "received_at": _moment(message.created),
        "sent_at": _moment(message.sent) if message.sent and not as_taken else None,
        "completed_at": _moment(message.updated) if final else None,
        "errors": [{"code": code, "title": title}] if failed else [],
    }


def _party(number: str, **more: str) -> dict[str, str]:
    return {"phone_number": number, "carrier": "Simulated", "line_type": "Wireless", **more}


@functools.lru_cache(maxsize=4096)
def _moment(unix: int) -> str:
    """A Unix time as ``2019-01-23T18:10:02.000+00:00``."""
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%S}.000+00:00"


class TelnyxWebhooks:
    """Webhooks as Telnyx words them: one event a request."""

    def status(self, settings: SimulatorSettings, message_id: str, message: Message, status: str) -> Webhook:
        """A delivery status."""
        event = "message.sent" if status == "sent" else "message.finalized"
        return _signed(settings, message.status_url, event, message_json(message_id, message, status))

    def inbound(
        self, settings: SimulatorSettings, message_id: str, message: Message, url: str, media: Sequence[Medium] = ()
    ) -> Webhook:
        """A message somebody wrote."""
        payload = {
            "record_type": "message",
            "direction": "inbound",
            "id": message_id_of(message_id),
            "type": "MMS" if media else "SMS",
            "messaging_profile_id": _PROFILE,
            "organization_id": _ORGANIZATION,
            "from": _party(message.sender),
            "to": [_party(message.recipient, status="webhook_delivered")],
            "cc": [],
            "text": message.body,
            "media": [{"url": address, "content_type": kind, "sha256": None, "size": None} for address, kind in media],
            "autoresponse_type": None,
            "webhook_url": url,
            "parts": message.segments,
            "received_at": _moment(message.created),
            "errors": [],
        }
        return _signed(settings, url, "message.received", payload)

    def replies(self, answer: Answer) -> list[str]:  # noqa: ARG002  Telnyx reads nothing from an answer
        """None: the simulated account has no automatic replies."""
        return []


def _signed(settings: SimulatorSettings, url: str, event: str, payload: dict[str, Any]) -> Webhook:
    data = {
        "event_type": event,
        "id": str(uuid.uuid4()),
        "occurred_at": _moment(int(time.time())),
        "payload": payload,
        "record_type": "event",
    }
    body = orjson.dumps({"data": data, "meta": {"attempt": 1, "delivered_to": url}})
    timestamp = str(int(time.time()) - settings.telnyx_clock_behind_seconds)
    signature = _private_key(settings.telnyx_private_key).sign(timestamp.encode() + b"|" + body)
    headers = (
        "Content-Type: application/json\r\n"
        f"Telnyx-Timestamp: {timestamp}\r\n"
        f"Telnyx-Signature-Ed25519: {base64.b64encode(signature).decode()}\r\n"
    )
    return Webhook(url, headers.encode(), body)

"""Telnyx as its payload files have it, and signatures made as its documentation describes them, independent of ours."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrations.http.values import Reply
from integrations.sms.contract import GatewayConfig, Webhook
from integrations.sms.providers.telnyx import TelnyxAdapter
from tests.gateway_cases import BASE_URL, PAYLOADS

KEY = "0123456789abcdef"
PRIVATE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = base64.b64encode(PRIVATE_KEY.public_key().public_bytes_raw()).decode()
CREDENTIALS = {"api_key": "KEY0190aaf0cdc2c4c2f0a2a8b2b5b4d8c1_tests", "public_key": PUBLIC_KEY}
MESSAGE_ID = "3f1f0c1e-7a40-4a5c-9b0e-2d6c1f6b1a07"
STATUS_URL = "https://sms.example.com/webhooks/3/status/7"
INBOUND_URL = "https://sms.example.com/webhooks/3/inbound"
JSON = {"content-type": "application/json"}
#: Statuses that come with the last event of a message.
_FINAL = ("delivered", "delivery_failed", "sending_failed", "delivery_unconfirmed", "expired")


def payload(name: str) -> bytes:
    """A payload file as it is."""
    return (PAYLOADS / "telnyx" / name).read_bytes()


def payload_json(name: str) -> Any:
    """A payload file, decoded."""
    return orjson.loads(payload(name))


def adapter(**credentials: str) -> TelnyxAdapter:
    """An adapter with working credentials, changed by name."""
    return TelnyxAdapter(GatewayConfig({**CREDENTIALS, **credentials}, BASE_URL, {"key": KEY}))


def error_reply(status: int, name: str | int, **headers: str) -> Reply:
    """The reply with an error body."""
    lower = {header.replace("_", "-"): value for header, value in headers.items()}
    return Reply(status, lower, payload(f"error_{name}.json"))


def status_event(word: str, *, message_id: int | None = None, errors: list[Any] | None = None) -> Webhook:
    """A status event with this status, unsigned."""
    final = word in _FINAL
    body = payload_json("status_delivered.json" if final else "status_sent.json")
    body["data"]["payload"]["to"][0]["status"] = word
    body["data"]["payload"]["errors"] = errors or []
    return Webhook(STATUS_URL, JSON, orjson.dumps(body), message_id=message_id)


def inbound(name: str = "inbound.json", **changes: Any) -> Webhook:
    """An inbound event, unsigned, with fields of its message changed."""
    body = payload_json(name)
    body["data"]["payload"] |= changes
    return Webhook(INBOUND_URL, JSON, orjson.dumps(body))


def sign(webhook: Webhook, *, key: Ed25519PrivateKey = PRIVATE_KEY, seconds_ago: float = 0) -> Webhook:
    """The webhook as Telnyx signs it, some seconds ago."""
    timestamp = str(int(time.time() - seconds_ago))
    signature = base64.b64encode(key.sign(timestamp.encode() + b"|" + webhook.body)).decode()
    added = {"telnyx-timestamp": timestamp, "telnyx-signature-ed25519": signature}
    return replace(webhook, headers={**webhook.headers, **added})

"""Sinch as its payload files have it, and signatures made as its documentation describes them, independent of ours.

The payloads are the examples of Sinch's documentation with our numbers, ids and references.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from integrations.http.values import Reply
from integrations.sms.contract import GatewayConfig, OutboundSms, Webhook
from integrations.sms.providers.sinch import SinchAdapter
from tests.gateway_cases import BASE_URL, PAYLOADS

KEY = "0123456789abcdef"
BATCH = "01FC66621VHDBN119Z8PMV1QPQ"
SECRET = "hmac-s3cret-of-the-tests"
CREDENTIALS = {"service_plan_id": "jd63jf88477ll", "api_token": "b3a1c9f0tok", "webhook_secret": SECRET}
STATUS_URL = "https://sms.example.com/webhooks/3/status"
INBOUND_URL = "https://sms.example.com/webhooks/3/inbound"
JSON = {"content-type": "application/json"}


def payload(name: str) -> bytes:
    """A payload file as it is."""
    return (PAYLOADS / "sinch" / name).read_bytes()


def payload_json(name: str) -> Any:
    """A payload file, decoded."""
    return orjson.loads(payload(name))


def adapter(**credentials: str) -> SinchAdapter:
    """An adapter with working credentials, changed by name."""
    return SinchAdapter(GatewayConfig({**CREDENTIALS, **credentials}, BASE_URL, {"key": KEY}))


def sent(messages: Sequence[OutboundSms], **changes: Any) -> Reply:
    """The reply to a batch of these messages."""
    to = [message.recipient.removeprefix("+") for message in messages]
    return Reply(201, {}, orjson.dumps({**payload_json("sent.json"), "to": to, **changes}))


def refused(status: int, name: str, **headers: str) -> Reply:
    """A reply with an error's file."""
    return Reply(status, {key.replace("_", "-"): value for key, value in headers.items()}, payload(name))


def report(**changes: Any) -> Webhook:
    """A recipient's delivery report, unsigned, with fields changed."""
    return Webhook(STATUS_URL, JSON, orjson.dumps({**payload_json("recipient_report.json"), **changes}))


def inbound(name: str = "inbound.json", **changes: Any) -> Webhook:
    """An inbound message, unsigned, with fields changed."""
    return Webhook(INBOUND_URL, JSON, orjson.dumps({**payload_json(name), **changes}))


def sign(webhook: Webhook, *, key: str = SECRET, age_seconds: float = 0, nonce: str = "01FC66621VHDBN11") -> Webhook:
    """The webhook with its signature, made so many seconds ago."""
    timestamp = str(int(time.time() - age_seconds))
    text = webhook.body + f".{nonce}.{timestamp}".encode()
    signature = base64.b64encode(hmac.new(key.encode(), text, hashlib.sha256).digest()).decode()
    name = "x-sinch-webhook-signature"
    added = {name: signature, f"{name}-nonce": nonce, f"{name}-timestamp": timestamp, f"{name}-algorithm": "HmacSHA256"}
    return replace(webhook, headers={**webhook.headers, **added})

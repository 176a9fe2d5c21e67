"""Twilio as its payload files have it, and signatures made the way Twilio documents them, independent of ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson

from integrations.http.values import Reply
from integrations.sms.contract import GatewayConfig, Webhook
from integrations.sms.providers.twilio import TwilioAdapter
from tests.gateway_cases import BASE_URL, PAYLOADS

ACCOUNT_SID = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
MESSAGE_SID = "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
STATUS_URL = "https://sms.example.com/webhooks/3/status/7"
INBOUND_URL = "https://sms.example.com/webhooks/3/inbound/"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}


def payload(name: str) -> bytes:
    """A payload file as it is."""
    return (PAYLOADS / "twilio" / name).read_bytes()


def payload_json(name: str) -> Any:
    """A payload file, decoded."""
    return orjson.loads(payload(name))


def error_reply(code: int, **headers: str) -> Reply:
    """The reply with an error body, with its own HTTP status."""
    name = f"error_{code}.json"
    return Reply(payload_json(name)["status"], {k.replace("_", "-"): v for k, v in headers.items()}, payload(name))


def adapter(**credentials: str) -> TwilioAdapter:
    """An adapter with working credentials, changed by name."""
    given = {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, **credentials}
    return TwilioAdapter(GatewayConfig(given, BASE_URL))


def status_webhook(**fields: str) -> Webhook:
    """An unsigned status callback of the delivered message, with fields changed."""
    return Webhook(STATUS_URL, FORM, changed(payload("status_delivered.form"), fields))


def inbound_webhook(name: str = "inbound.form", **fields: str) -> Webhook:
    """An unsigned inbound message, with fields changed."""
    return Webhook(INBOUND_URL, FORM, changed(payload(name), fields))


def changed(form: bytes, fields: dict[str, str]) -> bytes:
    """A form with some of its fields replaced or added."""
    if not fields:
        return form
    return urlencode({**dict(parse_qsl(form.decode(), keep_blank_values=True)), **fields}).encode()


def sign(webhook: Webhook, *, url: str = "", key: str = AUTH_TOKEN, algorithm: str = "sha1") -> Webhook:
    """The webhook with the signature that Twilio would give it for ``url``."""
    text = url or webhook.url
    names: dict[str, set[str]] = {}
    if webhook.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        for name, value in parse_qsl(webhook.body.decode(), keep_blank_values=True):
            names.setdefault(name, set()).add(value)
    for name in sorted(names):
        for value in sorted(names[name]):
            text += name + value
    digest = hmac.new(key.encode(), text.encode(), getattr(hashlib, algorithm)).digest()
    signature = base64.b64encode(digest).decode()
    return replace(webhook, headers={**webhook.headers, "x-twilio-signature": signature})

"""Infobip as its payload files have it, and signatures made as its security settings describe them, independent of ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from integrations.http.values import Reply
from integrations.sms.contract import GatewayConfig, OutboundSms, Webhook
from integrations.sms.providers.infobip import InfobipAdapter
from tests.gateway_cases import BASE_URL, PAYLOADS

KEY = "0123456789abcdef"
SECRET = "hmac-s3cret-of-the-tests"
CREDENTIALS = {"api_key": "003026bbc133714df1834b8638bb496e-8f4b3d9a", "webhook_secret": SECRET}
STATUS_URL = "https://sms.example.com/webhooks/3/status"
INBOUND_URL = "https://sms.example.com/webhooks/3/inbound"
JSON = {"content-type": "application/json"}

#: Statuses as Infobip's list of codes has them: code, group and name.
STATUSES = {
    "PENDING_ACCEPTED": (26, 1, "PENDING"),
    "PENDING_ENROUTE": (7, 1, "PENDING"),
    "PENDING_WAITING_DELIVERY": (3, 1, "PENDING"),
    "DELIVERED_TO_OPERATOR": (2, 3, "DELIVERED"),
    "DELIVERED_TO_HANDSET": (5, 3, "DELIVERED"),
    "EXPIRED_DLR_UNKNOWN": (29, 4, "EXPIRED"),
    "EXPIRED_EXPIRED": (15, 4, "EXPIRED"),
    "UNDELIVERABLE_NOT_DELIVERED": (9, 2, "UNDELIVERABLE"),
    "REJECTED_NETWORK": (6, 5, "REJECTED"),
    "REJECTED_SOURCE": (11, 5, "REJECTED"),
    "REJECTED_NOT_ENOUGH_CREDITS": (12, 5, "REJECTED"),
    "REJECTED_DESTINATION_BLOCKLISTED": (14, 5, "REJECTED"),
    "REJECTED_SYSTEM_ERROR": (21, 5, "REJECTED"),
    "REJECTED_DUPLICATE_MESSAGE_ID": (23, 5, "REJECTED"),
    "REJECTED_DESTINATION": (52, 5, "REJECTED"),
}


def payload(name: str) -> bytes:
    """A payload file as it is."""
    return (PAYLOADS / "infobip" / name).read_bytes()


def payload_json(name: str) -> Any:
    """A payload file, decoded."""
    return orjson.loads(payload(name))


def adapter(**credentials: str) -> InfobipAdapter:
    """An adapter with working credentials, changed by name."""
    return InfobipAdapter(GatewayConfig({**CREDENTIALS, **credentials}, BASE_URL, {"key": KEY}))


def status(name: str) -> dict[str, Any]:
    """A status object."""
    code, group, group_name = STATUSES[name]
    return {"groupId": group, "groupName": group_name, "id": code, "name": name, "description": f"About {name}"}


def sent(messages: Sequence[OutboundSms], name: str = "PENDING_ACCEPTED") -> dict[str, Any]:
    """The body of a reply to a send of these messages, all with this status."""
    (sample,) = payload_json("sent.json")["messages"]
    entries = [
        {**sample, "messageId": f"{KEY}-{message.id}", "destination": message.recipient[1:], "status": status(name)}
        for message in messages
    ]
    return {"bulkId": "2034072219640523072", "messages": entries}


def ok(body: object) -> Reply:
    """A successful reply."""
    return Reply(200, {}, orjson.dumps(body))


def error_reply(status_code: int, name: str = "", **headers: str) -> Reply:
    """The reply with an error body."""
    return Reply(
        status_code, {k.replace("_", "-"): v for k, v in headers.items()}, payload(name or f"error_{status_code}.json")
    )


def reports(*results: dict[str, Any]) -> Webhook:
    """Delivery reports, unsigned; those of the file if none are given."""
    body = orjson.dumps({"results": results}) if results else payload("reports.json")
    return Webhook(STATUS_URL, JSON, body)


def report(**changes: Any) -> dict[str, Any]:
    """The first report of the file, changed."""
    first: dict[str, Any] = payload_json("reports.json")["results"][0]
    return {**first, **changes}


def inbound(**changes: Any) -> Webhook:
    """An inbound message, unsigned, with fields changed."""
    body = payload_json("inbound.json")
    body["results"][0] |= changes
    return Webhook(INBOUND_URL, JSON, orjson.dumps(body))


def sign(webhook: Webhook, *, key: str = SECRET, algorithm: str = "sha256", form: str = "hex") -> Webhook:
    """The webhook with its HMAC, in hexadecimal digits or Base64."""
    digest = hmac.new(key.encode(), webhook.body, getattr(hashlib, algorithm)).digest()
    signature = digest.hex() if form == "hex" else base64.b64encode(digest).decode()
    return replace(webhook, headers={**webhook.headers, "x-signature": signature})

"""Infobip's values: statuses and errors, error bodies, and webhooks with their signatures."""

from __future__ import annotations

import functools
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from integrations.simulator.client import Answer
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.memory import Message
from integrations.simulator.outbox import Webhook
from integrations.simulator.values import Medium

_GROUPS = {1: "PENDING", 2: "UNDELIVERABLE", 3: "DELIVERED", 4: "EXPIRED", 5: "REJECTED"}
#: Group, name and description by code, as Infobip's list of response status codes has them.
_STATUSES: dict[int, tuple[int, str, str]] = {
    4: (2, "UNDELIVERABLE_REJECTED_OPERATOR", "Message rejected by operator"),
    5: (3, "DELIVERED_TO_HANDSET", "Message delivered to handset"),
    6: (5, "REJECTED_NETWORK", "Network is forbidden"),
    9: (2, "UNDELIVERABLE_NOT_DELIVERED", "Message sent not delivered"),
    11: (5, "REJECTED_SOURCE", "Invalid Source address"),
    12: (5, "REJECTED_NOT_ENOUGH_CREDITS", "Not enough credits"),
    14: (5, "REJECTED_DESTINATION_BLOCKLISTED", "Destination blocklisted"),
    15: (4, "EXPIRED_EXPIRED", "Message expired"),
    19: (5, "REJECTED_ROUTE_NOT_AVAILABLE", "Route not available"),
    25: (5, "REJECTED_MESSAGE_TOO_LONG", "Message too long"),
    26: (1, "PENDING_ACCEPTED", "Message sent to next instance"),
    51: (5, "MISSING_TO", "Missing to parameter"),
    52: (5, "REJECTED_DESTINATION", "Invalid destination address"),
    100: (5, "UNDELIVERABLE_REJECTED_PLATFORM", "Request rejected"),
}
_ERROR_GROUPS = {0: "OK", 1: "HANDSET_ERRORS", 2: "USER_ERRORS", 3: "OPERATOR_ERRORS"}
#: Group, name, description and permanence by code.
_ERRORS: dict[int, tuple[int, str, str, bool]] = {
    0: (0, "NO_ERROR", "No Error", False),
    1: (1, "EC_UNKNOWN_SUBSCRIBER", "Unknown Subscriber", True),
    27: (1, "EC_ABSENT_SUBSCRIBER", "Absent Subscriber", False),
    255: (1, "EC_UNKNOWN_ERROR", "Unknown Error", False),
    488: (3, "EC_TF_NUMBER_NOT_VERIFIED", "Toll-free number not verified", True),
    541: (2, "EC_LIMIT_REACHED", "Limit reached", False),
    542: (2, "EC_QUOTA_REACHED", "Quota reached", False),
    566: (3, "EC_DESTINATION_BLOCKED_BY_OPERATOR", "Destination blocked by operator", True),
    568: (3, "EC_DESTINATION_NOT_SMS_PROVISIONED", "Destination not SMS provisioned", True),
    572: (2, "EC_CAMPAIGNID_NOT_PROVISIONED", "Campaign not provisioned", True),
    607: (2, "EC_REJECTED_SPAM_BY_OPERATOR", "Rejected as spam by operator", True),
    4101: (2, "EC_VALIDITY_EXPIRED", "Validity expired", True),
}
#: The simulator's settings name errors by Twilio's codes; these are Infobip's statuses for those of a send ...
_REFUSALS = {21211: 52, 21217: 52, 21408: 6, 21606: 11, 21610: 14, 21612: 19, 21614: 52, 21617: 25, 21635: 52}
#: ... and its status and error for those of a delivery.
_FAILURES = {
    30001: (15, 4101), 30003: (9, 27), 30004: (9, 566), 30005: (9, 1), 30006: (9, 568), 30007: (4, 607),
    30008: (9, 255), 30022: (4, 541), 30023: (4, 542), 30027: (4, 542), 30032: (4, 488), 30034: (4, 572),
}  # fmt: skip
PENDING_ACCEPTED = 26
_DELIVERED = 5

#: HTTP status, description and action by code.
_REFUSED_REQUESTS: dict[str, tuple[int, str, str]] = {
    "E400": (400, "Request cannot be processed.", "Check the syntax, violations and adjust the request."),
    "E401": (401, "Unauthorized.", "Provide valid credentials."),
    "E404": (404, "Requested resource not found.", "Check the URL."),
    "E405": (405, "Method not allowed.", "Use one of the methods that the resource has."),
    "E429": (429, "Too many requests sent.", "Check request rate limit specified in the API endpoint documentation."),
    "E500": (500, "Something went wrong.", "Contact support."),
    "E503": (503, "Service is temporarily unavailable.", "Try again later."),
}


def error_body(code: str, violations: Sequence[tuple[str, str]] = ()) -> tuple[int, bytes]:
    """HTTP status and body of a refused request.

    Args:
        code: Infobip's, such as ``E400``.
        violations: property's path and reason of each fault.
    """
    status, description, action = _REFUSED_REQUESTS[code]
    return status, orjson.dumps(
        {
            "errorCode": code,
            "description": description,
            "action": action,
            "violations": [{"property": path, "violation": reason} for path, reason in violations],
            "resources": [],
        }
    )


@functools.cache
def status_json(code: int) -> orjson.Fragment:
    """A status object."""
    group, name, description = _STATUSES[code]
    return orjson.Fragment(
        orjson.dumps(
            {"groupId": group, "groupName": _GROUPS[group], "id": code, "name": name, "description": description}
        )
    )


@functools.cache
def error_json(code: int) -> orjson.Fragment:
    """An error object; 0 for none."""
    group, name, description, permanent = _ERRORS[code]
    return orjson.Fragment(
        orjson.dumps(
            {
                "groupId": group,
                "groupName": _ERROR_GROUPS[group],
                "id": code,
                "name": name,
                "description": description,
                "permanent": permanent,
            }
        )
    )


def refusal_status(code: int) -> int:
    """Infobip's status for an error code of the settings."""
    return _REFUSALS.get(code, 100)


def _codes(message: Message) -> tuple[int, int]:
    """Status and error of a message as it is now."""
    if message.error:
        return _FAILURES.get(message.error, (9, 255))
    return (_DELIVERED if message.status == "delivered" else PENDING_ACCEPTED), 0


def address(number: str) -> str:
    """A number without its plus sign, as Infobip writes it."""
    return number.removeprefix("+")


@functools.lru_cache(maxsize=4096)
def moment(unix: int) -> str:
    """A Unix time as ``2019-11-09T16:00:00.000+0000``."""
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%S}.000+0000"


def log_json(message_id: str, message: Message) -> dict[str, Any]:
    """A message as the logs show it."""
    status, error = _codes(message)
    return {
        "sender": address(message.sender),
        "destination": address(message.recipient),
        "messageId": message_id,
        "sentAt": moment(message.created),
        "doneAt": moment(message.updated),
        "messageCount": message.segments,
        "price": {"pricePerMessage": 0.01, "currency": "EUR"},
        "status": status_json(status),
        "error": error_json(error),
        "content": {"text": message.body.encode("utf-8", "replace").decode()},
        "mccMnc": "310260",
    }


class InfobipWebhooks:
    """Webhooks as Infobip words them: JSON, with many results; a hundred unless it is asked for another number."""

    most = 100

    def reports(self, settings: SimulatorSettings, url: str, messages: Sequence[tuple[str, Message]]) -> Webhook:
        """Delivery reports of messages that share an address."""
        results = []
        for message_id, message in messages:
            status, error = _codes(message)
            results.append(
                {
                    "price": {"pricePerMessage": 0.01, "currency": "EUR"},
                    "status": status_json(status),
                    "error": error_json(error),
                    "messageId": message_id,
                    "to": address(message.recipient),
                    "sender": address(message.sender),
                    "sentAt": moment(message.created),
                    "doneAt": moment(message.updated),
                    "messageCount": message.segments,
                    "mccMnc": "310260",
                }
            )
        return _signed(settings, url, {"results": results})

    def inbound(
        self, settings: SimulatorSettings, message_id: str, message: Message, url: str, media: Sequence[Medium] = ()
    ) -> Webhook:
        """A message somebody wrote, in the form ``MO_JSON_2``; with media in the form ``MO_MMS_2``."""
        if media:
            parts = [{"contentType": kind, "url": address_} for address_, kind in media]
            parts += [{"contentType": "text/plain", "value": message.body}] if message.body else []
            mms = {
                "messageId": message_id,
                "from": address(message.sender),
                "to": address(message.recipient),
                "message": parts,
                "receivedAt": moment(message.created),
                "price": {"pricePerMessage": 0, "currency": "EUR"},
            }
            return _signed(settings, url, {"results": [mms], "messageCount": 1, "pendingMessageCount": 0})
        keyword, _, rest = message.body.partition(" ")
        result = {
            "messageId": message_id,
            "from": address(message.sender),
            "to": address(message.recipient),
            "text": message.body,
            "cleanText": rest,
            "keyword": keyword.upper(),
            "receivedAt": moment(message.created),
            "smsCount": message.segments,
            "price": {"pricePerMessage": 0, "currency": "EUR"},
        }
        return _signed(settings, url, {"results": [result], "messageCount": 1, "pendingMessageCount": 0})

    def replies(self, answer: Answer) -> list[str]:  # noqa: ARG002  Infobip reads nothing from an answer
        """None: Infobip sends no replies of its own."""
        return []


def _signed(settings: SimulatorSettings, url: str, values: dict[str, Any]) -> Webhook:
    body = orjson.dumps(values)
    signature = hmac.digest(settings.infobip_webhook_secret.encode(), body, "sha256").hex()
    return Webhook(url, f"Content-Type: application/json\r\nX-Signature: {signature}\r\n".encode(), body)

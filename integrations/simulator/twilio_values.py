"""Twilio's values: error bodies, dates, and webhooks with their signatures."""

from __future__ import annotations

import base64
import functools
import hmac
import html
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from integrations.simulator.client import Answer
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.memory import Message
from integrations.simulator.outbox import Webhook
from integrations.simulator.values import Medium

API_VERSION = "2010-04-01"
_HEADERS = "User-Agent: TwilioProxy/1.1\r\nContent-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"

#: HTTP status (400 where there is none) and text by code, as Twilio's error dictionary has them.
_ERRORS: dict[int, tuple[int, str]] = {
    20001: (400, "Invalid parameter"),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    20503: (503, "Service unavailable"),
    21211: (400, "Invalid 'To' Phone Number: {}"),
    21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {}"),
    21421: (400, "PhoneNumber {} is invalid"),
    21422: (400, "PhoneNumber {} is not available"),
    21452: (400, "No phone numbers found in area code {}"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The 'From' phone number {} is not a valid, SMS-capable inbound phone number for your account."),
    21609: (400, "The 'StatusCallback' URL {} is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (400, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "Message cannot be sent with the current combination of 'To' ({}) and 'From' parameters"),
    21614: (400, "'To' number is not a valid mobile number: {}"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit."),
    21623: (400, "Number of media files exceeds allowed limit of 10."),
}
_DELIVERY_ERRORS = {
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Carrier violation",
    30008: "Unknown error",
}


def error_body(code: int, detail: str = "") -> tuple[int, bytes]:
    """HTTP status and body of an error.

    Args:
        code: Twilio's code; one that is not known here is a 400.
        detail: the number or parameter that is at fault.
    """
    status, text = _ERRORS.get(code, (400, "The request was refused"))
    body = {
        "code": code,
        "message": text.format(detail),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return status, orjson.dumps(body)


def delivery_error_text(code: int) -> str | None:
    """The text of a delivery error, None for no error."""
    return _DELIVERY_ERRORS.get(code, "Unknown error") if code else None


@functools.lru_cache(maxsize=4096)
def rfc2822(moment: int) -> str:
    """A Unix time as ``Fri, 24 May 2019 17:44:46 +0000``."""
    return format_datetime(datetime.fromtimestamp(moment, UTC))


def message_sid(message_id: str, message: Message) -> str:
    """The SID of a message: ``SM``, or ``MM`` with media."""
    return ("MM" if message.media else "SM") + message_id


def signature(auth_token: str, url: str, form: dict[str, str]) -> str:
    """``X-Twilio-Signature``: base64 of HMAC-SHA1 over the URL and each name and value, sorted by name."""
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(auth_token.encode(), signed.encode("utf-8", "replace"), "sha1")).decode()


class TwilioWebhooks:
    """Webhooks as Twilio words them."""

    def status(self, settings: SimulatorSettings, message_id: str, message: Message, status: str) -> Webhook:
        """A status callback: ErrorCode only with a final failure, RawDlrDoneDate only with a delivery receipt."""
        sid = message_sid(message_id, message)
        form = {
            "SmsSid": sid,
            "SmsStatus": status,
            "MessageStatus": status,
            "To": message.recipient,
            "MessageSid": sid,
            "AccountSid": settings.account_sid,
            "From": message.sender,
            "ApiVersion": API_VERSION,
        }
        if message.service:
            form["MessagingServiceSid"] = message.service
        if message.error and status in ("undelivered", "failed"):
            form["ErrorCode"] = str(message.error)
            form["ErrorMessage"] = delivery_error_text(message.error) or ""
        return _signed(settings, message.status_url, form)

    def inbound(
        self, settings: SimulatorSettings, message_id: str, message: Message, url: str, media: Sequence[Medium] = ()
    ) -> Webhook:
        """A message somebody wrote."""
        sid = message_sid(message_id, message)
        form = {
            "ToCountry": "US",
            "ToState": "CA",
            "ToCity": "SAN FRANCISCO",
            "ToZip": "94103",
            "SmsMessageSid": sid,
            "NumMedia": str(len(media)),
            "SmsSid": sid,
            "SmsStatus": "received",
            "FromCountry": "US",
            "FromState": "CA",
            "FromCity": "",
            "FromZip": "",
            "Body": message.body,
            "To": message.recipient,
            "From": message.sender,
            "NumSegments": str(message.segments),
            "MessageSid": sid,
            "AccountSid": settings.account_sid,
            "ApiVersion": API_VERSION,
        }
        for index, (address, kind) in enumerate(media):
            form[f"MediaUrl{index}"], form[f"MediaContentType{index}"] = address, kind
        return _signed(settings, url, form)

    def replies(self, answer: Answer) -> list[str]:
        """The messages of a TwiML answer."""
        found = re.findall(r"<Message\b[^>/]*>(.*?)</Message>", answer.body.decode("utf-8", "replace"), re.DOTALL)
        texts = (html.unescape(re.sub(r"<[^>]*>", "", inner)).strip() for inner in found)
        return [text for text in texts if text]


def _signed(settings: SimulatorSettings, url: str, form: dict[str, str]) -> Webhook:
    signed = signature(settings.auth_token, url, form)
    # The token is of the webhook and not of the attempt: a repeat has the same.
    token = secrets.token_hex(16)
    headers = f"{_HEADERS}X-Twilio-Signature: {signed}\r\nI-Twilio-Idempotency-Token: {token}\r\n".encode()
    return Webhook(url, headers, urlencode(form, encoding="utf-8", errors="replace").encode())


def account_json(settings: SimulatorSettings) -> dict[str, Any]:
    """The account resource.

    Args:
        settings: for the account's SID.
    """
    return {
        "sid": settings.account_sid,
        "friendly_name": "Simulator",
        "status": "active",
        "type": "Full",
        "uri": f"/{API_VERSION}/Accounts/{settings.account_sid}.json",
    }


def message_json(settings: SimulatorSettings, message_id: str, message: Message, *, as_taken: bool) -> dict[str, Any]:
    """A message resource.

    Args:
        settings: for the account's SID.
        message_id: 32 hexadecimal digits.
        message: the message.
        as_taken: as the reply to its creation shows it, whatever has happened since.
    """
    sid = message_sid(message_id, message)
    uri = f"/{API_VERSION}/Accounts/{settings.account_sid}/Messages/{sid}"
    status = ("accepted" if message.service else "queued") if as_taken else message.status
    error = 0 if as_taken else message.error
    priced = not as_taken and message.status in ("delivered", "undelivered", "received")
    return {
        "account_sid": settings.account_sid,
        "api_version": API_VERSION,
        "body": message.body,
        "date_created": rfc2822(message.created),
        "date_sent": rfc2822(message.sent) if message.sent and not as_taken else None,
        "date_updated": rfc2822(message.created if as_taken else message.updated),
        "direction": message.direction,
        "error_code": error or None,
        "error_message": delivery_error_text(error),
        "from": message.sender,
        "messaging_service_sid": message.service or None,
        "num_media": str(message.media),
        "num_segments": str(message.segments),
        "price": f"-{0.0079 * message.segments:.5f}" if priced else None,
        "price_unit": "USD",
        "sid": sid,
        "status": status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.recipient,
        "uri": f"{uri}.json",
    }

"""Infobip's webhooks, normalised: delivery reports and inbound messages, many in one request."""

from __future__ import annotations

from typing import Any

import orjson

from integrations.sms.contract import Webhook
from integrations.sms.errors import UnparsableWebhook
from integrations.sms.events import DeliveryReport, InboundSms
from integrations.sms.providers.infobip.message_ids import MessageIds
from integrations.sms.providers.infobip.replies import read_delivery, segments_of

#: Shorter numbers are short codes, which have no country code.
_LONGEST_SHORT_CODE = 8
_MAX_MEDIA = 10


def read_status(webhook: Webhook, ids: MessageIds) -> list[DeliveryReport]:
    """Delivery reports of this gateway's messages; those of others on the same account are left out.

    The id comes from the body alone, because a signature covers nothing else.

    Raises:
        UnparsableWebhook: not delivery reports, or one of ours with a status that is not known here.
    """
    reports: list[DeliveryReport] = []
    for result in _results(webhook, "delivery report"):
        given = result.get("messageId")
        if not isinstance(given, str) or not given or "status" not in result:
            raise UnparsableWebhook(
                "A delivery report has no messageId or no status. Check which of Infobip's events go to this address."
            )
        message_id = ids.ours(given)
        if message_id is None:
            continue
        read = read_delivery(result)
        if read is None:
            name = str(result["status"])[:80]
            raise UnparsableWebhook(
                f"Infobip reported the status {name} for {given[:64]}, which is not known here. "
                "Look the message up in Infobip's logs."
            )
        state, error = read
        if error is None:
            reports.append(DeliveryReport(given, state, message_id))
        else:
            reports.append(
                DeliveryReport(given, state, message_id, error.code, error.text, error.opts_out, error.bad_number)
            )
    return reports


def read_inbound(webhook: Webhook) -> list[InboundSms]:
    """Inbound messages (Infobip's forms ``MO_JSON_2``, and ``MO_MMS_2`` for those with media).

    Raises:
        UnparsableWebhook: one has no id, sender or recipient.
    """
    messages: list[InboundSms] = []
    for result in _results(webhook, "inbound message"):
        parts = result.get("message")
        text, media = _parts(parts) if isinstance(parts, list) else (str(result.get("text") or ""), ())
        messages.append(
            InboundSms(
                provider_id=_text(result, "messageId"),
                sender=_e164(_text(result, "from")),
                recipient=_e164(_text(result, "to")),
                # Not cleanText, which lacks the keyword.
                body=text,
                media=media,
                segments=segments_of(result.get("smsCount")) or 1,
            )
        )
    return messages


def _parts(parts: list[Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Text and media of an MMS. A STOP in it has no other place than a part."""
    texts: list[str] = []
    media: list[tuple[str, str]] = []
    for part in parts:
        if not isinstance(part, dict):
            continue
        kind, value, url = (part.get(name) for name in ("contentType", "value", "url"))
        if isinstance(value, str) and value:
            texts.append(value)
        elif isinstance(url, str) and url and len(media) < _MAX_MEDIA:
            media.append((url, kind if isinstance(kind, str) else ""))
    return "\n".join(texts), tuple(media)


def _results(webhook: Webhook, what: str) -> list[dict[str, Any]]:
    try:
        body = orjson.loads(webhook.body)
    except ValueError as error:
        raise UnparsableWebhook(
            f"The webhook's body is not JSON. Check that Infobip sends {what}s as application/json, and that no proxy "
            "changes them."
        ) from error
    listed = body.get("results") if isinstance(body, dict) else None
    if not isinstance(listed, list) or not all(isinstance(result, dict) for result in listed):
        raise UnparsableWebhook(
            f"The webhook holds no list of results. Check which of Infobip's events go to the address for {what}s."
        )
    return listed


def _text(result: dict[str, Any], name: str) -> str:
    value = result.get(name)
    if not isinstance(value, str) or not value:
        raise UnparsableWebhook(
            f"The inbound message has no {name}. Check that Infobip forwards messages in the form MO_JSON_2."
        )
    return value


def _e164(address: str) -> str:
    """A number as the contract has it; Infobip leaves the plus sign out. A short code or a name stays as it is."""
    if address.isascii() and address.isdecimal() and len(address) > _LONGEST_SHORT_CODE:
        return f"+{address}"
    return address

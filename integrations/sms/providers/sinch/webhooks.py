"""Sinch's webhooks, normalised: one object each, a delivery report or an inbound message."""

from __future__ import annotations

from typing import Any

import orjson

from integrations.sms.contract import Webhook
from integrations.sms.errors import UnparsableWebhook
from integrations.sms.events import DeliveryReport, InboundSms
from integrations.sms.providers.sinch.references import References, provider_id
from integrations.sms.providers.sinch.replies import read_delivery
from integrations.sms.segments import segments

#: Shorter numbers are short codes, which have no country code.
_LONGEST_SHORT_CODE = 8
_MAX_MEDIA = 10
_OF_ONE = "recipient_delivery_report_"
_OF_A_BATCH = "delivery_report_"


def read_status(webhook: Webhook, references: References) -> list[DeliveryReport]:
    """Delivery reports of this gateway's messages; those of others on the same account are left out.

    Raises:
        UnparsableWebhook: no delivery report, or one with a status that is not known here.
    """
    body = _object(webhook)
    kind = str(body.get("type", ""))
    reference = body.get("client_reference")
    batch_id = body.get("batch_id")
    if not kind.startswith((_OF_ONE, _OF_A_BATCH)) or not isinstance(batch_id, str) or not batch_id:
        raise UnparsableWebhook(
            f"The webhook ({kind[:40] or 'of no type'}) is no delivery report. Check which of Sinch's callbacks go to this "
            "address: inbound messages have one of their own."
        )
    if not references.is_ours(reference):
        return []
    if kind.startswith(_OF_ONE):
        message_id = webhook.message_id
        # A signature does not cover the address, so what it says is believed only where the body agrees.
        if message_id is not None and not references.names(reference, message_id):
            message_id = None
        return [_report(body, batch_id, body.get("recipient"), message_id)]
    listed = body.get("statuses")
    groups = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    if not groups or not all(isinstance(group.get("recipients"), list) for group in groups):
        raise UnparsableWebhook(
            "The delivery report does not say whose it is. Have Sinch report on each recipient (per_recipient or full)."
        )
    return [_report(group, batch_id, recipient, None) for group in groups for recipient in group["recipients"]]


def _report(given: dict[str, Any], batch_id: str, recipient: object, message_id: int | None) -> DeliveryReport:
    if not isinstance(recipient, str) or not recipient:
        raise UnparsableWebhook("The delivery report has no recipient. Ask Sinch's support what it is about.")
    read = read_delivery(given)
    name = provider_id(batch_id, recipient)
    if read is None:
        status = str(given.get("status"))[:40]
        raise UnparsableWebhook(
            f"Sinch reported the status {status} for {name[:64]}, which is not known here. Look the batch up at Sinch."
        )
    state, error = read
    if error is None:
        return DeliveryReport(name, state, message_id)
    return DeliveryReport(name, state, message_id, error.code, error.text, error.opts_out, error.bad_number)


def read_inbound(webhook: Webhook) -> list[InboundSms]:
    """The inbound message; none for a delivery report, which comes here when a service plan has one address for all.

    Raises:
        UnparsableWebhook: binary, or without an id, sender or recipient.
    """
    body = _object(webhook)
    kind = str(body.get("type", ""))
    if kind.startswith((_OF_ONE, _OF_A_BATCH)):
        return []
    media: tuple[tuple[str, str], ...] = ()
    if kind == "mo_media" and isinstance(body.get("body"), dict):
        text, media = _media(body["body"])
    elif kind == "mo_text":
        text = str(body.get("body") or "")
    else:
        raise UnparsableWebhook(
            f"The webhook ({kind[:40] or 'of no type'}) is no text and no MMS. Binary messages cannot be read here."
        )
    return [
        InboundSms(
            provider_id=_text(body, "id"),
            sender=_e164(_text(body, "from")),
            recipient=_e164(_text(body, "to")),
            body=text,
            media=media,
            segments=segments(text) or 1,
        )
    ]


def _media(given: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Text and files of an MMS. A STOP may stand in its subject; a file that Sinch could not keep has no URL."""
    texts = [value for name in ("subject", "message") if isinstance(value := given.get(name), str) and value]
    listed = given.get("media")
    files = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    media = [
        (item["url"], str(item.get("content_type") or ""))
        for item in files
        if isinstance(item.get("url"), str) and item["url"]
    ]
    return "\n".join(texts), tuple(media[:_MAX_MEDIA])


def _object(webhook: Webhook) -> dict[str, Any]:
    try:
        body = orjson.loads(webhook.body)
    except ValueError as error:
        raise UnparsableWebhook(
            "The webhook's body is not JSON. Check that Sinch sends it here, and that no proxy changes it."
        ) from error
    if not isinstance(body, dict):
        raise UnparsableWebhook("The webhook's body is no object. Check which of Sinch's callbacks go to this address.")
    return body


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise UnparsableWebhook(
            f"The inbound message has no {name}. Ask Sinch's support about the form of its callbacks."
        )
    return value


def _e164(address: str) -> str:
    """A number as the contract has it; Sinch may leave the plus sign out. A short code or a name stays as it is."""
    if address.isascii() and address.isdecimal() and len(address) > _LONGEST_SHORT_CODE:
        return f"+{address}"
    return address

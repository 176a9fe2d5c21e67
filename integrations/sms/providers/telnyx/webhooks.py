"""Telnyx's webhooks, normalised: one event a request, about a message that was sent or received."""

from __future__ import annotations

from typing import Any

import orjson

from integrations.sms.contract import Webhook
from integrations.sms.errors import UnparsableWebhook
from integrations.sms.events import DeliveryReport, InboundSms, OptOutAction
from integrations.sms.providers.telnyx.replies import FAILURES, STATES, failure_of, status_word

_RECEIVED = "message.received"
_STATUSES = frozenset({"message.sent", "message.finalized"})
_OPT_OUT_ACTIONS = {action.value: action for action in OptOutAction if action} | {"INFO": OptOutAction.HELP}
_MAX_MEDIA = 10


def read_status(webhook: Webhook) -> list[DeliveryReport]:
    """The delivery report of a status event.

    Raises:
        UnparsableWebhook: not a status event, one with a status that is not known here, or one of another message than
            the address says.
    """
    event, message = _event(webhook)
    if event not in _STATUSES:
        raise UnparsableWebhook(
            f"Telnyx's event {event[:60]!r} is not a delivery status. Give the messaging profile our address for inbound "
            "messages, not the one for statuses."
        )
    given, word = message["id"], status_word(message)
    state = STATES.get(word)
    if state is None:
        raise UnparsableWebhook(
            f"Telnyx reported the status {word[:40]!r} for {given[:64]}, which is not known here. "
            "Look the message up in the Telnyx portal."
        )
    message_id = _our_id(webhook, message)
    if state not in FAILURES:
        return [DeliveryReport(given, state, message_id)]
    error = failure_of(message, word)
    return [DeliveryReport(given, state, message_id, error.code, error.text, error.opts_out, error.bad_number)]


def read_inbound(webhook: Webhook) -> list[InboundSms]:
    """The message of an inbound event; empty for a status of a message that was not sent by us.

    Ours report to an address of their own, so whatever status arrives here is of messages that others send from a number
    of the same profile.

    Raises:
        UnparsableWebhook: another event, or no id, sender or recipient.
    """
    event, message = _event(webhook)
    if event in _STATUSES:
        return []
    if event != _RECEIVED:
        raise UnparsableWebhook(
            f"Telnyx's event {event[:60]!r} is not an inbound message. See in the Telnyx portal what it is about."
        )
    parts, action = message.get("parts"), str(message.get("autoresponse_type") or "").upper()
    return [
        InboundSms(
            provider_id=message["id"],
            sender=_number(message.get("from"), "from"),
            recipient=_number(_ours(message.get("to")), "to"),
            body=str(message.get("text") or ""),
            media=_media(message.get("media")),
            handled_by_provider=_OPT_OUT_ACTIONS.get(action, OptOutAction.NONE),
            segments=parts if type(parts) is int and parts > 0 else 1,
        )
    ]


def _event(webhook: Webhook) -> tuple[str, dict[str, Any]]:
    """An event's type, and the message it is about."""
    try:
        body = orjson.loads(webhook.body)
    except ValueError as error:
        raise UnparsableWebhook(
            "The webhook's body is not JSON. Check that the messaging profile uses webhooks of API version 2, and that no "
            "proxy changes them."
        ) from error
    data = body.get("data") if isinstance(body, dict) else None
    event = data.get("event_type") if isinstance(data, dict) else None
    message = data.get("payload") if isinstance(data, dict) else None
    if not isinstance(event, str) or not isinstance(message, dict):
        raise UnparsableWebhook(
            "The webhook is not an event of a message. Check that the messaging profile uses webhooks of API version 2."
        )
    if event in _STATUSES or event == _RECEIVED:
        given = message.get("id")
        if not isinstance(given, str) or not given:
            raise UnparsableWebhook("Telnyx's event has no id of a message. Look it up in the Telnyx portal.")
    return event, message


def _our_id(webhook: Webhook, message: dict[str, Any]) -> int | None:
    """Our id from the path, which the signature does not cover, unless the body's address has another one.

    Raises:
        UnparsableWebhook: it has.
    """
    url = message.get("webhook_url")
    signed = url.rpartition("/")[2] if isinstance(url, str) else ""
    if webhook.message_id is not None and signed.isdecimal() and signed != str(webhook.message_id):
        raise UnparsableWebhook(
            f"Telnyx's report on message {signed[:20]} came to the address of message {webhook.message_id}. Check whether "
            "somebody sends its webhooks on."
        )
    return webhook.message_id


def _ours(recipients: Any) -> Any:
    """Who of an inbound message's recipients is our number: the one that the webhook is for, else the first."""
    listed = [item for item in recipients if isinstance(item, dict)] if isinstance(recipients, list) else []
    marked = (item for item in listed if str(item.get("status") or "").startswith("webhook"))
    return next(marked, listed[0] if listed else None)


def _number(party: Any, name: str) -> str:
    value = party.get("phone_number") if isinstance(party, dict) else None
    if not isinstance(value, str) or not value:
        raise UnparsableWebhook(f"The inbound message has no number in {name!r}. Look it up in the Telnyx portal.")
    return value


def _media(listed: Any) -> tuple[tuple[str, str], ...]:
    found = []
    for item in listed if isinstance(listed, list) else []:
        url = item.get("url") if isinstance(item, dict) else None
        if isinstance(url, str) and url:
            found.append((url, str(item.get("content_type") or "")))
    return tuple(found[:_MAX_MEDIA])

"""Twilio's webhooks, normalised: delivery statuses and inbound messages."""

from __future__ import annotations

from urllib.parse import urlsplit

from integrations.sms.contract import Webhook
from integrations.sms.errors import UnparsableWebhook
from integrations.sms.events import DeliveryReport, InboundSms, OptOutAction
from integrations.sms.providers.twilio.codes import delivery_error
from integrations.sms.providers.twilio.sending import FAILURES, STATES
from integrations.sms.providers.twilio.signature import form_pairs

_INBOUND_STATUSES = frozenset({"receiving", "received"})
_OPT_OUT_ACTIONS = {action.value: action for action in OptOutAction if action}
_MAX_MEDIA = 10


def read_status(webhook: Webhook) -> list[DeliveryReport]:
    """The delivery report of a status callback; empty for the status of an inbound message.

    Raises:
        UnparsableWebhook: not a status callback, or one with a status that is not known here.
    """
    fields = _fields(webhook)
    status = fields.get("MessageStatus") or _required(fields, "SmsStatus", "status callback")
    if status in _INBOUND_STATUSES:
        return []
    sid = fields.get("MessageSid") or _required(fields, "SmsSid", "status callback")
    state = STATES.get(status)
    if state is None:
        raise UnparsableWebhook(
            f"Twilio reported the status {status[:40]!r} for {sid[:40]}, which is not known here. "
            "Look the message up in the Twilio Console."
        )
    if state not in FAILURES:
        return [DeliveryReport(sid, state, webhook.message_id)]
    code = fields.get("ErrorCode", "")
    # "0" is what some callbacks carry instead of leaving the code out.
    code = "" if code == "0" else code
    if not code and status == "canceled":
        code = "canceled"
    error = delivery_error(code, fields.get("ErrorMessage", ""))
    return [
        DeliveryReport(
            sid,
            state,
            webhook.message_id,
            error_code=error.code,
            error_text=error.text,
            opts_out=error.opts_out,
            bad_number=error.bad_number,
        )
    ]


def read_inbound(webhook: Webhook) -> list[InboundSms]:
    """The message of an inbound webhook.

    Raises:
        UnparsableWebhook: no id, sender or recipient.
    """
    fields = _fields(webhook)
    sid = fields.get("MessageSid") or fields.get("SmsMessageSid") or _required(fields, "SmsSid", "inbound message")
    media: list[tuple[str, str]] = []
    for index in range(min(_number(fields, "NumMedia", 0), _MAX_MEDIA)):
        url = fields.get(f"MediaUrl{index}")
        if url:
            media.append((url, fields.get(f"MediaContentType{index}", "")))
    return [
        InboundSms(
            provider_id=sid,
            sender=_required(fields, "From", "inbound message"),
            recipient=_required(fields, "To", "inbound message"),
            body=fields.get("Body", ""),
            media=tuple(media),
            handled_by_provider=_OPT_OUT_ACTIONS.get(fields.get("OptOutType", "").upper(), OptOutAction.NONE),
            segments=max(1, _number(fields, "NumSegments", 1)),
        )
    ]


def _fields(webhook: Webhook) -> dict[str, str]:
    """The form's fields; of a repeated name the first value counts."""
    form = urlsplit(webhook.url).query.encode() if webhook.method == "GET" else webhook.body
    try:
        pairs = form_pairs(form)
    except ValueError as error:
        raise UnparsableWebhook(
            "The webhook's body is not a form in UTF-8. Check that Twilio calls this address with a form, and that no "
            "proxy changes it."
        ) from error
    return dict(reversed(pairs))


def _required(fields: dict[str, str], name: str, what: str) -> str:
    value = fields.get(name, "")
    if not value:
        raise UnparsableWebhook(f"The {what} has no {name}. Check which of Twilio's products calls this address.")
    return value


def _number(fields: dict[str, str], name: str, default: int) -> int:
    value = fields.get(name, "")
    # The length guards against a number that takes long to convert.
    return int(value) if value.isdecimal() and len(value) < 10 else default

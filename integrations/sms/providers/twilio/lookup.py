"""Look-up of a message whose fate is unknown: by Twilio's id, else among the messages of the day."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from integrations.http.values import Reply
from integrations.sms.contract import OutboundSms, SendResult
from integrations.sms.providers.twilio.sending import code_and_reason, decoded, read_message, refusal

#: What Twilio puts before the text when a trial account sends.
_TRIAL_PREFIX = "Sent from your Twilio trial account - "


def lookup_url(api: str, message: OutboundSms, provider_id: str, on_date: str) -> str:
    """Where to look.

    Args:
        api: the account's URL.
        message: what was sent.
        provider_id: Twilio's id of the message, or empty.
        on_date: UTC date of the attempt, ISO 8601.
    """
    if provider_id:
        return f"{api}/Messages/{quote(provider_id, safe='')}.json"
    # On or after the day: a message that was attempted just before midnight may have left just after it.
    query = {"To": message.recipient, "DateSent>": on_date, "PageSize": "1000"}
    if message.sender:
        query["From"] = message.sender
    return f"{api}/Messages.json?{urlencode(query)}"


def read_lookup(message: OutboundSms, reply: Reply) -> SendResult | None:
    """What Twilio knows of the message, from a single message or a list; None when it has no trace of it.

    Raises:
        ProviderError: the look-up itself was refused.
    """
    if reply.status == 404 and code_and_reason(reply)[0] == "20404":
        return None
    body = decoded(reply) if reply.status == 200 else None
    if not isinstance(body, dict):
        raise refusal(reply, "to look a message up")
    listed = body.get("messages")
    if isinstance(listed, list):
        # Twilio lists the newest first; of equal messages that is the one that was just attempted.
        found = next((entry for entry in listed if _is_same(message, entry)), None)
        return read_message(message.id, found)
    result = read_message(message.id, body)
    if result is None:
        raise refusal(reply, "to look a message up")
    return result


def _is_same(message: OutboundSms, entry: Any) -> bool:
    if not isinstance(entry, dict) or str(entry.get("direction") or "outbound").startswith("inbound"):
        return False
    sender = entry.get("from")
    # A messaging service names no sender until it has chosen one.
    if sender and message.sender and sender != message.sender:
        return False
    if entry.get("to") != message.recipient:
        return False
    body = str(entry.get("body") or "").removeprefix(_TRIAL_PREFIX)
    return body.strip() == message.body.strip()

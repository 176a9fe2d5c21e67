"""Look-up of a message whose fate is unknown: in Infobip's logs, by the id that we gave it. They reach back 48 hours."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from integrations.http.values import Reply
from integrations.sms.contract import OutboundSms, SendResult
from integrations.sms.events import DeliveryState
from integrations.sms.providers.infobip.codes import DUPLICATE_ID, FAILURES
from integrations.sms.providers.infobip.message_ids import MessageIds
from integrations.sms.providers.infobip.replies import (
    decoded,
    number,
    read_delivery,
    refusal,
    segments_of,
)

_ORDER = tuple(DeliveryState)


def lookup_url(base_url: str, message_id: str) -> str:
    """Where to look for one message."""
    return f"{base_url}/sms/3/logs?messageId={quote(message_id, safe='')}"


def read_lookup(message: OutboundSms, ids: MessageIds, reply: Reply) -> SendResult | None:
    """What Infobip knows of the message; None when it has no trace of it.

    Raises:
        ProviderError: the look-up itself was refused, or its answer is not understood.
    """
    body = decoded(reply) if reply.status == 200 else None
    listed = body.get("results") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise refusal(reply, "to look a message up")
    given = ids.of(message.id)
    entries = [entry for entry in listed if isinstance(entry, dict) and entry.get("messageId") == given]
    found = [result for result in (_result(message.id, given, entry) for entry in entries) if result is not None]
    # The same id twice means that it was tried twice: whatever came further is what the person has seen.
    return max(found, key=_progress, default=None)


def _progress(result: SendResult) -> tuple[bool, int]:
    return result.state not in FAILURES, _ORDER.index(result.state) if result.state else 0


def _result(message_id: int, given: str, entry: dict[str, Any]) -> SendResult | None:
    status = entry.get("status")
    if isinstance(status, dict) and number(status.get("id"), -1) == DUPLICATE_ID:
        return None
    read = read_delivery(entry)
    if read is None:
        return None
    state, error = read
    return SendResult(message_id, given, state, segments_of(entry.get("messageCount")), error)

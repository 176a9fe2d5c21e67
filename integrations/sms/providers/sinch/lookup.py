"""Look-up of a message whose fate is unknown: in its batch's delivery report, or among the batches that may hold it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from integrations.http.values import Reply
from integrations.sms.contract import OutboundSms, SendResult
from integrations.sms.events import DeliveryState
from integrations.sms.providers.sinch.references import References, parts_of, provider_id
from integrations.sms.providers.sinch.replies import decoded, read_delivery, refusal
from integrations.sms.segments import segments

#: Most batches of one answer.
_PAGE = 100


def lookup_url(batches_url: str, message: OutboundSms, reference: str, *, given: str, on_date: str) -> str:
    """Where to look for one message.

    Args:
        batches_url: of the service plan.
        message: what was sent.
        reference: of the batch it went with.
        given: its id at Sinch, empty if its reply was lost.
        on_date: UTC date of the attempt, ISO 8601, empty if not known.
    """
    batch_id, digits = parts_of(given)
    if batch_id:
        return f"{batches_url}/{quote(batch_id, safe='')}/delivery_report/{quote(digits, safe='')}"
    wanted: dict[str, object] = {"client_reference": reference, "page_size": _PAGE}
    if message.sender:
        wanted["from"] = message.sender.removeprefix("+")
    if on_date:
        # Without it Sinch looks back a day only. A day more than needed, because its clock is not ours.
        start = date.fromisoformat(on_date) - timedelta(days=1)
        wanted["start_date"] = f"{start.isoformat()}T00:00:00Z"
    return f"{batches_url}?{urlencode(wanted)}"


def next_url(url: str, message: OutboundSms, references: References, reply: Reply) -> str:
    """Where a look-up goes on that has not found its message; empty at its end.

    A reference has a thousand messages, and as many batches where each went alone: ten pages. A batch may have begun in the
    block before the message's own.
    """
    body = decoded(reply)
    if reply.status != 200 or not isinstance(body, dict) or type(count := body.get("count")) is not int:
        return ""
    parts = urlsplit(url)
    wanted = dict(parse_qsl(parts.query))
    page = int(wanted.pop("page", "0")) + 1
    before = references.before(message.id)
    if isinstance(body.get("batches"), list) and body["batches"] and page * _PAGE < count:
        wanted["page"] = str(page)
    elif before and wanted.get("client_reference") == references.of(message.id):
        wanted["client_reference"] = before
    else:
        return ""
    return parts._replace(query=urlencode(wanted)).geturl()


def read_lookup(message: OutboundSms, references: References, reply: Reply) -> SendResult | None:
    """What Sinch knows of the message; None when it has no trace of it.

    Raises:
        ProviderError: the look-up itself was refused, or its answer is not understood.
    """
    body = decoded(reply)
    # Without a recipient only the credentials are in question: then a service plan that Sinch does not know is a refusal.
    if reply.status == 404 and message.recipient and not _is_page(reply):
        return None
    if reply.status != 200 or not isinstance(body, dict):
        raise refusal(reply, "to look a message up")
    if isinstance(body.get("batches"), list):
        return _among(message, references, body)
    # A batch of which Sinch knows nothing yet lists none: an empty page has no "batches" either.
    if body.get("count") == 0:
        return None
    read = read_delivery(body)
    number = message.recipient.removeprefix("+")
    if read is None or str(body.get("recipient", "")).removeprefix("+") != number:
        raise refusal(reply, "to look a message up")
    state, error = read
    name = provider_id(str(body.get("batch_id", "")), number)
    return SendResult(message.id, name, state, segments(message.body) or None, error)


def _is_page(reply: Reply) -> bool:
    """Whether a 404 is not the API's own: then nothing is known."""
    return reply.body.lstrip()[:1] == b"<"


def _among(message: OutboundSms, references: References, body: dict[str, Any]) -> SendResult | None:
    listed = [batch for batch in body["batches"] if isinstance(batch, dict)]
    number = message.recipient.removeprefix("+")
    for batch in listed:
        numbers, batch_id = batch.get("to"), batch.get("id")
        if (
            references.names(batch.get("client_reference"), message.id)
            and str(batch.get("from", "")).removeprefix("+") == message.sender.removeprefix("+")
            and isinstance(batch_id, str)
            and isinstance(numbers, list)
            and any(str(given).removeprefix("+") == number for given in numbers)
        ):
            # How it fared is in its reports, which can be told apart by this id from now on.
            name = provider_id(batch_id, number)
            return SendResult(message.id, name, DeliveryState.ACCEPTED, segments(message.body) or None)
    return None

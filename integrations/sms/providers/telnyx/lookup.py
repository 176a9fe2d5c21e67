"""Look-up of a message by Telnyx's id; Telnyx finds it by nothing else, and for ten days."""

from __future__ import annotations

from urllib.parse import quote

from integrations.http.values import Reply
from integrations.sms.contract import OutboundSms, SendResult
from integrations.sms.errors import ErrorKind
from integrations.sms.providers.telnyx.replies import decoded, fault_of, read_message, refusal, resource

#: An id that no message has.
_NOBODY = "00000000-0000-0000-0000-000000000000"
#: "Resource not found".
_NOT_FOUND = "10005"


def lookup_url(send_url: str, provider_id: str) -> str:
    """Where to look.

    Args:
        send_url: where messages are sent to.
        provider_id: Telnyx's id; with none, the address is that of no message at all.
    """
    return f"{send_url}/{quote(provider_id or _NOBODY, safe='')}"


def read_lookup(message: OutboundSms, reply: Reply) -> SendResult | None:
    """What Telnyx knows of the message; None when it has no trace of it.

    Raises:
        ProviderError: the look-up itself was refused, or its answer has a status that is not known here.
    """
    if reply.status == 404 and fault_of(reply).code == _NOT_FOUND:
        return None
    found = resource(decoded(reply)) if reply.status == 200 else None
    if found is None:
        raise refusal(reply, "to look a message up")
    result = read_message(message.id, found)
    if result.error is not None and result.error.kind is ErrorKind.UNKNOWN:
        raise refusal(reply, "to look a message up")
    return result

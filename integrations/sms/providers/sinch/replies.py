"""What Sinch's replies have in common: JSON, ``code`` and ``text`` of an error, a status with a code for each recipient."""

from __future__ import annotations

from typing import Any

from integrations.http.values import Reply
from integrations.sms.errors import ErrorKind, ProviderError, SendError
from integrations.sms.events import DeliveryState
from integrations.sms.providers.sinch.codes import FAILURES, STATES, delivery_error

#: The Location of these names the place of the API, so the messages themselves were not looked at.
MOVED = frozenset({301, 307, 308})


def decoded(reply: Reply) -> Any:
    """The decoded body, None when it is not JSON."""
    try:
        return reply.json()
    except ValueError:
        return None


def code_and_reason(reply: Reply) -> tuple[str, str]:
    """Sinch's code and words of an error body; the HTTP status without them."""
    body = decoded(reply)
    code = reason = ""
    if isinstance(body, dict):
        code = body["code"] if isinstance(body.get("code"), str) else ""
        # "description" in some of Sinch's own examples.
        reason = str(body.get("text") or body.get("description") or "")
    return code[:32] or str(reply.status), reason.strip()[:200] or f"HTTP {reply.status}"


def read_delivery(given: dict[str, Any]) -> tuple[DeliveryState, SendError | None] | None:
    """State and error of what a report says of a recipient; None when its status is not known."""
    status = given.get("status")
    state = STATES.get(status.upper()) if isinstance(status, str) else None
    if state is None:
        return None
    if state not in FAILURES:
        return state, None
    code = given.get("code")
    return state, delivery_error(str(status), code if type(code) is int else -1)


def quoted(reason: str) -> str:
    """Sinch's own words, as the sentence that more may follow."""
    return f"Sinch says: “{reason.rstrip('.')}”."


def unreadable(what: str) -> SendError:
    """The error of a message of which a successful reply tells nothing that is understood."""
    text = (
        f"{what}, so the message may have been taken. Await its delivery report or look it up before it is sent again."
    )
    return SendError(ErrorKind.UNKNOWN, "unreadable_reply", text)


def refusal(reply: Reply, doing: str) -> ProviderError:
    """The error of a request that is not a send.

    Args:
        reply: what Sinch answered.
        doing: what was asked for, e.g. ``to look a message up``.
    """
    if 200 <= reply.status < 400:
        text = f"Sinch's address answered HTTP {reply.status}, which is no answer. Check the gateway's base URL."
        return ProviderError("unreadable_reply", text, retryable=False)
    code, reason = code_and_reason(reply)
    retryable = reply.status == 429 or reply.status >= 500
    if reply.status in (401, 403):
        hint = "Check the gateway's service plan ID and API token."
    elif retryable:
        hint = "Try again in a minute."
    else:
        hint = "Check the gateway's base URL and service plan ID; Sinch's documentation tells more of the error."
    return ProviderError(code, f"Sinch refused {doing} (error {code}: {reason}). {hint}", retryable=retryable)

"""What Infobip's replies have in common: JSON, a status object for each message, two forms of error bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from integrations.http.values import Reply
from integrations.sms.errors import ErrorKind, ProviderError, SendError
from integrations.sms.events import DeliveryState
from integrations.sms.providers.infobip.codes import FAILURES, GROUP_NAMES, GROUPS, SEND_ERRORS, TAKEN, delivery_error

#: The Location of these names the place of the API, so the messages themselves were not looked at.
MOVED = frozenset({301, 307, 308})


@dataclass(frozen=True, slots=True)
class Status:
    """A status object that was understood.

    Args:
        code: Infobip's, -1 if it gave none.
        state: in our words.
        reason: Infobip's own words.
    """

    code: int
    state: DeliveryState
    reason: str


def read_status_object(given: Any) -> Status | None:
    """A status object; None when it is not one, or its code and group are both unknown."""
    if not isinstance(given, dict):
        return None
    code = number(given.get("id"), -1)
    reason = str(given.get("description") or given.get("name") or "")
    state = TAKEN.get(code)
    if state is None:
        group = str(given.get("groupName") or GROUP_NAMES.get(number(given.get("groupId"), -1), ""))
        state = GROUPS.get(group.upper())
    if state is None and code in SEND_ERRORS:
        state = DeliveryState.FAILED
    return None if state is None else Status(code, state, reason)


def read_delivery(given: dict[str, Any]) -> tuple[DeliveryState, SendError | None] | None:
    """State and error of a result in a delivery report or a log; None when its status is not understood."""
    status = read_status_object(given.get("status"))
    if status is None:
        return None
    if status.state not in FAILURES:
        return status.state, None
    error = given.get("error")
    code, reason = 0, status.reason
    if isinstance(error, dict):
        code = number(error.get("id"), 0)
        if code > 0:
            reason = str(error.get("description") or error.get("name") or reason)
    return status.state, delivery_error(status.code, code, reason)


def number(value: Any, default: int) -> int:
    """A whole number of JSON, or the default for anything else."""
    return value if type(value) is int else default


def segments_of(value: Any) -> int | None:
    """A count of segments as Infobip tells it; None if it does not."""
    return value if type(value) is int and value > 0 else None


def code_and_reason(reply: Reply) -> tuple[str, str]:
    """Infobip's code and words of an error body, of the newer or the older form; the HTTP status without either."""
    body = decoded(reply)
    code, reason = "", ""
    if isinstance(body, dict):
        code, reason = str(body.get("errorCode") or ""), str(body.get("description") or "")
        for violation in violations(body)[:3]:
            reason = f"{reason.rstrip('.')}: {violation[0]} {violation[1]}".strip(" :")
        older = body.get("requestError")
        older = older.get("serviceException") if isinstance(older, dict) else None
        if isinstance(older, dict):
            code, reason = str(older.get("messageId") or code), str(older.get("text") or reason)
    return code[:32] or str(reply.status), reason.strip()[:200] or f"HTTP {reply.status}"


def violations(body: Any) -> list[tuple[str, str]]:
    """What an error body finds wrong: the property's path and the reason."""
    listed = body.get("violations") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        return []
    return [
        (str(item.get("property") or ""), str(item.get("violation") or "")) for item in listed if isinstance(item, dict)
    ]


def decoded(reply: Reply) -> Any:
    """The decoded body, None when it is not JSON."""
    try:
        return reply.json()
    except ValueError:
        return None


def quoted(reason: str) -> str:
    """Infobip's own words, as the sentence that more may follow."""
    return f"Infobip says: “{reason.rstrip('.')}”."


def unreadable(what: str) -> SendError:
    """The error of a message of which a successful reply tells nothing that is understood."""
    text = (
        f"{what}, so the message may have been taken. Await its delivery report or look it up before it is sent again."
    )
    return SendError(ErrorKind.UNKNOWN, "unreadable_reply", text)


def refusal(reply: Reply, doing: str) -> ProviderError:
    """The error of a request that is not a send.

    Args:
        reply: what Infobip answered.
        doing: what was asked for, e.g. ``to look a message up``.
    """
    if 200 <= reply.status < 400:
        text = f"Infobip's address answered HTTP {reply.status}, which is no answer. Check the gateway's base URL."
        return ProviderError("unreadable_reply", text, retryable=False)
    code, reason = code_and_reason(reply)
    retryable = reply.status == 429 or reply.status >= 500
    if reply.status in (401, 403):
        hint = "Check the gateway's API key and its rights."
    elif retryable:
        hint = "Try again in a minute."
    else:
        hint = "Check the gateway's base URL; Infobip's documentation tells more of the error."
    return ProviderError(code, f"Infobip refused {doing} (error {code}: {reason}). {hint}", retryable=retryable)

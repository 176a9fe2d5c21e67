"""Claims: the database, not Redis, decides who may send a message.

Each function is one conditional UPDATE a chunk; whatever ran before, twice or at the same time, a message is in one claim at
most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from django.utils import timezone

from messaging.engine import sql
from messaging.models import Batch, PhoneNumber
from messaging.states import BatchState, MessageState


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message that this lease may send.

    Args:
        id: our id.
        recipient: E.164.
        body: text, or empty when it is rendered from the batch's template.
        context: values of the merge fields.
        is_service: also goes to who has opted out.
    """

    id: int
    recipient: str
    body: str
    context: dict[str, Any]
    is_service: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """What a lease may send, and how.

    Args:
        messages: in the order of their ids.
        template: the batch's text, empty for single messages.
        number: the number they leave from, None when there is nothing to send.
        suppressed: how many were suppressed just now.
    """

    messages: list[ClaimedMessage]
    template: str = ""
    number: PhoneNumber | None = None
    suppressed: int = 0


def suppress_opted_out(ids: list[int]) -> int:
    """Mark queued messages to suppressed recipients as such; how many there were."""
    condition, parameter = sql.id_list(ids)
    return sql.run(
        f"""
        UPDATE messaging_message SET state = %s, reason = x.reason, reason_text = 'Suppressed after the launch.', changed_at = %s
        FROM messaging_suppression x
        WHERE messaging_message.id {condition} AND messaging_message.state = 'queued' AND messaging_message.kind <> 'service'
          AND x.account_id = messaging_message.account_id AND x.recipient = messaging_message.recipient
          AND x.lifted_at IS NULL
        """,  # noqa: S608  the condition is ours
        [MessageState.SUPPRESSED, timezone.now(), parameter],
    )


def claim(*, queue_name: str, ids: list[int], token: str) -> Claim:
    """Claim queued messages for a lease.

    Args:
        queue_name: ``b<batch>`` or ``n<number>``.
        ids: what the lease holds.
        token: the lease.

    Returns:
        Those that were still queued, whose batch is sending and whose account is active; the others are somebody
        else's, over, or wait for their batch to be resumed.
    """
    suppressed = suppress_opted_out(ids)
    number, template = _origin(queue_name)
    if number is None or number.state != PhoneNumber.State.ACTIVE or not number.gateway.is_enabled:
        return Claim([], suppressed=suppressed)
    condition, parameter = sql.id_list(ids)
    now = timezone.now()
    rows = sql.fetch(
        f"""
        UPDATE messaging_message SET state = 'sending', lease = %s, claimed_at = %s, changed_at = %s
        WHERE id {condition} AND state = 'queued'
          AND EXISTS (SELECT 1 FROM accounts_account a WHERE a.id = account_id AND a.status = 'active')
          AND (batch_id IS NULL OR EXISTS (
            SELECT 1 FROM messaging_batch b WHERE b.id = batch_id AND b.state = %s))
        RETURNING id, recipient, body, context, kind
        """,  # noqa: S608  the condition is ours
        [token, now, now, parameter, BatchState.SENDING],
    )
    messages = [
        ClaimedMessage(row[0], row[1], row[2], _json(row[3]), row[4] == "service")
        for row in sorted(rows, key=lambda row: row[0])
    ]
    return Claim(messages, template, number, suppressed)


def _origin(queue_name: str) -> tuple[PhoneNumber | None, str]:
    """The number and the template of a queue."""
    numbers = PhoneNumber.objects.select_related("gateway")
    if queue_name.startswith("b"):
        batch = Batch.objects.filter(pk=int(queue_name[1:])).only("template", "number_id").first()
        return (numbers.filter(pk=batch.number_id).first(), batch.template) if batch else (None, "")
    return numbers.filter(pk=int(queue_name[1:])).first(), ""


def _json(value: Any) -> dict[str, Any]:
    """A JSON column's value: raw SQL returns text."""
    if value is None:
        return {}
    return dict(orjson.loads(value) if isinstance(value, str | bytes) else value)


def suppress_claimed(*, ids: list[int], token: str) -> int:
    """Mark claimed messages whose recipient has opted out since as suppressed; how many there were."""
    condition, parameter = sql.id_list(ids)
    return sql.run(
        f"""
        UPDATE messaging_message SET state = 'suppressed', reason = 'opt_out', changed_at = %s,
          reason_text = 'Opted out while the campaign was sending.'
        WHERE id {condition} AND state = 'sending' AND lease = %s
        """,  # noqa: S608  the condition is ours
        [timezone.now(), parameter, token],
    )


def release(*, ids: list[int], token: str) -> list[int]:
    """Give back messages that never left: ``sending`` → ``queued``, only those of this lease.

    Returns:
        The ids that are queued again; those of a cancelled batch become ``cancelled`` instead.
    """
    if not ids:
        return []
    condition, parameter = sql.id_list(ids)
    rows = sql.fetch(
        f"""
        UPDATE messaging_message SET lease = '', claimed_at = NULL, changed_at = %s,
          state = CASE WHEN EXISTS (
            SELECT 1 FROM messaging_batch b WHERE b.id = batch_id AND b.state = %s) THEN 'cancelled' ELSE 'queued' END
        WHERE id {condition} AND state = 'sending' AND lease = %s
        RETURNING id, state
        """,  # noqa: S608  the condition is ours
        [timezone.now(), BatchState.CANCELLED, parameter, token],
    )
    return sorted(row[0] for row in rows if row[1] == "queued")


def mark_unknown(*, ids: list[int], token: str, text: str) -> int:
    """Messages that may have left without an answer: ``sending`` → ``unknown``; how many there were."""
    if not ids:
        return 0
    condition, parameter = sql.id_list(ids)
    return sql.run(
        f"""
        UPDATE messaging_message SET state = 'unknown', reason = 'interrupted', reason_text = %s, changed_at = %s
        WHERE id {condition} AND state = 'sending' AND lease = %s
        """,  # noqa: S608  the condition is ours
        [text, timezone.now(), parameter, token],
    )


def fail(*, problems: dict[int, tuple[str, str]], token: str) -> None:
    """Messages that cannot be sent at all (their text fails): ``sending`` → ``failed``.

    Args:
        problems: id → (code, text).
        token: the lease.
    """
    now = timezone.now()
    for message_id, (code, text) in problems.items():
        sql.run(
            "UPDATE messaging_message SET state = 'failed', reason = %s, reason_text = %s, changed_at = %s "
            "WHERE id = %s AND state = 'sending' AND lease = %s",
            [code, text[:255], now, message_id, token],
        )

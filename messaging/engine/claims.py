"""Claims: the database, not Redis, decides who may send a message.

Each function is one conditional UPDATE a chunk; whatever ran before, twice or at the same time, a message is in one claim at
most.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

import orjson
from django.db import transaction
from django.utils import timezone

from broadcast.core.config import config
from messaging.engine import caps, keys, sql
from messaging.engine.places import look
from messaging.engine.unsent import tell_of_unsent
from messaging.models import Batch, PhoneNumber
from messaging.states import BatchState, MessageState


class ClaimedMessage(NamedTuple):
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
        number: the number they leave from, None when nothing may leave it.
        batch: their batch, with its text and limits; None for single messages.
        suppressed: how many were suppressed just now.
        until: from then on they may not leave any more, because somebody's hours end; None: hours are no limit.
    """

    messages: list[ClaimedMessage]
    number: PhoneNumber | None = None
    batch: Batch | None = None
    suppressed: int = 0
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a queue's messages come from.

    Args:
        number: the number they leave from.
        batch: None for single messages.
    """

    number: PhoneNumber
    batch: Batch | None


def claim(*, queue_name: str, ids: list[int], token: str, origin: Origin | None = None) -> Claim:
    """Claim queued messages for a lease.

    Args:
        queue_name: see ``keys``.
        ids: what the lease holds.
        token: the lease.
        origin: the queue's as it was a moment ago, if the caller has it; whether messages may leave is asked anew.

    Returns:
        Those that were still queued at this number, not too late, whose batch is sending, whose account is active and whose
        recipient may be written to now; the others are somebody else's, over, or wait for their batch or their hours.
    """
    origin = origin or find_origin(queue_name)
    if origin is None:
        return Claim([])
    number, batch = origin.number, origin.batch
    condition, parameter = sql.id_list(ids)
    now = timezone.now()
    limits: list[caps.Cap] = []
    until: dt.datetime | None = None
    if batch is None:
        may_leave = (
            "batch_id IS NULL AND created_at > %s AND EXISTS ("
            "SELECT 1 FROM accounts_account a WHERE a.id = account_id AND a.status = 'active')"
        )
        its_params: list[Any] = [singles_from(now)]
    else:
        # Asked once a statement, not once a message: both are the same for all of them.
        may_leave = (
            "batch_id = %s AND EXISTS ("
            "SELECT 1 FROM messaging_batch b JOIN accounts_account a ON a.id = b.account_id AND a.status = 'active' "
            "WHERE b.id = %s AND b.state = %s AND (b.expires_at IS NULL OR b.expires_at > %s))"
        )
        its_params = [batch.pk, batch.pk, BatchState.SENDING, now]
        limits = caps.caps_of(batch.account, now)
        view = look(batch, now)
        if view is not None:
            if not view.open:
                return Claim([])
            until = view.until
            if view.closed or view.late:
                places, open_places = sql.text_list(view.open)
                may_leave += f" AND place {places}"
                its_params.append(open_places)
    enough, enough_params = caps.reached(limits, "messaging_message.account_id", "messaging_message.recipient")
    with transaction.atomic():
        if batch is not None and limits:
            caps.take_turns(batch.account_id)
        rows = sql.fetch(
            f"""
            UPDATE messaging_message SET lease = %s, claimed_at = %s, changed_at = %s,
              state = CASE WHEN kind <> 'service' AND EXISTS (
                SELECT 1 FROM messaging_suppression x WHERE x.account_id = messaging_message.account_id
                  AND x.recipient = messaging_message.recipient AND x.lifted_at IS NULL
                  AND (kind = 'campaign' OR x.reason <> 'review')
              ) OR kind = 'campaign' AND {enough} THEN 'suppressed' ELSE 'sending' END
            WHERE id {condition} AND state = 'queued' AND number_id = %s AND {may_leave}
              AND EXISTS (SELECT 1 FROM messaging_phonenumber p JOIN integrations_gateway g ON g.id = p.gateway_id
                WHERE p.id = %s AND p.state = 'active' AND g.is_enabled)
            RETURNING id, recipient, body, context, kind, state
            """,  # noqa: S608  the conditions are ours
            [token, now, now, *enough_params, parameter, number.pk, *its_params, number.pk],
        )
        suppressed = [row[0] for row in rows if row[5] == MessageState.SUPPRESSED]
        if suppressed:
            _tell_suppressed(suppressed)
            if batch is None:
                tell_of_unsent(suppressed)
            if limits:
                _tell_capped(suppressed, token, caps.text_of(limits))
    messages = [
        ClaimedMessage(row[0], row[1], row[2], _json(row[3]), row[4] == "service")
        for row in sorted(rows, key=itemgetter(0))
        if row[5] == MessageState.SENDING
    ]
    return Claim(messages, number, batch, len(suppressed), until)


def _tell_suppressed(ids: list[int]) -> None:
    """Write why messages were suppressed by a claim."""
    condition, parameter = sql.id_list(ids)
    sql.run(
        f"""
        UPDATE messaging_message SET reason = x.reason, reason_text = 'Suppressed after the launch.', lease = '',
          claimed_at = NULL
        FROM messaging_suppression x
        WHERE messaging_message.id {condition} AND messaging_message.state = 'suppressed'
          AND x.account_id = messaging_message.account_id AND x.recipient = messaging_message.recipient
          AND x.lifted_at IS NULL
        """,  # noqa: S608  the condition is ours
        [parameter],
    )


def _tell_capped(ids: list[int], token: str, text: str) -> None:
    """Write why messages were suppressed by a claim that no suppression explains: those still carry its lease."""
    condition, parameter = sql.id_list(ids)
    sql.run(
        "UPDATE messaging_message SET reason = %s, reason_text = %s, lease = '', claimed_at = NULL "  # noqa: S608  ours
        f"WHERE id {condition} AND state = 'suppressed' AND lease = %s",
        [caps.REASON, text, parameter, token],
    )


def singles_from(now: dt.datetime) -> dt.datetime:
    """Single messages that were made before this do not leave any more."""
    return now - dt.timedelta(seconds=config().expire_seconds)


def find_origin(queue_name: str) -> Origin | None:
    """The number and the batch of a queue, None when they are gone."""
    # With its registration, which limits what leaves it (``budgets.budget_of``).
    numbers = PhoneNumber.objects.select_related("gateway", "ten_dlc__campaign__brand")
    number = numbers.filter(pk=keys.number_of(queue_name)).first()
    if number is None:
        return None
    batch_id = keys.batch_of(queue_name)
    if batch_id is None:
        return Origin(number, None)
    batch = Batch.objects.filter(pk=batch_id).select_related("account").first()
    return Origin(number, batch) if batch is not None else None


def _json(value: Any) -> dict[str, Any]:
    """A JSON column's value: raw SQL returns text."""
    if value is None:
        return {}
    # A string is what nearly every row has; the union would ask each class in turn.
    found: dict[str, Any] = orjson.loads(value) if value.__class__ is str or isinstance(value, bytes) else value
    return found


@transaction.atomic
def suppress_claimed(*, ids: list[int], token: str) -> int:
    """Mark claimed messages whose recipient has opted out since as suppressed; how many there were."""
    condition, parameter = sql.id_list(ids)
    rows = sql.fetch(
        f"""
        UPDATE messaging_message SET state = 'suppressed', changed_at = %s,
          reason = COALESCE((SELECT x.reason FROM messaging_suppression x
            WHERE x.account_id = messaging_message.account_id AND x.recipient = messaging_message.recipient
              AND x.lifted_at IS NULL), 'opt_out'),
          reason_text = 'Suppressed while it was being sent.'
        WHERE id {condition} AND state = 'sending' AND lease = %s
        RETURNING id, author_id
        """,  # noqa: S608  the condition is ours
        [timezone.now(), parameter, token],
    )
    tell_of_unsent(row[0] for row in rows if row[1] is not None)
    return len(rows)


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


def expire(*, batch_id: int, places: Collection[str] | None = None, number_ids: Collection[int] | None = None) -> int:
    """A batch's queued messages are too late: ``queued`` → ``expired``; how many there were.

    Args:
        batch_id: which.
        places: only those of some places; all when omitted.
        number_ids: only those at some of our numbers; all when omitted.
    """
    conditions, params = ["batch_id = %s"], [batch_id]
    for column, found in (
        ("place", sql.text_list(places) if places is not None else None),
        ("number_id", sql.id_list(number_ids) if number_ids is not None else None),
    ):
        if found is not None:
            conditions.append(f"{column} {found[0]}")
            params.append(found[1])
    return sql.run(*_expiry(" AND ".join(conditions), *params))


@transaction.atomic
def expire_singles(*, before: dt.datetime) -> int:
    """Single messages that are too late: ``queued`` → ``expired``; how many there were.

    Args:
        before: those made before it.
    """
    statement, params = _expiry("batch_id IS NULL AND created_at <= %s", before)
    rows = sql.fetch(f"{statement} RETURNING id, author_id", params)
    tell_of_unsent(row[0] for row in rows if row[1] is not None)
    return len(rows)


def _expiry(condition: str, *params: Any) -> tuple[str, list[Any]]:
    return (
        f"UPDATE messaging_message SET state = %s, reason = 'expired', changed_at = %s, "  # noqa: S608  ours
        f"reason_text = 'It had not left by its latest time.' WHERE state = 'queued' AND {condition}",
        [MessageState.EXPIRED, timezone.now(), *params],
    )


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


@transaction.atomic
def fail(*, problems: dict[int, tuple[str, str]], token: str) -> None:
    """Messages that cannot be sent at all (their text fails): ``sending`` → ``failed``.

    Args:
        problems: id → (code, text).
        token: the lease.
    """
    now = timezone.now()
    for message_id, (code, text) in problems.items():
        rows = sql.fetch(
            "UPDATE messaging_message SET state = 'failed', reason = %s, reason_text = %s, changed_at = %s "
            "WHERE id = %s AND state = 'sending' AND lease = %s RETURNING id, author_id",
            [code, text[:255], now, message_id, token],
        )
        tell_of_unsent(row[0] for row in rows if row[1] is not None)

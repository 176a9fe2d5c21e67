"""Writing down what became of messages: in bulk, forward only, as often as it takes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from messaging.engine import sql
from messaging.engine.unsent import tell_of_unsent
from messaging.states import RANK, MessageState

_COLUMNS = (
    ("id", "bigint"),
    ("gateway_id", "bigint"),
    ("state", "text"),
    ("rank", "int"),
    ("reason", "text"),
    ("reason_text", "text"),
    ("provider_id", "text"),
    ("segments", "int"),
    ("at", "text"),
)

#: A larger statement makes PostgreSQL choose a worse plan (measured: a hash join over the whole table from 10,000 rows on).
ROWS_PER_STATEMENT = 1000


@dataclass(slots=True)
class Record:
    """What is known of a message now.

    Args:
        message_id: our id.
        gateway_id: who says so; a gateway can only speak of messages that left through it.
        state: a value of ``MessageState``.
        at: when it happened, aware.
        reason: error code.
        reason_text: for a person.
        provider_id: the provider's id, if known.
        segments: segments as billed, 0 if not known.
        opts_out: the recipient has opted out at the provider.
        bad_number: the number can never receive a text.
    """

    message_id: int
    gateway_id: int
    state: str
    at: dt.datetime
    reason: str = ""
    reason_text: str = ""
    provider_id: str = ""
    segments: int = 0
    opts_out: bool = False
    bad_number: bool = False

    def merged(self, other: Record) -> Record:
        """Both as one: the further state, and what either knows."""
        first, second = (self, other) if RANK[self.state] >= RANK[other.state] else (other, self)
        first.provider_id = first.provider_id or second.provider_id
        first.segments = first.segments or second.segments
        first.opts_out = first.opts_out or second.opts_out
        first.bad_number = first.bad_number or second.bad_number
        return first


def merge(records: Iterable[Record]) -> dict[int, Record]:
    """One record a message."""
    merged: dict[int, Record] = {}
    for record in records:
        known = merged.get(record.message_id)
        merged[record.message_id] = record if known is None else known.merged(record)
    return merged


def write(records: Iterable[Record]) -> set[int]:
    """Write records; repeats and late arrivals change nothing.

    Returns:
        Ids of the batches whose messages changed.
    """
    batches: set[int] = set()
    # In the order of ids, so that two writers cannot wait for each other.
    rows = [
        (
            record.message_id,
            record.gateway_id,
            record.state,
            RANK[record.state],
            # What a provider says may be longer than expected; a column that is too short must not stop the recorder.
            record.reason[:32],
            record.reason_text[:255].replace("\x00", ""),
            record.provider_id[:64],
            min(max(record.segments, 0), 32_767),
            # As Django writes it on SQLite; PostgreSQL takes any ISO form.
            record.at.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ") + ("+00" if sql.is_postgresql() else ""),
        )
        for _, record in sorted(merge(records).items())
    ]
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        batches |= _write_chunk(rows[start : start + ROWS_PER_STATEMENT])
    return batches


@transaction.atomic
def _write_chunk(rows: Sequence[tuple[object, ...]]) -> set[int]:
    table, params = sql.values_table(_COLUMNS, rows)
    at, rank = sql.timestamp("v.at"), sql.rank_of("messaging_message.state")
    further = f"{rank} < v.rank"
    changed = sql.fetch(
        f"""
        UPDATE messaging_message SET
          state = CASE WHEN {further} THEN v.state ELSE messaging_message.state END,
          changed_at = CASE WHEN {further} THEN {at} ELSE changed_at END,
          reason = CASE WHEN {further} THEN v.reason ELSE messaging_message.reason END,
          reason_text = CASE WHEN {further} THEN v.reason_text ELSE messaging_message.reason_text END,
          accepted_at = CASE WHEN accepted_at IS NULL AND v.state IN ('accepted', 'sent', 'delivered', 'undelivered')
            THEN {at} ELSE accepted_at END,
          provider_id = CASE WHEN messaging_message.provider_id = '' THEN v.provider_id ELSE messaging_message.provider_id END,
          segments = CASE WHEN messaging_message.segments = 0 THEN v.segments ELSE messaging_message.segments END
        FROM {table}, messaging_phonenumber p
        WHERE messaging_message.id = v.id AND p.id = messaging_message.number_id AND p.gateway_id = v.gateway_id
          AND ({further} OR (messaging_message.provider_id = '' AND v.provider_id <> ''))
        RETURNING messaging_message.batch_id, messaging_message.id, messaging_message.author_id
        """,  # noqa: S608  nothing in it comes from outside
        params,
    )
    return _told(changed)


@transaction.atomic
def settle_overdue(*, before: dt.datetime, now: dt.datetime) -> set[int]:
    """Close messages that nobody has reported on for long enough.

    Those of a gateway that is stopped or disabled wait: with wrong credentials its reports are refused, and come again.

    Args:
        before: messages whose state has not changed since then are closed.
        now: the time to write.

    Returns:
        Ids of the batches whose messages changed.
    """
    batches: set[int] = set()
    for states, target, text in (
        (
            (MessageState.ACCEPTED, MessageState.SENT),
            MessageState.NO_REPORT,
            "The provider took it and has not reported on its delivery.",
        ),
        (
            (MessageState.UNKNOWN,),
            MessageState.UNRESOLVED,
            "It may or may not have left: the provider gave no answer and reported nothing since.",
        ),
    ):
        condition, parameter = sql.text_list(states)
        rows = sql.fetch(
            f"UPDATE messaging_message SET state = %s, reason_text = %s, changed_at = %s "  # noqa: S608  ours
            f"WHERE state {condition} AND changed_at < %s AND number_id IN ("
            "SELECT p.id FROM messaging_phonenumber p JOIN integrations_gateway g ON g.id = p.gateway_id "
            "WHERE g.is_enabled AND g.stopped_reason = '') RETURNING batch_id, id, author_id",
            [target, text, now, parameter, before],
        )
        batches |= _told(rows)
    return batches


def _told(rows: Iterable[Sequence[Any]]) -> set[int]:
    """Batches of changed messages (batch, id, author); the authors of replies are told if they did not arrive."""
    batches: set[int] = set()
    written: list[int] = []
    for batch_id, message_id, author_id in rows:
        if batch_id is not None:
            batches.add(batch_id)
        elif author_id is not None:
            written.append(message_id)
    tell_of_unsent(written)
    return batches

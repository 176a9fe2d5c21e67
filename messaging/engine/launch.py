"""From rows to Redis: a batch's recipients become message rows, then a list of ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils import timezone

from broadcast.core.queue import enqueue_on_commit
from broadcast.core.redis import get_redis
from messaging.engine import keys, sql
from messaging.engine.scripts import MAX_SCRIPT_ARGUMENTS, Scripts
from messaging.models import Batch, Message, PhoneNumber
from messaging.states import MessageState

#: Most ids under one lease.
LEASE_IDS = 1000
#: A slow number's lease holds what leaves in about this many seconds, so that a killed sender delays little.
LEASE_SECONDS_OF_PACE = 10


@dataclass(frozen=True, slots=True)
class RecipientQuery:
    """A SELECT of the people to write to, made by the layer above.

    Args:
        sql: yields ``recipient`` (E.164, once each), ``cohort`` (integer) and ``context`` (JSON or NULL).
        params: its parameters.
    """

    sql: str
    params: Sequence[Any]


def insert_messages(*, batch: Batch, recipients: RecipientQuery) -> int:
    """Freeze an audience into message rows: one statement, repeatable, one row a recipient.

    Suppressed recipients become rows too, in state ``suppressed`` with the reason.

    Returns:
        Rows made by this call; 0 when it ran before.
    """
    now = timezone.now()
    return sql.run(
        f"""
        INSERT INTO messaging_message (kind, account_id, batch_id, number_id, recipient, body, context, cohort, state,
          reason, reason_text, provider_id, segments, lease, created_at, changed_at)
        SELECT 'campaign', %s, %s, %s, r.recipient, '', r.context, r.cohort,
          CASE WHEN x.id IS NULL THEN 'queued' ELSE 'suppressed' END, COALESCE(x.reason, ''),
          CASE WHEN x.id IS NULL THEN '' ELSE 'Suppressed before the launch.' END, '', 0, '', {_now()}, {_now()}
        FROM ({recipients.sql}) r
        LEFT JOIN messaging_suppression x
          ON x.account_id = %s AND x.recipient = r.recipient AND x.lifted_at IS NULL
        WHERE TRUE
        ON CONFLICT (batch_id, recipient) DO NOTHING
        """,  # noqa: S608  compiled from querysets
        [batch.account_id, batch.pk, batch.number_id, now, now, *recipients.params, batch.account_id],
    )


def _now() -> str:
    return "%s::timestamptz" if sql.is_postgresql() else "%s"


def chunk_ids(number: PhoneNumber) -> int:
    """Most ids of a number's queue that one lease may hold."""
    return max(1, min(LEASE_IDS, number.segments_per_second * LEASE_SECONDS_OF_PACE))


def put_ids(*, number: PhoneNumber, queue_name: str, ids: Iterable[int], front: bool = False) -> int:
    """Append ids to a queue in Redis and make senders see it; the number of ids put.

    Raises:
        redis.RedisError: Redis is away; the sweeper finds the rows and tries again.
    """
    client = get_redis()
    put = Scripts(client).put
    gateway_id = number.gateway_id
    priority = keys.PRIORITY_BATCH if queue_name.startswith("b") else keys.PRIORITY_SINGLE
    script_keys = [keys.queue(gateway_id, queue_name), keys.ring(gateway_id, priority), keys.chunks(gateway_id)]
    total = 0
    for group in _groups(ids, MAX_SCRIPT_ARGUMENTS - 3):
        put(keys=script_keys, args=[queue_name, chunk_ids(number), "front" if front else "back", *group])
        total += len(group)
    return total


def _groups(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    iterator = iter(ids)
    while group := list(islice(iterator, size)):
        yield group


def rebuild_queue(batch: Batch) -> int:
    """Make a batch's queue in Redis anew from its queued rows; the number of ids in it.

    Ids that are in Redis already are harmless: a claim decides. Resuming goes through here, so it goes on from the rows and
    never from a position.
    """
    client = get_redis()
    name = keys.batch_queue(batch.pk)
    client.srem(keys.held(batch.gateway_id), name)
    client.delete(keys.queue(batch.gateway_id, name))
    ids = (
        Message.objects.filter(batch=batch, state=MessageState.QUEUED)
        .order_by("id")
        .values_list("id", flat=True)
        .iterator(chunk_size=10_000)
    )
    return put_ids(number=batch.number, queue_name=name, ids=ids)


def hold_queue(batch: Batch) -> None:
    """Take a batch's queue away from senders, those that hold some of it included."""
    client = get_redis()
    name = keys.batch_queue(batch.pk)
    client.sadd(keys.held(batch.gateway_id), name)
    client.delete(keys.queue(batch.gateway_id, name))


def wake_sender(gateway_id: int) -> None:
    """Have a sender look at a gateway's queues, once the open transaction is committed."""
    enqueue_on_commit("messaging.tasks.send", gateway_id)

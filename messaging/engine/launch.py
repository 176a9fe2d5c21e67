"""From rows to Redis: a batch's recipients become message rows, then a list of ids."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.utils import timezone

from broadcast.core.queue import enqueue_on_commit
from broadcast.core.redis import get_redis
from messaging.engine import budgets, keys, legs, sql
from messaging.engine.places import Openings, look
from messaging.engine.recipients import RecipientQuery
from messaging.engine.scripts import MAX_SCRIPT_ARGUMENTS, Scripts
from messaging.models import Batch, Message, PhoneNumber
from messaging.states import MessageState

#: Most ids under one lease.
LEASE_IDS = 1000
#: A slow number's lease holds what leaves in about this many seconds, so that a killed sender delays little.
LEASE_SECONDS_OF_PACE = 10
#: Rows read at once while queues are made.
ROWS_AT_ONCE = 10_000
#: What Redis keeps of a batch outlives it by this long: a sender may still hold some of it.
FORGET_AFTER_SECONDS = 3600
#: Which places are queued is remembered for so long; without it they are queued again, which does no harm.
OPEN_PLACES_SECONDS = 3 * 24 * 3600


def insert_messages(*, batch: Batch, recipients: RecipientQuery, by_country: Sequence[legs.Leg] = ()) -> int:
    """Freeze an audience into message rows: one statement, repeatable, one row a recipient.

    Suppressed recipients become rows too, in state ``suppressed`` with the reason. With a sender pool each recipient gets
    the number that their group belongs to.

    Args:
        batch: what they belong to.
        recipients: who.
        by_country: what goes to some countries from other numbers, or not at all.

    Returns:
        Rows made by this call; 0 when it ran before.
    """
    now = timezone.now()
    default = batch.pool.buckets if batch.pool is not None and batch.pool.buckets else [batch.number_id]
    number, number_params = legs.number_of("r.recipient", default, by_country)
    place, places, place_params = _place_of_recipient(batch)
    text_params: list[Any] = []
    is_sent, reason, reason_text = "x.id IS NULL", "COALESCE(x.reason, '')", "''"
    if by_country:
        joined, join_params = legs.join("r.recipient", [leg.country for leg in by_country])
        places, place_params = f"{places} {joined}", [*place_params, *join_params]
        is_blocked, reason_text, text_params = legs.blocked(by_country)
        is_sent = f"x.id IS NULL AND NOT {is_blocked}"
        reason = f"COALESCE(x.reason, CASE WHEN {is_blocked} THEN '{legs.REASON}' ELSE '' END)"
    return sql.run(
        f"""
        INSERT INTO messaging_message (kind, account_id, batch_id, number_id, recipient, body, context, cohort, place, state,
          reason, reason_text, provider_id, segments, lease, created_at, changed_at)
        SELECT 'campaign', %s, %s, {number}, r.recipient, '', r.context, r.cohort, {place},
          CASE WHEN {is_sent} THEN 'queued' ELSE 'suppressed' END, {reason},
          CASE WHEN x.id IS NULL THEN {reason_text} ELSE 'Suppressed before the launch.' END, '', 0, '', {_now()}, {_now()}
        FROM ({recipients.sql}) r {places}
        LEFT JOIN messaging_suppression x
          ON x.account_id = %s AND x.recipient = r.recipient AND x.lifted_at IS NULL
        WHERE TRUE
        ON CONFLICT (batch_id, recipient) DO NOTHING
        """,  # noqa: S608  compiled from querysets
        [
            *(batch.account_id, batch.pk),
            *number_params,
            *text_params,
            *(now, now),
            *recipients.params,
            *place_params,
            batch.account_id,
        ],
    )


def _place_of_recipient(batch: Batch) -> tuple[str, str, list[Any]]:
    """SQL of the place of a recipient ``r``, the join that it needs, and its parameters."""
    return sql.place("r.recipient", "r.zone") if batch.respects_quiet_hours else ("''", "", [])


def places_of(batch: Batch) -> list[str]:
    """The places of a batch's messages, each once; empty when it keeps no quiet hours."""
    if not batch.respects_quiet_hours:
        return []
    return sorted(Message.objects.filter(batch=batch).order_by().values_list("place", flat=True).distinct())


def count_places(*, account_id: int, recipients: RecipientQuery) -> dict[str, int]:
    """How many of those who would be sent to are in each place; nothing is written.

    Args:
        account_id: whose suppressions hold.
        recipients: who would get it.
    """
    place, join, params = sql.place("r.recipient", "r.zone")
    rows = sql.fetch(
        f"""
        SELECT {place} AS place, count(*) FROM ({recipients.sql}) r {join}
        LEFT JOIN messaging_suppression x
          ON x.account_id = %s AND x.recipient = r.recipient AND x.lifted_at IS NULL
        WHERE x.id IS NULL GROUP BY 1
        """,  # noqa: S608  compiled from querysets
        [*recipients.params, *params, account_id],
    )
    return dict(rows)


def move_queued(*, batch: Batch, number_id: int) -> int:
    """Give a number's queued messages to the numbers of the batch's pool that their recipients belong to now.

    ``Batch.sender_ids`` must name those numbers, and ``rebuild_queue`` must follow. A sender that finds an old id in the old
    number's queue cannot claim it. What may have left from the number already, and was queued again by a person, stays: sent from
    another one, a provider that knows it would not know it again.

    Returns:
        How many messages moved.
    """
    if batch.pool is None or not batch.pool.buckets:
        return 0
    number, params = sql.pick("recipient", batch.pool.buckets)
    return sql.run(
        f"UPDATE messaging_message SET number_id = {number} "  # noqa: S608  ours
        f"WHERE batch_id = %s AND number_id = %s AND state = 'queued' AND reason <> '{legs.RESENT}'",
        [*params, batch.pk, number_id],
    )


def _now() -> str:
    return "%s::timestamptz" if sql.is_postgresql() else "%s"


def chunk_ids(number: PhoneNumber) -> int:
    """Most ids of a number's queue that one lease may hold."""
    return min(LEASE_IDS, most_in_hand(number))


def most_in_hand(number: PhoneNumber) -> int:
    """Most messages of a number's queue that are worth holding in advance: a slow one's are better left to others."""
    return max(1, number.segments_per_second * LEASE_SECONDS_OF_PACE)


def put_ids(*, number: PhoneNumber, queue_name: str, ids: Iterable[int], front: bool = False) -> int:
    """Append ids to a queue in Redis and make senders see it; the number of ids put.

    Raises:
        redis.RedisError: Redis is away; the sweeper finds the rows and tries again.
    """
    client = get_redis()
    put = Scripts(client).put
    gateway_id = number.gateway_id
    if keys.batch_of(queue_name) is not None:
        # It may have been dropped once, and may send again (``hold_number``).
        client.srem(keys.held(gateway_id), queue_name)
    priority = keys.PRIORITY_SINGLE if keys.batch_of(queue_name) is None else keys.PRIORITY_BATCH
    script_keys = [keys.queue(gateway_id, queue_name), keys.ring(gateway_id, priority), keys.chunks(gateway_id)]
    total = 0
    for group in _groups(ids, MAX_SCRIPT_ARGUMENTS - 3):
        put(keys=script_keys, args=[queue_name, chunk_ids(number), "front" if front else "back", *group])
        total += len(group)
    return total


def _groups(ids: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(ids)
    while group := list(islice(iterator, size)):
        yield group


def rebuild_queue(batch: Batch, *, gateway_ids: Collection[int] | None = None) -> int:
    """Make a batch's queues in Redis anew from its queued rows; the number of ids in them.

    Ids that are in Redis already are harmless: a claim decides. Resuming goes through here, so it goes on from the rows and
    never from a position. While the canary is under way only the first few are queued, and nobody whose
    place is closed or whose number's brand has used up its day.

    Args:
        batch: with its account.
        gateway_ids: only the queues at some of its gateways; at all of them when omitted.
    """
    client = get_redis()
    for gateway_id in batch.gateways if gateway_ids is None else gateway_ids:
        client.srem(keys.held(gateway_id), keys.batch_name(batch.pk))
        client.delete(*(keys.queue(gateway_id, name) for name in queue_names(batch)))
    queued = Message.objects.filter(batch=batch, state=MessageState.QUEUED)
    if batch.canary_state == Batch.Canary.SENDING:
        queued = queued.canary(batch.canary_step)
    view = look(batch)
    if view is not None:
        queued = queued.filter(place__in=view.open)
    since = budgets.left_out_clock()
    spent = budgets.spent_numbers(budgets.budgets_of(batch.senders))
    if spent:
        queued = queued.exclude(number_id__in=spent)
    numbers = {row.pk: row for row in PhoneNumber.objects.select_related("gateway").filter(pk__in=batch.senders)}
    if gateway_ids is not None:
        numbers = {pk: row for pk, row in numbers.items() if row.gateway_id in gateway_ids}
        queued = queued.filter(number_id__in=numbers)
    total = 0
    rows = queued.order_by("id").values_list("id", "number_id").iterator(chunk_size=ROWS_AT_ONCE)
    for group in _groups(rows, ROWS_AT_ONCE):
        by_number: dict[int, list[int]] = {}
        for pk, number_id in group:
            by_number.setdefault(number_id, []).append(pk)
        for number_id, ids in by_number.items():
            # A number may have been added since the batch was read; whoever added it queues again.
            if (number := numbers.get(number_id)) is not None:
                total += put_ids(number=number, queue_name=keys.batch_queue(batch.pk, number_id), ids=ids)
    # Last: whoever is killed before has it done again.
    budgets.note_left_out(batch, spent, since=since, queued=None if gateway_ids is None else numbers)
    if view is not None:
        note_open(batch, view)
    return total


def note_open(batch: Batch, view: Openings) -> None:
    """Remember which places of a batch are queued, and until when: ids of a place that closes fall out of the queues.

    Raises:
        redis.RedisError: Redis is away.
    """
    name = keys.open_places(batch.gateway_id, batch.pk)
    pipe = get_redis().pipeline().delete(name)
    if view.open:
        pipe.zadd(name, dict(zip(view.open, view.ends, strict=True))).expire(name, OPEN_PLACES_SECONDS)
    pipe.execute()


def has_opened(batch: Batch, view: Openings, now: dt.datetime) -> bool:
    """Whether a place of a batch is open that was not queued since it opened.

    Args:
        batch: which.
        view: its places.
        now: an aware time.

    Raises:
        redis.RedisError: Redis is away.
    """
    name = keys.open_places(batch.gateway_id, batch.pk)
    queued = {value.decode() for value in get_redis().zrangebyscore(name, f"({now.timestamp()}", "+inf")}
    return not queued.issuperset(view.open)


def queue_names(batch: Batch) -> list[str]:
    """The queues of a batch, one for each number it leaves from."""
    return [keys.batch_queue(batch.pk, number_id) for number_id in batch.senders]


def is_in_redis(batch: Batch) -> bool:
    """Whether some of a batch is queued in Redis or held by a sender, at any of its gateways.

    Raises:
        redis.RedisError: Redis is away.
    """
    return len(absent_at(batch)) < len(batch.gateways)


def absent_at(batch: Batch) -> list[int]:
    """The gateways of a batch at which none of it is queued in Redis or held by a sender, by their ids.

    Raises:
        redis.RedisError: Redis is away.
    """
    names = queue_names(batch)
    return [gateway_id for gateway_id in batch.gateways if not _is_at(gateway_id, names)]


def _is_at(gateway_id: int, names: list[str]) -> bool:
    client = get_redis()
    if client.exists(*(keys.queue(gateway_id, name) for name in names)):
        return True
    tokens = client.zrange(keys.leases(gateway_id), 0, -1)
    holders = (client.lindex(keys.lease(gateway_id, token.decode()), 0) for token in tokens)
    return any(holder is not None and holder.decode() in names for holder in holders)


def hold_queue(batch: Batch) -> None:
    """Take a batch's queues away from senders, those that hold some of them included."""
    client = get_redis()
    for gateway_id in batch.gateways:
        client.sadd(keys.held(gateway_id), keys.batch_name(batch.pk))
        client.delete(*(keys.queue(gateway_id, name) for name in queue_names(batch)))


def hold_number(batch: Batch, number: PhoneNumber) -> None:
    """Have senders give back what they hold of a batch for one number, until something is queued at it again.

    Raises:
        redis.RedisError: Redis is away.
    """
    name = keys.batch_queue(batch.pk, number.pk)
    client = get_redis()
    client.sadd(keys.held(number.gateway_id), name)
    client.delete(keys.queue(number.gateway_id, name))


def forget_queues(gateway_id: int) -> int:
    """Forget what Redis keeps of batches that have been over for a while; how many batches there were."""
    client = get_redis()
    names = {
        name.decode() for name in [*client.smembers(keys.held(gateway_id)), *client.hkeys(keys.chunks(gateway_id))]
    }
    by_batch: dict[int, list[str]] = {}
    for name in names:
        batch_id = keys.batch_of(name)
        if batch_id is not None:
            by_batch.setdefault(batch_id, []).append(name)
    before = timezone.now() - dt.timedelta(seconds=FORGET_AFTER_SECONDS)
    open_ids = set(Batch.objects.open().filter(pk__in=by_batch).values_list("pk", flat=True))
    recent = set(Batch.objects.filter(pk__in=by_batch, updated_at__gt=before).values_list("pk", flat=True))
    over = [batch_id for batch_id in by_batch if batch_id not in open_ids and batch_id not in recent]
    for batch_id in over:
        client.pipeline(transaction=False).srem(keys.held(gateway_id), *by_batch[batch_id]).hdel(
            keys.chunks(gateway_id), *by_batch[batch_id]
        ).execute()
    return len(over)


def wake_sender(gateway_id: int) -> None:
    """Have a sender look at a gateway's queues, once the open transaction is committed."""
    enqueue_on_commit("messaging.tasks.send", gateway_id)

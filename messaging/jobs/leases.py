"""Leases that nobody holds any more: what of them never left is queued again, what may have left becomes ``unknown``.

What a dead sender's journal tells is exact (``messaging.engine.journal``). Without one, the marks in Redis decide.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterator

from django.utils import timezone

from broadcast.core.redis import get_redis
from messaging.engine import claims, journal, keys, limits, stream
from messaging.engine.launch import put_ids
from messaging.engine.records import Record
from messaging.engine.scripts import Scripts
from messaging.jobs.recorder import Recorder
from messaging.models import Message, PhoneNumber
from messaging.states import MessageState

logger = logging.getLogger(__name__)

INTERRUPTED = "The sender was interrupted after the message may have left; nothing has been reported yet."
#: Rows in ``sending`` without a lease are orphans after this long: Redis lost the lease.
ORPHAN_SECONDS = 2 * limits.LEASE_MILLISECONDS / 1000


def take_apart(gateway_id: int) -> int:
    """Take apart expired leases: what never left is queued again, what may have left becomes ``unknown``.

    Returns:
        How many leases there were.
    """
    client = get_redis()
    seized = Scripts(client).seize(keys=[keys.leases(gateway_id), keys.seized(gateway_id)])
    for token in (value.decode() for value in seized):
        name, *values = (value.decode() for value in client.lrange(keys.lease(gateway_id, token), 0, -1) or [b""])
        ids = {int(value) for value in values}
        marked = {int(value) for value in client.smembers(keys.attempted(gateway_id, token))}
        _settle(gateway_id, token, ids, marked)
        # Ids that were taken but not claimed, or given back without Redis, are queued rows too; a second id of the
        # same row is harmless.
        queued = Message.objects.filter(pk__in=ids, state=MessageState.QUEUED).values_list("pk", flat=True)
        number = _number_of(name)
        if number is not None and queued:
            put_ids(number=number, queue_name=name, ids=list(queued), front=True)
        client.pipeline(transaction=False).delete(
            keys.lease(gateway_id, token), keys.attempted(gateway_id, token)
        ).srem(keys.seized(gateway_id), token).execute()
    return len(seized)


def _number_of(queue_name: str) -> PhoneNumber | None:
    if not queue_name:
        return None
    return PhoneNumber.objects.select_related("gateway").filter(pk=keys.number_of(queue_name)).first()


def find_orphans(gateway_id: int) -> int:
    """Take apart leases that Redis does not know although rows are being sent under them: it lost its data.

    Without a journal nobody can say what of them left, so all of it becomes ``unknown``.

    Returns:
        How many messages there were.
    """
    client = get_redis()
    tokens = [*client.zrange(keys.leases(gateway_id), 0, -1), *client.smembers(keys.seized(gateway_id))]
    live = {token.decode() for token in tokens}
    before = timezone.now() - dt.timedelta(seconds=ORPHAN_SECONDS)
    found = (
        Message.objects.filter(state=MessageState.SENDING, changed_at__lt=before, number__gateway_id=gateway_id)
        .exclude(lease__in=live)
        .values_list("lease", "pk")
    )
    by_lease: dict[str, set[int]] = {}
    for token, pk in found.iterator():
        by_lease.setdefault(token, set()).add(pk)
    for token, ids in by_lease.items():
        _put_back(_settle(gateway_id, token, ids, ids))
    return sum(map(len, by_lease.values()))


def forget_journals() -> int:
    """Remove the journals of leases under which nothing is being sent any more; how many there were."""
    needed = Message.objects.filter(state=MessageState.SENDING).order_by().values_list("lease", flat=True).distinct()
    return journal.tidy(needed=set(needed), older_than_seconds=ORPHAN_SECONDS)


def _settle(gateway_id: int, token: str, ids: set[int], marked: Collection[int]) -> list[int]:
    """Take one lease apart.

    Args:
        gateway_id: whose.
        token: the lease, out of its sender's hands.
        ids: its messages.
        marked: those that may have left, if there is no journal that says so exactly.

    Returns:
        The ids that are queued again.
    """
    left = set(marked)
    traces = journal.seal(token)
    if traces is not None:
        sending = set(
            Message.objects.filter(pk__in=ids, state=MessageState.SENDING, lease=token).values_list("pk", flat=True)
        )
        answers = [record for record in _answers(gateway_id, token, traces) if record.message_id in sending]
        recorder = Recorder()
        recorder.apply(answers)
        recorder.finish_batches(force=True)
        left = set(traces.left) - {record.message_id for record in answers}
    unknown = claims.mark_unknown(ids=sorted(left & ids), token=token, text=INTERRUPTED)
    released = claims.release(ids=sorted(ids - left), token=token)
    logger.warning(
        "A sender of gateway %s left lease %s behind: %s queued again, %s unknown, by %s",
        gateway_id,
        token,
        len(released),
        unknown,
        "Redis' marks" if traces is None else "its journal",
    )
    return released


def _answers(gateway_id: int, token: str, traces: journal.Traces) -> Iterator[Record]:
    for packed in traces.answers:
        try:
            yield from stream.unpack_results(gateway_id, packed)
        except ValueError as error:
            # Its message counts as one without an answer.
            logger.warning("An answer in the journal of lease %s is not whole: %s", token, error)


def _put_back(ids: list[int]) -> None:
    """Put released ids into Redis again, each into its queue."""
    by_queue: dict[tuple[int, int | None], list[int]] = {}
    for pk, number_id, batch_id in Message.objects.filter(pk__in=ids).values_list("pk", "number_id", "batch_id"):
        by_queue.setdefault((number_id, batch_id), []).append(pk)
    numbers = PhoneNumber.objects.select_related("gateway").in_bulk({number_id for number_id, _ in by_queue})
    for (number_id, batch), some in by_queue.items():
        name = keys.single_queue(number_id) if batch is None else keys.batch_queue(batch, number_id)
        put_ids(number=numbers[number_id], queue_name=name, ids=sorted(some), front=True)

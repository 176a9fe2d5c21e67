"""The sweeper: each minute and at every start, takes apart what killed processes left behind and wakes what was not woken."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable

from django.db.models import Exists, OuterRef
from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.queue import enqueue
from broadcast.core.redis import get_redis
from integrations.models import Gateway
from messaging.engine import claims, keys, limits, records
from messaging.engine.launch import forget_queues, is_in_redis, put_ids, rebuild_queue
from messaging.engine.scripts import Scripts
from messaging.engine.seats import Seat
from messaging.jobs import lookups
from messaging.models import Batch, EarlyReport, Message, PhoneNumber
from messaging.services.batches import (
    cancel_queued,
    finish_batch,
    obstacle,
    pause_batch,
    quiet_text,
    resume_batch,
    start_batch,
)
from messaging.services.gateways import publish_gateways
from messaging.states import BatchState, MessageState

logger = logging.getLogger(__name__)

Reader = Callable[[Callable[[], bool]], None]

INTERRUPTED = "The sender was interrupted after the message may have left; nothing has been reported yet."
#: Rows in ``sending`` without a lease are orphans after this long: Redis lost the lease.
ORPHAN_SECONDS = 2 * limits.LEASE_MILLISECONDS / 1000
#: Single messages that nobody has queued in Redis after this long are queued again.
FORGOTTEN_SECONDS = 60
#: Early marks of opt-outs are kept this long; by then the database has them.
STOP_MARK_SECONDS = 24 * 3600
#: Reports that never found their message are kept this long.
EARLY_REPORT_DAYS = 3


def sweep(seat: Seat | None = None) -> None:
    """One round.

    Raises:
        redis.RedisError: Redis is away; the next round does it.
    """
    publish_gateways()
    for gateway in Gateway.objects.all():
        take_apart(gateway.pk)
        find_orphans(gateway.pk)
        forget_queues(gateway.pk)
        if seat is not None and not seat.renew():
            return
    tend_batches()
    requeue_singles()
    lookups.settle(renew=seat.renew if seat is not None else lambda: True)
    settle_overdue()
    wake_senders()
    tidy()


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
        left = {int(value) for value in client.smembers(keys.attempted(gateway_id, token))}
        unknown = claims.mark_unknown(ids=sorted(left), token=token, text=INTERRUPTED)
        released = claims.release(ids=sorted(ids - left), token=token)
        # Ids that were taken but not claimed, or given back without Redis, are queued rows too; a second id of the
        # same row is harmless.
        queued = Message.objects.filter(pk__in=ids, state=MessageState.QUEUED).values_list("pk", flat=True)
        number = _number_of(name)
        if number is not None and queued:
            put_ids(number=number, queue_name=name, ids=list(queued), front=True)
        client.pipeline(transaction=False).delete(
            keys.lease(gateway_id, token), keys.attempted(gateway_id, token)
        ).srem(keys.seized(gateway_id), token).execute()
        logger.warning(
            "A sender of gateway %s left lease %s behind: %s queued again, %s unknown",
            gateway_id,
            token,
            len(released),
            unknown,
        )
    return len(seized)


def _number_of(queue_name: str) -> PhoneNumber | None:
    if not queue_name:
        return None
    return PhoneNumber.objects.select_related("gateway").filter(pk=keys.number_of(queue_name)).first()


def find_orphans(gateway_id: int) -> int:
    """Rows being sent under a lease that Redis does not know (it lost its data): nobody can say what left, so ``unknown``."""
    client = get_redis()
    tokens = [*client.zrange(keys.leases(gateway_id), 0, -1), *client.smembers(keys.seized(gateway_id))]
    live = {token.decode() for token in tokens}
    before = timezone.now() - dt.timedelta(seconds=ORPHAN_SECONDS)
    found = (
        Message.objects.filter(state=MessageState.SENDING, changed_at__lt=before, number__gateway_id=gateway_id)
        .exclude(lease__in=live)
        .values_list("lease", "pk")
    )
    by_lease: dict[str, list[int]] = {}
    for token, pk in found.iterator():
        by_lease.setdefault(token, []).append(pk)
    return sum(claims.mark_unknown(ids=ids, token=token, text=INTERRUPTED) for token, ids in by_lease.items())


def tend_batches() -> None:
    """Start, hold, resume, refill and finish batches that are not over, whoever should have done it."""
    queued = Message.objects.filter(batch=OuterRef("pk"), state=MessageState.QUEUED)
    waiting = set(Batch.objects.open().filter(Exists(queued)).values_list("pk", flat=True))
    for batch in Batch.objects.open().select_related("account", "gateway", "number__gateway"):
        has_queued = batch.pk in waiting
        quiet_until = batch.account.quiet_until() if batch.respects_quiet_hours else None
        if batch.state == BatchState.LAUNCHING:
            start_batch(batch.pk)
        elif batch.state == BatchState.PAUSED:
            if batch.resume_at is not None and batch.resume_at <= timezone.now():
                resume_batch(batch.pk)
        elif (why := obstacle(batch)) is not None:
            pause_batch(batch.pk, code=why[0], reason=why[1])
        elif quiet_until is not None and has_queued:
            pause_batch(
                batch.pk, code=Batch.PauseCode.QUIET_HOURS, reason=quiet_text(quiet_until), resume_at=quiet_until
            )
        elif not has_queued:
            finish_batch(batch.pk)
        elif not is_in_redis(batch):
            logger.warning("Batch %s has queued messages and none in Redis: queued again from the rows", batch.pk)
            rebuild_queue(batch)
    for batch in Batch.objects.filter(Exists(queued), state=BatchState.CANCELLED):
        cancel_queued(batch.pk)


def requeue_singles() -> int:
    """Queue single messages again that nobody has queued in Redis; how many there were."""
    before = timezone.now() - dt.timedelta(seconds=FORGOTTEN_SECONDS)
    waiting = Message.objects.filter(batch=None, state=MessageState.QUEUED, changed_at__lt=before).order_by("id")
    by_number: dict[int, list[int]] = {}
    for number_id, pk in waiting.values_list("number_id", "pk"):
        by_number.setdefault(number_id, []).append(pk)
    total = 0
    for number in PhoneNumber.objects.sendable().select_related("gateway").filter(pk__in=by_number):
        name = keys.single_queue(number.pk)
        if not get_redis().exists(keys.queue(number.gateway_id, name)):
            total += put_ids(number=number, queue_name=name, ids=by_number[number.pk])
    return total


def settle_overdue() -> None:
    """Close what nobody has reported on for long enough."""
    now = timezone.now()
    before = now - dt.timedelta(seconds=config().report_wait_seconds)
    for batch_id in sorted(records.settle_overdue(before=before, now=now)):
        finish_batch(batch_id)


def wake_senders() -> None:
    """Call a sender for each gateway at which something waits."""
    client = get_redis()
    for gateway_id in Gateway.objects.filter(is_enabled=True, stopped_reason="").values_list("pk", flat=True):
        rings = (keys.ring(gateway_id, priority) for priority in (keys.PRIORITY_SINGLE, keys.PRIORITY_BATCH))
        if any(client.exists(ring) for ring in rings):
            enqueue("messaging.tasks.send", gateway_id)


def tidy() -> None:
    """Forget what has served its purpose."""
    client = get_redis()
    if not client.xlen(keys.INBOUND):
        client.zremrangebyscore(keys.STOPS, "-inf", time.time() - STOP_MARK_SECONDS)
    EarlyReport.objects.filter(received_at__lt=timezone.now() - dt.timedelta(days=EARLY_REPORT_DAYS)).delete()

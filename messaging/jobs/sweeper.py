"""The sweeper: each minute and at every start, takes apart what killed processes left behind and wakes what was not woken."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable

from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.queue import enqueue
from broadcast.core.redis import get_redis
from integrations.models import Gateway
from integrations.services.rotation import forget_former
from messaging.engine import claims, keys, records
from messaging.engine.launch import forget_queues, put_ids
from messaging.engine.seats import Seat
from messaging.jobs import lookups, repeating
from messaging.jobs.leases import find_orphans, forget_journals, take_apart
from messaging.jobs.marks import repair_marks
from messaging.models import EarlyReport, Message, PhoneNumber
from messaging.services import alert_mail, alerts, detours, pools, stalls
from messaging.services.asked_repairs import call_lost_repairs
from messaging.services.batches import finish_batch
from messaging.services.brand_days import watch_closed_days
from messaging.services.budgets import watch_budgets
from messaging.services.gateways import publish_gateways, watch_circuits
from messaging.services.numbers.errands import call_lost
from messaging.services.numbers.watching import watch_numbers
from messaging.services.refusals import watch_refusals
from messaging.services.tending import tend_batches as tend_batches
from messaging.states import MessageState

logger = logging.getLogger(__name__)

Reader = Callable[[Callable[[], bool]], None]

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
    forget_former()
    for gateway_id in Gateway.objects.values_list("pk", flat=True):
        take_apart(gateway_id)
        find_orphans(gateway_id)
        forget_queues(gateway_id)
        if seat is not None and not seat.renew():
            return
    pools.rebalance_all()
    tend_batches()
    expire_singles()
    requeue_singles()
    call_lost()
    call_lost_repairs()
    tell()
    renew = seat.renew if seat is not None else lambda: True
    repeating.repeat_unknown(renew=renew)
    lookups.settle(renew=renew)
    settle_overdue()
    wake_senders()
    tidy()


def tell() -> None:
    """Tell people of what they should know, and take back what is over.

    Raises:
        redis.RedisError: Redis is away; the next round does it.
    """
    stalls.watch()
    watch_circuits()
    watch_refusals()
    watch_numbers()
    detours.close_over()
    watch_budgets()
    watch_closed_days()
    alerts.resolve_outdated()
    alert_mail.remind()


def expire_singles() -> int:
    """Close single messages that are too late to be sent; how many there were."""
    count = claims.expire_singles(before=claims.singles_from(timezone.now()))
    if count:
        logger.warning("%s single messages had not left in time and are marked as expired", count)
    return count


def requeue_singles() -> int:
    """Queue single messages again that nobody has queued in Redis; how many there were."""
    before = timezone.now() - dt.timedelta(seconds=FORGOTTEN_SECONDS)
    waiting = Message.objects.filter(batch=None, state=MessageState.QUEUED, changed_at__lt=before).order_by("id")
    by_number: dict[int, list[int]] = {}
    for number_id, pk in waiting.values_list("number_id", "pk"):
        by_number.setdefault(number_id, []).append(pk)
    total = 0
    for number in PhoneNumber.objects.answering().select_related("gateway").filter(pk__in=by_number):
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
    forget_journals()
    repair_marks(lifted_seconds=STOP_MARK_SECONDS)
    client = get_redis()
    if not client.xlen(keys.INBOUND):
        client.zremrangebyscore(keys.STOPS, "-inf", time.time() - STOP_MARK_SECONDS)
    EarlyReport.objects.filter(received_at__lt=timezone.now() - dt.timedelta(days=EARLY_REPORT_DAYS)).delete()

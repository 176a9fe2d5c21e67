"""Tending batches that are not over: each minute, and at every start, whatever should have happened to them happens."""

from __future__ import annotations

import logging

from django.db.models import Exists, OuterRef
from django.utils import timezone

from messaging.engine.launch import is_in_redis, rebuild_queue
from messaging.models import Batch, Message
from messaging.services import canaries
from messaging.services.batches import (
    cancel_queued,
    finish_batch,
    obstacle,
    pause_batch,
    quiet_text,
    resume_batch,
    start_batch,
)
from messaging.services.expiry import expire_overdue, is_overdue
from messaging.services.gateways import take_over
from messaging.states import BatchState, MessageState

logger = logging.getLogger(__name__)


def tend_batches() -> None:
    """Start, hold, resume, judge, refill, close and finish batches that are not over, whoever should have done it.

    Raises:
        redis.RedisError: Redis is away; the next round does it.
    """
    queued = Message.objects.filter(batch=OuterRef("pk"), state=MessageState.QUEUED)
    waiting = set(Batch.objects.open().filter(Exists(queued)).values_list("pk", flat=True))
    for batch in Batch.objects.open().select_related("account", "gateway", "number__gateway", "pool"):
        if batch.state == BatchState.LAUNCHING:
            start_batch(batch.pk)
            batch.refresh_from_db(fields=("state", "expires_at", "pause_code"))
        # Before quiet hours are looked at: what is stale must not wait for the morning.
        if is_overdue(batch):
            expire_overdue(batch.pk)
            finish_batch(batch.pk)
        elif batch.state == BatchState.PAUSED:
            if batch.resume_at is not None and batch.resume_at <= timezone.now():
                resume_batch(batch.pk, by_itself=True)
        elif batch.state == BatchState.SENDING:
            _tend_sending(batch, has_queued=batch.pk in waiting)
    for batch in Batch.objects.filter(Exists(queued), state=BatchState.CANCELLED):
        cancel_queued(batch.pk)


def _tend_sending(batch: Batch, *, has_queued: bool) -> None:
    quiet_until = batch.account.quiet_until() if batch.respects_quiet_hours else None
    if (why := obstacle(batch)) is not None:
        pause_batch(batch.pk, code=why[0], reason=why[1])
    elif quiet_until is not None and has_queued:
        pause_batch(batch.pk, code=Batch.PauseCode.QUIET_HOURS, reason=quiet_text(quiet_until), resume_at=quiet_until)
    elif not has_queued:
        # An opt-out of the last one may have left a canary without anybody to judge.
        canaries.tend(batch)
        finish_batch(batch.pk)
    else:
        take_over(batch)
        canaries.tend(batch)
        batch.refresh_from_db(fields=("state", "canary_state"))
        if batch.state == BatchState.SENDING:
            _refill(batch)


def _refill(batch: Batch) -> None:
    """Queue what should be in Redis and is not."""
    if is_in_redis(batch):
        return
    queued = Message.objects.filter(batch=batch, state=MessageState.QUEUED)
    if batch.canary_state == Batch.Canary.SENDING and not queued.canary(batch.canary_step).exists():
        return
    logger.warning("Batch %s has queued messages and none in Redis: queued again from the rows", batch.pk)
    rebuild_queue(batch)

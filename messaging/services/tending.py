"""Tending batches that are not over: each minute, and at every start, whatever should have happened to them happens."""

from __future__ import annotations

import logging

import redis
from django.db import DatabaseError
from django.db.models import Exists, OuterRef
from django.utils import timezone

from messaging.engine.budgets import add_left_out, left_out, left_out_clock, note_left_out
from messaging.engine.launch import absent_at, has_opened, note_open, rebuild_queue
from messaging.engine.places import look
from messaging.models import Batch, Message
from messaging.services import canaries, detours
from messaging.services.batches import (
    cancel_queued,
    finish_batch,
    pause_batch,
    resume_batch,
    start_batch,
)
from messaging.services.budgets import wait_for_budget
from messaging.services.expiry import expire_late_places, expire_overdue, expire_unheld, is_overdue
from messaging.services.gateways import take_over
from messaging.services.obstacles import obstacle
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
        try:
            _tend(batch, has_queued=batch.pk in waiting)
        except (redis.RedisError, DatabaseError):
            raise
        except Exception:  # one that cannot be tended must not hold up the others; it is tried again each minute
            logger.exception("Batch %s could not be tended", batch.pk)
    for batch in Batch.objects.filter(Exists(queued), state=BatchState.CANCELLED):
        cancel_queued(batch.pk)


def _tend(batch: Batch, *, has_queued: bool) -> None:
    if batch.state == BatchState.LAUNCHING:
        start_batch(batch.pk)
        batch.refresh_from_db(fields=("state", "due_at", "expires_at", "pause_code"))
    if is_overdue(batch):
        expire_overdue(batch.pk)
        finish_batch(batch.pk)
    elif batch.state == BatchState.PAUSED:
        if batch.resume_at is not None and batch.resume_at <= timezone.now():
            resume_batch(batch.pk, by_itself=True)
    elif batch.state == BatchState.SENDING:
        _tend_sending(batch, has_queued=has_queued)


def _tend_sending(batch: Batch, *, has_queued: bool) -> None:
    if has_queued:
        detours.tend(batch)
    if (why := obstacle(batch)) is not None:
        pause_batch(batch.pk, code=why[0], reason=why[1])
    elif not has_queued:
        # An opt-out of the last one may have left a canary without anybody to judge.
        canaries.tend(batch)
        finish_batch(batch.pk)
    else:
        take_over(batch)
        since = left_out_clock()
        spent = wait_for_budget(batch)
        expire_late_places(batch)
        expire_unheld(batch)
        canaries.tend(batch)
        # Somebody may have brought in other numbers since it was read.
        batch.refresh_from_db(fields=("state", "canary_state", "sender_ids", "routed_ids", "other_gateway_ids"))
        if batch.state == BatchState.SENDING:
            _refill(batch, spent=spent, since=since)


def _refill(batch: Batch, *, spent: set[int], since: float) -> None:
    """Queue what should be in Redis and is not, those included whose hours or whose brand's next day have come.

    Args:
        batch: which.
        spent: its numbers of which nothing may leave before their brand's next day.
        since: ``left_out_clock`` of before these were found.
    """
    view = look(batch)
    is_new = view is not None and has_opened(batch, view, timezone.now())
    known = left_out(batch)
    is_new = not known <= spent or is_new
    absent = absent_at(batch)
    if not absent and not is_new:
        # The queues of these are emptied by and by, or Redis has lost the note.
        add_left_out(batch, spent - known, at=since)
        return
    is_partly_there = len(absent) < len(batch.gateways)
    queued = Message.objects.filter(batch=batch, state=MessageState.QUEUED)
    if batch.canary_state == Batch.Canary.SENDING:
        queued = queued.canary(batch.canary_step)
    if view is not None:
        queued = queued.filter(place__in=view.open)
    if spent:
        queued = queued.exclude(number_id__in=spent)
    only_absent = is_partly_there and not is_new
    if only_absent:
        # One gateway's queues are there, and whoever was to queue at another was killed.
        queued = queued.filter(number_id__in=batch.senders, number__gateway_id__in=absent)
    if not queued.exists():
        note_left_out(batch, spent, since=since)
        if view is not None and (is_new or not is_partly_there):
            note_open(batch, view)
        return
    if is_new:
        logger.info("Batch %s: the hours of more of its recipients, or its brand's next day, have come", batch.pk)
    else:
        logger.warning("Batch %s has queued messages and none in Redis: queued again from the rows", batch.pk)
    if only_absent:
        rebuild_queue(batch, gateway_ids=absent)
    else:
        rebuild_queue(batch)

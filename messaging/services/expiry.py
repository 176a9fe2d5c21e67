"""Latest times: what has not left by then does not leave any more, so that a restored server sends no stale news.

The claim refuses what is too late; here its rows are closed and somebody is told. A batch that waits for a person is not closed:
it sends nothing, and who resumes it gives it a new latest time. One that went on by itself after quiet hours, had the servers been
up, is.
"""

from __future__ import annotations

import datetime as dt
import logging
from copy import copy

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from messaging.engine import claims
from messaging.engine.budgets import budgets_of
from messaging.engine.places import look
from messaging.models import Alert, Batch, Message
from messaging.services.alerts import raise_alert
from messaging.services.moves import latest_time, move
from messaging.states import BatchState, MessageState

logger = logging.getLogger(__name__)

QUIET_HOURS = Batch.PauseCode.QUIET_HOURS


def is_overdue(batch: Batch, now: dt.datetime | None = None) -> bool:
    """Whether a batch's latest time has passed."""
    return batch.expires_at is not None and batch.expires_at <= (now or timezone.now())


def expire_overdue(batch_id: int) -> int:
    """Close what has not left of a batch by its latest time; repeatable.

    Returns:
        How many messages were closed; 0 when it is not that late, is over, or waits for a person.
    """
    with transaction.atomic():
        # Whoever resumes it at this moment moves its latest time first, or finds it closed.
        batch = (
            Batch.objects.select_for_update(of=("self",))
            .select_related("account")
            .filter(pk=batch_id, expires_at__lte=timezone.now())
            .first()
        )
        if batch is None:
            return 0
        if batch.state == BatchState.PAUSED:
            # It goes on only to be finished: a claim refuses what is too late.
            only = Q(pause_code=QUIET_HOURS)
            move(
                batch, BatchState.PAUSED, BatchState.SENDING, only=only, pause_code="", pause_reason="", resume_at=None
            )
        if batch.state != BatchState.SENDING:
            return 0
        count = claims.expire(batch_id=batch.pk)
        if count:
            raise_alert(kind=Alert.Kind.EXPIRED, batch=batch, text=_text(batch))
    if count:
        logger.warning("Batch %s: %s messages had not left by the latest time", batch_id, count)
    return count


def expire_late_places(batch: Batch) -> int:
    """Close what has not left of a sending batch for people whose own latest time has passed; how many were closed.

    Others of the batch, whose hours came later, have time still.

    Args:
        batch: with its account.
    """
    view = look(batch)
    if view is None or not view.late:
        return 0
    with transaction.atomic():
        fresh = Batch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
        if fresh.state != BatchState.SENDING or fresh.due_at != batch.due_at:
            return 0
        count = claims.expire(batch_id=batch.pk, places=view.late)
        if count:
            raise_alert(kind=Alert.Kind.EXPIRED, batch=batch, text=_text(batch))
    if count:
        logger.warning("Batch %s: %s messages had not left by their own latest time", batch.pk, count)
    return count


def expire_unheld(batch: Batch) -> int:
    """Close what waits at numbers that no brand's cap holds up until the batch's latest time before a brand's day moved it.

    Args:
        batch: with its account, sending.

    Returns:
        How many messages were closed.
    """
    if batch.held_due_at is None:
        return 0
    held = {number_id for number_id, budget in budgets_of(batch.senders).items() if budget.caps != (None, None)}
    free = set(batch.senders) - held
    late = _late_places(batch, batch.held_due_at) if free else ()
    if late is not None and not late:
        return 0
    with transaction.atomic():
        fresh = Batch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
        if fresh.state != BatchState.SENDING or fresh.held_due_at != batch.held_due_at:
            return 0
        count = claims.expire(batch_id=batch.pk, places=late, number_ids=free)
        if count:
            raise_alert(kind=Alert.Kind.EXPIRED, batch=batch, text=_text(batch, batch.held_due_at))
    if count:
        logger.warning("Batch %s: %s messages at numbers without a cap were too late", batch.pk, count)
    return count


def _late_places(batch: Batch, since: dt.datetime) -> tuple[str, ...] | None:
    """The places of a batch, had it been due at a time, whose latest time has passed; None: all of them."""
    latest = latest_time(batch, since)
    if latest is None:
        return ()
    if latest <= timezone.now():
        return None
    then = copy(batch)
    then.due_at = since
    view = look(then)
    return view.late if view is not None else ()


def _text(batch: Batch, since: dt.datetime | None = None) -> str:
    until = batch.expires_at if since is None else latest_time(batch, since)
    counts = Message.objects.filter(batch=batch).counts()
    expired, total = counts.get(MessageState.EXPIRED, 0), sum(counts.values())
    return (
        f"{expired:,} of {total:,} messages of “{batch}” had not left by its latest time, {_local(batch, until)}, "
        "and will not be sent. If the news still matters, send it to these people anew."
    )


def resume_note(batch: Batch) -> str:
    """What a person should know of times before they resume a batch; empty when there is nothing to know.

    Args:
        batch: with its account.
    """
    if batch.state != BatchState.PAUSED or not is_overdue(batch):
        return ""
    until = latest_time(batch, timezone.now())
    return (
        f"Its latest time, {_local(batch, batch.expires_at)}, passed while it was paused. If you resume it, the rest is sent "
        f"until {_local(batch, until)}. Cancel it if the news is stale."
    )


def _local(batch: Batch, at: dt.datetime | None) -> str:
    return f"{at.astimezone(batch.account.zone):%-d %B, %H:%M}" if at is not None else "never"

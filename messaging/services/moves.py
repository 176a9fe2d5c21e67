"""The arrows of a batch: one conditional UPDATE each, then its queues in Redis, its alerts, and whoever listens."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from broadcast.core.redis import RedisAway
from messaging.engine.launch import hold_queue, rebuild_queue, wake_sender
from messaging.engine.places import latest_of_batch
from messaging.models import Alert, Batch
from messaging.services import alerts
from messaging.signals import batch_changed
from messaging.states import BatchState

logger = logging.getLogger(__name__)


def move(batch: Batch, was: str | tuple[str, ...], to: str, *, only: Q | None = None, **values: Any) -> bool:
    """One arrow of the drawing in ``Batch``, or several with one end.

    Args:
        batch: takes the new values when it was moved.
        was: the states that the arrow starts from.
        to: where it ends.
        only: what must hold of the row besides.
        values: what is written with it.

    Returns:
        False when the batch was in no such state, so that nothing was changed.
    """
    states = (was,) if isinstance(was, str) else was
    values = {"stalled_at": None, "stall_reason": "", **values}
    with transaction.atomic():
        row = Batch.objects.filter(only or Q(), pk=batch.pk, state__in=states)
        if not row.update(state=to, updated_at=timezone.now(), **values):
            return False
        if to == BatchState.PAUSED:
            alerts.resolve(kind=Alert.Kind.STALLED, batch=batch, note="It is paused.")
        else:
            alerts.resolve_for_batch(batch.pk, note="It goes on." if to == BatchState.SENDING else "It is over.")
        batch.state = to
        for name, value in values.items():
            setattr(batch, name, value)
        transaction.on_commit(lambda: tell(batch))
    return True


def pause(
    batch: Batch,
    code: str,
    reason: str,
    *,
    was: str = BatchState.SENDING,
    resume_at: dt.datetime | None = None,
    only: Q | None = None,
    **values: Any,
) -> bool:
    """The arrow to ``paused``; False when the batch did not stand where it starts.

    Args:
        batch: which.
        code: a value of ``Batch.PauseCode``.
        reason: for a person.
        was: where the arrow starts.
        resume_at: when it goes on by itself; then its latest time is counted from there, for the pause was meant.
        only: what must hold of the row besides.
        values: what is written with it.
    """
    if resume_at is not None:
        values |= times(batch, resume_at)
    values |= {"pause_code": code, "pause_reason": reason[:255], "resume_at": resume_at}
    changed = move(batch, was, BatchState.PAUSED, only=only, **values)
    if changed:
        hold_on_commit(batch)
    return changed


def latest_time(batch: Batch, since: dt.datetime) -> dt.datetime | None:
    """From when on nothing leaves of a batch that was due at a time, in open minutes; None: no such limit."""
    return latest_of_batch(batch, since)


def times(batch: Batch, since: dt.datetime) -> dict[str, dt.datetime | None]:
    """The fields of a batch that was due at a time, and so has its latest time counted from there."""
    return {"due_at": since, "expires_at": latest_of_batch(batch, since), "held_due_at": None}


def fill_on_commit(batch: Batch) -> None:
    """Queue a batch's messages in Redis from its rows, and call a sender, once the open transaction is committed."""
    transaction.on_commit(lambda: _fill(batch))
    for gateway_id in batch.gateways:
        wake_sender(gateway_id)


def hold_on_commit(batch: Batch) -> None:
    """Take a batch's messages away from senders once the open transaction is committed."""
    transaction.on_commit(lambda: _hold(batch))


def _fill(batch: Batch) -> None:
    batch.refresh_from_db(fields=("sender_ids", "other_gateway_ids"))
    try:
        rebuild_queue(batch)
    except RedisAway as error:
        logger.warning("Redis is away; the sweeper will queue batch %s: %s", batch.pk, error)


def _hold(batch: Batch) -> None:
    # Since it was read, some of it may have moved to another gateway; from now on nothing does.
    batch.refresh_from_db(fields=("sender_ids", "other_gateway_ids"))
    try:
        hold_queue(batch)
    except RedisAway as error:
        # Nothing leaves in the meantime: senders need Redis, and a claim asks the database for the batch's state.
        logger.warning("Redis is away while holding batch %s: %s", batch.pk, error)


def tell(batch: Batch) -> None:
    """Tell the layers above where a batch stands now."""
    batch_changed.send(
        sender=Batch,
        batch_id=batch.pk,
        source=batch.source,
        state=batch.state,
        pause_code=batch.pause_code,
        reason=batch.pause_reason,
    )

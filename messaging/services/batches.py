"""Batches: make, fill, start, pause, resume, cancel, finish. Every arrow is one conditional UPDATE."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import Account
from broadcast.core.redis import RedisAway
from integrations.models import Gateway
from messaging.engine.launch import RecipientQuery, hold_queue, insert_messages, rebuild_queue, wake_sender
from messaging.models import Batch, Message, PhoneNumber
from messaging.querysets import BatchQuerySet
from messaging.signals import batch_changed
from messaging.states import OPEN_STATES, BatchState, MessageState

logger = logging.getLogger(__name__)

PauseCode = Batch.PauseCode


def create_batch(
    *,
    account: Account,
    number: PhoneNumber,
    label: str,
    template: str,
    source: str,
    recipients: RecipientQuery,
    respects_quiet_hours: bool = True,
) -> Batch:
    """Freeze an audience into a batch; repeating it with the same ``source`` yields the same rows.

    Args:
        account: whose it is.
        number: where it leaves from.
        label: for people.
        template: text with merge fields.
        source: the submitter's reference; one batch each.
        recipients: who gets it.
        respects_quiet_hours: whether it waits for the end of the account's quiet hours.
    """
    with transaction.atomic():
        batch, created = Batch.objects.get_or_create(
            source=source,
            defaults={
                "account": account,
                "gateway_id": number.gateway_id,
                "number": number,
                "label": label[:120],
                "template": template,
                "respects_quiet_hours": respects_quiet_hours,
            },
        )
        # The rows came with the batch, in one transaction; who subscribes later is not part of the frozen audience.
        if created:
            insert_messages(batch=batch, recipients=recipients)
    return batch


def start_batch(batch_id: int) -> bool:
    """``launching`` → ``sending``, or ``paused`` until quiet hours end; False when it was started before."""
    batch = Batch.objects.select_related("account", "number__gateway").get(pk=batch_id)
    quiet_until = batch.account.quiet_until() if batch.respects_quiet_hours else None
    if quiet_until is not None:
        return _pause(
            batch, PauseCode.QUIET_HOURS, quiet_text(quiet_until), resume_at=quiet_until, was=BatchState.LAUNCHING
        )
    changed = _move(batch, BatchState.LAUNCHING, BatchState.SENDING, launched_at=timezone.now())
    if changed:
        _on_commit_fill(batch)
    return changed


def quiet_text(until: dt.datetime) -> str:
    """Why a batch waits."""
    return f"Quiet hours: sending goes on by itself on {until:%-d %B at %H:%M} ({until.tzname()})."


def pause_batch(
    batch_id: int, *, code: str = PauseCode.PERSON, reason: str = "", resume_at: dt.datetime | None = None
) -> bool:
    """``sending`` → ``paused``; False when it was not sending. Takes effect in senders within a second."""
    batch = Batch.objects.select_related("number__gateway").get(pk=batch_id)
    return _pause(batch, code, reason, resume_at=resume_at, was=BatchState.SENDING)


def _pause(batch: Batch, code: str, reason: str, *, resume_at: dt.datetime | None, was: str) -> bool:
    changed = _move(batch, was, BatchState.PAUSED, pause_code=code, pause_reason=reason[:255], resume_at=resume_at)
    if changed:
        transaction.on_commit(lambda: _hold(batch))
    return changed


def resume_batch(batch_id: int) -> bool:
    """``paused`` → ``sending``; False when it was not paused. Goes on from the rows.

    In quiet hours it stays paused and goes on by itself when they end.
    """
    batch = Batch.objects.select_related("account", "number__gateway").get(pk=batch_id)
    quiet_until = batch.account.quiet_until() if batch.respects_quiet_hours else None
    if quiet_until is not None:
        return _pause(
            batch, PauseCode.QUIET_HOURS, quiet_text(quiet_until), resume_at=quiet_until, was=BatchState.PAUSED
        )
    if batch.pause_code == PauseCode.GATEWAY:
        # Who resumes says that the cause is mended; if it is not, the provider says so again.
        Gateway.objects.filter(pk=batch.gateway_id).update(stopped_reason="")
    changed = _move(
        batch,
        BatchState.PAUSED,
        BatchState.SENDING,
        pause_code=PauseCode.NONE,
        pause_reason="",
        resume_at=None,
        launched_at=batch.launched_at or timezone.now(),
    )
    if changed:
        _on_commit_fill(batch)
    return changed


def obstacle(batch: Batch) -> tuple[str, str] | None:
    """Why nothing of a batch may leave now, as a pause code and a reason; None when it may."""
    account, number = batch.account, batch.number
    if not account.is_active:
        return PauseCode.ACCOUNT, f"{account} is {account.get_status_display().lower()}."
    if number.state != PhoneNumber.State.ACTIVE:
        return PauseCode.NUMBER, f"{number} is {number.get_state_display().lower()}."
    if not batch.gateway.is_enabled:
        return PauseCode.GATEWAY, f"The gateway {batch.gateway} is disabled."
    return None


def pause_obstructed(batches: BatchQuerySet) -> int:
    """Pause those of some batches that may not send now, without waiting for the sweeper; how many were paused."""
    sending = batches.filter(state=BatchState.SENDING).select_related("account", "gateway", "number__gateway")
    found = ((batch.pk, obstacle(batch)) for batch in sending)
    return sum(pause_batch(pk, code=why[0], reason=why[1]) for pk, why in found if why is not None)


def cancel_batch(batch_id: int) -> bool:
    """``launching``, ``sending`` or ``paused`` → ``cancelled``; what has not left becomes ``cancelled`` too.

    What is on its way or reported on later is still recorded.
    """
    batch = Batch.objects.select_related("number__gateway").get(pk=batch_id)
    was = (BatchState.LAUNCHING, BatchState.SENDING, BatchState.PAUSED)
    changed = _move(batch, was, BatchState.CANCELLED, finished_at=timezone.now())
    if changed:
        cancel_queued(batch_id)
        transaction.on_commit(lambda: _hold(batch))
    return changed


def cancel_queued(batch_id: int) -> int:
    """Mark a batch's queued messages as cancelled; how many there were."""
    return Message.objects.filter(batch_id=batch_id, state=MessageState.QUEUED).update(
        state=MessageState.CANCELLED, reason="cancelled", changed_at=timezone.now()
    )


def finish_batch(batch_id: int) -> bool:
    """``sending`` → ``finished`` when every message of it is final; False when not, or not sending."""
    open_messages = Message.objects.filter(batch_id=OuterRef("pk"), state__in=OPEN_STATES)
    changed = (
        Batch.objects.filter(pk=batch_id, state=BatchState.SENDING)
        .exclude(Exists(open_messages))
        .update(state=BatchState.FINISHED, finished_at=timezone.now(), updated_at=timezone.now())
    )
    if changed:
        batch = Batch.objects.get(pk=batch_id)
        transaction.on_commit(lambda: _tell(batch))
    return bool(changed)


def resend_unresolved(*, batch_id: int) -> int:
    """Send again what may or may not have left. Only a person asks for this: some people may get it twice.

    Messages that are still ``unknown`` wait: a report or a look-up may settle them yet.

    Returns:
        How many messages are queued again.
    """
    with transaction.atomic():
        batch = Batch.objects.select_for_update(of=("self",)).select_related("number__gateway").get(pk=batch_id)
        count = Message.objects.filter(batch=batch, state=MessageState.UNRESOLVED).update(
            state=MessageState.QUEUED, lease="", reason="", reason_text="", provider_id="", changed_at=timezone.now()
        )
        if count and not _move(batch, BatchState.FINISHED, BatchState.SENDING, finished_at=None):
            batch.refresh_from_db()
        if count and batch.state == BatchState.SENDING:
            _on_commit_fill(batch)
    return count


def _move(batch: Batch, was: str | tuple[str, ...], to: str, **values: Any) -> bool:
    """One arrow of the drawing in ``Batch``, or several with one end; False when the batch was in no state they start from."""
    states = (was,) if isinstance(was, str) else was
    changed = Batch.objects.filter(pk=batch.pk, state__in=states).update(state=to, updated_at=timezone.now(), **values)
    if changed:
        batch.state = to
        for name, value in values.items():
            setattr(batch, name, value)
        transaction.on_commit(lambda: _tell(batch))
    return bool(changed)


def _on_commit_fill(batch: Batch) -> None:
    transaction.on_commit(lambda: _fill(batch))
    wake_sender(batch.gateway_id)


def _fill(batch: Batch) -> None:
    try:
        rebuild_queue(batch)
    except RedisAway as error:
        logger.warning("Redis is away; the sweeper will queue batch %s: %s", batch.pk, error)


def _hold(batch: Batch) -> None:
    try:
        hold_queue(batch)
    except RedisAway as error:
        # Nothing leaves in the meantime: senders need Redis, and a claim asks the database for the batch's state.
        logger.warning("Redis is away while holding batch %s: %s", batch.pk, error)


def _tell(batch: Batch) -> None:
    batch_changed.send(
        sender=Batch,
        batch_id=batch.pk,
        source=batch.source,
        state=batch.state,
        pause_code=batch.pause_code,
        reason=batch.pause_reason,
    )

"""Batches: make, fill, start, pause, resume, cancel, finish. Every arrow is one conditional UPDATE (``services.moves``)."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import Account
from integrations.models import Gateway
from messaging.engine.launch import insert_messages, places_of
from messaging.engine.legs import RESENT
from messaging.engine.recipients import RecipientQuery
from messaging.models import Alert, Batch, Message, PhoneNumber, SenderPool
from messaging.models.batches import (
    DEFAULT_CANARY_WAIT_MINUTES,
    DEFAULT_EXPIRE_MINUTES,
    DEFAULT_MAX_OPT_OUT_PERCENT,
    DEFAULT_MAX_REJECTED_PERCENT,
)
from messaging.querysets import BatchQuerySet
from messaging.services import alerts, canaries, pools, routes
from messaging.services.expiry import is_overdue
from messaging.services.moves import fill_on_commit, hold_on_commit, latest_time, move, pause, times
from messaging.services.obstacles import obstacle
from messaging.states import OPEN_STATES, BatchState, MessageState

PauseCode = Batch.PauseCode
Canary = Batch.Canary


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """Limits of a batch; the fields of ``Batch`` with the same names say what each means."""

    expire_minutes: int = DEFAULT_EXPIRE_MINUTES
    canary_percent: int = 0
    canary_wait_minutes: int = DEFAULT_CANARY_WAIT_MINUTES
    max_rejected_percent: int = DEFAULT_MAX_REJECTED_PERCENT
    max_opt_out_percent: int = DEFAULT_MAX_OPT_OUT_PERCENT


def create_batch(
    *,
    account: Account,
    number: PhoneNumber,
    label: str,
    template: str,
    source: str,
    recipients: RecipientQuery,
    respects_quiet_hours: bool = True,
    pool: SenderPool | None = None,
    options: BatchOptions | None = None,
    due_at: dt.datetime | None = None,
    follows_country_rules: bool = True,
) -> Batch:
    """Freeze an audience into a batch; repeating it with the same ``source`` yields the same rows.

    Args:
        account: whose it is.
        number: where it leaves from; with a pool, the number that stands for it.
        label: for people.
        template: text with merge fields.
        source: the submitter's reference; one batch each.
        recipients: who gets it.
        respects_quiet_hours: whether each recipient is written to in the hours of their own place only.
        pool: over whose numbers it is spread.
        options: its limits; the usual ones when omitted.
        due_at: when it was to start; its latest time counts from there. When it is started, if omitted.
        follows_country_rules: whether the account's routes for countries go before ``number`` and ``pool``.
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
                "pool": pool,
                "follows_country_rules": follows_country_rules,
                **asdict(options or BatchOptions()),
            },
        )
        # The rows came with the batch, in one transaction; who subscribes later is not part of the frozen audience.
        if created:
            if batch.pool is not None:
                pools.rebalance(batch.pool)
                batch.sender_ids = sorted(set(batch.pool.buckets))
            plan = routes.plan_batch(account_id=account.pk, follows_country_rules=follows_country_rules)
            own = set(batch.senders)
            if plan.routed_ids:
                batch.sender_ids = sorted({*own, *plan.routed_ids})
                batch.routed_ids = [pk for pk in plan.routed_ids if pk not in own]
                batch.other_gateway_ids = [pk for pk in plan.gateway_ids if pk != batch.gateway_id]
            insert_messages(batch=batch, recipients=recipients, by_country=plan.legs)
            batch.places = places_of(batch)
            if due_at is not None:
                batch.due_at, batch.expires_at = due_at, latest_time(batch, due_at)
            batch.save(
                update_fields=("due_at", "expires_at", "places", "sender_ids", "routed_ids", "other_gateway_ids")
            )
    return batch


def start_batch(batch_id: int) -> bool:
    """``launching`` → ``sending``; False when it was started before. Whose hours have not come waits for them.

    Its canary is chosen now, if it has one. One that is started after its latest time sends nothing: the sweeper closes it.
    """
    batch = Batch.objects.select_related("account", "number__gateway").get(pk=batch_id)
    if batch.state != BatchState.LAUNCHING:
        return False
    now = timezone.now()
    if is_overdue(batch, now):
        return move(batch, BatchState.LAUNCHING, BatchState.SENDING, launched_at=now)
    step = canaries.choose_step(batch)
    values: dict[str, Any] = {"canary_step": step, "canary_state": Canary.SENDING if step else Canary.NONE}
    if batch.due_at is None:
        values |= times(batch, now)
    changed = move(batch, BatchState.LAUNCHING, BatchState.SENDING, launched_at=now, **values)
    if changed:
        fill_on_commit(batch)
    return changed


def pause_batch(
    batch_id: int, *, code: str = PauseCode.PERSON, reason: str = "", resume_at: dt.datetime | None = None
) -> bool:
    """``sending`` → ``paused``; False when it was not sending. Takes effect in senders within a second."""
    batch = Batch.objects.select_related("number__gateway").get(pk=batch_id)
    return pause(batch, code, reason, resume_at=resume_at)


def resume_batch(batch_id: int, *, by_itself: bool = False) -> bool:
    """``paused`` → ``sending``; False when it was not paused. Goes on from the rows.

    Who resumes what a canary or rejections stopped has
    decided that everybody gets it, and gives it a new latest time.

    Args:
        batch_id: which.
        by_itself: nobody asked for it, its time has come; its latest time stays.
    """
    batch = Batch.objects.select_related("account", "number__gateway", "pool").get(pk=batch_id)
    if batch.state != BatchState.PAUSED or (by_itself and is_overdue(batch)):
        return False
    # The pause that is ended is the one that was seen.
    only = Q(pause_code=batch.pause_code)
    values: dict[str, Any] = {}
    if batch.pause_code == PauseCode.CANARY:
        values["canary_state"] = Canary.PASSED
    now = timezone.now()
    if not by_itself:
        values |= times(batch, now)
    with transaction.atomic():
        if batch.pause_code == PauseCode.GATEWAY:
            # Who resumes says that the cause is mended; if it is not, the provider says so again.
            Gateway.objects.filter(pk__in=batch.gateways).update(stopped_reason="")
            for gateway in Gateway.objects.filter(pk__in=batch.gateways).defer("credentials"):
                alerts.resolve(kind=Alert.Kind.GATEWAY_STOPPED, gateway=gateway, note="Sending was resumed.")
        changed = move(
            batch,
            BatchState.PAUSED,
            BatchState.SENDING,
            only=only,
            pause_code=PauseCode.NONE,
            pause_reason="",
            resume_at=None,
            launched_at=batch.launched_at or now,
            **values,
        )
        if changed:
            pools.relieve(batch)
            fill_on_commit(batch)
    return changed


def pause_obstructed(batches: BatchQuerySet) -> int:
    """Pause those of some batches that may not send now, without waiting for the sweeper; how many were paused."""
    sending = batches.filter(state=BatchState.SENDING).select_related("account", "gateway", "number__gateway", "pool")
    found = ((batch.pk, obstacle(batch)) for batch in sending)
    return sum(pause_batch(pk, code=why[0], reason=why[1]) for pk, why in found if why is not None)


def cancel_batch(batch_id: int) -> bool:
    """``launching``, ``sending`` or ``paused`` → ``cancelled``; what has not left becomes ``cancelled`` too.

    What is on its way or reported on later is still recorded.
    """
    batch = Batch.objects.select_related("number__gateway").get(pk=batch_id)
    was = (BatchState.LAUNCHING, BatchState.SENDING, BatchState.PAUSED)
    changed = move(batch, was, BatchState.CANCELLED, finished_at=timezone.now())
    if changed:
        cancel_queued(batch_id)
        hold_on_commit(batch)
    return changed


def cancel_queued(batch_id: int) -> int:
    """Mark a batch's queued messages as cancelled; how many there were."""
    return Message.objects.filter(batch_id=batch_id, state=MessageState.QUEUED).update(
        state=MessageState.CANCELLED, reason="cancelled", changed_at=timezone.now()
    )


def finish_batch(batch_id: int) -> bool:
    """``sending`` → ``finished`` when every message of it is final; False when not, or not sending."""
    open_messages = Message.objects.filter(batch_id=OuterRef("pk"), state__in=OPEN_STATES)
    over = Batch.objects.filter(pk=batch_id, state=BatchState.SENDING).exclude(Exists(open_messages)).first()
    if over is None:
        return False
    is_over = ~Q(Exists(open_messages))
    return move(over, BatchState.SENDING, BatchState.FINISHED, only=is_over, finished_at=timezone.now())


def resend_unresolved(*, batch_id: int) -> int:
    """Send again what may or may not have left. Only a person asks for this: some people may get it twice.

    Messages that are still ``unknown`` wait: a report or a look-up may settle them yet. The batch has a new latest time.

    Returns:
        How many messages are queued again.
    """
    with transaction.atomic():
        batch = (
            Batch.objects.select_for_update(of=("self",)).select_related("account", "number__gateway").get(pk=batch_id)
        )
        count = Message.objects.filter(batch=batch, state=MessageState.UNRESOLVED).update(
            state=MessageState.QUEUED,
            lease="",
            # It may have left through its gateway: no route takes it to another one.
            reason=RESENT,
            reason_text="",
            provider_id="",
            changed_at=timezone.now(),
        )
        if not count:
            return 0
        values: dict[str, Any] = dict(times(batch, timezone.now()))
        if batch.state == BatchState.FINISHED and batch.canary_state == Canary.SENDING:
            # It ended before its canary did: nobody waits for that any more.
            values["canary_state"] = Canary.PASSED
        if not move(batch, BatchState.FINISHED, BatchState.SENDING, finished_at=None, **values):
            Batch.objects.filter(pk=batch_id, state=BatchState.SENDING).update(**values)
            batch.refresh_from_db()
        if batch.state == BatchState.SENDING:
            fill_on_commit(batch)
    return count

"""Campaigns: preview, schedule, launch, pause, resume, cancel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from broadcast.core.queue import enqueue_on_commit
from campaigns.models import Campaign
from campaigns.services import audience, missed_time
from campaigns.services.composing import OPTIONS
from campaigns.services.preview import LaunchPreview, blocking_problems, deferral_at, preview_launch, stranded
from messaging.services import batches, pools
from messaging.services.obstacles import sender_obstacle
from messaging.states import BatchState

if TYPE_CHECKING:
    from accounts.models import User

__all__ = [
    "LaunchError",
    "LaunchPreview",
    "cancel",
    "catch_up",
    "deferral_at",
    "fail_schedule",
    "follow_batch",
    "launch",
    "obstacle_to_resume",
    "pause",
    "perform_launch",
    "preview_launch",
    "resume",
    "schedule",
    "unschedule",
]

State = Campaign.State

#: How far a campaign may be scheduled ahead.
MAX_SCHEDULE_DAYS = 365


class LaunchError(Exception):
    """Something that was asked of a campaign cannot be done; ``text`` says what, why and what to do."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def launch(*, campaign_id: int, user: User | None) -> Campaign:
    """``draft`` or ``scheduled`` → ``launching``; the rest happens in the background.

    Args:
        campaign_id: the campaign.
        user: who launches it; None for the schedule.

    Raises:
        LaunchError: it was launched before, something stands in the way, or its scheduled time is too long past.
    """
    with transaction.atomic():
        campaign = _get(campaign_id)
        if not campaign.is_editable:
            raise LaunchError(_already(campaign))
        if user is None and (missed := missed_time.of_schedule(campaign)):
            raise LaunchError(missed)
        problems = blocking_problems(campaign)
        if problems:
            raise LaunchError(" ".join(problems))
        # Of two people who launch at the same moment, one finds the state changed.
        changed = Campaign.objects.filter(pk=campaign_id, state__in=Campaign.EDITABLE).update(
            state=State.LAUNCHING,
            state_reason="",
            launched_by=user,
            launched_at=timezone.now(),
            updated_at=timezone.now(),
        )
        if not changed:
            raise LaunchError(_already(_get(campaign_id)))
        audience.fix_positions(campaign)
        enqueue_on_commit("campaigns.tasks.launch_campaign", campaign_id, timeout=600)
    return _get(campaign_id)


def perform_launch(campaign_id: int) -> None:
    """Freeze the audience into rows and start sending; repeatable at any point, with the same rows."""
    campaign = _get(campaign_id)
    if campaign.state != State.LAUNCHING:
        return
    due_at = missed_time.due_at(campaign)
    obstacle = _obstacle(campaign)
    # A batch that is there already is closed by its own latest time.
    missed = missed_time.reason(campaign, due_at) if campaign.batch_id is None else ""
    if obstacle or missed:
        _fail(campaign, missed or obstacle)
        if missed:
            missed_time.tell(campaign)
        return
    number = campaign.number if campaign.pool is None else pools.first_active(campaign.pool) or campaign.number
    with transaction.atomic():
        batch = batches.create_batch(
            account=campaign.account,
            number=number,
            label=campaign.name,
            template=campaign.body,
            source=f"campaign:{campaign.pk}",
            recipients=audience.recipient_query(campaign),
            pool=campaign.pool,
            options=batches.BatchOptions(**{name: getattr(campaign, name) for name in OPTIONS}),
            due_at=due_at,
            follows_country_rules=campaign.follows_country_rules,
        )
        Campaign.objects.filter(pk=campaign_id).update(batch=batch, number=batch.number_id)
    # Each place of it is somebody's.
    if not batch.places and not batch.messages.exists():
        _fail(campaign, "Nobody is on its lists any more.")
        batches.cancel_batch(batch.pk)
        return
    # Whoever cancelled while the rows were made has moved the campaign on; the batch must follow. Not so when another run
    # of this launch has moved it on to sending.
    if Campaign.objects.filter(pk=campaign_id, state__in=(State.CANCELLED, State.FAILED)).exists():
        batches.cancel_batch(batch.pk)
        return
    batches.start_batch(batch.pk)


def schedule(*, campaign_id: int, at: dt.datetime, user: User | None) -> Campaign:
    """``draft`` or ``scheduled`` → ``scheduled``.

    Args:
        campaign_id: the campaign.
        at: aware time, in the future.
        user: who schedules it.

    Raises:
        LaunchError: the time has passed, it was launched before, or something stands in the way.
    """
    campaign = _get(campaign_id)
    if not campaign.is_editable:
        raise LaunchError(_already(campaign))
    now = timezone.now()
    if at <= now:
        local = at.astimezone(campaign.account.zone)
        raise LaunchError(f"{local:%-d %B %Y, %H:%M} ({campaign.account.time_zone}) has passed. Choose a later time.")
    if at > now + dt.timedelta(days=MAX_SCHEDULE_DAYS):
        raise LaunchError(f"A campaign can be scheduled {MAX_SCHEDULE_DAYS} days ahead at most.")
    problems = blocking_problems(campaign)
    if problems:
        raise LaunchError(" ".join(problems))
    changed = Campaign.objects.filter(pk=campaign_id, state__in=Campaign.EDITABLE).update(
        state=State.SCHEDULED, scheduled_at=at, state_reason="", launched_by=user, updated_at=now
    )
    if not changed:
        raise LaunchError(_already(_get(campaign_id)))
    return _get(campaign_id)


def unschedule(*, campaign_id: int, user: User | None = None) -> Campaign:  # noqa: ARG001  who asked is kept by the admin's log
    """``scheduled`` → ``draft``.

    Raises:
        LaunchError: it is not scheduled.
    """
    changed = Campaign.objects.filter(pk=campaign_id, state=State.SCHEDULED).update(
        state=State.DRAFT, scheduled_at=None, updated_at=timezone.now()
    )
    if not changed:
        raise LaunchError(f"“{_get(campaign_id)}” is not scheduled, so there is nothing to undo.")
    return _get(campaign_id)


def fail_schedule(*, campaign_id: int, reason: str) -> None:
    """``scheduled`` → ``failed``: its time came, and something stood in the way.

    Somebody is told when that was for want of a running server: nobody was there to see it.
    """
    campaign = _get(campaign_id)
    changed = Campaign.objects.filter(pk=campaign_id, state=State.SCHEDULED).update(
        state=State.FAILED, state_reason=reason[:255], finished_at=timezone.now(), updated_at=timezone.now()
    )
    if changed and missed_time.of_schedule(campaign):
        missed_time.tell(campaign)


def pause(*, campaign_id: int, user: User | None) -> Campaign:
    """``sending`` → ``paused``; takes effect within a second or two.

    Raises:
        LaunchError: it is not sending.
    """
    reason = f"Paused by {user}." if user else "Paused."
    return _with_batch(campaign_id, "paused", lambda batch_id: batches.pause_batch(batch_id, reason=reason))


def resume(*, campaign_id: int, user: User | None = None) -> Campaign:  # noqa: ARG001  who asked is kept by the admin's log
    """``paused`` → ``sending``; goes on with those who have not been sent to, each in the hours of their place.

    Raises:
        LaunchError: it is not paused, or what stopped it still stands in the way.
    """
    obstacle = obstacle_to_resume(_get(campaign_id))
    if obstacle:
        raise LaunchError(obstacle)
    return _with_batch(campaign_id, "resumed", batches.resume_batch)


def cancel(*, campaign_id: int, user: User | None) -> Campaign:
    """Anything that is not over → ``cancelled``; nothing more leaves, what has left is still reported.

    Raises:
        LaunchError: it is over.
    """
    campaign = _get(campaign_id)
    reason = f"Cancelled by {user}." if user else "Cancelled."
    changed = Campaign.objects.filter(
        pk=campaign_id, state__in=(State.SCHEDULED, State.LAUNCHING, State.SENDING, State.PAUSED)
    ).update(state=State.CANCELLED, state_reason=reason, finished_at=timezone.now(), updated_at=timezone.now())
    if not changed:
        raise LaunchError(f"“{campaign}” is {campaign.get_state_display().lower()} and cannot be cancelled.")
    # Read again: a launch may have made the batch in the meantime.
    campaign = _get(campaign_id)
    if campaign.batch_id is not None:
        batches.cancel_batch(campaign.batch_id)
    return campaign


#: Where a campaign goes when its batch moves, and from where.
_FOLLOWS: dict[str, tuple[str, tuple[str, ...]]] = {
    BatchState.SENDING: (State.SENDING, (State.LAUNCHING, State.PAUSED, State.FINISHED)),
    # Paused to paused: the reason may be another one.
    BatchState.PAUSED: (State.PAUSED, (State.LAUNCHING, State.SENDING, State.PAUSED)),
    BatchState.FINISHED: (State.FINISHED, (State.LAUNCHING, State.SENDING, State.PAUSED)),
    BatchState.CANCELLED: (State.CANCELLED, (State.LAUNCHING, State.SENDING, State.PAUSED)),
}
#: Batches that are not over.
_OPEN_BATCHES = (BatchState.LAUNCHING, BatchState.SENDING, BatchState.PAUSED)


def follow_batch(*, campaign_id: int, state: str, reason: str) -> None:
    """Move a campaign to where its batch stands.

    Args:
        campaign_id: the campaign.
        state: a value of ``BatchState``.
        reason: why it is paused, else empty.
    """
    if state not in _FOLLOWS:
        return
    target, sources = _FOLLOWS[state]
    over = state in (BatchState.FINISHED, BatchState.CANCELLED)
    Campaign.objects.filter(pk=campaign_id, state__in=sources).update(
        state=target,
        state_reason=reason,
        finished_at=timezone.now() if over else None,
        updated_at=timezone.now(),
    )


def catch_up() -> None:
    """Move campaigns to where their batches stand: whoever moved the batch may have been killed before it could tell."""
    for state, (target, sources) in _FOLLOWS.items():
        behind = Campaign.objects.filter(batch__state=state, state__in=sources).exclude(state=target)
        for campaign_id, reason in behind.values_list("pk", "batch__pause_reason"):
            follow_batch(campaign_id=campaign_id, state=state, reason=reason)
    cancelled = Campaign.objects.filter(state=State.CANCELLED, batch__state__in=_OPEN_BATCHES)
    for batch_id in cancelled.values_list("batch_id", flat=True):
        if batch_id is not None:
            batches.cancel_batch(batch_id)


def _with_batch(campaign_id: int, done: str, change: Callable[[int], bool]) -> Campaign:
    campaign = _get(campaign_id)
    if campaign.batch_id is None or not change(campaign.batch_id):
        raise LaunchError(f"“{campaign}” is {campaign.get_state_display().lower()} and cannot be {done}.")
    return _get(campaign_id)


def _get(campaign_id: int) -> Campaign:
    return Campaign.objects.select_related("account", "number__gateway", "pool").get(pk=campaign_id)


def _obstacle(campaign: Campaign) -> str:
    """Why nothing can be sent for a campaign now, empty if it can."""
    account = campaign.account
    if not account.is_active:
        return f"{account} is {account.get_status_display().lower()}. Make the account active first."
    return stranded(campaign)


def obstacle_to_resume(campaign: Campaign) -> str:
    """Why what is left of a campaign cannot be sent now, empty if it can."""
    batch = campaign.batch
    if batch is None or not campaign.account.is_active:
        return _obstacle(campaign)
    # What is left may be left at numbers that routes brought in, and nothing at its own; others of a pool may take it over.
    found = sender_obstacle(batch)
    return found[1] if found is not None else ""


def _already(campaign: Campaign) -> str:
    return f"“{campaign}” is {campaign.get_state_display().lower()}: it was launched before, and a campaign is launched once."


def _fail(campaign: Campaign, reason: str) -> None:
    Campaign.objects.filter(pk=campaign.pk, state=State.LAUNCHING).update(
        state=State.FAILED, state_reason=reason[:255], finished_at=timezone.now(), updated_at=timezone.now()
    )

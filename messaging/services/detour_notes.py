"""What the pages of a batch say of its detours, and of its numbers that others send for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone

from messaging.models import Batch, Detour, DroppedNumber
from messaging.states import BatchState

Cause = Detour.Cause


@dataclass(frozen=True, slots=True)
class DetourNote:
    """What a page says of a detour.

    Args:
        text: for a person.
        is_open: whether it goes on.
    """

    text: str
    is_open: bool


def notes(batch: Batch, *, recipients: int, zone: dt.tzinfo) -> list[DetourNote]:
    """What a batch's pages say of its detours, the oldest first, and of numbers that it sends from no more.

    Args:
        batch: any.
        recipients: how many it has.
        zone: of whoever reads it.
    """
    return [*_detours(batch, recipients, zone), *_drops(batch, recipients, zone)]


def _detours(batch: Batch, recipients: int, zone: dt.tzinfo) -> list[DetourNote]:
    if not batch.other_gateway_ids:
        return []
    found = Detour.objects.filter(batch=batch).select_related("gateway", "through", "number")
    rows = found.defer("gateway__credentials", "through__credentials").order_by("id")
    return [DetourNote(_note(detour, batch, recipients, zone), _is_open(detour, batch)) for detour in rows]


def _drops(batch: Batch, recipients: int, zone: dt.tzinfo) -> list[DetourNote]:
    # Others can only have taken over where there are others.
    if len(batch.senders) < 2:
        return []
    rows = DroppedNumber.objects.filter(batch=batch).select_related("number").order_by("id")
    is_open = batch.state in (BatchState.SENDING, BatchState.PAUSED)
    return [DetourNote(_dropped(row, recipients, zone, is_open=is_open), is_open) for row in rows]


def _dropped(row: DroppedNumber, recipients: int, zone: dt.tzinfo, *, is_open: bool) -> str:
    at = row.dropped_at.astimezone(zone)
    leave = "leave" if is_open else "left"
    return (
        f"{row.number} was taken out at {at:%H:%M on %-d %B}: {row.moved:,} of {recipients:,} recipients {leave} from "
        f"other numbers instead. {row.reason}"
    )


def _is_open(detour: Detour, batch: Batch) -> bool:
    return detour.ended_at is None and batch.state in (BatchState.SENDING, BatchState.PAUSED)


def _note(detour: Detour, batch: Batch, recipients: int, zone: dt.tzinfo) -> str:
    is_open = _is_open(detour, batch)
    since, ended = detour.since.astimezone(zone), (detour.ended_at or detour.moved_at).astimezone(zone)
    began = f"{since:%H:%M}" if since.date() == timezone.now().astimezone(zone).date() else f"{since:%H:%M on %-d %B}"
    now, then = {
        Cause.SILENT: ("has not answered", "did not answer"),
        Cause.STOPPED: ("has refused everything", "refused everything"),
        Cause.DISABLED: ("has been disabled", "was disabled"),
    }[Cause(detour.cause)]
    moved = f"{detour.moved:,} of {recipients:,} recipients"
    if is_open:
        return f"{detour.gateway} {now} since {began}: {moved} leave through {detour.through} from {detour.number}."
    period = f"from {began} to {ended:%H:%M}" if detour.ended_at is not None else f"since {began}"
    return f"{detour.gateway} {then} {period}: {moved} left through {detour.through} from {detour.number}."

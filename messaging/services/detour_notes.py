"""What the pages of a batch say of its detours."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone

from messaging.models import Batch, Detour
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
    """What a batch's pages say of its detours, the oldest first.

    Args:
        batch: any.
        recipients: how many it has.
        zone: of whoever reads it.
    """
    if not batch.other_gateway_ids:
        return []
    found = Detour.objects.filter(batch=batch).select_related("gateway", "through", "number")
    rows = found.defer("gateway__credentials", "through__credentials").order_by("id")
    return [DetourNote(_note(detour, batch, recipients, zone), _is_open(detour, batch)) for detour in rows]


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

"""Rejections: a batch of which the provider refuses too much is paused before it is refused for everybody."""

from __future__ import annotations

from django.db import transaction

from messaging.models import Alert, Batch
from messaging.services.alerts import raise_alert
from messaging.services.moves import pause

ADVICE = "Find out why; then resume it, or cancel it."


def pause_for_rejections(batch_id: int, text: str) -> None:
    """Pause a batch for a person and tell of it; nothing when it is not sending any more.

    Args:
        batch_id: which.
        text: how much was refused, in figures.
    """
    batch = Batch.objects.get(pk=batch_id)
    # What to do must not be what is cut off.
    reason = f"{text[: 254 - len(ADVICE)]} {ADVICE}"
    with transaction.atomic():
        if pause(batch, Batch.PauseCode.REJECTIONS, reason):
            raise_alert(kind=Alert.Kind.REJECTIONS, batch=batch, text=f"“{batch}” is paused. {reason}")

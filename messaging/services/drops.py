"""Drops: a number of a batch may not send any more, and others send what was to leave from it; the batch's pages say so."""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from broadcast.core.redis import RedisAway
from messaging.engine.launch import hold_number
from messaging.models import Batch, DroppedNumber, PhoneNumber
from messaging.services.registration_checks import unfit

logger = logging.getLogger(__name__)


def note_dropped(*, batch: Batch, number: PhoneNumber, moved: int) -> None:
    """Write down that other numbers send what was to leave from one; what senders hold of it comes back.

    Args:
        batch: whose messages.
        number: which may not send.
        moved: how many messages.
    """
    if not moved:
        return
    now = timezone.now()
    row, created = DroppedNumber.objects.get_or_create(
        batch=batch,
        number=number,
        defaults={
            "reason": unfit([number]).get(number.pk, "")[:255],
            "moved": moved,
            "dropped_at": now,
            "moved_at": now,
        },
    )
    if not created:
        DroppedNumber.objects.filter(pk=row.pk).update(moved=F("moved") + moved, moved_at=now)
    transaction.on_commit(lambda: take_back(batch, number))


def take_back(batch: Batch, number: PhoneNumber) -> None:
    """Have senders give back what they hold of a batch for a number that may not send; others take it over from the rows.

    Args:
        batch: any.
        number: one of its numbers.
    """
    try:
        hold_number(batch, number)
    except RedisAway as error:
        # Nothing leaves meanwhile; afterwards a sender may send from it what it held already.
        logger.warning("Redis is away while number %s of batch %s is dropped: %s", number.pk, batch.pk, error)

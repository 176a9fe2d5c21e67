"""Old webhook calls and mails to staff are not kept for ever: they hold what people wrote."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from campaigns.models import OutgoingCall, StaffNotice

#: Days after which what was delivered, sent or has failed is deleted.
KEEP_DAYS = 90
#: Seconds of one run; the schedule calls again.
RUN_SECONDS = 20.0
_ROWS_PER_DELETE = 1000


def prune_settled() -> int:
    """Delete what was settled more than 90 days ago, for a while; what still waits stays.

    Returns:
        How many rows.
    """
    ends_at = time.monotonic() + RUN_SECONDS
    before = timezone.now() - dt.timedelta(days=KEEP_DAYS)
    calls = OutgoingCall.objects.exclude(state=OutgoingCall.State.WAITING).filter(updated_at__lt=before)
    notices = StaffNotice.objects.exclude(state=StaffNotice.State.WAITING).filter(updated_at__lt=before)
    return _delete(calls, ends_at) + _delete(notices, ends_at)


def _delete(rows: QuerySet[Any], ends_at: float) -> int:
    count = 0
    while time.monotonic() < ends_at:
        some = list(rows.order_by("updated_at").values_list("pk", flat=True)[:_ROWS_PER_DELETE])
        if not some:
            break
        # One that staff try again this moment is waiting, and stays.
        count += rows.filter(pk__in=some).delete()[0]
    return count

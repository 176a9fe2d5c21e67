"""Endpoints that fail or are slow: one try at a time, so that they keep no worker from others."""

from __future__ import annotations

import datetime as dt

from django.db.models import F, Q
from django.db.models.functions import Least
from django.utils import timezone

from campaigns.models import CallEndpoint

#: After so many tries in a row that failed or were slow, an endpoint's calls are made one at a time.
STRAINED = 3
#: Seconds after which an answer is slow.
SLOW_SECONDS = 5.0
#: Seconds until the next try of a strained endpoint that failed, doubled with each, and the longest.
FIRST_WAIT_SECONDS = 15.0
LONGEST_WAIT_SECONDS = 300.0
_MOST = 100
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


def take_turn(*, endpoint_id: int, claim_seconds: int) -> bool:
    """Whether a call of an endpoint may be tried now; of a strained one, nobody else then may until the try is noted.

    Args:
        endpoint_id: the endpoint.
        claim_seconds: after so long a killed process's turn is over.
    """
    now = timezone.now()
    endpoints = CallEndpoint.objects.filter(pk=endpoint_id)
    if endpoints.filter(strain__lt=STRAINED).exists():
        return True
    return bool(endpoints.filter(free_at__lte=now).update(free_at=now + dt.timedelta(seconds=claim_seconds)))


def give_turn_back(*, endpoint_id: int) -> None:
    """Nothing was tried."""
    CallEndpoint.objects.filter(pk=endpoint_id, strain__gte=STRAINED).update(free_at=timezone.now())


def note_try(*, endpoint_id: int, status: int | None, seconds: float) -> None:
    """Remember how a try went.

    Args:
        endpoint_id: the endpoint.
        status: what it answered; None when it did not.
        seconds: how long it took.
    """
    failed = status is None or status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS
    endpoints = CallEndpoint.objects.filter(pk=endpoint_id)
    if not failed and seconds < SLOW_SECONDS:
        # Most calls: nothing is written.
        endpoints.filter(Q(strain__gt=0)).update(strain=0, free_at=timezone.now())
        return
    strain = endpoints.values_list("strain", flat=True).first() or 0
    wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** max(0, strain + 1 - STRAINED)) if failed else 0.0
    endpoints.update(strain=Least(F("strain") + 1, _MOST), free_at=timezone.now() + dt.timedelta(seconds=wait))

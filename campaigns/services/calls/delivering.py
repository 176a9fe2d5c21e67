"""Delivery of webhook calls: at least once, with growing patience, for 24 hours."""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
from collections.abc import Iterator
from typing import Any

import orjson
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.crypto import DecryptionError
from broadcast.core.outgoing import AddressRefused, CallFailed, post, resolve
from broadcast.core.queue import enqueue_on_commit
from campaigns.models import CallEndpoint, OutgoingCall
from campaigns.services.calls.strain import STRAINED, give_turn_back, note_try, take_turn

logger = logging.getLogger(__name__)

#: So long a call is tried.
GIVE_UP_AFTER = dt.timedelta(hours=24)
#: Longer than a try can take; a killed process's call is tried again after this.
CLAIM_SECONDS = 120
#: Seconds after the first failure, doubled with each, and the longest wait.
FIRST_WAIT_SECONDS = 20.0
LONGEST_WAIT_SECONDS = 4 * 3600.0
#: Seconds of one run of the task, and calls of one endpoint that it looks at.
RUN_SECONDS = 20.0
#: Of these, seconds that are left for endpoints that fail or are slow.
STRAINED_SECONDS = 5.0
_CALLS_PER_ENDPOINT = 50

State = OutgoingCall.State


class CallError(Exception):
    """A call cannot be tried again; the text says why."""


def queue_call(*, endpoint: CallEndpoint, payload: dict[str, Any]) -> OutgoingCall:
    """Have an endpoint called once the open transaction is committed.

    Args:
        endpoint: an enabled one.
        payload: becomes the body, as JSON, with the call's ``id``.
    """
    call = OutgoingCall.objects.create(endpoint=endpoint, payload=payload)
    enqueue_on_commit("campaigns.tasks.deliver_call", call.pk)
    return call


def deliver_due() -> int:
    """Try what is due, for a while; the schedule calls again.

    The endpoints take turns. Those that fail or are slow come after the others, and of one that fails nothing more is tried in
    this run.

    Returns:
        How many calls were tried.
    """
    began, now = time.monotonic(), timezone.now()
    endpoints = dict(_with_due_calls(now).values_list("pk", "strain"))
    sound = [endpoint_id for endpoint_id, strain in endpoints.items() if not strain]
    strained = [endpoint_id for endpoint_id, strain in endpoints.items() if strain]
    tried = _by_turns(sound, now, began + RUN_SECONDS - STRAINED_SECONDS)
    tried += _by_turns(strained, now, began + RUN_SECONDS)
    _give_up_unanswered(now)
    return tried


def _by_turns(endpoint_ids: list[int], now: dt.datetime, ends_at: float) -> int:
    queues = {endpoint_id: _due_of(endpoint_id, now) for endpoint_id in endpoint_ids}
    tried = 0
    while queues:
        for endpoint_id, calls in list(queues.items()):
            if time.monotonic() > ends_at:
                return tried
            call_id = next(calls, None)
            if call_id is None:
                del queues[endpoint_id]
                continue
            tried += deliver(call_id=call_id)
            waits = OutgoingCall.objects.filter(pk=call_id, state=State.WAITING, endpoint__strain__gt=0)
            if waits.exists():
                # The receiver is in trouble, or somebody else is at it.
                del queues[endpoint_id]
    return tried


def _with_due_calls(now: dt.datetime) -> QuerySet[CallEndpoint]:
    due = OutgoingCall.objects.filter(endpoint=OuterRef("pk"), state=State.WAITING, next_at__lte=now)
    free = Q(strain__lt=STRAINED) | Q(free_at__lte=now)
    return CallEndpoint.objects.filter(Exists(due), free).order_by("strain", "free_at", "pk")


def _due_of(endpoint_id: int, now: dt.datetime) -> Iterator[int]:
    due = OutgoingCall.objects.filter(endpoint_id=endpoint_id, state=State.WAITING, next_at__lte=now)
    yield from list(due.order_by("next_at", "pk").values_list("pk", flat=True)[:_CALLS_PER_ENDPOINT])


def _give_up_unanswered(now: dt.datetime) -> None:
    """Calls whose day has passed while their endpoint did not answer others."""
    over = OutgoingCall.objects.filter(
        state=State.WAITING, next_at__lte=now, first_at__lte=now - GIVE_UP_AFTER, endpoint__strain__gte=STRAINED
    )
    said = "Not tried for 24 hours, as the endpoint did not answer. See to the receiver, then try again."
    given_up = over.update(
        state=State.FAILED,
        last_error=Case(When(last_error="", then=Value(said)), default=F("last_error")),
        updated_at=timezone.now(),
    )
    if given_up:
        logger.warning("%s webhook calls failed for good: their endpoints did not answer for 24 hours", given_up)


def deliver(*, call_id: int) -> bool:
    """Try one call, if it is due and nobody else is at it. No transaction is open meanwhile.

    Returns:
        Whether it was tried.
    """
    now = timezone.now()
    endpoint = CallEndpoint.objects.filter(calls=call_id).only("strain").first()
    if endpoint is None or not take_turn(endpoint_id=endpoint.pk, claim_seconds=CLAIM_SECONDS):
        return False
    claimed = OutgoingCall.objects.filter(pk=call_id, state=State.WAITING, next_at__lte=now).update(
        next_at=now + dt.timedelta(seconds=CLAIM_SECONDS), attempts=F("attempts") + 1, updated_at=now
    )
    if not claimed:
        give_turn_back(endpoint_id=endpoint.pk)
        return False
    call = OutgoingCall.objects.select_related("endpoint").defer("endpoint__secret").get(pk=call_id)
    if not call.endpoint.is_enabled:
        give_turn_back(endpoint_id=endpoint.pk)
        _fail(call, "The endpoint is disabled. Enable it, then try again.")
        return True
    began = time.monotonic()
    status = None
    try:
        status = post(
            resolve(call.endpoint.url, private_networks=config().calls_private_networks),
            body=orjson.dumps({"id": str(call.key), **call.payload}),
            secret=call.endpoint.secret,
            key=str(call.key),
        )
    except (AddressRefused, DecryptionError) as error:
        give_turn_back(endpoint_id=endpoint.pk)
        _fail(call, str(error))
        return True
    except CallFailed as error:
        _later(call, None, str(error))
    else:
        if 200 <= status < 300:
            done = timezone.now()
            _settle(call, state=State.DELIVERED, last_status=status, last_error="", delivered_at=done)
        elif 300 <= status < 400:
            _later(call, status, f"Answered {status}: redirects are not followed. Enter the final address.")
        else:
            _later(call, status, f"Answered {status}.")
    note_try(endpoint_id=endpoint.pk, status=status, seconds=time.monotonic() - began)
    return True


def try_again(*, call_id: int) -> None:
    """Try a failed call again, for another 24 hours; the receiver sees the same idempotency key.

    Raises:
        CallError: it has not failed, or is gone.
    """
    now = timezone.now()
    again = OutgoingCall.objects.filter(pk=call_id, state=State.FAILED).update(
        state=State.WAITING, next_at=now, first_at=now, attempts=0, updated_at=now
    )
    if not again:
        raise CallError("Only a failed call can be tried again; this one is waiting or was delivered.")
    # Staff have seen to the receiver: the next try need not wait.
    CallEndpoint.objects.filter(calls=call_id).update(free_at=now)
    enqueue_on_commit("campaigns.tasks.deliver_call", call_id)


def wait_seconds(attempts: int) -> float:
    """Seconds until the next try: exponential, with jitter above the half, so that many do not come back together.

    Args:
        attempts: tries so far, from 1.
    """
    wait: float = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (min(attempts, 16) - 1))
    return wait / 2 + random.random() * wait / 2


def _later(call: OutgoingCall, status: int | None, error: str) -> None:
    next_at = timezone.now() + dt.timedelta(seconds=wait_seconds(call.attempts))
    if next_at - call.first_at > GIVE_UP_AFTER:
        _fail(call, error, status)
        return
    _settle(call, last_status=status, last_error=error[:255], next_at=next_at)


def _fail(call: OutgoingCall, error: str, status: int | None = None) -> None:
    logger.warning("Webhook call %s failed for good after %s tries", call.pk, call.attempts)
    _settle(call, state=State.FAILED, last_status=status, last_error=error[:255])


def _settle(call: OutgoingCall, **values: Any) -> None:
    # Who took it up after our claim ran out has counted a try of their own: theirs decides, unless ours has arrived.
    rows = OutgoingCall.objects.filter(pk=call.pk, state=State.WAITING)
    if values.get("state") != State.DELIVERED:
        rows = rows.filter(attempts=call.attempts)
    rows.update(**values, updated_at=timezone.now())

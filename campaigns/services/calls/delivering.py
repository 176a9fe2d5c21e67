"""Delivery of webhook calls: at least once, with growing patience, for 24 hours."""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
from typing import Any

import orjson
from django.db.models import F
from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.crypto import DecryptionError
from broadcast.core.outgoing import AddressRefused, CallFailed, post, resolve
from broadcast.core.queue import enqueue_on_commit
from campaigns.models import CallEndpoint, OutgoingCall

logger = logging.getLogger(__name__)

#: So long a call is tried.
GIVE_UP_AFTER = dt.timedelta(hours=24)
#: Longer than a try can take; a killed process's call is tried again after this.
CLAIM_SECONDS = 120
#: Seconds after the first failure, doubled with each, and the longest wait.
FIRST_WAIT_SECONDS = 20.0
LONGEST_WAIT_SECONDS = 4 * 3600.0
#: Seconds of one run of the task, and calls that it looks at.
RUN_SECONDS = 20.0
_CALLS_PER_READ = 100

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

    Returns:
        How many calls were tried.
    """
    ends_at = time.monotonic() + RUN_SECONDS
    due = OutgoingCall.objects.filter(state=State.WAITING, next_at__lte=timezone.now()).order_by("next_at", "pk")
    tried = 0
    for call_id in list(due.values_list("pk", flat=True)[:_CALLS_PER_READ]):
        if time.monotonic() > ends_at:
            break
        tried += deliver(call_id=call_id)
    return tried


def deliver(*, call_id: int) -> bool:
    """Try one call, if it is due and nobody else is at it. No transaction is open meanwhile.

    Returns:
        Whether it was tried.
    """
    now = timezone.now()
    claimed = OutgoingCall.objects.filter(pk=call_id, state=State.WAITING, next_at__lte=now).update(
        next_at=now + dt.timedelta(seconds=CLAIM_SECONDS), attempts=F("attempts") + 1, updated_at=now
    )
    if not claimed:
        return False
    call = OutgoingCall.objects.select_related("endpoint").defer("endpoint__secret").get(pk=call_id)
    if not call.endpoint.is_enabled:
        _fail(call, "The endpoint is disabled. Enable it, then try again.")
        return True
    try:
        status = post(
            resolve(call.endpoint.url, private_networks=config().calls_private_networks),
            body=orjson.dumps({"id": str(call.key), **call.payload}),
            secret=call.endpoint.secret,
            key=str(call.key),
        )
    except (AddressRefused, DecryptionError) as error:
        _fail(call, str(error))
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

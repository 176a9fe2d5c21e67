"""Stalls: a batch that is sending and moves nothing for a minute, and why.

``current`` only looks, so that a page can say what is wrong when no worker is left to find it out.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.status import Stat

from broadcast.core.redis import Client, RedisAway, get_redis
from integrations.models import Gateway
from messaging.engine import keys
from messaging.engine.launch import absent_at
from messaging.engine.places import look
from messaging.models import Alert, Batch, Message, PhoneNumber
from messaging.querysets import MessageQuerySet
from messaging.services import canaries
from messaging.services.alerts import raise_alert, resolve
from messaging.services.budgets import waiting_numbers
from messaging.services.obstacles import obstacle
from messaging.states import BatchState, MessageState

logger = logging.getLogger(__name__)

#: Nothing may move for this long before it counts as stalled, seconds.
STALL_SECONDS = 60
#: A place that has been open for less than this is not missed yet, seconds: a sweep may be a minute away.
OPENING_SECONDS = 60 + STALL_SECONDS
#: The next free moment of a number's pace is remarkable from here on, seconds.
FAR_SECONDS = 5
#: A result that waits longer than this to be recorded is remarkable, seconds.
RECORD_SECONDS = 30

#: Redis key: since when batches are watched, unix seconds; gone when nobody has looked for a while.
WATCHED_SINCE = "stalls:watched_since"
GAP_SECONDS = 150

_UNSENT = (MessageState.QUEUED, MessageState.SENDING)
UNEXPECTED = (
    "Nothing moves and the cause is not known. Look at the log of the cluster for errors, and whether its senders run; "
    "pausing and resuming queues everything anew."
)


def current(batch: Batch) -> str:
    """What keeps a batch from moving, for a person; empty while it moves, waits for a good reason, or is not sending.

    A gateway that does not answer is told at once: the one request that is tried from time to time moves a message into doubt,
    so such a batch never stands quite still.

    Args:
        batch: fresh, with its account, gateway, number and pool.
    """
    return stall(batch) or _gateway_down(batch)


def _gateway_down(batch: Batch) -> str:
    if batch.state != BatchState.SENDING:
        return ""
    try:
        # Most of the time all of them answer, and then there is nothing to ask the rows.
        if not get_redis().exists(*(keys.circuit(pk) for pk in batch.gateways)):
            return ""
        why = _circuit(_Look(batch))
    except RedisAway:
        # Pages tell of that by themselves.
        return ""
    return "" if not why or _is_settled(batch) else why


def stall(batch: Batch) -> str:
    """Why nothing of a batch has moved for a minute; empty as ``current`` is.

    Args:
        batch: fresh, with its account, gateway, number and pool.
    """
    if batch.state != BatchState.SENDING or timezone.now() - _last_moved(batch) < dt.timedelta(seconds=STALL_SECONDS):
        return ""
    if _is_settled(batch):
        return ""
    return diagnose(batch)


def watch() -> int:
    """Look at every batch that is sending: mark those that stall and tell of them, unmark those that move again.

    The first look after a restart tells of nothing yet.

    Raises:
        redis.RedisError: Redis is away; the console looks by itself then.

    Returns:
        How many stall.
    """
    # After a restart what was sending has not moved for hours, and only now can it again.
    watched = _seconds_watched()
    stalled = 0
    sending = Batch.objects.filter(state=BatchState.SENDING)
    for batch in sending.select_related("account", "gateway", "number__gateway", "pool"):
        why = stall(batch)
        stalled += bool(why)
        if why and watched >= STALL_SECONDS / 2:
            _mark(batch, why)
        elif not why and batch.stalled_at is not None:
            _unmark(batch)
    return stalled


def _seconds_watched() -> float:
    """For how long batches have been watched without a gap, seconds; 0 where this look is the first."""
    client, now = get_redis(), time.time()
    if client.set(WATCHED_SINCE, now, nx=True, ex=GAP_SECONDS):
        return 0.0
    since = client.getex(WATCHED_SINCE, ex=GAP_SECONDS)
    return now - float(since or now)


def _mark(batch: Batch, why: str) -> None:
    with transaction.atomic():
        # Not if it has moved, or was moved by a person, since it was looked at.
        row = Batch.objects.filter(pk=batch.pk, state=BatchState.SENDING, moved_at=batch.moved_at)
        if not row.update(stalled_at=batch.stalled_at or timezone.now(), stall_reason=why[:255]):
            return
        raise_alert(kind=Alert.Kind.STALLED, batch=batch, text=f"“{batch}” has not moved for a minute or longer. {why}")
    if batch.stalled_at is None:
        logger.warning("Batch %s stalls: %s", batch.pk, why)


def _unmark(batch: Batch) -> None:
    with transaction.atomic():
        Batch.objects.filter(pk=batch.pk).update(stalled_at=None, stall_reason="")
        resolve(kind=Alert.Kind.STALLED, batch=batch, note="It moves again.")


def _last_moved(batch: Batch) -> dt.datetime:
    # A resume or a judged canary changes the row: from then on something should move.
    return max(at for at in (batch.moved_at, batch.launched_at, batch.updated_at) if at is not None)


def _is_settled(batch: Batch) -> bool:
    """Whether nothing of it should leave now: all have left, wait for their hours or their brand, or only the first few were to."""
    return not _expected(batch).exists()


def _expected(batch: Batch) -> MessageQuerySet:
    """What of a batch should leave now."""
    unsent = Message.objects.filter(batch=batch, state__in=_UNSENT)
    if batch.canary_state == Batch.Canary.SENDING:
        # An unknown one among the first few is waited for, but not for ever (``canaries.SETTLE_SECONDS``).
        unsent = unsent.canary(batch.canary_step)
    now = timezone.now()
    view, before = look(batch, now), look(batch, now - dt.timedelta(seconds=OPENING_SECONDS))
    if view is not None and before is not None:
        # Whose hours have come just now is queued by the next sweep, and has not had time to move.
        unsent = unsent.filter(Q(state=MessageState.SENDING) | Q(place__in=set(view.open).intersection(before.open)))
    try:
        waiting = waiting_numbers(batch, now)
    except RedisAway:
        # The diagnosis says so.
        waiting = set()
    return unsent.exclude(number_id__in=waiting) if waiting else unsent


@dataclass
class _Look:
    """What one diagnosis has found out so far."""

    batch: Batch
    client: Client = field(default_factory=lambda: get_redis())

    @cached_property
    def gateways(self) -> list[Gateway]:
        """Those through which something should leave now, its own first; all of them are looked at."""
        batch = self.batch
        if not batch.other_gateway_ids:
            return [batch.gateway]
        rows = _expected(batch).order_by().values_list("number__gateway_id").distinct()
        found = list(Gateway.objects.filter(pk__in=rows).defer("credentials").order_by("pk"))
        return sorted(found, key=lambda gateway: gateway.pk != batch.gateway_id) or [batch.gateway]

    def unsent(self) -> int:
        return Message.objects.filter(batch=self.batch, state__in=_UNSENT).count()


def diagnose(batch: Batch) -> str:
    """What keeps a batch that is sending from moving, for a person, with what to do; the likeliest cause first.

    Args:
        batch: with its account, gateway, number and pool.
    """
    try:
        look = _Look(batch)
        look.client.ping()
        return next(found for cause in _CAUSES if (found := cause(look)))
    except RedisAway as error:
        return f"Redis cannot be reached, and nothing is sent without it. Start it, or mend REDIS_URL. ({error})"


def _stopped(look: _Look) -> str:
    for gateway in look.gateways:
        if gateway.stopped_reason:
            return f"{gateway} refuses everything: {gateway.stopped_reason} Mend the cause, then pause and resume."
    why = obstacle(look.batch)
    return f"{why[1]} It is paused as soon as the sweeper has run." if why else ""


def _waiting(look: _Look) -> str:
    if canaries.is_waiting(look.batch):
        return canaries.report(look.batch).text
    if look.unsent():
        return ""
    unknown = Message.objects.filter(batch=look.batch, state=MessageState.UNKNOWN).count()
    if unknown:
        return f"All have left; {unknown:,} are unknown and wait for a report of the provider or a look-up."
    return "All have left; the last reports of the provider are awaited."


def _circuit(look: _Look) -> str:
    for gateway in look.gateways:
        state = look.client.hgetall(keys.circuit(gateway.pk))
        if not state:
            continue
        since, until = (dt.datetime.fromtimestamp(float(state[name]), dt.UTC) for name in (b"since", b"until"))
        return (
            f"{gateway} has not answered since {since:%H:%M} UTC: {state[b'reason'].decode()} It is tried again at "
            f"{until:%H:%M:%S} UTC, by itself. Look at the provider's status page and at our network."
        )
    return ""


def _backoff(look: _Look) -> str:
    for gateway in look.gateways:
        wait = look.client.pttl(keys.backoff(gateway.pk))
        if wait > 0:
            return f"{gateway} asked to be left alone for another {wait / 1000:.0f} s; sending goes on by itself then."
    return ""


def _recorder(look: _Look) -> str:
    """Results that nobody writes down: it may have moved without our knowing."""
    oldest = [entry for name in (keys.RESULTS, keys.STATUSES) for entry in look.client.xrange(name, count=1)]
    if not oldest:
        return ""
    age = time.time() - min(int(entry_id.split(b"-")[0]) for entry_id, _ in oldest) / 1000
    if age < RECORD_SECONDS:
        return ""
    waiting = f"Results have waited for {age / 60:.0f} min to be recorded; they are safe. "
    return waiting + (_cluster(look) or "The recorder does not keep up or fails: look at the log of the cluster.")


def _cluster(_: _Look) -> str:
    """No workers, or none free."""
    broker = get_broker()
    running = Stat.get_all(broker)
    if not running:
        return "No worker is running: start `manage.py up`, or the cluster's service."
    tasks = broker.queue_size()
    workers = sum(len(stat.workers) for stat in running)
    if tasks > workers:
        return (
            f"{tasks} tasks wait for {workers} workers, the sender's among them. If this stays, look for hanging tasks in the "
            "log, and raise BROADCAST_WORKERS."
        )
    return ""


def _pace(look: _Look) -> str:
    """The numbers' pace is spent, by this batch or by others."""
    now = time.time()
    waits: list[tuple[float, PhoneNumber]] = []
    for number in PhoneNumber.objects.filter(pk__in=look.batch.senders).select_related("gateway"):
        at = look.client.get(keys.pace(number.gateway_id, number.pk))
        if at is None or (wait := int(float(at)) / 1_000_000 - now) < FAR_SECONDS:
            return ""
        waits.append((wait, number))
    if not waits:
        return ""
    wait, number = min(waits, key=lambda item: item[0])
    return (
        f"{number} may send {number.segments_per_second} segments a second and is booked out for {wait:.0f} s, by this and by "
        "others that leave from it. It goes on by itself; a pool of numbers or a faster number would help."
    )


def _others(look: _Look) -> str:
    """Every slot is in use, and others move."""
    since = timezone.now() - dt.timedelta(seconds=STALL_SECONDS)
    moving = Batch.objects.filter(state=BatchState.SENDING, moved_at__gte=since).exclude(pk=look.batch.pk)
    for gateway in look.gateways:
        used = sum(int(value) for value in look.client.hvals(keys.slots(gateway.pk)))
        if used < gateway.concurrency:
            continue
        names = [f"“{other}”" for other in moving if gateway.pk in other.gateways][:3]
        if names:
            return (
                f"All {gateway.concurrency} requests of {gateway} are in use, by {', '.join(names)}. They take turns, so this "
                "should move soon; if it does not, look at the log of the cluster."
            )
    return ""


def _queue(look: _Look) -> str:
    absent = absent_at(look.batch)
    lost = [gateway for gateway in look.gateways if gateway.pk in absent]
    if lost:
        through = f" for {lost[0]}" if look.batch.other_gateway_ids else ""
        return (
            f"{look.unsent():,} messages wait and none is queued in Redis{through}, which may have lost its data. The sweeper "
            "queues them again within a minute; if it does not, see that the cluster's schedule runs."
        )
    for gateway in look.gateways:
        if not look.client.exists(keys.seat(f"sender:{gateway.pk}")):
            return (
                f"No sender is at work for {gateway}. The sweeper calls one within a minute; if it does not, see that the "
                "cluster's schedule runs."
            )
    return ""


#: In this order: what explains the most first.
_CAUSES: tuple[Callable[[_Look], str], ...] = (
    _stopped,
    _waiting,
    _circuit,
    _backoff,
    _recorder,
    _cluster,
    _pace,
    _others,
    _queue,
    lambda _: UNEXPECTED,
)

"""Background tasks: wake-up calls. Each may run twice or never; ``sweep`` calls those that were not called."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop
from django.db import DatabaseError

from broadcast.core.config import config
from broadcast.core.crypto import DecryptionError
from broadcast.core.queue import enqueue, tasks_wait
from broadcast.core.redis import RedisAway, get_redis
from integrations.models import Gateway
from integrations.sms.errors import AdapterError
from messaging.engine import keys
from messaging.engine.limits import LONGEST_RUN_SECONDS, RUN_SECONDS
from messaging.engine.seats import Seat
from messaging.engine.sender import Sender
from messaging.jobs import inbound, sweeper
from messaging.jobs.recorder import Recorder
from messaging.services import asked_repairs, numbers
from messaging.services.alert_mail import email_open
from messaging.services.carrier_refusals import mark_number
from messaging.services.detours import take_over
from messaging.services.gateways import status_url, stop_gateway, stop_number
from messaging.services.reconciliation import NotCompared, call_due, reconcile
from messaging.services.rejections import pause_for_rejections

logger = logging.getLogger(__name__)

#: A reader whose database is away waits this long before it calls itself again.
DATABASE_AWAY_SECONDS = 1.0
#: Longest that a sender's threads wait for each other to let go of the interpreter; Python's own is ten times as much.
SWITCH_SECONDS = 0.0005
#: Objects made between two searches for cycles while a sender runs; Python's own is 700.
COLLECT_EVERY = 50_000


def stopping() -> bool:
    """Whether this cluster is about to stop, so that long tasks end early (see ``broadcast.supervisor``)."""
    cluster = os.environ.get("BROADCAST_CLUSTER_ID")
    try:
        return bool(cluster and get_redis().exists(f"stopping:{cluster}"))
    except RedisAway:
        return True


def send(gateway_id: int) -> None:
    """Send what waits at a gateway, for 20 s or until a task waits for the worker, and call itself again while there is more."""
    try:
        with Seat(f"sender:{gateway_id}") as seat:
            if not seat.taken:
                return
            again = _send(gateway_id, seat)
        # Somebody may have queued between our last look and leaving the seat, and found it taken.
        again = again or _has_work(gateway_id)
    except RedisAway as error:
        logger.warning("Redis is away, sending through gateway %s waits for the sweeper: %s", gateway_id, error)
        return
    if again and not stopping():
        enqueue("messaging.tasks.send", gateway_id)


def _send(gateway_id: int, seat: Seat) -> bool:
    # Read before the settings are: of two changes at the same time one too many is noticed, never one too few.
    version = get_redis().get(keys.settings(gateway_id))
    try:
        gateway = Gateway.objects.filter(pk=gateway_id, is_enabled=True, stopped_reason="").first()
        if gateway is None:
            return False
        sender = _make_sender(gateway, seat, version)
    except (AdapterError, DecryptionError) as error:
        logger.error("Gateway %s cannot be used: %s", gateway_id, error)
        stop_gateway(gateway_id, str(error))
        return False
    with _tuned_interpreter(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        work_left = runner.run(sender.run())
    if sender.stop_error is not None:
        if not stop_gateway(gateway_id, sender.stop_error.text, version=gateway.credentials_version):
            logger.info(
                "Gateway %s has other credentials than those that were refused: sending begins anew", gateway_id
            )
            return True
        return False
    for number_id, problem in sender.stopped_numbers.items():
        logger.error("Number %s stops: %s", number_id, problem.text)
        if problem.code in sender.adapter.unregistered_codes:
            mark_number(number_id=number_id, code=problem.code, text=problem.text)
        stop_number(number_id, problem.text)
    return work_left


@contextmanager
def _tuned_interpreter() -> Iterator[None]:
    """Tune Python for a run of a sender.

    The event loop gets the interpreter back soon while the database's thread makes texts: all slots wait for it. And cycles,
    of which messages make none, are looked for seldom.
    """
    switch_seconds, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(COLLECT_EVERY, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(switch_seconds)


def _make_sender(gateway: Gateway, seat: Seat, version: bytes | None) -> Sender:
    yields_at = time.monotonic() + RUN_SECONDS

    def ends() -> bool:
        try:
            return (
                stopping()
                or get_redis().get(keys.settings(gateway.pk)) != version
                or (time.monotonic() > yields_at and tasks_wait())
            )
        except RedisAway:
            return True

    return Sender(
        gateway,
        status_url=f"{status_url(gateway)}/",
        request_timeout_seconds=config().request_timeout_seconds,
        seat=seat,
        run_seconds=LONGEST_RUN_SECONDS,
        stopping=ends,
        on_rejections=pause_for_rejections,
        on_silence=take_over,
    )


def _has_work(gateway_id: int) -> bool:
    if not Gateway.objects.filter(pk=gateway_id, is_enabled=True, stopped_reason="").exists():
        return False
    client = get_redis()
    return any(
        client.exists(keys.ring(gateway_id, priority)) for priority in (keys.PRIORITY_SINGLE, keys.PRIORITY_BATCH)
    )


def record() -> None:
    """Write down results and delivery statuses, for about 20 s, and call itself again."""
    _keep_reading("recorder", lambda go_on: Recorder().run(seconds=RUN_SECONDS, go_on=go_on), "messaging.tasks.record")


def route_inbound() -> None:
    """Route inbound messages, for about 20 s, and call itself again."""
    _keep_reading(
        "inbound", lambda go_on: inbound.run(seconds=RUN_SECONDS, go_on=go_on), "messaging.tasks.route_inbound"
    )


def sweep() -> None:
    """Take apart what was left behind and wake what was not woken."""
    with Seat("sweeper") as seat:
        if seat.taken:
            sweeper.sweep(seat)
    enqueue("messaging.tasks.record")
    enqueue("messaging.tasks.route_inbound")


def release_numbers() -> None:
    """Give numbers whose time has come back to their providers."""
    numbers.release_due()


def run_errand(number_id: int) -> None:
    """Do at the provider what was asked for with a number: buy it, wire it, give it back."""
    numbers.run_errand(number_id=number_id)


def repair_finding(finding_id: int) -> None:
    """Repair a finding about a number, as somebody has asked for it."""
    try:
        asked_repairs.run_repair(finding_id=finding_id)
    except RedisAway as error:
        logger.warning("Redis is away, so the repair of finding %s waits for the sweeper: %s", finding_id, error)


def email_alerts() -> None:
    """Write to people about alerts that they were not told of yet."""
    with Seat("alert-mail") as seat:
        if seat.taken:
            email_open()


def reconcile_due() -> None:
    """Have the numbers of gateways compared whose time of the night has come."""
    call_due()


def reconcile_gateway(gateway_id: int) -> None:
    """Compare one gateway's numbers with its provider's list."""
    try:
        reconcile(gateway_id=gateway_id)
    except NotCompared as reason:
        logger.info("%s", reason)
    except RedisAway as error:
        logger.warning("Redis is away, so the numbers of gateway %s are not compared now: %s", gateway_id, error)


def _keep_reading(name: str, run: sweeper.Reader, task: str) -> None:
    try:
        with Seat(name) as seat:
            if not seat.taken:
                return
            try:
                run(lambda: seat.renew() and not stopping())
            except DatabaseError as error:
                logger.warning("The database is away, the %s tries again: %s", name, error)
                # Kept in the seat, so that neither we nor others that were called try again and again at once.
                time.sleep(DATABASE_AWAY_SECONDS)
    except RedisAway as error:
        logger.warning("Redis is away, the %s waits for the sweeper: %s", name, error)
        return
    if not stopping():
        enqueue(task)

"""What the engine's tests share."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import uvloop
from django.utils import timezone

from integrations.simulator.config import SimulatorSettings
from messaging import tasks
from messaging.engine.launch import rebuild_queue
from messaging.engine.sender import Sender
from messaging.jobs.recorder import Recorder
from messaging.models import Batch, Message, PhoneNumber
from messaging.services.gateways import status_url
from tests.factories import BatchFactory

SHORT_CODE = "24365"
#: Quick, without surprises; a test adds those it is about.
FAST = SimulatorSettings(
    latency_ms=2.0,
    numbers=(SHORT_CODE, "+14155552600"),
    callbacks_reversed=0.0,
    callbacks_repeated=0.0,
    delivery_seconds=0.05,
    reply_delay_seconds=0.01,
    hang_seconds=1.0,
    seed=7,
)
#: A condition that has not come true by then never does.
PATIENCE_SECONDS = 60.0


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: it did not come true.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"Waited {PATIENCE_SECONDS:.0f} s for {what}."
        pause.wait(0.02)


def recipients(count: int) -> list[str]:
    """Valid numbers, each different."""
    return [f"+1415{2_000_000 + index}" for index in range(count)]


def make_batch(number: PhoneNumber, people: Sequence[str], template: str = "Hello {{ first_name }}") -> Batch:
    """A batch that is sending, with queued rows and ids in Redis."""
    now = timezone.now()
    batch = BatchFactory.create(number=number, template=template)
    Message.objects.bulk_create(
        Message(
            account=batch.account,
            batch=batch,
            number=number,
            recipient=person,
            context={"first_name": f"P{index}"},
            created_at=now,
            changed_at=now,
        )
        for index, person in enumerate(people)
    )
    rebuild_queue(batch)
    return batch


def run_sender(number: PhoneNumber, **options: object) -> Sender:
    """One run of the sender until nothing is left."""
    number.gateway.refresh_from_db()
    sender = Sender(number.gateway, status_url=f"{status_url(number.gateway)}/", **options)  # type: ignore[arg-type]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(sender.run())
    return sender


def drain() -> None:
    """Record all that is in the streams."""
    recorder = Recorder()
    while recorder.drain():
        continue
    recorder.finish_batches(force=True)


def send_all(number: PhoneNumber) -> None:
    """What the cluster does: send until nothing is left, then record."""
    tasks.send(number.gateway_id)
    drain()


def states(batch: Batch) -> dict[str, int]:
    """Number of messages by state."""
    return Message.objects.filter(batch=batch).counts()

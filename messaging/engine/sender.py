"""The sender: keeps a gateway's request slots full until its time is up or there is nothing left to send.

One event loop: a *ticker* renews slots and leases, a *feeder* takes ids and claims their rows, a *stager* lets groups pass,
one *worker* a slot sends, a *flusher* appends results to the stream. The window slides over chunks and batches: a slot is
filled again the moment its request is answered.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from broadcast.core.redis import RedisAway, connect_async
from integrations.http.asyncio_driver import AsyncioDriver
from integrations.models import Gateway
from integrations.sms.errors import SendError
from messaging.engine import keys, limits
from messaging.engine.feeder import Feeder
from messaging.engine.optouts import OptOuts
from messaging.engine.releases import drop_queues, give_back, release_all
from messaging.engine.seats import Seat
from messaging.engine.slots import leave_slots, slot_keys
from messaging.engine.stager import Stager
from messaging.engine.window import OnRejections, OnSilence, Window
from messaging.engine.worker import Worker

logger = logging.getLogger(__name__)


def report_standstill(gateway_id: int, seconds: float) -> None:
    """Log what every coroutine of this event loop is waiting for."""
    tasks = []
    for task in asyncio.all_tasks():
        stack = task.get_stack(limit=1)
        place = f"{stack[0].f_code.co_filename}:{stack[0].f_lineno}" if stack else "not started"
        tasks.append(f"{task.get_coro()!r} at {place}")
    logger.error(
        "A sender of gateway %s has not ended after %.0f s and is left; its coroutines: %s",
        gateway_id,
        seconds,
        "; ".join(sorted(tasks)),
    )


class Sender:
    """One run of one gateway's sender.

    Args:
        gateway: enabled, with credentials.
        status_url: where the provider reports, without the message's id at its end.
        request_timeout_seconds: until a provider's answer is given up.
        run_seconds: after this long it gives back what it holds.
        seat: renewed while running; without it the run ends.
        stopping: asked each tick; True ends the run.
        on_rejections: told of a batch, by its id, of which the provider refuses too much, with a text for a person.
        on_silence: told of the gateway, by its id, every few seconds while it does not answer.

    Attributes:
        sent: messages that have a result.
        stop_error: why the provider refuses everything, if it does.
        stopped_numbers: why it refuses sending numbers, by our id.
        work_left: whether there is more for another run.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        status_url: str,
        request_timeout_seconds: float = 10.0,
        run_seconds: float = limits.RUN_SECONDS,
        seat: Seat | None = None,
        stopping: Callable[[], bool] = lambda: False,
        on_rejections: OnRejections = lambda _batch_id, _text: None,
        on_silence: OnSilence = lambda _gateway_id: None,
    ) -> None:
        self.on_rejections = on_rejections
        self.on_silence = on_silence
        self.gateway_id: int = gateway.pk
        self.adapter = gateway.adapter
        self.limit: int = gateway.concurrency
        self.status_url = status_url
        self.request_timeout_seconds = request_timeout_seconds
        self.run_seconds = run_seconds
        self.seat = seat
        self.stopping = stopping
        self.holder = secrets.token_hex(8)
        self.sent = 0
        self.work_left = False
        self.stop_error: SendError | None = None
        self.stopped_numbers: dict[int, SendError] = {}

    async def run(self) -> bool:
        """Send until time is up or nothing is left; True when there is work left for another run.

        A run that does not end is left where it stands, with what its coroutines were waiting for in the log: its leases
        expire and the sweeper takes them apart, while the next run goes on.
        """
        run = asyncio.create_task(self._run_once())
        most_seconds = self.run_seconds + 2 * self.request_timeout_seconds + limits.ENDING_SECONDS
        done, _ = await asyncio.wait({run}, timeout=most_seconds)
        if not done:
            report_standstill(self.gateway_id, most_seconds)
            return True
        return run.result()

    async def _run_once(self) -> bool:
        client = connect_async()
        window = Window(
            client,
            self.gateway_id,
            self.limit,
            bulk=self.adapter.capabilities.recipients_per_request,
            on_rejections=self.on_rejections,
            on_silence=self.on_silence,
        )
        try:
            async with AsyncioDriver(
                connections=self.limit,
                timeout_seconds=self.request_timeout_seconds,
                connect_timeout_seconds=min(5.0, self.request_timeout_seconds),
            ) as driver:
                await self._run(window, driver)
        finally:
            await client.aclose()
            window.close()
        self.sent, self.work_left = window.sent, window.work_left
        self.stop_error, self.stopped_numbers = window.stop_error, window.stopped_numbers
        return self.work_left

    async def _run(self, window: Window, driver: AsyncioDriver) -> None:
        opt_outs = OptOuts(window)
        try:
            await opt_outs.listen()
            await window.scripts.load()
            await self._tick(window)
        except RedisAway as error:
            logger.warning("Redis is away, nothing is sent through gateway %s: %s", self.gateway_id, error)
            return
        end = window.loop.call_later(self.run_seconds, lambda: window.end(work_left=True))
        ticking = asyncio.create_task(self._keep_ticking(window))
        flushing = asyncio.create_task(window.flusher.loop())
        hearing = asyncio.create_task(self._guard(window, opt_outs.run()))
        feeding = [
            asyncio.create_task(self._guard(window, job))
            for job in (
                *(Feeder(window, self.status_url, place).run() for place in range(window.feeders)),
                Stager(window).run(),
            )
        ]
        workers = [
            asyncio.create_task(self._guard(window, Worker(window, self.adapter, driver, index).run()))
            for index in range(self.limit)
        ]
        await window.draining.wait()
        end.cancel()
        # They end by themselves: a claim that is under way must become a lane, so that it can be given back.
        window.hungry.set()
        await asyncio.gather(*feeding)
        window.unstage()
        for _ in workers:
            window.queue.put_nowait(None)
        window.granted.set()
        await asyncio.gather(*workers)
        await asyncio.gather(*window.errands, return_exceptions=True)
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await opt_outs.close()
        window.flusher.end()
        await flushing
        await release_all(window)
        window.is_over = True
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        await self._leave(window)

    async def _guard(self, window: Window, job: Coroutine[Any, Any, None]) -> None:
        """Run one of the coroutines; a fault of ours ends the run instead of leaving it lame."""
        try:
            await job
        except Exception:
            # Whatever it is: without a feeder the run holds slots for nothing, and deaf to opt-outs it must not send.
            logger.exception("A sender of gateway %s ends its run early: a fault of ours", self.gateway_id)
            window.end(work_left=True)

    async def _keep_ticking(self, window: Window) -> None:
        # A cancellation alone does not end it: redis-py waits with ``asyncio.wait_for``, which loses one that comes together
        # with what it waited for (Python 3.11).
        while not window.is_over:
            await asyncio.sleep(limits.TICK_SECONDS)
            try:
                await self._tick(window)
            except RedisAway as error:
                window.redis_away(error)
            except Exception:
                # Whatever it is, ticking goes on: what is in flight needs its slots and leases until the run has ended.
                logger.exception("A sender of gateway %s ends its run early: a fault of ours", self.gateway_id)
                window.end(work_left=True)

    async def _tick(self, window: Window) -> None:
        """Renew slots and leases, see what is paused, and whether to go on."""
        started = window.loop.time()
        _, window.target = await window.scripts.renew(
            keys=slot_keys(self.gateway_id),
            args=[
                self.holder,
                self.limit,
                0 if window.draining.is_set() else self.limit,
                # Until the answer is here requests may be started up to the target as it stands: what is given back now
                # must not be in use a moment later.
                max(window.in_flight, window.target),
                limits.slot_milliseconds(),
                limits.LEASE_MILLISECONDS,
                *(lane.token for lane in window.lanes),
            ],
        )
        # After this moment a request could outlive the slot it was sent in.
        window.slots_until = started + limits.SLOT_GRACE_MILLISECONDS / 1000
        window.granted.set()
        held, backoff, circuit = (
            await window.redis.pipeline(transaction=False)
            .smembers(keys.held(self.gateway_id))
            .pttl(keys.backoff(self.gateway_id))
            .hgetall(keys.circuit(self.gateway_id))
            .execute()
        )
        window.circuit.follow(circuit)
        if backoff > 0:
            window.backoff_until = max(window.backoff_until, window.loop.time() + backoff / 1000)
        await drop_queues(window, {name.decode() for name in held})
        if not window.draining.is_set() and (silent := window.silent_for()):
            if silent >= limits.GIVE_BACK_SECONDS:
                await give_back(window)
            window.tell_silence()
        if self.stopping() or (self.seat is not None and not await asyncio.to_thread(self.seat.renew)):
            window.end(work_left=True)

    async def _leave(self, window: Window) -> None:
        try:
            await leave_slots(window.redis.pipeline(transaction=False), self.gateway_id, self.holder).execute()
        except RedisAway as error:
            logger.warning("Slots of gateway %s come back when they expire: %s", self.gateway_id, error)

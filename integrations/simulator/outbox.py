"""Webhooks on their way: bounded concurrency, and tried again as a carrier would."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from integrations.simulator.client import Answer, NoAnswer, WebhookClient
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.timeline import Timeline

logger = logging.getLogger(__name__)

_MAX_BACKOFF_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """A signed request to one of our URLs.

    Args:
        url: where to.
        headers: further header lines, Content-Type among them, each ending in CRLF.
        body: encoded.
    """

    url: str
    headers: bytes
    body: bytes


@dataclass(slots=True)
class _Job:
    webhook: Webhook
    on_end: Callable[[Answer | None], None]
    generation: int
    attempts: int = field(default=0)


class Outbox:
    """Sends webhooks.

    Args:
        timeline: where another attempt is put.
        settings: a function that returns the settings of this moment.
    """

    def __init__(self, timeline: Timeline, settings: Callable[[], SimulatorSettings]) -> None:
        self._timeline = timeline
        self._settings = settings
        self._client = WebhookClient()
        self._ready: deque[_Job] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._generation = 0
        self.pending = 0
        self.retried = 0

    def put(self, webhook: Webhook, on_end: Callable[[Answer | None], None]) -> None:
        """Send a webhook as soon as there is room.

        Args:
            webhook: what to send.
            on_end: called once, with the last answer, or None when the last attempt got no answer at all.
        """
        self.pending += 1
        self._enqueue(_Job(webhook, on_end, self._generation))

    def clear(self) -> None:
        """Forget what is pending. What is on its way arrives, but its answer changes nothing any more."""
        self._generation += 1
        self._ready.clear()
        self.pending = 0
        self.retried = 0

    async def close(self) -> None:
        """Stop sending."""
        self.clear()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._client.close()

    def _enqueue(self, job: _Job) -> None:
        if job.generation != self._generation:
            return
        self._ready.append(job)
        if len(self._workers) < self._settings().callback_concurrency:
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        while self._ready and len(self._workers) <= self._settings().callback_concurrency:
            job = self._ready.popleft()
            settings = self._settings()
            job.attempts += 1
            answer: Answer | None = None
            reason = ""
            try:
                answer = await self._client.post(
                    job.webhook.url,
                    job.webhook.headers,
                    job.webhook.body,
                    timeout_seconds=settings.callback_timeout_seconds,
                )
            except NoAnswer as error:
                reason = str(error)
            if job.generation == self._generation:
                self._settle(job, answer, reason, settings)

    def _settle(self, job: _Job, answer: Answer | None, reason: str, settings: SimulatorSettings) -> None:
        again = answer is None or answer.status >= 500 or answer.status == 429
        if again and job.attempts < settings.callback_attempts:
            self.retried += 1
            wait = min(settings.callback_backoff_seconds * 2 ** (job.attempts - 1), _MAX_BACKOFF_SECONDS)
            self._timeline.after(wait, self._enqueue, job)
            return
        self.pending -= 1
        if answer is None or answer.status >= 300:
            said = reason or f"answered {answer.status if answer else 0}"
            logger.warning("Gave up on a webhook to %s after %d attempts: %s.", job.webhook.url, job.attempts, said)
        job.on_end(answer)

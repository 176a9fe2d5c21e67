"""One round: a campaign is launched, tormented, left in peace and judged."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.queue import enqueue
from broadcast.core.redis import RedisAway, get_redis
from campaigns.models import Campaign
from campaigns.services.launch import launch
from messaging.engine import keys
from messaging.jobs.lookups import GRACE_SECONDS
from messaging.jobs.sweeper import FORGOTTEN_SECONDS
from messaging.models import Message
from messaging.querysets import MessageQuerySet
from messaging.states import MessageState
from tests.chaos.adversary import Adversary
from tests.chaos.audience import Audience, make_audience
from tests.chaos.dialects import Dialect
from tests.chaos.installation import CLUSTER, Installation
from tests.chaos.plan import make_plan
from tests.chaos.verdict import judge, taken_people

logger = logging.getLogger("chaos")

LOOK_SECONDS = 0.2
#: The scheduler of django-q2 ticks each half minute, which is too seldom for rounds that short.
SWEEP_SECONDS = 1.0
ATTACK_SECONDS = 120.0
PEACE_SECONDS = 60.0
TELL_SECONDS = 5.0
#: People who answer with STOP once they have the message.
STOP_RATE = 0.01
_LEAVING = (MessageState.QUEUED, MessageState.SENDING)
_REPORT_AWAITED = (MessageState.ACCEPTED, MessageState.SENT)


class Round:
    """One round.

    Args:
        installation: what it runs on.
        number: from 0.
        seed: of the run.
        dialect: in which it talks to the provider.
        recipients: how many people.
        short: whether it is one of the two short rounds.
    """

    def __init__(
        self,
        installation: Installation,
        *,
        number: int,
        seed: int,
        dialect: Dialect,
        recipients: int,
        short: bool = False,
    ) -> None:
        self.installation = installation
        self.dialect = dialect
        installation.speak(dialect)
        self.plan = make_plan(seed, number, installation.database, installation.without, short=short)
        self.audience: Audience = make_audience(installation, number, recipients)
        self.adversary = Adversary(installation, self.plan, self.audience)
        #: Messages that were ever unknown, with the first reason.
        self.unknown: dict[int, str] = {}
        #: What is not over yet, by kind.
        self.pending: dict[str, int] = {}
        self.batch_id: int | None = None
        self._swept_at = 0.0
        self._told_at = time.monotonic()
        self._pause = threading.Event()

    def run(self) -> dict[str, Any]:
        """The round's figures, with ``problems``."""
        begun = time.monotonic()
        simulator = self.installation.simulator
        simulator.reset()
        simulator.settings(
            latency_ms=self.dialect.latency_ms,
            fail_before=self.plan.fail_before,
            fail_after=self.plan.fail_after,
            stop_rate=0.0 if self.plan.empties_valkey else STOP_RATE,
        )
        late: list[str] = []
        try:
            launch(campaign_id=self.audience.campaign.pk, user=None)
            self._wait(self._attacked, ATTACK_SECONDS, "the faults to be over and every message to have left", late)
        finally:
            self.adversary.rest()
        simulator.settings(latency_ms=2.0, fail_before=0.0, fail_after=0.0)
        self._wait(self._quiet, PEACE_SECONDS, "all reports to be recorded", late)
        # The minute after which the provider is asked, and the hour after which nothing is awaited any more, pass at once.
        self._age(self._messages(MessageState.UNKNOWN), GRACE_SECONDS)
        self._wait(lambda: not self._unknown_and_taken(), PEACE_SECONDS, "unknown messages to be looked up", late)
        unknown_after = self._unknown_and_taken()
        self._age(self._messages(MessageState.UNKNOWN, *_REPORT_AWAITED), config().report_wait_seconds)
        self._wait(self._finished, PEACE_SECONDS, "the campaign to be finished", late)
        verdict = judge(
            audience=self.audience,
            dialect=self.dialect,
            adversary=self.adversary,
            stats=simulator.stats(recipients=True),
            unknown=self.unknown,
            unknown_after=unknown_after,
        )
        return {
            "dialect": self.dialect.name,
            **verdict.figures,
            "seconds": round(time.monotonic() - begun, 1),
            "cluster_starts": self.installation.keeper.starts(CLUSTER),
            "problems": [*late, *verdict.problems],
        }

    def _wait(self, condition: Callable[[], bool], seconds: float, what: str, late: list[str]) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                late.append(f"Waited {seconds:g} s for {what}: {self._states()}{self._pending()}.")
                return
            self._look_on()
            self._pause.wait(LOOK_SECONDS)

    def _look_on(self) -> None:
        """Note what is unknown, call the sweeper, say how it goes."""
        now = time.monotonic()
        self.unknown = dict(self._messages(MessageState.UNKNOWN).values_list("pk", "reason")) | self.unknown
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            enqueue("messaging.tasks.sweep")
            enqueue("campaigns.tasks.launch_due")
        if now - self._told_at >= TELL_SECONDS:
            self._told_at = now
            logger.info("  %s%s", self._states(), self._pending())

    def _states(self) -> str:
        counts = self._messages().counts()
        return ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "no rows yet"

    def _pending(self) -> str:
        found = ", ".join(f"{count} {name}" for name, count in self.pending.items() if count)
        return f"; pending: {found}" if found else ""

    def _messages(self, *states: str) -> MessageQuerySet:
        if self.batch_id is None:
            self.batch_id = Campaign.objects.values_list("batch_id", flat=True).get(pk=self.audience.campaign.pk)
        messages = Message.objects.filter(batch_id=self.batch_id) if self.batch_id else Message.objects.none()
        return messages.filter(state__in=states) if states else messages

    def _attacked(self) -> bool:
        taken = int(self.installation.simulator.stats()["recipients"])
        self.adversary.step(taken / len(self.audience.people))
        return self.adversary.is_done and self._messages().exists() and not self._messages(*_LEAVING).exists()

    def _quiet(self) -> bool:
        """Whether nothing leaves, is called back or waits to be recorded; ``pending`` holds what does."""
        # The minute after which an answer that was never put into Redis is put there passes at once as well.
        self._age(Message.objects.filter(batch=None, state=MessageState.QUEUED), FORGOTTEN_SECONDS)
        stats = self.installation.simulator.stats()
        self.pending = {
            "requests": stats["in_flight"],
            "later at the provider": stats["scheduled"],
            "callbacks": stats["callbacks"]["pending"],
            "inbound": stats["inbound"]["pending"],
            "rows": self._messages(*_LEAVING).count(),
            "answers": Message.objects.filter(batch=None, state__in=_LEAVING).count(),
        }
        try:
            self.pending |= {name: get_redis().xlen(name) for name in (keys.RESULTS, keys.STATUSES, keys.INBOUND)}
        except RedisAway:
            return False
        return not any(self.pending.values())

    def _unknown_and_taken(self) -> int:
        people = set(self._messages(MessageState.UNKNOWN, MessageState.UNRESOLVED).values_list("recipient", flat=True))
        return len(people & taken_people(self.audience, self.installation.simulator.stats(recipients=True)).keys())

    def _age(self, messages: MessageQuerySet, seconds: float) -> None:
        messages.update(changed_at=timezone.now() - dt.timedelta(seconds=seconds + 1))

    def _finished(self) -> bool:
        return Campaign.objects.filter(pk=self.audience.campaign.pk, state=Campaign.State.FINISHED).exists()

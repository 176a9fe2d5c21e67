"""The adversary: does a plan's faults when their time has come, and undoes what lasts."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable

from broadcast.core.queue import enqueue
from broadcast.core.redis import RedisAway
from messaging.engine import keys
from messaging.engine.launch import put_ids
from messaging.models import Message
from tests.chaos.audience import Audience
from tests.chaos.installation import CLUSTER, LEASE_SECONDS, VALKEY, WEBHOOKS, Installation
from tests.chaos.plan import Fault, Plan
from tests.chaos.processes import cluster_children, owner_of_ports

logger = logging.getLogger("chaos")

#: A sender that is to be hit is waited for this long.
SENDER_SECONDS = 8.0
#: Longer than a lease, so that others have taken over when a stopped sender wakes.
STOP_SECONDS = LEASE_SECONDS * 1.4
#: Who has so many connections to the provider sends; a look-up has one.
SENDER_CONNECTIONS = 5
REFUSE_SECONDS = 1.5
DELAY_SECONDS = 2.0
#: Each way, for each piece of data; a request still ends before its time-out.
PROVIDER_DELAY = 0.3
DATABASE_DELAY = 0.15
LOCK_SECONDS = 2.0
STOPS = 10
#: Requests that a gateway has in flight; a kill leaves no more than these unknown.
MOST_IN_FLIGHT = 40


class Adversary:
    """Carries out one round's plan.

    Args:
        installation: its victim.
        plan: what to do.
        audience: the round's campaign.

    Attributes:
        kills: how often it killed something: a process or a program with -9, the sender by stopping it beyond its lease,
            or all requests in flight with their connections.
        done: names of the faults done so far.
    """

    def __init__(self, installation: Installation, plan: Plan, audience: Audience) -> None:
        self.installation = installation
        self.audience = audience
        self.kills = 0
        self.done: list[str] = []
        self._waiting = list(plan.faults)
        self._last_at = time.monotonic()
        self._due_since: float | None = None
        self._undo: list[tuple[float, Callable[[], None]]] = []
        self._standing: set[int] = set()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do or to undo."""
        return not self._waiting and not self._undo

    def step(self, share: float) -> None:
        """Do what is due.

        Args:
            share: of the round's messages that the provider has taken.
        """
        now = time.monotonic()
        for at, undo in [item for item in self._undo if item[0] <= now]:
            self._undo.remove((at, undo))
            undo()
        if not self._waiting:
            return
        fault = self._waiting[0]
        if share < fault.share and now - self._last_at < fault.seconds:
            return
        self._due_since = self._due_since or now
        if self._do(fault) or now - self._due_since > SENDER_SECONDS:
            self._waiting.pop(0)
            self._last_at, self._due_since = now, None

    def rest(self) -> None:
        """Undo whatever lasts."""
        for _, undo in self._undo:
            undo()
        self._undo.clear()

    def _do(self, fault: Fault) -> bool:
        act: Callable[[Fault], str | None] = getattr(self, fault.name)
        said = act(fault)
        if said is None:
            return False
        logger.info("  %s: %s", fault.name.replace("_", " "), said)
        self.done.append(fault.name)
        return True

    def _later(self, seconds: float, undo: Callable[[], None]) -> None:
        self._undo.append((time.monotonic() + seconds, undo))

    # Each returns what was done, in words, or None when there is nothing to do it to just now.

    def kill_sender(self, _fault: Fault) -> str | None:
        """-9 to the worker that has requests at the provider."""
        sender = self._sender()
        return None if sender is None else self._kill_process(sender, "the worker that sends")

    def kill_worker(self, fault: Fault) -> str | None:
        """-9 to any process of the cluster below its sentinel: a worker, the pusher or the monitor."""
        pid = self.installation.keeper.pid(CLUSTER)
        found = sorted(cluster_children(pid)) if pid is not None else []
        if not found:
            return None
        return self._kill_process(found[int(fault.draw * len(found))], "a process of the cluster")

    def kill_cluster(self, fault: Fault) -> str | None:
        """-9 to the whole cluster."""
        return None if self._is_early() else self._kill_program(CLUSTER, fault.draw)

    def kill_webhooks(self, fault: Fault) -> str | None:
        """-9 to the webhook process."""
        return self._kill_program(WEBHOOKS, fault.draw)

    def kill_valkey(self, fault: Fault) -> str | None:
        """-9 to Valkey, which comes back with its append-only file."""
        return None if self._is_early() else self._kill_program(VALKEY, fault.draw)

    def empty_valkey(self, fault: Fault) -> str | None:
        """-9 to Valkey, which comes back without its data."""
        if self._is_early():
            return None
        return self._empty_valkey(fault)

    def empty_everything(self, fault: Fault) -> str | None:
        """-9 to Valkey, which comes back without its data, and to the cluster, which knew what it had sent."""
        if self._is_early():
            return None
        said = [self._kill_program(CLUSTER, fault.draw), self._empty_valkey(fault)]
        return "; ".join(text for text in said if text) or None

    def kill_everything(self, fault: Fault) -> str | None:
        """-9 to Valkey, the cluster and the webhook process at once."""
        if self._is_early():
            return None
        said = [self._kill_program(name, fault.draw) for name in (VALKEY, CLUSTER, WEBHOOKS)]
        return "; ".join(text for text in said if text) or None

    def stop_sender(self, _fault: Fault) -> str | None:
        """SIGSTOP to the worker that sends, for longer than its lease lasts."""
        sender = self._sender()
        if sender is None:
            return None
        os.kill(sender, signal.SIGSTOP)
        self.kills += 1
        self._standing.add(sender)
        self._later(STOP_SECONDS, lambda: self._wake(sender))
        return f"process {sender} stands still for {STOP_SECONDS:g} s"

    def cut_replies(self, _fault: Fault) -> str | None:
        """Break the connections to the provider while requests are there: it has the messages, we have no answer."""
        if self._sender() is None:
            return None
        self.kills += 1
        return f"{self.installation.provider.cut()} connections to the provider broken"

    def swallow_requests(self, _fault: Fault) -> str | None:
        """Break each connection to the provider as a request goes out: it never has the message."""
        if self._sender() is None:
            return None
        self.kills += 1
        return f"the next requests on {self.installation.provider.swallow(MOST_IN_FLIGHT)} connections lost"

    def refuse_provider(self, _fault: Fault) -> str | None:
        """The provider cannot be connected to."""
        self.installation.provider.refuse()
        self.kills += 1
        self._later(REFUSE_SECONDS, self.installation.provider.accept)
        return f"no connection to the provider for {REFUSE_SECONDS:g} s"

    def delay_provider(self, _fault: Fault) -> str | None:
        """The line to the provider is slow."""
        self.installation.provider.delay(PROVIDER_DELAY)
        self._later(DELAY_SECONDS, lambda: self.installation.provider.delay(0))
        return f"{PROVIDER_DELAY:g} s more to and from the provider for {DELAY_SECONDS:g} s"

    def cut_database(self, _fault: Fault) -> str | None:
        """Break the cluster's connections to PostgreSQL."""
        proxy = self.installation.database_proxy
        return None if proxy is None else f"{proxy.cut()} connections to the database broken"

    def delay_database(self, _fault: Fault) -> str | None:
        """The line to PostgreSQL is slow."""
        proxy = self.installation.database_proxy
        if proxy is None:
            return None
        proxy.delay(DATABASE_DELAY)
        self._later(DELAY_SECONDS, lambda: proxy.delay(0))
        return f"{DATABASE_DELAY:g} s more to and from the database for {DELAY_SECONDS:g} s"

    def refuse_database(self, _fault: Fault) -> str | None:
        """PostgreSQL cannot be connected to."""
        proxy = self.installation.database_proxy
        if proxy is None:
            return None
        proxy.refuse()
        self._later(REFUSE_SECONDS, proxy.accept)
        return f"no connection to the database for {REFUSE_SECONDS:g} s"

    def lock_database(self, _fault: Fault) -> str | None:
        """Somebody holds SQLite's write lock."""
        connection = sqlite3.connect(self.installation.folder / "db.sqlite3", timeout=1, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            connection.close()
            return None
        self._later(LOCK_SECONDS, connection.close)
        return f"the database is locked for {LOCK_SECONDS:g} s"

    def tasks_twice(self, _fault: Fault) -> str | None:
        """Every task is called three times more."""
        calls: tuple[tuple[str, tuple[int, ...]], ...] = (
            ("campaigns.tasks.launch_campaign", (self.audience.campaign.pk,)),
            ("campaigns.tasks.launch_due", ()),
            ("messaging.tasks.send", (self.installation.gateway.pk,)),
            ("messaging.tasks.record", ()),
            ("messaging.tasks.route_inbound", ()),
            ("messaging.tasks.sweep", ()),
        )
        called = [enqueue(path, *arguments) for path, arguments in calls * 3]
        return f"{sum(called)} calls" if any(called) else None

    def old_ids(self, _fault: Fault) -> str | None:
        """Redis offers ids once more that have been sent, as one does that was restored from an old copy."""
        self.audience.campaign.refresh_from_db()
        batch = self.audience.campaign.batch
        if batch is None:
            return None
        ids = list(
            Message.objects.filter(batch=batch).exclude(state="queued").order_by("id").values_list("pk", flat=True)
        )
        try:
            put = put_ids(
                number=self.audience.number,
                queue_name=keys.batch_queue(batch.pk, self.audience.number.pk),
                ids=ids,
                front=True,
            )
        except RedisAway:
            return None
        return f"{put} ids of messages that have left are in Redis again" if put else None

    def people_stop(self, fault: Fault) -> str | None:
        """Some people opt out while the campaign is under way."""
        people = sorted(self.audience.people)
        first = int(fault.draw * len(people))
        for index in range(STOPS):
            person = people[(first + index * 97) % len(people)]
            self.installation.simulator.inbound(
                sender=person, recipient=self.audience.number.number, body="STOP", wait=False
            )
        return f"{STOPS} people write STOP"

    def _is_early(self) -> bool:
        """Whether a blow that can be dealt at any time should wait, because just now nobody is sending."""
        waited = time.monotonic() - (self._due_since or time.monotonic())
        return self._sender() is None and waited < SENDER_SECONDS - 1

    def _sender(self) -> int | None:
        """The worker that has requests at the provider and is awake."""
        pid = self.installation.keeper.pid(CLUSTER)
        ports = self.installation.provider.near_ports() if pid is not None else []
        if pid is None or not ports:
            return None
        awake = [child for child in cluster_children(pid) if child not in self._standing]
        return owner_of_ports(ports, awake, at_least=SENDER_CONNECTIONS)

    def _wake(self, pid: int) -> None:
        self._standing.discard(pid)
        # It may have been killed while it stood still.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def _empty_valkey(self, fault: Fault) -> str | None:
        files = self.installation.valkey_files
        return self._kill_program(VALKEY, fault.draw, before=lambda: shutil.rmtree(files, ignore_errors=True))

    def _kill_process(self, pid: int, what: str) -> str | None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return None
        self.kills += 1
        return f"{what}, process {pid}"

    def _kill_program(self, name: str, away_seconds: float, before: Callable[[], None] | None = None) -> str | None:
        if not self.installation.keeper.kill(name, away_seconds=away_seconds, before=before):
            return None
        self.kills += 1
        return f"{name} killed, away for {away_seconds:.1f} s{' and empty' if before else ''}"

"""Is the cluster still working? A task asks it every few seconds.

An idle worker that is killed can leave a django-q2 cluster that looks alive and takes no task any more. So the
supervisor enqueues a tiny task again and again; a cluster from which no worker has been heard for a minute is killed
and started anew. A cluster whose workers are all at work on long tasks is busy, not stuck.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

import redis

from broadcast.core.queue import enqueue
from broadcast.core.redis import RedisAway, get_redis

logger = logging.getLogger(__name__)

#: The environment variable by which a cluster and its workers know the name that their supervisor gave them.
CLUSTER_VARIABLE = "BROADCAST_CLUSTER_ID"

ASK_SECONDS = 10.0
SILENCE_SECONDS = 60.0
#: How long a cluster's entries outlive it in Redis.
_KEEP_SECONDS = 3600


def heard_key(cluster: str) -> str:
    """Where in Redis it stands when a worker of a cluster was last heard."""
    return f"up:{{{cluster}}}:heard"


def _busy_key(cluster: str) -> str:
    return f"up:{{{cluster}}}:busy"


def answer() -> None:
    """The task: whoever runs it was heard already when the task began (see ``task_begins``)."""


def task_begins(**_: object) -> None:
    """Note that a worker of this cluster has begun a task; django-q2's ``pre_execute``."""
    cluster = os.environ.get(CLUSTER_VARIABLE)
    if cluster is None:
        return
    try:
        with get_redis().pipeline(transaction=False) as pipe:
            pipe.set(heard_key(cluster), time.time(), ex=_KEEP_SECONDS)
            pipe.sadd(_busy_key(cluster), os.getpid())
            pipe.expire(_busy_key(cluster), _KEEP_SECONDS)
            pipe.execute()
    except redis.RedisError as error:
        logger.warning("The start of a task could not be noted in Redis: %s", error)


def task_ends(**_: object) -> None:
    """Note that it has ended; django-q2's ``post_execute_in_worker``."""
    cluster = os.environ.get(CLUSTER_VARIABLE)
    if cluster is None:
        return
    try:
        with get_redis().pipeline(transaction=False) as pipe:
            pipe.set(heard_key(cluster), time.time(), ex=_KEEP_SECONDS)
            pipe.srem(_busy_key(cluster), os.getpid())
            pipe.execute()
    except redis.RedisError as error:
        logger.warning("The end of a task could not be noted in Redis: %s", error)


class Canary:
    """Watches one cluster.

    Args:
        cluster: its name, which its processes find in ``CLUSTER_VARIABLE``.
        process: its process id now, None while it is not running.
        workers: how many workers it has.
        on_silence: called with a sentence when it has been silent for too long.
        ask_seconds: how often it is asked.
        silence_seconds: how long it may be silent.
    """

    def __init__(
        self,
        *,
        cluster: str,
        process: Callable[[], int | None],
        workers: int,
        on_silence: Callable[[str], None],
        ask_seconds: float = ASK_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._cluster = cluster
        self._process = process
        self._workers = workers
        self._on_silence = on_silence
        self._ask_seconds = ask_seconds
        self._silence_seconds = silence_seconds
        self._watched: int | None = None
        self._since = time.time()
        self._heard = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="canary", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopping.set()
        self._thread.join()

    def look(self) -> None:
        """Ask once, and report a silence that has lasted too long."""
        process = self._process()
        if process is None or process != self._watched:
            self._begin(process)
        if process is None:
            return
        try:
            heard, busy = self._traces()
        except RedisAway:
            # Without Redis nobody can answer: the silence is counted anew when it is back.
            self._since = time.time()
            return
        now = time.time()
        if heard < self._heard:
            # Redis is back without its data, what was heard and who is at work among them. Senders are giving back what they
            # hold just now; killing them would leave it behind.
            self._since = now
        self._heard = heard
        silent_for = now - max(heard, self._since)
        if silent_for > self._silence_seconds and sum(map(_is_running, busy)) < self._workers:
            self._begin(process)
            self._on_silence(f"no worker was heard for {silent_for:.0f} s; the cluster is killed and started anew")
            return
        if not enqueue("broadcast.supervisor.canary.answer", timeout=max(1, int(self._silence_seconds))):
            self._since = now

    def _begin(self, process: int | None) -> None:
        self._watched, self._since = process, time.time()

    def _traces(self) -> tuple[float, list[int]]:
        with get_redis().pipeline(transaction=False) as pipe:
            pipe.get(heard_key(self._cluster))
            pipe.smembers(_busy_key(self._cluster))
            heard, busy = pipe.execute()
        return float(heard or 0), [int(process) for process in busy]

    def _run(self) -> None:
        while not self._stopping.wait(self._ask_seconds):
            try:
                self.look()
            except redis.RedisError as error:
                logger.warning("The cluster could not be asked whether it works: %s", error)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True

"""Background tasks: wake-up calls for django-q2.

A task may run twice or never (the broker pops without a receipt), so no task carries truth: each looks at rows, leases and
streams for what there is to do, and the sweeper calls again.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django_q.brokers import get_broker
from django_q.brokers.redis_broker import Redis as DjangoQRedis
from django_q.tasks import async_task

from broadcast.core.redis import RedisAway, connect

logger = logging.getLogger(__name__)


class Broker(DjangoQRedis):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's Redis broker on the installation's Redis (unix socket and Sentinel included)."""

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:  # noqa: ARG004  django-q2's signature
        """A client of our own making."""
        return connect()


def enqueue(path: str, *args: Any, **options: Any) -> bool:
    """Call a task now, whatever transaction is open; prefer ``enqueue_on_commit``.

    Args:
        path: dotted path of the function.
        args: plain values.
        options: django-q2's task options, e.g. ``timeout`` in seconds.

    Returns:
        False when Redis is away: nothing is lost, the sweeper calls again.
    """
    try:
        async_task(path, *args, q_options={"save": False, **options})
    except RedisAway as error:
        logger.warning("Redis is away, so %s was not called; the sweeper will call it: %s", path, error)
        return False
    return True


def tasks_wait() -> bool:
    """Whether a task waits for a worker.

    Raises:
        redis.RedisError: Redis is away.
    """
    return bool(get_broker().queue_size())


def enqueue_on_commit(path: str, *args: Any, **options: Any) -> None:
    """Call a task when the open transaction has been committed.

    Args:
        path: dotted path of the function.
        args: plain values: ids, never objects.
        options: django-q2's task options.
    """
    transaction.on_commit(lambda: enqueue(path, *args, **options))

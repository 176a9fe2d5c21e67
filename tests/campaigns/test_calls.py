"""Webhook calls and mails to staff: signed, at least once, never into our own networks."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from broadcast.core import outgoing
from broadcast.core.config import config
from broadcast.core.outgoing import AddressRefused, CallFailed, check_url, resolve
from campaigns.models import CallEndpoint, OutgoingCall, StaffNotice
from campaigns.services.calls import (
    CallError,
    deliver,
    deliver_due,
    delivering,
    queue_call,
    send_due_notices,
    try_again,
)
from campaigns.services.calls.delivering import wait_seconds
from messaging.models import PhoneNumber
from tests.factories import CallEndpointFactory, KeywordActionFactory, KeywordFactory, PhoneNumberFactory
from tests.messaging.hooks import receive

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Receiver:
    """A web server that notes what it is told and answers as it is told."""

    url: str = ""
    status: int = 200
    calls: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """One on this machine, which the settings allow to be called."""
    monkeypatch.setattr(delivering, "config", lambda: replace(config(), calls_private_networks=True))
    noted = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            noted.calls.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(noted.status)
            self.send_header("Location", f"{noted.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    noted.url = f"http://127.0.0.1:{server.server_port}"
    yield noted
    server.shutdown()
    thread.join()
    server.server_close()


def make_call(receiver: Receiver) -> OutgoingCall:
    endpoint = CallEndpointFactory.create(url=f"{receiver.url}/hook?a=1", secret="very secret indeed")
    return queue_call(endpoint=endpoint, payload={"event": "keyword", "text": "Grüße"})


def test_a_call_is_signed_and_tells_repeats_apart(receiver: Receiver) -> None:
    call = make_call(receiver)
    assert deliver(call_id=call.pk)
    assert not deliver(call_id=call.pk)
    ((path, headers, body),) = receiver.calls
    assert path == "/hook?a=1"
    assert json.loads(body) == {"id": str(call.key), "event": "keyword", "text": "Grüße"}
    moment, signature = (part.partition("=")[2] for part in headers["broadcast-signature"].split(","))
    expected = hmac.new(b"very secret indeed", f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert signature == expected
    assert abs(int(moment) - timezone.now().timestamp()) < 60
    assert headers["idempotency-key"] == str(call.key)
    call.refresh_from_db()
    assert (call.state, call.attempts, call.last_status) == ("delivered", 1, 200)


def test_the_secret_is_encrypted_at_rest() -> None:
    endpoint = CallEndpointFactory.create(secret="very secret indeed")
    stored = CallEndpoint.objects.extra(select={"raw": "secret"}).values_list("raw", flat=True).get(pk=endpoint.pk)
    assert "very secret" not in stored


@pytest.mark.parametrize("status", [500, 404, 302])
def test_what_is_not_taken_is_tried_again_with_the_same_key_for_a_day(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with time_machine.travel(dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC), tick=True) as clock:
        call = make_call(receiver)
        assert deliver_due() == 1
        assert deliver_due() == 0
        clock.shift(dt.timedelta(seconds=21))
        assert deliver_due() == 1
        for _ in range(20):
            clock.shift(dt.timedelta(hours=4))
            deliver_due()
        call.refresh_from_db()
        assert (call.state, call.last_status) == ("failed", status)
        assert timezone.now() - call.created_at > dt.timedelta(hours=24)
        assert 6 < call.attempts < 20
        assert {headers["idempotency-key"] for _, headers, _ in receiver.calls} == {str(call.key)}
        assert {path for path, _, _ in receiver.calls} == {"/hook?a=1"}

        receiver.status = 204
        try_again(call_id=call.pk)
        assert deliver_due() == 1
    call.refresh_from_db()
    assert call.state == "delivered"
    with pytest.raises(CallError):
        try_again(call_id=call.pk)


def test_nobody_there_is_tried_again(receiver: Receiver) -> None:
    call = make_call(receiver)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        CallEndpoint.objects.update(url=f"http://127.0.0.1:{free.getsockname()[1]}/")
        deliver(call_id=call.pk)
    call.refresh_from_db()
    assert call.state == "waiting"
    assert call.last_error.startswith("No answer")
    assert call.next_at > timezone.now()


def test_a_disabled_endpoint_is_not_called(receiver: Receiver) -> None:
    call = make_call(receiver)
    CallEndpoint.objects.update(is_enabled=False)
    deliver(call_id=call.pk)
    call.refresh_from_db()
    assert (call.state, receiver.calls) == ("failed", [])


def test_two_processes_at_one_call_make_it_once(receiver: Receiver) -> None:
    call = make_call(receiver)
    OutgoingCall.objects.filter(pk=call.pk).update(next_at=timezone.now() + dt.timedelta(seconds=60))
    assert not deliver(call_id=call.pk)
    assert receiver.calls == []


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://127.0.0.1/",
            "https://10.0.0.8/",
            "https://169.254.169.254/latest",
            "https://[::1]/",
            "https://0.0.0.0/",
        ),
        *("https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[fe80::1]/", "https://100.64.0.1/"),
        *(
            "https://224.0.0.1/",
            "http://example.com/",
            "ftp://example.com/",
            "https://user:pw@example.com/",
            "https:///x",
        ),
        *("https://exa mple.com:x/", "nonsense", "https://localhost/", "https://2130706433/"),
    ],
)
def test_addresses_of_our_own_networks_are_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        resolve(url, private_networks=False)


def test_a_name_with_one_private_address_is_refused_and_the_one_looked_at_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = ["93.184.216.34", "10.0.0.1"]

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(AddressRefused, match="private network"):
        resolve("https://hooks.example.com/", private_networks=False)
    found.pop()
    assert resolve("https://hooks.example.com/", private_networks=False).ip == "93.184.216.34"


def test_the_name_is_not_looked_up_a_second_time(receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2]
    target = outgoing.Target(f"http://hooks.invalid:{port}/x", "127.0.0.1")
    assert outgoing.post(target, body=b"{}", secret="s", key="k") == 200
    assert receiver.calls[0][1]["host"] == f"hooks.invalid:{port}"


def test_an_address_that_became_private_fails_at_once() -> None:
    call = queue_call(endpoint=CallEndpointFactory.create(url="https://localhost/"), payload={})
    deliver(call_id=call.pk)
    call.refresh_from_db()
    assert call.state == "failed"
    assert "private network" in call.last_error


def test_an_unknown_name_is_a_failure_that_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(CallFailed, match="cannot be found"):
        resolve("https://nowhere.example/", private_networks=False)
    assert check_url("https://nowhere.example/", private_networks=False) == "nowhere.example"


def test_waits_grow_and_stay_below_four_hours() -> None:
    for attempts in range(1, 30):
        assert 10 <= wait_seconds(attempts) <= 4 * 3600
        assert wait_seconds(attempts) <= 20 * 2 ** (attempts - 1)


@pytest.fixture
def line() -> PhoneNumber:
    """A number of Blue Door Books."""
    return PhoneNumberFactory.create(account__name="Blue Door Books")


def test_a_keyword_calls_a_webhook_and_writes_to_staff(line: PhoneNumber, receiver: Receiver) -> None:
    keyword = KeywordFactory.create(number=line, name="Pizza\nnight")
    endpoint = CallEndpointFactory.create(account=line.account, name="CRM", url=f"{receiver.url}/")
    KeywordActionFactory.create(keyword=keyword, kind="call", endpoint=endpoint)
    KeywordActionFactory.create(keyword=keyword, kind="notify", emails="a@example.com; b@example.com")
    message = receive(line, "Pizza for two")
    assert message.decision.endswith("calls “CRM”; e-mail to 2.")

    assert deliver_due() == 1
    told = json.loads(receiver.calls[0][2])
    assert (told["event"], told["text"], told["rest"], told["from"]) == (
        "keyword",
        "Pizza for two",
        "for two",
        "+14155552671",
    )
    assert (told["to"], told["person"], told["message"]) == (line.number, None, message.pk)

    assert send_due_notices() == 1
    assert send_due_notices() == 0
    (sent,) = mail.outbox
    assert sent.to == ["a@example.com", "b@example.com"]
    assert sent.subject == "Blue Door Books: Pizza night from +14155552671"
    assert "Pizza for two" in sent.body


def test_a_mail_server_that_is_away_is_tried_again(line: PhoneNumber, settings: Any) -> None:
    keyword = KeywordFactory.create(number=line)
    KeywordActionFactory.create(keyword=keyword, kind="notify", emails="a@example.com")
    with time_machine.travel(dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC), tick=True) as clock:
        receive(line, "pizza")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
            settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free.getsockname()[1]
            assert send_due_notices() == 0
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        assert "refused" in StaffNotice.objects.get().last_error
        assert send_due_notices() == 0
        clock.shift(dt.timedelta(seconds=21))
        assert send_due_notices() == 1

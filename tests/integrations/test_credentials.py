"""Checking, rotating and taking back credentials, against the simulator and against what is no API."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from integrations.models import CredentialChange, Gateway
from integrations.services.checking import Outcome, ask, check_gateway
from integrations.services.redaction import HIDDEN, redacted
from integrations.services.rotation import (
    RotationRefused,
    enter,
    forget_former,
    roll_back,
    rotate,
    stop_former,
)
from integrations.simulator.process import SimulatorProcess
from tests.factories import GatewayFactory, StaffFactory
from tests.fixtures import simulator as simulator
from tests.fixtures import simulator_process as simulator_process
from tests.integrations.loopback import answering, server
from tests.rotation_dialects import DIALECTS, at_simulator

pytestmark = pytest.mark.django_db

NEW = "n3w-s3cret"
What = CredentialChange.What


def accepting(simulator: SimulatorProcess, kind: str, *, alone: bool = False) -> None:
    """The provider takes ``NEW``, beside the former secret or alone."""
    if alone:
        simulator.settings(**{DIALECTS[kind].setting: NEW})
    else:
        simulator.settings(also_accepted=[NEW])


def rotated(gateway: Gateway, by: User | None = None, *, keep_hours: int = 24, version: int | None = None) -> Gateway:
    secret = DIALECTS[gateway.kind].secret
    rotate(
        gateway_id=gateway.pk,
        entered={secret: NEW},
        version=version or gateway.credentials_version,
        keep_hours=keep_hours,
        by=by,
    )
    gateway.refresh_from_db()
    return gateway


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json", **headers: str) -> bytes:
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


# What a check says


@pytest.mark.parametrize(
    ("kind", "told"),
    [("twilio", "account “Simulator”, active"), ("telnyx", "balance 300.00 USD"), ("sinch", ""), ("infobip", "")],
)
def test_a_check_says_what_was_asked_and_what_the_account_is(simulator: SimulatorProcess, kind: str, told: str) -> None:
    result = check_gateway(gateway_id=at_simulator(simulator, kind).pk)
    assert (result.outcome, result.status, result.account) == (Outcome.TAKEN, 200, told)
    assert result.asked.startswith(f"GET {simulator.url}/")
    assert 0 < result.seconds < 10
    assert simulator.stats()["messages_taken"] == 0


@pytest.mark.parametrize("kind", DIALECTS)
def test_a_refusal_has_the_providers_status_code_and_words(simulator: SimulatorProcess, kind: str) -> None:
    dialect = DIALECTS[kind]
    gateway = at_simulator(simulator, kind, stopped_reason="before")
    result = ask(gateway, {**gateway.credentials, dialect.secret: "wr0ng-s3cret"})
    assert (result.outcome, result.status, result.code) == (Outcome.REFUSED, 401, dialect.words)
    assert dialect.words in result.text
    assert "wr0ng" not in repr(result)


def test_what_no_request_tests_is_said(simulator: SimulatorProcess) -> None:
    assert check_gateway(gateway_id=at_simulator(simulator, "telnyx").pk).unchecked == ("Public key",)
    assert check_gateway(gateway_id=at_simulator(simulator, "sinch").pk).unchecked == ("Webhook secret",)
    assert check_gateway(gateway_id=at_simulator(simulator, "infobip").pk).unchecked == ("Webhook secret",)
    assert check_gateway(gateway_id=at_simulator(simulator, "twilio").pk).unchecked == ()


def test_with_an_api_key_the_numbers_are_asked_for_and_the_auth_token_is_untested(simulator: SimulatorProcess) -> None:
    simulator.settings(api_key_sid="SK1", api_key_secret="of-the-key")
    gateway = at_simulator(simulator, "twilio")
    result = ask(gateway, {**gateway.credentials, "api_key_sid": "SK1", "api_key_secret": "of-the-key"})
    assert result.is_taken
    assert "number" in result.account
    assert result.unchecked == ("Auth token",)


@pytest.mark.parametrize(
    ("reply", "outcome", "words"),
    [
        (
            answer(b"\n<!doctype html>\n<title>Acme intranet</title>", kind="text/html"),
            Outcome.NOT_AN_API,
            "Acme intranet",
        ),
        (answer(b"<html>\n<b>Sign in</b>", "403 Forbidden", "text/html"), Outcome.NOT_AN_API, "base URL may be wrong"),
        (answer(b"<h1>Bad gateway</h1>", "502 Bad Gateway", "text/html"), Outcome.NOT_AN_API, "Try again in a minute"),
        (answer(b"It works!", kind="text/plain"), Outcome.NOT_AN_API, "“It works!”"),
        (answer(b""), Outcome.NOT_AN_API, "nothing in it"),
        (answer(b"", "302 Found", Location="https://login.example.com/x?t=1"), Outcome.NOT_AN_API, "login.example.com"),
        (answer(b"{}", "503 Service Unavailable"), Outcome.NO_ANSWER, "Try again"),
        (answer(b'{"sid": "AC1", "status": "suspended"}'), Outcome.REFUSED, "suspended"),
    ],
)
def test_what_is_no_api_is_told_from_a_refusal(reply: bytes, outcome: Outcome, words: str) -> None:
    with server(answering(reply)) as url:
        result = check_gateway(gateway_id=GatewayFactory.create(base_url=url).pk)
    assert result.outcome is outcome
    assert words in result.text
    assert result.status is not None


def test_nobody_there_is_no_answer() -> None:
    result = check_gateway(gateway_id=GatewayFactory.create().pk)
    assert (result.outcome, result.status) == (Outcome.NO_ANSWER, None)
    assert "No connection to 127.0.0.1" in result.text


def test_a_provider_that_repeats_the_secret_is_not_repeated() -> None:
    body = b'{"code": 20003, "message": "The token 5ecret-in-the-answer is wrong", "status": 401}'
    with server(answering(answer(body, "401 Unauthorized"))) as url:
        gateway = GatewayFactory.create(base_url=url)
        result = ask(gateway, {**gateway.credentials, "auth_token": "5ecret-in-the-answer"})
    assert "5ecret" not in repr(result)
    assert HIDDEN in result.text


def test_a_header_that_http_refuses_does_not_show_the_secret(simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "telnyx")
    result = ask(gateway, {**gateway.credentials, "api_key": "KEY-s3cret\nX: y"})
    assert result.outcome is Outcome.NO_ANSWER
    assert "s3cret" not in repr(result)


def test_what_is_not_secret_is_shown() -> None:
    given = {"account_sid": "AC12345", "auth_token": "t0ken-of-it"}
    assert redacted("AC12345 has no t0ken-of-it", "twilio", given) == f"AC12345 has no {HIDDEN}"


# Rotation


@pytest.mark.parametrize("kind", DIALECTS)
def test_new_credentials_are_stored_once_the_provider_takes_them(simulator: SimulatorProcess, kind: str) -> None:
    gateway = at_simulator(simulator, kind, stopped_reason="revoked")
    before, person = dict(gateway.credentials), StaffFactory.create()
    accepting(simulator, kind)
    rotated(gateway, person)
    assert gateway.credentials == {**before, DIALECTS[kind].secret: NEW}
    assert gateway.former == before
    assert gateway.former_until is not None
    assert abs(gateway.former_until - timezone.now() - dt.timedelta(hours=24)) < dt.timedelta(minutes=1)
    assert (gateway.credentials_version, gateway.stopped_reason) == (2, "")
    change = gateway.credential_changes.get()
    assert (change.what, change.by) == (What.ROTATED, person)
    assert len(change.fields) == 1


@pytest.mark.parametrize("kind", DIALECTS)
def test_credentials_that_the_provider_refuses_change_nothing(simulator: SimulatorProcess, kind: str) -> None:
    gateway = at_simulator(simulator, kind)
    before = Gateway.objects.filter(pk=gateway.pk).values().get()
    with pytest.raises(RotationRefused, match="Nothing is stored") as caught:
        rotated(gateway)
    assert caught.value.result is not None
    assert caught.value.result.code == DIALECTS[kind].words
    assert Gateway.objects.filter(pk=gateway.pk).values().get() == before
    assert not CredentialChange.objects.exists()


def test_former_credentials_can_be_dropped_at_once(simulator: SimulatorProcess) -> None:
    accepting(simulator, "twilio")
    gateway = rotated(at_simulator(simulator, "twilio"), keep_hours=0)
    assert (gateway.former_credentials, gateway.former_until, gateway.former) == (None, None, None)


def test_a_rotation_to_the_same_is_refused(simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "twilio")
    with pytest.raises(RotationRefused, match="Nothing would change"):
        rotate(
            gateway_id=gateway.pk,
            entered={"auth_token": gateway.credentials["auth_token"], "webhook_shared_key": ""},
            version=1,
            keep_hours=24,
            by=None,
        )


def test_an_optional_secret_can_be_rotated_away(simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "sinch")
    rotate(gateway_id=gateway.pk, entered={"webhook_secret": ""}, version=1, keep_hours=1, by=None)
    gateway.refresh_from_db()
    assert "webhook_secret" not in gateway.credentials


def test_of_two_rotations_the_second_is_told_and_stores_nothing(simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "twilio")
    accepting(simulator, "twilio")
    rotated(gateway, StaffFactory.create(first_name="Ada", last_name="Fast"))
    simulator.settings(also_accepted=[NEW, "other"])
    with pytest.raises(RotationRefused, match="Ada Fast was faster"):
        rotate(gateway_id=gateway.pk, entered={"auth_token": "other"}, version=1, keep_hours=24, by=None)
    gateway.refresh_from_db()
    assert gateway.credentials["auth_token"] == NEW


def test_somebody_who_is_faster_while_the_provider_is_asked(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = at_simulator(simulator, "twilio")
    accepting(simulator, "twilio")

    def slow(target: Gateway, credentials: dict[str, str]) -> object:
        Gateway.objects.filter(pk=target.pk).update(credentials={"auth_token": "faster"}, credentials_version=2)
        return ask(target, credentials)

    monkeypatch.setattr("integrations.services.rotation.ask", slow)
    with pytest.raises(RotationRefused, match="faster"):
        rotated(gateway)
    gateway.refresh_from_db()
    assert gateway.credentials == {"auth_token": "faster"}


def test_going_back_changes_places(simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "twilio")
    old = dict(gateway.credentials)
    accepting(simulator, "twilio")
    until = rotated(gateway).former_until
    roll_back(gateway_id=gateway.pk, version=2, by=None)
    gateway.refresh_from_db()
    assert gateway.credentials == old
    assert gateway.former == {**old, "auth_token": NEW}
    assert gateway.former_until == until
    assert [change.what for change in gateway.credential_changes.all()] == [What.ROLLED_BACK, What.ROTATED]


def test_nobody_goes_back_to_what_the_provider_has_revoked(simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "twilio")
    accepting(simulator, "twilio")
    rotated(gateway)
    accepting(simulator, "twilio", alone=True)
    simulator.settings(also_accepted=[])
    with pytest.raises(RotationRefused, match="20003"):
        roll_back(gateway_id=gateway.pk, version=2, by=None)
    gateway.refresh_from_db()
    assert gateway.credentials["auth_token"] == NEW


def test_former_credentials_are_wiped_when_their_time_is_over(simulator: SimulatorProcess) -> None:
    accepting(simulator, "twilio")
    gateway = rotated(at_simulator(simulator, "twilio"), keep_hours=1)
    assert forget_former() == 0
    with time_machine.travel(timezone.now() + dt.timedelta(hours=1, seconds=1)):
        gateway.refresh_from_db()
        assert gateway.former is None
        assert forget_former() == 1
        with pytest.raises(RotationRefused, match="no former credentials"):
            roll_back(gateway_id=gateway.pk, version=2, by=None)
    gateway.refresh_from_db()
    assert (gateway.former_credentials, gateway.former_until) == (None, None)
    last = gateway.credential_changes.first()
    assert last is not None
    assert (last.what, last.by) == (What.FORMER_ENDED, None)


def test_former_credentials_can_be_stopped_before(simulator: SimulatorProcess) -> None:
    person = StaffFactory.create()
    accepting(simulator, "twilio")
    gateway = rotated(at_simulator(simulator, "twilio"))
    assert stop_former(gateway_id=gateway.pk, by=person)
    assert not stop_former(gateway_id=gateway.pk, by=person)
    gateway.refresh_from_db()
    assert gateway.former_credentials is None
    last = gateway.credential_changes.first()
    assert last is not None
    assert (last.what, last.by) == (What.FORMER_STOPPED, person)


def test_the_database_keeps_nothing_former_without_an_end() -> None:
    gateway = GatewayFactory.create()
    with pytest.raises(IntegrityError), transaction.atomic():
        Gateway.objects.filter(pk=gateway.pk).update(former_credentials={"auth_token": "x"})


def test_what_is_entered_leaves_alone_what_others_changed_meanwhile() -> None:
    gateway = GatewayFactory.create()
    Gateway.objects.filter(pk=gateway.pk).update(stopped_reason="20003", concurrency=7)
    gateway.name = "Renamed"
    enter(gateway=gateway, before=gateway.credentials, changed=["name"], by=None)
    gateway.refresh_from_db()
    assert (gateway.name, gateway.stopped_reason, gateway.concurrency) == ("Renamed", "20003", 7)
    assert not gateway.credential_changes.exists()

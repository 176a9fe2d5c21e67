"""Rotating, checking and taking back credentials on a gateway's page, by people who look at it at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from broadcast.core.redis import get_redis
from integrations.models import CredentialChange, Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys
from tests.console.test_campaigns import page_of
from tests.factories import GatewayFactory
from tests.fixtures import simulator as simulator
from tests.fixtures import simulator_process as simulator_process
from tests.rotation_dialects import DIALECTS, at_simulator

pytestmark = pytest.mark.django_db

NEW = "n3w-s3cret"


def url(page: str, gateway: Gateway | None = None) -> str:
    return reverse(f"admin:integrations_gateway_{page}", args=[gateway.pk] if gateway else [])


def entered(gateway: Gateway, **changes: Any) -> dict[str, Any]:
    """What a browser posts from the page of a rotation."""
    shown = {"account_sid": gateway.credentials.get("account_sid", "")} if gateway.kind == "twilio" else {}
    return {"seen_version": gateway.credentials_version, "keep_hours": "24", **shown, **changes}


def filled(gateway: Gateway, **changes: Any) -> dict[str, Any]:
    """What a browser posts from a Twilio gateway's own page."""
    return {
        "name": gateway.name,
        "base_url": gateway.base_url,
        "concurrency": 40,
        "default_pace": 1,
        "is_enabled": "on",
        "seen_version": gateway.credentials_version,
        "twilio__account_sid": gateway.credentials["account_sid"],
        **changes,
    }


def with_former(**changes: Any) -> Gateway:
    made: Gateway = GatewayFactory.create(
        former_credentials={"account_sid": "AC" + "0" * 32, "auth_token": "f0rmer-s3cret"},
        former_until=timezone.now() + dt.timedelta(hours=5),
        credentials_version=2,
        **changes,
    )
    return made


@pytest.mark.parametrize("kind", DIALECTS)
def test_a_rotation_is_tested_stored_and_told(superuser: Client, simulator: SimulatorProcess, kind: str) -> None:
    gateway = at_simulator(simulator, kind)
    shown = {
        field.name: gateway.credentials.get(field.name, "")
        for field in gateway.adapter.credential_fields
        if not field.secret
    }
    simulator.settings(also_accepted=[NEW])
    page = page_of(superuser.get(url("rotate_credentials", gateway)))
    assert not any(secret in page for name, secret in gateway.credentials.items() if name not in shown)
    response = superuser.post(
        url("rotate_credentials", gateway), {**entered(gateway), **shown, DIALECTS[kind].secret: NEW}, follow=True
    )
    page = page_of(response)
    assert "The new credentials are stored" in page
    assert "Former credentials are accepted for webhooks until" in page
    assert "not used since the rotation" in page
    assert NEW not in page
    gateway.refresh_from_db()
    assert gateway.credentials[DIALECTS[kind].secret] == NEW
    change = gateway.credential_changes.get()
    assert change.what == CredentialChange.What.ROTATED
    assert change.by is not None
    assert str(change.by) in page


def test_a_refusal_shows_the_providers_answer_and_keeps_nothing(superuser: Client, simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "twilio")
    before = dict(gateway.credentials)
    response = superuser.post(url("rotate_credentials", gateway), entered(gateway, auth_token="wr0ng-s3cret"))
    page = page_of(response)
    assert response.status_code == 200
    assert "HTTP 401" in page
    assert "20003" in page
    assert "Nothing is stored" in page
    assert "wr0ng-s3cret" not in page
    gateway.refresh_from_db()
    assert (gateway.credentials, gateway.former_until) == (before, None)


def test_looking_at_the_page_asks_nobody(superuser: Client) -> None:
    gateway = GatewayFactory.create()
    for page in ("rotate_credentials", "check_credentials"):
        assert superuser.get(url(page, gateway)).status_code == 200
        assert superuser.put(url(page, gateway)).status_code == 405


def test_a_line_break_in_a_secret_is_refused_before_anybody_is_asked(superuser: Client) -> None:
    gateway = GatewayFactory.create()
    response = superuser.post(url("rotate_credentials", gateway), entered(gateway, auth_token="a\nb-s3cret"))
    assert "characters that no credential has" in page_of(response)


def test_the_second_of_two_who_rotate_is_told(superuser: Client, simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "twilio")
    simulator.settings(also_accepted=[NEW, "0ther-s3cret"])
    seen = entered(gateway)
    superuser.post(url("rotate_credentials", gateway), {**seen, "auth_token": NEW})
    response = superuser.post(url("rotate_credentials", gateway), {**seen, "auth_token": "0ther-s3cret"})
    assert "was faster" in page_of(response)
    gateway.refresh_from_db()
    assert gateway.credentials["auth_token"] == NEW


def test_the_second_of_two_who_edit_overwrites_no_credentials(superuser: Client) -> None:
    gateway = GatewayFactory.create()
    seen = filled(gateway)
    superuser.post(url("change", gateway), {**seen, "twilio__account_sid": "AC-first", "twilio__auth_token": NEW})
    response = superuser.post(url("change", gateway), {**seen, "name": "Renamed", "twilio__auth_token": "0ther"})
    assert "Somebody else has changed the credentials" in page_of(response)
    gateway.refresh_from_db()
    assert gateway.credentials == {"account_sid": "AC-first", "auth_token": NEW}
    assert gateway.name != "Renamed"
    assert gateway.credentials_version == 2


def test_a_name_can_be_changed_whoever_rotated_meanwhile(superuser: Client) -> None:
    gateway = GatewayFactory.create()
    seen = filled(gateway, name="Renamed")
    Gateway.objects.update(credentials={**gateway.credentials, "auth_token": NEW}, credentials_version=2)
    assert superuser.post(url("change", gateway), seen).status_code == 302
    gateway.refresh_from_db()
    assert (gateway.name, gateway.credentials["auth_token"], gateway.credentials_version) == ("Renamed", NEW, 2)


def test_the_history_names_fields_and_people_and_no_value(superuser: Client) -> None:
    values = {"name": "Main", "kind": "twilio", "concurrency": 40, "default_pace": 1, "is_enabled": "on"}
    superuser.post(url("add"), {**values, "twilio__account_sid": "AC-1", "twilio__auth_token": "f1rst-s3cret"})
    gateway = Gateway.objects.get()
    superuser.post(url("change", gateway), filled(gateway, twilio__auth_token=NEW))
    changes = list(gateway.credential_changes.values_list("what", "fields"))
    assert changes == [("corrected", ["Auth token"]), ("entered", ["Account SID", "Auth token"])]
    page = page_of(superuser.get(url("change", gateway)))
    assert "Corrected without a test" in page
    assert "s3cret" not in page


def test_what_concerns_former_credentials_is_offered_only_while_there_are_some(superuser: Client) -> None:
    plain, rotated = GatewayFactory.create(), with_former()
    assert "stop_former" not in page_of(superuser.get(url("change", plain)))
    page = page_of(superuser.get(url("change", rotated)))
    assert "stop_former" in page
    assert "roll_back" in page
    assert "f0rmer" not in page


def test_when_the_former_ones_were_last_used_is_shown(superuser: Client) -> None:
    gateway = with_former()
    get_redis().hset(
        keys.webhook_marks(gateway.pk),
        mapping={
            "former": 1_750_000_000,
            "former_version": 2,
            "refused": 1_750_000_100,
            "why": "The signature is bad.",
        },
    )
    page = page_of(superuser.get(url("change", gateway)))
    assert "last used 15 Jun" in page
    assert "The signature is bad." in page


def test_before_another_rotation_it_is_said_that_earlier_ones_are_kept(superuser: Client) -> None:
    ends = [timezone.now() + dt.timedelta(days=days) for days in (3, 6)]
    older = [{"credentials": {"account_sid": "AC" + "0" * 32, "auth_token": "0lder"}, "until": ends[1].timestamp()}]
    gateway = with_former(older_credentials=older)
    Gateway.objects.update(former_until=ends[0])
    page = page_of(superuser.get(url("rotate_credentials", gateway)))
    for end in ends:
        assert date_format(timezone.localtime(end), "DATETIME_FORMAT") in page
    assert "0lder" not in page
    last = date_format(timezone.localtime(ends[1]), "DATETIME_FORMAT")
    assert f"accepted for webhooks until {last}" in page_of(superuser.get(url("change", gateway)))


def test_stopping_the_former_ones_wipes_them(superuser: Client) -> None:
    gateway = with_former()
    superuser.get(url("stop_former", gateway))
    gateway.refresh_from_db()
    assert gateway.former_credentials
    page = page_of(superuser.post(url("stop_former", gateway), {"confirm": "yes"}, follow=True))
    assert "are wiped" in page
    gateway.refresh_from_db()
    assert (gateway.former_credentials, gateway.former_until) == (None, None)
    page = page_of(superuser.post(url("stop_former", gateway), {"confirm": "yes"}, follow=True))
    assert "no former credentials any more" in page


def test_going_back_is_one_confirmation(superuser: Client, simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "twilio")
    simulator.settings(also_accepted=[NEW])
    superuser.post(url("rotate_credentials", gateway), entered(gateway, auth_token=NEW))
    old = gateway.credentials["auth_token"]
    gateway.refresh_from_db()
    response = superuser.post(url("roll_back", gateway), {"seen_version": 1}, follow=True)
    assert "faster" in page_of(response), "of a page that is out of date"
    response = superuser.post(url("roll_back", gateway), {"seen_version": 2}, follow=True)
    assert "The former credentials are in use again" in page_of(response)
    gateway.refresh_from_db()
    assert gateway.credentials["auth_token"] == old


@pytest.mark.parametrize("role", ["Operator", "Support", "Read-only"])
def test_only_administrators_rotate(as_role: Callable[[str], Client], role: str) -> None:
    gateway = with_former()
    client = as_role(role)
    for page in ("rotate_credentials", "roll_back", "stop_former", "check_credentials"):
        assert client.get(url(page, gateway)).status_code == 403
        assert client.post(url(page, gateway), entered(gateway, auth_token=NEW)).status_code == 403
    page = page_of(client.get(url("change", gateway)))
    assert "Former credentials are accepted" in page
    assert "stop_former" not in page
    gateway.refresh_from_db()
    assert gateway.former_credentials


def test_a_new_gateway_is_saved_and_checked(superuser: Client, simulator: SimulatorProcess) -> None:
    assert "Save and check" in page_of(superuser.get(url("add")))
    values = {"name": "Main", "kind": "sinch", "concurrency": 40, "default_pace": 1, "is_enabled": "on"}
    given = {f"sinch__{name}": value for name, value in DIALECTS["sinch"].credentials.items()}
    response = superuser.post(url("add"), {**values, **given, "base_url": simulator.url, "_check": ""}, follow=True)
    gateway = Gateway.objects.get()
    assert response.redirect_chain[-1][0] == url("change", gateway)
    page = page_of(response)
    assert "Sinch takes the credentials" in page
    assert "not tested by this: Webhook secret" in page


def test_saving_and_checking_says_what_is_wrong(superuser: Client, simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "twilio")
    response = superuser.post(
        url("change", gateway), filled(gateway, twilio__auth_token="wr0ng-s3cret", _check=""), follow=True
    )
    page = page_of(response)
    assert "20003" in page
    assert "wr0ng" not in page
    gateway.refresh_from_db()
    assert gateway.credentials["auth_token"] == "wr0ng-s3cret", "saved, as the button says"


def test_a_check_shows_question_answer_time_and_webhooks(superuser: Client, simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "telnyx")
    get_redis().hset(keys.webhook_marks(gateway.pk), mapping={"refused": 1_750_000_100, "why": "Not Telnyx's."})
    page = page_of(superuser.post(url("check_credentials", gateway))).replace("&#x27;", "'")
    assert "Telnyx takes the credentials: balance 300.00 USD" in page
    assert f"GET {simulator.url}/v2/balance" in page
    assert "seconds" in page
    assert "Public key" in page
    assert "Not Telnyx's." in page
    assert LogEntry.objects.filter(change_message__contains="Checked the credentials").exists()

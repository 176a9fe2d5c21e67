"""A gateway that is to talk to another host: the stored secrets are not sent there unless somebody knows them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Gateway
from tests.console.test_campaigns import page_of
from tests.dialects import credentials
from tests.factories import GatewayFactory
from tests.integrations.loopback import answering, server
from tests.messaging.tools import FAST

pytestmark = pytest.mark.django_db

NO_API = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
ASKED_ANEW = "enter it anew"


def url(page: str, gateway: Gateway) -> str:
    return reverse(f"admin:integrations_gateway_{page}", args=[gateway.pk])


def filled(gateway: Gateway, **changes: Any) -> dict[str, Any]:
    """What a browser posts from a gateway's own page."""
    shown = {
        f"{gateway.kind}__{field.name}": gateway.credentials.get(field.name, "")
        for field in gateway.adapter.credential_fields
        if not field.secret
    }
    settings = {"name": gateway.name, "base_url": gateway.base_url, "concurrency": 40, "default_pace": 1}
    return {**settings, "is_enabled": "on", "seen_version": gateway.credentials_version, **shown, **changes}


def stored(gateway: Gateway) -> tuple[str, dict[str, str]]:
    now = Gateway.objects.get(pk=gateway.pk)
    return now.base_url, now.credentials


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "http://gateway.example",
        "https://gateway.example:8443",
        "https://gateway.example@evil.example",
        "",
    ],
)
def test_another_host_asks_for_the_secrets_anew(superuser: Client, elsewhere: str) -> None:
    gateway = GatewayFactory.create(base_url="https://gateway.example")
    before = stored(gateway)
    page = page_of(superuser.post(url("change", gateway), filled(gateway, base_url=elsewhere, _check="")))
    assert ASKED_ANEW in page
    assert stored(gateway) == before
    given = {"twilio__auth_token": "of-the-other-h0st"}
    assert superuser.post(url("change", gateway), filled(gateway, base_url=elsewhere, **given)).status_code == 302
    assert stored(gateway) == (elsewhere, {**before[1], "auth_token": "of-the-other-h0st"})


@pytest.mark.parametrize("same", ["https://gateway.example/", "https://GATEWAY.example", "https://gateway.example/v2"])
def test_the_same_host_keeps_what_is_stored(superuser: Client, same: str) -> None:
    gateway = GatewayFactory.create(base_url="https://gateway.example")
    assert superuser.post(url("change", gateway), filled(gateway, base_url=same)).status_code == 302
    assert stored(gateway) == (same, gateway.credentials)


def test_nothing_stored_is_sent_to_a_host_that_somebody_enters(superuser: Client) -> None:
    seen: list[bytes] = []
    gateway = GatewayFactory.create(base_url="http://127.0.0.1:9")
    with server(answering(NO_API, seen)) as address:
        moved = filled(gateway, base_url=address, _check="")
        assert ASKED_ANEW in page_of(superuser.post(url("change", gateway), moved, follow=True))
        superuser.post(url("check_credentials", gateway))
    assert seen == []


def test_an_optional_secret_is_entered_anew_or_removed(superuser: Client) -> None:
    given = {**credentials("infobip", FAST), "webhook_secret": "s1gning"}
    gateway = GatewayFactory.create(kind="infobip", base_url="https://gateway.example", credentials=given)
    moved = filled(gateway, base_url="https://other.example", infobip__api_key="other-key")
    assert ASKED_ANEW in page_of(superuser.post(url("change", gateway), moved))
    removed = {**moved, "infobip__webhook_secret__remove": "on"}
    assert superuser.post(url("change", gateway), removed).status_code == 302
    assert stored(gateway)[1]["api_key"] == "other-key"
    assert "webhook_secret" not in stored(gateway)[1]


def test_former_credentials_are_not_sent_there_either(superuser: Client) -> None:
    gateway = GatewayFactory.create(
        base_url="https://gateway.example",
        former_credentials={"account_sid": "AC" + "0" * 32, "auth_token": "f0rmer-s3cret"},
        former_until=timezone.now() + dt.timedelta(hours=5),
    )
    seen: list[bytes] = []
    with server(answering(NO_API, seen)) as address:
        moved = filled(gateway, base_url=address, twilio__auth_token="anything")
        assert superuser.post(url("change", gateway), moved).status_code == 302
        page = page_of(superuser.post(url("roll_back", gateway), {"seen_version": 2}, follow=True))
    assert "no former credentials" in page
    assert seen == []
    assert Gateway.objects.get().former_until is None


def test_somebody_who_rotates_meanwhile_does_not_lend_the_new_secret(superuser: Client) -> None:
    gateway = GatewayFactory.create(base_url="https://gateway.example")
    known = {"twilio__auth_token": gateway.credentials["auth_token"]}
    moved = filled(gateway, base_url="https://evil.example", **known)
    Gateway.objects.update(credentials={**gateway.credentials, "auth_token": "n3wer"}, credentials_version=2)
    page = page_of(superuser.post(url("change", gateway), moved))
    assert "Somebody else has changed the credentials" in page
    assert stored(gateway)[0] == "https://gateway.example"

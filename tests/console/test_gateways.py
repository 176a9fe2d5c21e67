"""Gateways and their credentials in the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from integrations.models import Gateway
from tests.console.test_campaigns import page_of
from tests.factories import GatewayFactory, PhoneNumberFactory
from tests.factories.integrations import AUTH_TOKEN

pytestmark = pytest.mark.django_db


def url(page: str, gateway: Gateway | None = None) -> str:
    return reverse(f"admin:integrations_gateway_{page}", args=[gateway.pk] if gateway else [])


def filled(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Main",
        "kind": "twilio",
        "concurrency": 40,
        "default_pace": 1,
        "is_enabled": "on",
        "twilio__account_sid": "AC1",
        **changes,
    }


def test_new_gateway_takes_its_providers_credentials(superuser: Client) -> None:
    response = superuser.post(url("add"), filled(twilio__auth_token="new-token"))
    assert response.status_code == 302
    assert Gateway.objects.get().credentials == {"account_sid": "AC1", "auth_token": "new-token"}


def test_missing_credential_is_named(superuser: Client) -> None:
    response = superuser.post(url("add"), filled())
    assert response.context["adminform"].form.errors["twilio__auth_token"] == ["Twilio needs it."]
    assert not Gateway.objects.exists()


def test_half_an_api_key_is_refused_with_what_is_missing(superuser: Client) -> None:
    response = superuser.post(url("add"), filled(twilio__auth_token="x", twilio__api_key_sid="SK1"))
    assert "API key secret" in str(response.context["adminform"].form.non_field_errors())


def test_empty_secret_keeps_what_is_stored(superuser: Client) -> None:
    gateway = GatewayFactory()
    response = superuser.post(
        url("change", gateway), filled(base_url=gateway.base_url, name="Renamed", twilio__account_sid="AC2")
    )
    assert response.status_code == 302
    gateway.refresh_from_db()
    assert gateway.name == "Renamed"
    assert gateway.credentials == {"account_sid": "AC2", "auth_token": AUTH_TOKEN}


def test_optional_secret_can_be_removed(superuser: Client) -> None:
    gateway = GatewayFactory()
    gateway.credentials = {**gateway.credentials, "webhook_shared_key": "shared"}
    gateway.save()
    assert "Remove the Webhook shared key" in page_of(superuser.get(url("change", gateway)))
    superuser.post(url("change", gateway), filled(base_url=gateway.base_url, twilio__webhook_shared_key__remove="on"))
    gateway.refresh_from_db()
    assert "webhook_shared_key" not in gateway.credentials


def test_no_page_and_no_record_holds_a_secret(superuser: Client) -> None:
    gateway = GatewayFactory()
    superuser.post(url("change", gateway), filled(twilio__auth_token="another-s3cret"))
    for page in ("change", "history", "check_credentials"):
        html = superuser.get(url(page, gateway)).content.decode()
        assert "another-s3cret" not in html
    refused = superuser.post(url("change", gateway), filled(name="", twilio__auth_token="typed-s3cret"))
    assert refused.status_code == 200
    assert "typed-s3cret" not in refused.content.decode()
    assert not any("s3cret" in entry.change_message for entry in LogEntry.objects.all())


def test_page_shows_the_webhooks_addresses(superuser: Client) -> None:
    gateway = GatewayFactory()
    page = page_of(superuser.get(url("change", gateway)))
    assert f"/webhooks/{gateway.key}/inbound" in page
    assert f"/webhooks/{gateway.key}/status" in page


@pytest.mark.parametrize("role", ["Operator", "Support", "Read-only"])
def test_only_administrators_change_gateways(as_role: Callable[[str], Client], role: str) -> None:
    gateway = GatewayFactory(name="Main")
    client = as_role(role)
    assert client.post(url("change", gateway), filled(name="Mine")).status_code == 403
    assert client.post(url("check_credentials", gateway)).status_code == 403
    page = page_of(client.get(url("change", gateway)))
    assert "twilio__auth_token" not in page
    assert gateway.credentials["account_sid"] not in page
    assert "Account SID, Auth token" in page


def test_gateway_with_numbers_stays(superuser: Client) -> None:
    number = PhoneNumberFactory()
    assert superuser.post(url("delete", number.gateway), {"post": "yes"}).status_code == 403


def test_credentials_that_the_provider_takes_start_a_stopped_gateway(superuser: Client, gateway: Gateway) -> None:
    Gateway.objects.update(stopped_reason="20003: Authenticate")
    assert "Nothing is changed there" in page_of(superuser.get(url("check_credentials", gateway)))
    gateway.refresh_from_db()
    assert gateway.stopped_reason, "looking at the page does nothing"
    response = superuser.post(url("check_credentials", gateway), follow=True)
    assert "Twilio takes the credentials" in page_of(response)
    gateway.refresh_from_db()
    assert not gateway.stopped_reason


def test_credentials_that_the_provider_refuses_show_its_reason(superuser: Client, gateway: Gateway) -> None:
    gateway.credentials = {**gateway.credentials, "auth_token": "wrong"}
    gateway.stopped_reason = "20003"
    gateway.save()
    response = superuser.post(url("check_credentials", gateway), follow=True)
    assert "Twilio refused" in page_of(response)
    assert "20003" in page_of(response)
    gateway.refresh_from_db()
    assert gateway.stopped_reason


def test_provider_that_does_not_answer_is_said_so(superuser: Client) -> None:
    response = superuser.post(url("check_credentials", GatewayFactory()), follow=True)
    assert "No connection to 127.0.0.1" in page_of(response)

"""A gateway of Infobip's in the console: its credentials, its webhooks' addresses, and asking whether the key is right."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integrations.models import Gateway
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.process import SimulatorProcess
from tests.console.test_campaigns import page_of
from tests.factories import GatewayFactory
from tests.fixtures import simulator as simulator
from tests.fixtures import simulator_process as simulator_process

pytestmark = pytest.mark.django_db
CREDENTIALS = {"api_key": "infobip-k3y", "webhook_secret": "infobip-s3cret"}


def url(page: str, gateway: Gateway | None = None) -> str:
    return reverse(f"admin:integrations_gateway_{page}", args=[gateway.pk] if gateway else [])


def filled(**changes: Any) -> dict[str, Any]:
    return {"name": "Bulk", "kind": "infobip", "concurrency": 40, "default_pace": 1, "is_enabled": "on", **changes}


def at_infobip(**changes: Any) -> Gateway:
    made: Gateway = GatewayFactory.create(kind="infobip", **{"credentials": CREDENTIALS, **changes})
    return made


def test_new_gateway_takes_its_providers_credentials(superuser: Client) -> None:
    page = page_of(superuser.get(url("add")))
    assert "Infobip's credentials" in page.replace("&#x27;", "'")
    response = superuser.post(
        url("add"), filled(infobip__api_key="k", infobip__webhook_user="u", infobip__webhook_password="p")
    )
    assert response.status_code == 302
    gateway = Gateway.objects.get()
    assert gateway.credentials == {"api_key": "k", "webhook_user": "u", "webhook_password": "p"}
    assert gateway.adapter.capabilities.recipients_per_request == 1000


def test_missing_key_and_half_a_webhook_user_are_refused(superuser: Client) -> None:
    response = superuser.post(url("add"), filled())
    assert response.context["adminform"].form.errors["infobip__api_key"] == ["Infobip needs it."]
    response = superuser.post(url("add"), filled(infobip__api_key="k", infobip__webhook_user="u"))
    assert "Webhook password" in str(response.context["adminform"].form.non_field_errors())
    assert not Gateway.objects.exists()


def test_page_tells_which_address_goes_where_and_no_secret(superuser: Client) -> None:
    gateway = at_infobip()
    html = page_of(superuser.get(url("change", gateway)))
    assert f"/webhooks/{gateway.key}/inbound" in html
    assert f"/webhooks/{gateway.key}/status" in html
    assert "as the address to forward messages to" in html
    assert "wired to these by themselves" in html
    assert "k3y" not in html
    assert "s3cret" not in html


def test_webhook_secret_can_be_removed(superuser: Client) -> None:
    gateway = at_infobip()
    superuser.post(url("change", gateway), filled(base_url=gateway.base_url, infobip__webhook_secret__remove="on"))
    gateway.refresh_from_db()
    assert gateway.credentials == {"api_key": "infobip-k3y"}


def test_key_that_infobip_takes_starts_a_stopped_gateway(superuser: Client, simulator: SimulatorProcess) -> None:
    credentials = {"api_key": SimulatorSettings().infobip_api_key}
    gateway = at_infobip(base_url=simulator.url, credentials=credentials, stopped_reason="E401: Unauthorized")
    response = superuser.post(url("check_credentials", gateway), follow=True)
    assert "Infobip takes the credentials" in page_of(response)
    gateway.refresh_from_db()
    assert not gateway.stopped_reason
    assert simulator.stats()["messages_taken"] == 0


def test_key_that_infobip_refuses_leaves_it_stopped(superuser: Client, simulator: SimulatorProcess) -> None:
    gateway = at_infobip(base_url=simulator.url, stopped_reason="E401: Unauthorized")
    response = superuser.post(url("check_credentials", gateway), follow=True)
    assert "Infobip refused" in page_of(response)
    assert "E401" in page_of(response)
    gateway.refresh_from_db()
    assert gateway.stopped_reason

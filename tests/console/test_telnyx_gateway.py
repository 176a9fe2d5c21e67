"""A gateway of Telnyx's in the console: its credentials, and asking whether the key is right."""

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
from tests.integrations import telnyx_payloads as telnyx

pytestmark = pytest.mark.django_db


def url(page: str, gateway: Gateway | None = None) -> str:
    return reverse(f"admin:integrations_gateway_{page}", args=[gateway.pk] if gateway else [])


def filled(**changes: Any) -> dict[str, Any]:
    return {"name": "Safe", "kind": "telnyx", "concurrency": 40, "default_pace": 1, "is_enabled": "on", **changes}


def at_telnyx(simulator: SimulatorProcess, api_key: str) -> Gateway:
    credentials = {**telnyx.CREDENTIALS, "api_key": api_key}
    made: Gateway = GatewayFactory.create(
        kind="telnyx", base_url=simulator.url, credentials=credentials, stopped_reason="10009: Authentication failed"
    )
    return made


def test_new_gateway_takes_its_providers_credentials(superuser: Client) -> None:
    credentials = {"telnyx__api_key": "k", "telnyx__public_key": telnyx.PUBLIC_KEY}
    assert superuser.post(url("add"), filled(**credentials)).status_code == 302
    gateway = Gateway.objects.get()
    assert gateway.credentials == {"api_key": "k", "public_key": telnyx.PUBLIC_KEY}
    assert gateway.adapter.capabilities.idempotent_sends
    superuser.post(url("change", gateway), filled(**credentials, telnyx__repeats="no"))
    assert not Gateway.objects.get().adapter.capabilities.idempotent_sends


def test_missing_and_mangled_public_keys_are_refused(superuser: Client) -> None:
    response = superuser.post(url("add"), filled(telnyx__api_key="k"))
    assert response.context["adminform"].form.errors["telnyx__public_key"] == ["Telnyx needs it."]
    response = superuser.post(url("add"), filled(telnyx__api_key="k", telnyx__public_key=telnyx.PUBLIC_KEY[:-5]))
    assert "public key is not one" in str(response.context["adminform"].form.non_field_errors())
    assert not Gateway.objects.exists()


def test_key_that_telnyx_takes_starts_a_stopped_gateway(superuser: Client, simulator: SimulatorProcess) -> None:
    gateway = at_telnyx(simulator, SimulatorSettings().telnyx_api_key)
    response = superuser.post(url("check_credentials", gateway), follow=True)
    assert "Telnyx takes the credentials" in page_of(response)
    gateway.refresh_from_db()
    assert not gateway.stopped_reason
    assert simulator.stats()["messages_taken"] == 0


def test_key_that_telnyx_refuses_leaves_it_stopped(superuser: Client, simulator: SimulatorProcess) -> None:
    gateway = at_telnyx(simulator, "wrong")
    response = superuser.post(url("check_credentials", gateway), follow=True)
    assert "error 10009" in page_of(response)
    gateway.refresh_from_db()
    assert gateway.stopped_reason

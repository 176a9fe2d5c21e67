"""A gateway of Sinch's in the console: its credentials, and asking whether they are right."""

from __future__ import annotations

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
SETTINGS = SimulatorSettings()
RIGHT = {"service_plan_id": SETTINGS.sinch_service_plan_id, "api_token": SETTINGS.sinch_api_token}

NUMBERS_KEY = {
    "numbers_project_id": SETTINGS.sinch_project_id,
    "numbers_key_id": SETTINGS.sinch_key_id,
    "numbers_key_secret": SETTINGS.sinch_key_secret,
}


def test_new_gateway_takes_sinchs_credentials(superuser: Client) -> None:
    values = {"name": "Bulk", "kind": "sinch", "concurrency": 40, "default_pace": 1, "is_enabled": "on"}
    page = reverse("admin:integrations_gateway_add")
    refused = superuser.post(page, values)
    assert refused.context["adminform"].form.errors["sinch__api_token"] == ["Sinch needs it."]
    assert superuser.post(page, {**values, "sinch__service_plan_id": "p", "sinch__api_token": "t"}).status_code == 302
    assert Gateway.objects.get().credentials == {"service_plan_id": "p", "api_token": "t"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Sinch takes the credentials"),
        ({"api_token": "wrong"}, "Sinch refused"),
        ({"service_plan_id": "wrong"}, "Sinch refused"),
        # Messages and numbers have credentials of their own: either may be wrong alone.
        (NUMBERS_KEY, "Sinch takes the credentials. Numbers too: 1 number."),
        ({**NUMBERS_KEY, "numbers_key_secret": "wrong"}, "access key secret"),
        ({**NUMBERS_KEY, "api_token": "wrong"}, "Sinch refused"),
    ],
)
def test_credentials_are_checked_without_sending(
    superuser: Client, simulator: SimulatorProcess, changes: dict[str, str], words: str
) -> None:
    gateway = GatewayFactory.create(kind="sinch", base_url=simulator.url, credentials={**RIGHT, **changes})
    url = reverse("admin:integrations_gateway_check_credentials", args=[gateway.pk])
    assert words in page_of(superuser.post(url, follow=True))
    assert simulator.stats()["messages_taken"] == 0


def test_page_tells_where_the_callback_url_is_set(superuser: Client) -> None:
    gateway = GatewayFactory.create(kind="sinch", credentials=RIGHT)
    page = reverse("admin:integrations_gateway_change", args=[gateway.pk])
    assert "callback URL of their service plan" in page_of(superuser.get(page))

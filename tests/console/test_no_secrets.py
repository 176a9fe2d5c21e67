"""Secrets that can be recognised go through everything that is done with credentials, and come out nowhere."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core import serializers
from django.test import Client
from django.urls import reverse

from broadcast.core.redis import get_redis
from integrations.models import CredentialChange, Gateway
from integrations.services.checking import ask
from integrations.simulator.process import SimulatorProcess
from integrations.sms.registry import ADAPTERS
from messaging.models import Alert
from messaging.services.gateways import publish_gateways, stop_gateway
from tests.factories import GatewayFactory
from tests.fixtures import simulator as simulator
from tests.fixtures import simulator_process as simulator_process
from tests.messaging.conftest import provider as provider
from tests.messaging.hooks import Provider
from tests.rotation_dialects import DIALECTS

pytestmark = pytest.mark.django_db

MARK = "RECOGNISE-ME"


def url(page: str, gateway: Gateway | None = None) -> str:
    return reverse(f"admin:integrations_gateway_{page}", args=[gateway.pk] if gateway else [])


def values(kind: str, stage: str) -> dict[str, str]:
    """Credentials of a kind, each secret one of which says what it is."""
    given = {}
    for field in ADAPTERS[kind].credential_fields:
        if field.secret:
            given[field.name] = f"{MARK}-{stage}-{field.name}"
        elif field.name == "public_key":
            given[field.name] = DIALECTS["telnyx"].credentials["public_key"]
        elif field.name not in ("repeats", "messaging_service_sid"):
            given[field.name] = DIALECTS[kind].credentials.get(field.name, f"plain-{field.name}")
    return given


def inputs(kind: str, given: dict[str, str]) -> dict[str, Any]:
    own = {f"{kind}__{name}": value for name, value in given.items()}
    return {"name": f"At {kind}", "kind": kind, "concurrency": 40, "default_pace": 1, "is_enabled": "on", **own}


@pytest.mark.parametrize("kind", DIALECTS)
def test_no_page_no_log_and_no_history_holds_a_secret(
    superuser: Client,
    simulator: SimulatorProcess,
    provider: Provider,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
    kind: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    def post(page: str, gateway: Gateway | None, data: dict[str, Any]) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            response = superuser.post(url(page, gateway), data, follow=True)
        seen.append(response.content.decode() + str(response.redirect_chain))

    def look(page: str, gateway: Gateway | None) -> None:
        seen.append(superuser.get(url(page, gateway)).content.decode())

    base = {"base_url": simulator.url}
    # Created, with an error before.
    post("add", None, {**inputs(kind, values(kind, "first")), **base, "concurrency": 0})
    post("add", None, {**inputs(kind, values(kind, "first")), **base, "_check": ""})
    gateway = Gateway.objects.get()
    # Edited, with an error before.
    edited = {**inputs(kind, values(kind, "second")), **base, "seen_version": 1}
    post("change", gateway, {**edited, "name": ""})
    post("change", gateway, edited)
    gateway.refresh_from_db()
    assert any(MARK in value for value in gateway.credentials.values())
    # Checked with a refusal, rotated with a refusal, then rotated.
    post("check_credentials", gateway, {})
    rotation = {"seen_version": gateway.credentials_version, "keep_hours": 24}
    post("rotate_credentials", gateway, {**values(kind, "refused"), **rotation})
    dialect, third = DIALECTS[kind], values(kind, "third")
    if kind == "twilio":
        simulator.settings(api_key_sid=third["api_key_sid"], api_key_secret=third["api_key_secret"])
    else:
        simulator.settings(also_accepted=[third[dialect.secret]])
    post("rotate_credentials", gateway, {**third, **rotation})
    gateway.refresh_from_db()
    assert gateway.former is not None, "the rotation was to be taken"
    # A webhook is refused, the gateway is stopped by a provider that repeats the secret.
    publish_gateways()
    headers = {"authorization": "Basic x", "x-signature": "bad", "x-twilio-signature": "bad"}
    assert provider.raw(f"/webhooks/{gateway.key}/inbound", b"a=b", headers).status_code == 403
    stop_gateway(gateway.pk, f"You sent {third[dialect.secret]}")
    for page in ("change", "history", "check_credentials", "rotate_credentials", "roll_back", "stop_former", "delete"):
        look(page, gateway)
    look("changelist", None)
    post("roll_back", gateway, {"seen_version": gateway.credentials_version})
    post("stop_former", gateway, {})

    assert not [page[:200] for page in seen if MARK in page]
    assert not [record.getMessage()[:300] for record in caplog.records if MARK in record.getMessage()]
    history = [entry.change_message + entry.object_repr for entry in LogEntry.objects.all()]
    changes = [f"{change} {change.fields}" for change in CredentialChange.objects.all()]
    alerts = [alert.text for alert in Alert.objects.all()]
    assert history
    assert changes
    assert alerts
    assert not [text for text in (*history, *changes, *alerts) if MARK in text]
    exported = serializers.serialize(
        "json", [*Gateway.objects.all(), *LogEntry.objects.all(), *CredentialChange.objects.all()]
    )
    assert MARK not in exported
    client = get_redis()
    for name in client.scan_iter():
        assert MARK.encode() not in (client.dump(name) or b"")
    for shown in (gateway.config, gateway.adapter.build_check(on_date="2026-01-01"), gateway, ask(gateway, third)):
        assert MARK not in repr(shown)


@pytest.mark.parametrize("kind", DIALECTS)
def test_a_debug_page_covers_what_was_posted(
    superuser: Client, settings: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    settings.DEBUG = True
    superuser.raise_request_exception = False

    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a fault of ours")

    gateway = GatewayFactory.create(kind=kind, credentials=values(kind, "stored"))
    monkeypatch.setattr("integrations.services.checking.HttpxDriver.send", broken)
    data = {**values(kind, "posted"), "seen_version": 1, "keep_hours": 24}
    response = superuser.post(url("rotate_credentials", gateway), data)
    page = response.content.decode()
    assert response.status_code == 500
    assert "a fault of ours" in page
    assert "Local vars" in page
    assert MARK not in page

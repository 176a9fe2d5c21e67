"""Credentials at rest, and their rotation."""

from __future__ import annotations

import dataclasses

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from broadcast.core import config as config_module
from broadcast.core import crypto
from integrations.models import Gateway
from tests.factories import GatewayFactory
from tests.factories.integrations import AUTH_TOKEN

pytestmark = pytest.mark.django_db


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM integrations_gateway")
        return str(cursor.fetchone()[0])


def use_keys(monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    changed = dataclasses.replace(config_module.config(), encryption_keys=keys)
    monkeypatch.setattr(crypto, "config", lambda: changed)


def test_credentials_are_not_readable_in_the_database() -> None:
    GatewayFactory.create()
    assert AUTH_TOKEN not in stored()


def test_rotation_through_two_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    use_keys(monkeypatch, old)
    GatewayFactory.create()
    use_keys(monkeypatch, new, old)
    assert Gateway.objects.get().credentials["auth_token"] == AUTH_TOKEN
    call_command("rotate_credentials")
    use_keys(monkeypatch, new)
    assert Gateway.objects.get().credentials["auth_token"] == AUTH_TOKEN


def test_a_lost_key_is_said_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    GatewayFactory.create()
    before = stored()
    use_keys(monkeypatch, Fernet.generate_key().decode())
    with pytest.raises(CommandError, match=r"Nothing was changed.*BROADCAST_ENCRYPTION_KEYS"):
        call_command("rotate_credentials")
    assert stored() == before

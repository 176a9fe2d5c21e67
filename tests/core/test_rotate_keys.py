"""Secrets at rest, and the rotation of the keys they are encrypted with."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import re
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from broadcast.core import config as config_module
from broadcast.core import crypto, reencrypt
from broadcast.core.crypto import KeysUnusable
from broadcast.core.redis import get_redis
from campaigns.models import CallEndpoint
from integrations.models import Gateway
from messaging.engine import keys
from messaging.services.gateways import publish_gateways
from tests.console.conftest import superuser as superuser
from tests.factories import CallEndpointFactory, GatewayFactory
from tests.factories.integrations import AUTH_TOKEN

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM integrations_gateway ORDER BY id")
        return str(cursor.fetchone()[0])


def use_keys(monkeypatch: pytest.MonkeyPatch, *listed: str) -> None:
    changed = dataclasses.replace(config_module.config(), encryption_keys=listed)
    monkeypatch.setattr(crypto, "config", lambda: changed)


def new_key() -> str:
    return Fernet.generate_key().decode()


def test_credentials_are_not_readable_in_the_database() -> None:
    GatewayFactory.create()
    assert AUTH_TOKEN not in stored()


def test_every_encrypted_field_is_by_the_newest_key_afterwards(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = new_key(), new_key()
    use_keys(monkeypatch, old)
    gateway = GatewayFactory.create(former_credentials={"auth_token": "former"}, former_until="2100-01-01T00:00Z")
    endpoint = CallEndpointFactory.create()
    secret = endpoint.secret
    use_keys(monkeypatch, new, old)
    assert Gateway.objects.get().credentials["auth_token"] == AUTH_TOKEN
    call_command("rotate_keys")
    assert "integrations.Gateway credentials: 1 encrypted anew" in capsys.readouterr().out
    use_keys(monkeypatch, new)
    gateway.refresh_from_db()
    assert gateway.credentials["auth_token"] == AUTH_TOKEN
    assert gateway.former_credentials == {"auth_token": "former"}
    assert CallEndpoint.objects.get().secret == secret


def test_by_the_steps_of_the_manual_no_machine_meets_what_it_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines restart one after the other, so at each step some are at the step before it."""
    manual = (ROOT / "docs" / "operations.md").read_text().partition("## Changing the encryption key")[2]
    steps = re.findall(r"`BROADCAST_ENCRYPTION_KEYS=([a-z,]+)`", manual.partition("\n## ")[0])
    made = {"old": new_key(), "new": new_key()}
    listed = [[made[name] for name in step.split(",")] for step in ("old", *steps)]
    assert listed[-1] == [made["new"]]
    for before, after in itertools.pairwise(listed):
        for writer, reader in ((before, after), (after, before)):
            use_keys(monkeypatch, *writer)
            token = crypto.encrypt({"auth_token": "x"})
            use_keys(monkeypatch, *reader)
            assert crypto.decrypt(token) == {"auth_token": "x"}


def test_it_goes_on_where_it_was_interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = new_key(), new_key()
    use_keys(monkeypatch, old)
    for _ in range(5):
        GatewayFactory.create()
    use_keys(monkeypatch, new, old)
    monkeypatch.setattr(reencrypt, "BATCH", 2)
    left = [3]

    def interrupted(token: str) -> str:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return crypto.reencrypt(token)

    monkeypatch.setattr(reencrypt, "reencrypt", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call_command("rotate_keys")
    monkeypatch.setattr(reencrypt, "reencrypt", crypto.reencrypt)
    call_command("rotate_keys")
    assert "integrations.Gateway credentials: 2 encrypted anew, 3 were" in capsys.readouterr().out
    use_keys(monkeypatch, new)
    assert [gateway.credentials["auth_token"] for gateway in Gateway.objects.all()] == [AUTH_TOKEN] * 5


def test_what_somebody_saves_meanwhile_is_not_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = new_key(), new_key()
    use_keys(monkeypatch, old)
    gateway = GatewayFactory.create()
    use_keys(monkeypatch, new, old)

    def slow(token: str) -> str:
        Gateway.objects.filter(pk=gateway.pk).update(credentials={"auth_token": "newer"})
        return crypto.reencrypt(token)

    monkeypatch.setattr(reencrypt, "reencrypt", slow)
    call_command("rotate_keys")
    gateway.refresh_from_db()
    assert gateway.credentials == {"auth_token": "newer"}


def test_a_lost_key_is_said_with_the_rows_and_the_others_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    lost, old, new = new_key(), new_key(), new_key()
    use_keys(monkeypatch, lost)
    first = GatewayFactory.create()
    before = stored()
    use_keys(monkeypatch, old)
    second = GatewayFactory.create()
    use_keys(monkeypatch, new, old)
    with pytest.raises(
        CommandError, match=rf"Gateway credentials of {first.pk}\. Put the key.*BROADCAST_ENCRYPTION_KEYS"
    ):
        call_command("rotate_keys")
    assert stored() == before
    use_keys(monkeypatch, new)
    second.refresh_from_db()
    assert second.credentials["auth_token"] == AUTH_TOKEN


@pytest.mark.parametrize(
    ("given", "words"), [((), "is not set"), (("not-a-k3y-at-all",), "Key 1 of .* is not a Fernet key")]
)
def test_missing_and_mangled_keys_name_the_setting_and_not_the_key(
    monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], words: str
) -> None:
    GatewayFactory.create()
    use_keys(monkeypatch, *given)
    with pytest.raises(CommandError, match=words) as caught:
        call_command("rotate_keys")
    assert "BROADCAST_ENCRYPTION_KEYS" in str(caught.value)
    assert "k3y" not in str(caught.value)
    with pytest.raises(KeysUnusable, match=words):
        crypto.encrypt("x")


def test_without_its_key_a_gateway_is_listed_and_its_page_names_the_setting(
    superuser: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = GatewayFactory.create()
    use_keys(monkeypatch, new_key())
    page = superuser.get(reverse("admin:integrations_gateway_changelist"))
    assert page.status_code == 200
    assert gateway.name in page.content.decode()
    with caplog.at_level(logging.ERROR):
        response = superuser.get(reverse("admin:integrations_gateway_change", args=[gateway.pk]))
    assert response.status_code == 503
    assert "BROADCAST_ENCRYPTION_KEYS" in response.content.decode()
    assert not any(record.exc_info for record in caplog.records if record.name.startswith("broadcast"))


def test_one_gateway_without_its_key_does_not_keep_the_others_from_being_published(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unreadable = GatewayFactory.create()
    publish_gateways()
    new = new_key()
    use_keys(monkeypatch, new)
    readable = GatewayFactory.create()
    publish_gateways()
    assert "BROADCAST_ENCRYPTION_KEYS" in caplog.text
    # Its webhooks are then answered with “try again”, not with “there is no such gateway”.
    assert set(get_redis().hkeys(keys.WEBHOOK_GATEWAYS)) == {unreadable.key.encode(), readable.key.encode()}

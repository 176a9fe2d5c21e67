"""Changing the encryption key, as docs/operations.md says."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from broadcast.core import crypto
from broadcast.core.config import config
from broadcast.core.crypto import DecryptionError
from integrations.models import Gateway
from tests.factories import GatewayFactory

pytestmark = pytest.mark.django_db


def use_keys(monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    settings = replace(config(), encryption_keys=keys)
    monkeypatch.setattr(crypto, "config", lambda: settings)


def test_after_the_rotation_the_old_key_may_go(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    use_keys(monkeypatch, old)
    credentials = GatewayFactory().credentials
    use_keys(monkeypatch, new, old)
    output = StringIO()

    call_command("rotate_credentials", stdout=output)

    use_keys(monkeypatch, new)
    assert Gateway.objects.get().credentials == credentials
    assert "1 gateways" in output.getvalue()
    use_keys(monkeypatch, old)
    with pytest.raises(DecryptionError):
        Gateway.objects.get()


def test_without_the_old_key_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    use_keys(monkeypatch, old)
    credentials = GatewayFactory().credentials
    use_keys(monkeypatch, new)

    with pytest.raises(CommandError, match="put the key it was encrypted with back"):
        call_command("rotate_credentials")

    use_keys(monkeypatch, old)
    assert Gateway.objects.get().credentials == credentials

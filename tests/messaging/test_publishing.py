"""Publishing gateways to the webhook process, by several at once."""

from __future__ import annotations

from typing import Any

import pytest

from broadcast.core.crypto import decrypt
from broadcast.core.redis import get_redis
from integrations.models import Gateway
from messaging.engine import keys
from messaging.services import gateways
from messaging.services.gateways import publish_gateways
from tests.factories import GatewayFactory

pytestmark = pytest.mark.django_db


def published(gateway: Gateway) -> dict[str, Any]:
    """What the webhook process knows."""
    found: dict[str, Any] = decrypt(get_redis().hget(keys.WEBHOOK_GATEWAYS, gateway.key).decode())
    return found


def rotate_row(gateway: Gateway) -> None:
    Gateway.objects.filter(pk=gateway.pk).update(credentials={"auth_token": "n3w"}, credentials_version=2)


def test_who_has_read_before_a_rotation_does_not_put_the_old_credentials_back(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = GatewayFactory.create()
    publish_gateways()
    read, reads = gateways._published, []

    def while_somebody_rotates(row: Gateway) -> dict[str, Any]:
        found = read(row)
        reads.append(row.credentials_version)
        if len(reads) == 1:
            rotate_row(gateway)
            publish_gateways()
        return found

    monkeypatch.setattr(gateways, "_published", while_somebody_rotates)
    publish_gateways()
    assert published(gateway)["version"] == 2
    assert reads == [1, 2, 2], "read anew, once"


def test_a_new_gateway_is_not_taken_away_by_who_did_not_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first = GatewayFactory.create()
    read, made = gateways._published, list[Gateway]()

    def while_somebody_adds(row: Gateway) -> dict[str, Any]:
        if not made:
            made.append(GatewayFactory.create())
            publish_gateways()
        return read(row)

    monkeypatch.setattr(gateways, "_published", while_somebody_adds)
    publish_gateways()
    known = get_redis().hkeys(keys.WEBHOOK_GATEWAYS)
    assert set(known) == {first.key.encode(), made[0].key.encode()}


def test_it_ends_when_others_publish_all_the_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = GatewayFactory.create()
    read = gateways._published

    def while_others_publish(row: Gateway) -> dict[str, Any]:
        get_redis().hset(keys.WEBHOOK_GATEWAYS, "another", "of theirs")
        return read(row)

    monkeypatch.setattr(gateways, "_published", while_others_publish)
    publish_gateways()
    assert "published by others" in caplog.text
    assert get_redis().hget(keys.WEBHOOK_GATEWAYS, gateway.key) is None


def test_a_gateway_that_is_gone_is_gone_there_too() -> None:
    gateway, other = GatewayFactory.create(), GatewayFactory.create()
    publish_gateways()
    gateway.delete()
    publish_gateways()
    assert get_redis().hkeys(keys.WEBHOOK_GATEWAYS) == [other.key.encode()]

"""Checks and rotations of credentials beside a campaign: they take one of the gateway's requests, or do not ask."""

from __future__ import annotations

import dataclasses
import socket

import pytest

from broadcast.core import config as config_module
from integrations.models import Gateway
from integrations.services.checking import Outcome, check_gateway
from integrations.services.rotation import RotationRefused, roll_back, rotate
from messaging.engine.slots import give_slot, take_slot
from messaging.services import slotted
from tests.factories import GatewayFactory
from tests.integrations.loopback import answering, read_request, server

pytestmark = pytest.mark.django_db

BODY = b'{"sid": "AC1", "friendly_name": "Ours", "status": "active"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


class NoTime:
    """A clock at which waiting takes none."""

    def wait(self, seconds: float) -> None:
        """Go on at once."""


def take(gateway: Gateway) -> bool:
    """A sender has the gateway's only request in flight."""
    return take_slot(gateway_id=gateway.pk, limit=gateway.concurrency, holder="a-sender")


def rotate_token(gateway: Gateway) -> None:
    rotate(gateway_id=gateway.pk, entered={"auth_token": "n3w"}, version=1, keep_hours=24, by=None)


def test_a_check_has_one_of_the_gateways_requests_while_it_asks() -> None:
    free: list[bool] = []

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        free.append(take(gateway))
        connection.sendall(ANSWER)

    with server(behave) as url:
        gateway = GatewayFactory.create(base_url=url, concurrency=1)
        assert check_gateway(gateway_id=gateway.pk).is_taken
        rotate_token(gateway)
        roll_back(gateway_id=gateway.pk, version=2, by=None)
    assert free == [False] * 3
    assert take(gateway), "it is given back"


def test_with_all_requests_in_flight_nothing_is_asked_and_nothing_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slotted, "_PAUSE", NoTime())
    seen: list[bytes] = []
    with server(answering(ANSWER, seen)) as url:
        gateway = GatewayFactory.create(base_url=url, concurrency=1, stopped_reason="20003")
        assert take(gateway)
        result = check_gateway(gateway_id=gateway.pk)
        assert (result.outcome, result.asked, result.status) == (Outcome.HELD_BACK, "", None)
        assert f"All 1 requests of {gateway} are in use" in result.text
        with pytest.raises(RotationRefused, match=r"Nothing is stored.*Try again later"):
            rotate_token(gateway)
        gateway.refresh_from_db()
        assert (gateway.credentials_version, gateway.stopped_reason, seen) == (1, "20003", [])
        give_slot(gateway_id=gateway.pk, holder="a-sender")
        assert check_gateway(gateway_id=gateway.pk).is_taken
    assert len(seen) == 1


def test_without_redis_nothing_is_asked_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    away = dataclasses.replace(config_module.config(), redis_url="redis://127.0.0.1:1/0")
    monkeypatch.setattr("broadcast.core.redis.config", lambda: away)
    seen: list[bytes] = []
    with server(answering(ANSWER, seen)) as url:
        gateway = GatewayFactory.create(base_url=url)
        result = check_gateway(gateway_id=gateway.pk)
        with pytest.raises(RotationRefused, match=r"Nothing is stored.*Redis is away"):
            rotate_token(gateway)
    assert result.outcome is Outcome.HELD_BACK
    assert "Redis is away" in result.text
    assert seen == []

"""Gateways of each kind at the simulator, and what changes when their credentials are rotated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from integrations.simulator.telnyx_values import public_key
from tests.factories import GatewayFactory
from tests.messaging.tools import FAST


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind.

    Args:
        credentials: that the simulator takes.
        secret: which of them requests are signed with.
        setting: of the simulator, that says what it takes.
        words: of the provider's refusal.
    """

    credentials: dict[str, str]
    secret: str
    setting: str
    words: str


DIALECTS = {
    "twilio": Dialect(
        {"account_sid": FAST.account_sid, "auth_token": FAST.auth_token}, "auth_token", "auth_token", "20003"
    ),
    "infobip": Dialect(
        {"api_key": FAST.infobip_api_key, "webhook_secret": FAST.infobip_webhook_secret},
        "api_key",
        "infobip_api_key",
        "E401",
    ),
    "sinch": Dialect(
        {
            "service_plan_id": FAST.sinch_service_plan_id,
            "api_token": FAST.sinch_api_token,
            "webhook_secret": FAST.sinch_webhook_secret,
        },
        "api_token",
        "sinch_api_token",
        "unauthorized",
    ),
    "telnyx": Dialect(
        {"api_key": FAST.telnyx_api_key, "public_key": public_key(FAST)}, "api_key", "telnyx_api_key", "10009"
    ),
}


def at_simulator(simulator: SimulatorProcess, kind: str, **changes: Any) -> Gateway:
    """A gateway of a kind at the simulator, with credentials that it takes.

    Args:
        simulator: running.
        kind: of the gateway.
        changes: of its fields.
    """
    values = {"credentials": dict(DIALECTS[kind].credentials), "concurrency": 40, **changes}
    made: Gateway = GatewayFactory.create(kind=kind, base_url=simulator.url, **values)
    return made

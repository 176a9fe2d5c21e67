"""Gateways of each kind at the simulator, and what changes when their credentials are rotated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from tests.dialects import credentials
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
    "twilio": Dialect(credentials("twilio", FAST), "auth_token", "auth_token", "20003"),
    "infobip": Dialect(credentials("infobip", FAST), "api_key", "infobip_api_key", "E401"),
    "sinch": Dialect(credentials("sinch", FAST), "api_token", "sinch_api_token", "unauthorized"),
    "telnyx": Dialect(credentials("telnyx", FAST), "api_key", "telnyx_api_key", "10009"),
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

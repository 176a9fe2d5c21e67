"""What a gateway of each kind needs to talk to the carrier simulator."""

from __future__ import annotations

from integrations.simulator.config import SimulatorSettings
from integrations.simulator.telnyx_values import public_key
from integrations.sms.contract import GatewayConfig, SmsAdapter
from integrations.sms.registry import make_adapter


def credentials(kind: str, simulator: SimulatorSettings) -> dict[str, str]:
    """A gateway's credentials at a simulator.

    Args:
        kind: the gateway's.
        simulator: the simulator's settings.

    Raises:
        KeyError: the simulator does not speak like that.
    """
    return {
        "twilio": {"account_sid": simulator.account_sid, "auth_token": simulator.auth_token},
        "infobip": {"api_key": simulator.infobip_api_key, "webhook_secret": simulator.infobip_webhook_secret},
        # A request without an answer is repeated: the simulator honours the key, as Telnyx' page on idempotency has it.
        "telnyx": {"api_key": simulator.telnyx_api_key, "public_key": public_key(simulator), "repeats": "yes"},
        "sinch": {
            "service_plan_id": simulator.sinch_service_plan_id,
            "api_token": simulator.sinch_api_token,
            "webhook_secret": simulator.sinch_webhook_secret,
        },
    }[kind]


def adapter_at(kind: str, simulator: SimulatorSettings, url: str) -> SmsAdapter:
    """An adapter that talks to a simulator.

    Args:
        kind: the gateway's.
        simulator: the simulator's settings.
        url: where it is.
    """
    return make_adapter(kind, GatewayConfig(credentials(kind, simulator), url, {"key": "0123456789abcdef"}))

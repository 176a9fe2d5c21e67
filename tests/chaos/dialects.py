"""The providers' dialects that rounds are run in: each with a gateway of its own at the one simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from integrations.simulator.config import SimulatorSettings
from integrations.simulator.telnyx_values import public_key

#: Messages that one request carries where the provider takes many: a thousand would be a round's all in one or two requests,
#: and nothing could go wrong between them.
BULK = 10


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a round talks to the provider.

    Args:
        name: the gateway's kind, which is the simulator's dialect.
        most: messages that one request carries.
        latency_ms: mean time to a reply; longer where a request carries more, so that a round lasts as long.
    """

    name: str
    most: int
    latency_ms: float

    def credentials(self, settings: SimulatorSettings) -> Mapping[str, str]:
        """What a gateway needs to talk to a simulator with these settings."""
        return _CREDENTIALS[self.name](settings)


_CREDENTIALS = {
    "twilio": lambda settings: {"account_sid": settings.account_sid, "auth_token": settings.auth_token},
    "infobip": lambda settings: {
        "api_key": settings.infobip_api_key,
        "webhook_secret": settings.infobip_webhook_secret,
    },
    # A request without an answer is repeated: the simulator honours the key, as Telnyx' page on idempotency has it.
    "telnyx": lambda settings: {
        "api_key": settings.telnyx_api_key,
        "public_key": public_key(settings),
        "repeats": "yes",
    },
    "sinch": lambda settings: {
        "service_plan_id": settings.sinch_service_plan_id,
        "api_token": settings.sinch_api_token,
        "webhook_secret": settings.sinch_webhook_secret,
    },
}
#: One message a request and many, by turns, so that two rounds in a row have both.
DIALECTS = (
    Dialect("twilio", 1, 120.0),
    Dialect("infobip", BULK, 600.0),
    Dialect("telnyx", 1, 120.0),
    Dialect("sinch", BULK, 600.0),
)
NAMES = tuple(dialect.name for dialect in DIALECTS)
ALL = "all"


def dialect_of(choice: str, *, seed: int, round_number: int) -> Dialect:
    """A round's dialect.

    Args:
        choice: a dialect's name, or ``all`` for one after the other, beginning with one that the seed picks.
        seed: of the run.
        round_number: from 0.
    """
    if choice == ALL:
        return DIALECTS[(seed + round_number) % len(DIALECTS)]
    return DIALECTS[NAMES.index(choice)]

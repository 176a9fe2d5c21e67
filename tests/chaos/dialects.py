"""The providers' dialects that rounds are run in: each with a gateway of its own at the one simulator."""

from __future__ import annotations

from dataclasses import dataclass

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

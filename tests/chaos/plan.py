"""What the adversary will do in a round: drawn from the seed alone, so that the same seed does the same again."""

from __future__ import annotations

import random
from dataclasses import dataclass

#: Weight of each fault among those that are drawn.
_DRAWN: dict[str, int] = {
    "kill_sender": 4,
    "kill_worker": 2,
    "kill_cluster": 2,
    "kill_webhooks": 2,
    "kill_valkey": 2,
    "kill_everything": 1,
    "stop_sender": 2,
    "cut_replies": 2,
    "swallow_requests": 2,
    "refuse_provider": 1,
    "delay_provider": 1,
    "tasks_twice": 2,
}
_DATABASE = {
    "postgresql": ("cut_database", "delay_database", "refuse_database"),
    "sqlite": ("lock_database",),
}
#: What a protection that is taken out of the cluster protects against; nothing else happens then.
_PROTECTED_AGAINST = {"claim": ("old_ids", "tasks_twice"), "lease": ("stop_sender",)}
#: After these, messages may have left without anybody left to say so.
INTERRUPTING = frozenset(
    {
        "kill_sender",
        "kill_worker",
        "kill_cluster",
        "kill_valkey",
        "kill_everything",
        "empty_valkey",
        "stop_sender",
        "cut_replies",
        "swallow_requests",
        "refuse_provider",
    }
)
#: Of a round's messages, when the first and the last fault come.
_FIRST_SHARE, _LAST_SHARE = 0.03, 0.8
_DRAWN_A_ROUND = 3
#: Valkey loses its data in the second round of every ten.
_EMPTY_EVERY, _EMPTY_AT = 10, 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Args:
        name: a method of ``Adversary``.
        share: it comes when this share of the messages has been taken…
        seconds: …or when this long has passed since the fault before it, whatever comes first.
        draw: 0 to 1, for what the fault has to choose.
    """

    name: str
    share: float
    seconds: float
    draw: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A round.

    Args:
        faults: in their order.
        fail_before: share of requests that fail before the provider takes the message.
        fail_after: share of requests that fail although it did.
    """

    faults: tuple[Fault, ...]
    fail_before: float
    fail_after: float

    @property
    def empties_valkey(self) -> bool:
        """Whether Valkey comes back without its data."""
        return any(fault.name == "empty_valkey" for fault in self.faults)


def make_plan(seed: int, round_number: int, database: str, without: str = "") -> Plan:
    """The plan of a round.

    Args:
        seed: of the run.
        round_number: from 0.
        database: ``postgresql`` or ``sqlite``.
        without: the protection that is taken out of the cluster, if one is.
    """
    dice = random.Random(f"{seed}:{round_number}")
    empties = round_number % _EMPTY_EVERY == _EMPTY_AT
    names = ["kill_sender", "old_ids", dice.choice(_DATABASE[database])]
    # An opt-out that Valkey has lost with all its data cannot be honoured, so nobody opts out in that round.
    names += ["empty_valkey"] if empties else ["people_stop"]
    names += dice.choices(list(_DRAWN), list(_DRAWN.values()), k=_DRAWN_A_ROUND)
    if without:
        names = list(_PROTECTED_AGAINST[without])
    dice.shuffle(names)
    shares = sorted(dice.uniform(_FIRST_SHARE, _LAST_SHARE) for _ in names)
    faults = tuple(
        Fault(name, share, dice.uniform(1.5, 4.0), dice.random()) for name, share in zip(names, shares, strict=True)
    )
    return Plan(faults, dice.choice((0.0, 0.01)), dice.choice((0.0, 0.01)))

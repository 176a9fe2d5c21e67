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
_PROTECTED_AGAINST = {
    "claim": ("old_ids", "tasks_twice"),
    "lease": ("stop_sender",),
    "journal": ("empty_everything",),
}
#: Two rounds that hold what matters most, for every change that is made: nothing is drawn.
_SHORT = (
    ("kill_sender", "old_ids", "kill_valkey", "people_stop"),
    ("cut_replies", "tasks_twice", "kill_sender", "empty_valkey"),
)
#: Of a round's messages, when the first and the last fault come.
_FIRST_SHARE, _LAST_SHARE = 0.03, 0.8
_DRAWN_A_ROUND = 3
#: Valkey loses its data in two rounds of every ten; in the second of them with those who know what they sent.
_EMPTY_EVERY, _EMPTIES = 10, {1: "empty_valkey", 6: "empty_everything"}


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
        return any(fault.name in _EMPTIES.values() for fault in self.faults)


def make_plan(seed: int, round_number: int, database: str, without: str = "", *, short: bool = False) -> Plan:
    """The plan of a round.

    Args:
        seed: of the run.
        round_number: from 0.
        database: ``postgresql`` or ``sqlite``.
        without: the protection that is taken out of the cluster, if one is.
        short: whether it is one of the two short rounds, by turns.
    """
    dice = random.Random(f"{seed}:{round_number}")
    empties = _EMPTIES.get(round_number % _EMPTY_EVERY)
    names = ["kill_sender", "old_ids", dice.choice(_DATABASE[database])]
    # An opt-out that Valkey has lost with all its data cannot be honoured, so nobody opts out in that round.
    names += [empties] if empties else ["people_stop"]
    names += dice.choices(list(_DRAWN), list(_DRAWN.values()), k=_DRAWN_A_ROUND)
    if without:
        names = list(_PROTECTED_AGAINST[without])
    if short:
        names = list(_SHORT[round_number % len(_SHORT)])
    else:
        dice.shuffle(names)
    shares = sorted(dice.uniform(_FIRST_SHARE, _LAST_SHARE) for _ in names)
    faults = tuple(
        Fault(name, share, dice.uniform(1.5, 4.0), dice.random()) for name, share in zip(names, shares, strict=True)
    )
    return Plan(faults, dice.choice((0.0, 0.01)), dice.choice((0.0, 0.01)))

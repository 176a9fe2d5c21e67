"""Random draws that depend on the recipient and not on the order in which requests happen to arrive."""

from __future__ import annotations

import math
import struct
from enum import IntEnum
from hashlib import blake2b
from statistics import NormalDist

_WORDS = struct.Struct("<16I").unpack
_SCALE = 1.0 / 2**32
_NORMAL = NormalDist()


class Purpose(IntEnum):
    """What a draw is for; each has its own, so that changing one share leaves the rest as they were."""

    FAILURE = 0
    FAILURE_HOW = 1
    API_ERROR = 2
    LATENCY = 3
    DELIVERY_ERROR = 4
    DELIVERY_TIME = 5
    SENT_TIME = 6
    LOST = 7
    REVERSED = 8
    REPEAT_SENT = 9
    REPEAT_FINAL = 10
    REACTION = 11
    REACTION_TIME = 12
    REACTION_TEXT = 13
    REPEAT_INBOUND = 14
    REPORTED = 15


class Draws:
    """The draws of one attempt to reach one recipient.

    Args:
        seed: the run's seed.
        recipient: E.164.
        attempt: counts from 1; 0 stands for what never changes about the recipient.
    """

    __slots__ = ("_words",)

    def __init__(self, seed: int, recipient: str, attempt: int) -> None:
        self._words = _WORDS(blake2b(f"{seed}|{recipient}|{attempt}".encode(), digest_size=64).digest())

    def uniform(self, purpose: Purpose) -> float:
        """A number above 0 and below 1."""
        return float(self._words[purpose] + 0.5) * _SCALE

    def lognormal(self, purpose: Purpose, mean: float, sigma: float) -> float:
        """A duration with the given mean, in the mean's unit; 0 for a mean of 0."""
        if mean <= 0:
            return 0.0
        if sigma <= 0:
            return mean
        return math.exp(math.log(mean) - sigma * sigma / 2 + sigma * _NORMAL.inv_cdf(self.uniform(purpose)))


class CodeShares:
    """Error codes with their shares, drawn from one number.

    Args:
        shares: share by code; what exceeds a total of 1 is never drawn.
    """

    __slots__ = ("_steps",)

    def __init__(self, shares: dict[int, float]) -> None:
        total = 0.0
        self._steps: list[tuple[float, int]] = []
        for code, share in sorted(shares.items()):
            total += share
            self._steps.append((total, code))

    def pick(self, draw: float) -> int:
        """The code at this place between 0 and 1, or 0 for none."""
        for bound, code in self._steps:
            if draw < bound:
                return code
        return 0

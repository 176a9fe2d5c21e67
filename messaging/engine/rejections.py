"""How many of a batch's last sends the provider refused: a batch that does badly is paused before it has done so for everybody."""

from __future__ import annotations

from collections import Counter, deque

#: Sends that are looked back on, and how many there must be before anything is said.
SAMPLE = 100
LEAST = 50


class Rejections:
    """The last sends of one batch.

    Args:
        most_percent: more refused than this is too many; 0 allows any number.
    """

    def __init__(self, most_percent: int) -> None:
        self.most_percent = most_percent
        self.is_over = False
        self._last: deque[str] = deque(maxlen=SAMPLE)
        self._refused = 0

    def add(self, refusal: str) -> bool:
        """Note a send; True when it made them too many, which it says once.

        Args:
            refusal: what the provider said; empty when it took the message.
        """
        if not self.most_percent or self.is_over:
            return False
        if len(self._last) == SAMPLE and self._last[0]:
            self._refused -= 1
        self._last.append(refusal)
        if not refusal:
            return False
        self._refused += 1
        seen = len(self._last)
        self.is_over = seen >= LEAST and 100 * self._refused > self.most_percent * seen
        return self.is_over

    @property
    def text(self) -> str:
        """What happened, for a person."""
        seen = len(self._last)
        usual = Counter(refusal for refusal in self._last if refusal).most_common(1)
        why = f" Most often: {usual[0][0]}" if usual else ""
        return (
            f"The provider refused {self._refused} of the last {seen} messages "
            f"({100 * self._refused / max(1, seen):.0f} %, allowed are {self.most_percent} %).{why}"
        )

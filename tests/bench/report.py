"""What a bench measured: figures, ratios and targets, with the median, least and most of all rounds."""

from __future__ import annotations

import math
import statistics
from typing import Any

#: Digits that are told; the machine's noise is larger than what they leave out.
SIGNIFICANT_DIGITS = 4


class Report:
    """One bench's values, collected a round at a time.

    Args:
        name: the bench.
        options: how it was run; the database is added to it.
    """

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self.name = name
        self.options = options
        self.faults: list[str] = []
        self._figures: dict[str, tuple[str, list[float]]] = {}
        self._ratios: dict[str, list[float]] = {}
        self._targets: dict[str, tuple[str, float]] = {}

    def figure(self, name: str, value: float, unit: str) -> None:
        """A round's value of a figure, in ``unit``."""
        self._figures.setdefault(name, (unit, []))[1].append(value)

    def ratio(self, name: str, value: float) -> None:
        """A round's ratio."""
        self._ratios.setdefault(name, []).append(value)

    def target(self, name: str, comparison: str, bound: float) -> None:
        """What the median of a figure or a ratio should be.

        Args:
            name: the figure or the ratio.
            comparison: ``>=`` or ``<=``.
            bound: in the figure's unit.
        """
        self._targets[name] = (comparison, bound)

    def fault(self, text: str) -> None:
        """Something that must not happen did: the measurement is worth nothing, however fast it was."""
        self.faults.append(text)

    def median(self, name: str) -> float | None:
        """Median of a figure or a ratio; None when there is no such one."""
        values = self._ratios.get(name) or self._figures.get(name, ("", []))[1]
        return statistics.median(values) if values else None

    @property
    def missed(self) -> list[str]:
        """Targets that were not reached, or not measured."""
        return [name for name, (comparison, bound) in self._targets.items() if not self._holds(name, comparison, bound)]

    def _holds(self, name: str, comparison: str, bound: float) -> bool:
        value = self.median(name)
        if value is None:
            return False
        return value >= bound if comparison == ">=" else value <= bound

    def as_json(self) -> dict[str, Any]:
        """The object that is printed."""
        document: dict[str, Any] = {
            "name": self.name,
            "options": self.options,
            "figures": {name: {**_spread(values), "unit": unit} for name, (unit, values) in self._figures.items()},
            "ratios": {name: _spread(values) for name, values in self._ratios.items()},
            "targets": {name: [comparison, bound] for name, (comparison, bound) in self._targets.items()},
            "ok": not self.missed and not self.faults,
        }
        if self.faults:
            document["faults"] = self.faults
        return document

    def as_text(self) -> str:
        """The same for a person, a line a value."""
        document = self.as_json()
        lines = [f"{self.name}: {', '.join(f'{key} {value}' for key, value in self.options.items())}"]
        for name, values in {**document["figures"], **document["ratios"]}.items():
            target = " ".join(str(part) for part in document["targets"].get(name, ()))
            spread = f"{values['median']:>10g}   ({values['min']:g} to {values['max']:g}) {values.get('unit', '×')}"
            lines.append(f"  {name:<24}{spread}{f'   wanted {target}' if target else ''}")
        lines += [f"  FAULT: {text}" for text in self.faults]
        lines.append(f"  missed: {', '.join(self.missed) or 'nothing'}")
        return "\n".join(lines)


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": rounded(statistics.median(values)),
        "min": rounded(min(values)),
        "max": rounded(max(values)),
    }


def rounded(value: float) -> float:
    """A value with as many digits as mean anything."""
    if value == 0 or not math.isfinite(value):
        return value
    shown = round(float(value), SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(abs(value))))
    return int(shown) if shown.is_integer() else shown

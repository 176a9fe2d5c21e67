"""Judges how messages are understood, by the labelled set: ``python -m tests.opt_outs [--part tuning|held-out|all] [--json]``.

Prints, on standard output, for each part of the set the confusion table and precision and recall per class; and the ten
hardest cases: wrong ones first, then those nearest to a threshold.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from messaging.wording import OPT_OUT_AT, REVIEW_AT, Intent, Reading, read

MESSAGES = Path(__file__).parent / "data" / "opt_out_messages.toml"
LABELS = ("opt_out", "review", "none", "help", "opt_in")
#: What the reading is called in the labelled set.
PREDICTED = {
    Intent.OPT_OUT: "opt_out",
    Intent.UNCLEAR: "review",
    Intent.NONE: "none",
    Intent.HELP: "help",
    Intent.OPT_IN: "opt_in",
}
PARTS = ("tuning", "held-out", "all")
HARDEST = 10


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled message and how it was read."""

    text: str
    label: str
    language: str
    is_hard: bool
    is_held_out: bool
    #: Of writing; see the head of the file.
    round: int
    reading: Reading

    @property
    def predicted(self) -> str:
        """The label it was given."""
        return PREDICTED[self.reading.intent]

    @property
    def is_right(self) -> bool:
        """Whether that is its label."""
        return self.predicted == self.label

    @property
    def is_missed_opt_out(self) -> bool:
        """A clear opt-out that nobody would have seen."""
        return self.label == "opt_out" and self.predicted not in ("opt_out", "review")

    @property
    def margin(self) -> int:
        """Points to the nearest threshold."""
        return min(abs(self.reading.score - bound) for bound in (OPT_OUT_AT, REVIEW_AT))


@cache
def cases() -> tuple[Case, ...]:
    """The labelled set, read by the rules."""
    with MESSAGES.open("rb") as file:
        groups = tomllib.load(file)["group"]
    return tuple(
        Case(text, group["label"], group["language"], kind == "hard", group["held_out"], group["round"], read(text))
        for group in groups
        for kind in ("plain", "hard")
        for text in group.get(kind, ())
    )


def part(name: str) -> list[Case]:
    """The cases of a part of the set: ``tuning``, ``held-out`` or ``all``."""
    return [case for case in cases() if name == "all" or case.is_held_out == (name == "held-out")]


def report(chosen: Iterable[Case]) -> dict[str, Any]:
    """Figures of some cases: confusion (label → predicted → count), precision and recall in 0…1 per class, misses."""
    chosen = list(chosen)
    confusion = {label: dict.fromkeys(LABELS, 0) for label in LABELS}
    for case in chosen:
        confusion[case.label][case.predicted] += 1
    return {
        "messages": len(chosen),
        "hard": sum(case.is_hard for case in chosen),
        "languages": dict(sorted(Counter(case.language for case in chosen).items())),
        "right": sum(case.is_right for case in chosen),
        "missed_opt_outs": sum(case.is_missed_opt_out for case in chosen),
        "classes": {
            label: {
                "messages": sum(confusion[label].values()),
                "precision": _share(confusion[label][label], sum(row[label] for row in confusion.values())),
                "recall": _share(confusion[label][label], sum(confusion[label].values())),
            }
            for label in LABELS
        },
        "confusion": confusion,
    }


def _share(count: int, of: int) -> float:
    return round(count / of, 4) if of else 1.0


def hardest(chosen: Iterable[Case]) -> list[Case]:
    """The ten hardest: wrong ones first, of those a missed opt-out; then the nearest to a threshold."""
    return sorted(chosen, key=lambda case: (case.is_right, not case.is_missed_opt_out, case.margin, case.text))[
        :HARDEST
    ]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.opt_outs", description=__doc__)
    parser.add_argument("--part", choices=PARTS, help="one part only")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--wrong", action="store_true", help="list every wrong case of the part")
    options = parser.parse_args()
    parts = (options.part,) if options.part else PARTS
    result: dict[str, Any] = {name: report(part(name)) for name in parts}
    listed = part(options.part or "all")
    shown = [case for case in listed if not case.is_right] if options.wrong else hardest(listed)
    result["hardest"] = [
        {
            "text": case.text,
            "label": case.label,
            "read_as": case.predicted,
            "score": case.reading.score,
            "rules": list(case.reading.rules),
        }
        for case in shown
    ]
    text = json.dumps(result, ensure_ascii=False, indent=2) if options.json else _table(result, parts)
    sys.stdout.write(f"{text}\n")
    return 0


def _table(result: dict[str, Any], parts: tuple[str, ...]) -> str:
    lines: list[str] = []
    for name in parts:
        figures = result[name]
        lines += [
            f"{name}: {figures['messages']} messages, {figures['hard']} hard, {figures['right']} right, "
            f"{figures['missed_opt_outs']} missed opt-outs",
            f"{'label':>10} {'precision':>10} {'recall':>8}   read as: " + " ".join(f"{label:>8}" for label in LABELS),
        ]
        for label in LABELS:
            row = figures["classes"][label]
            counts = " ".join(f"{figures['confusion'][label][other]:>8}" for other in LABELS)
            lines.append(f"{label:>10} {row['precision']:>10.1%} {row['recall']:>8.1%}            {counts}")
        lines.append("")
    for case in result["hardest"]:
        mark = "   " if case["label"] == case["read_as"] else "!! "
        lines.append(f"{mark}{case['label']:>8} read as {case['read_as']:>8} {case['score']:>4}: {case['text']!r}")
        lines.append(f"      {', '.join(case['rules'])}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

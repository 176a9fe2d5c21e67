"""The command line of the chaos harness."""

from __future__ import annotations

import argparse
import logging
import random
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

import orjson

from integrations.simulator.process import SimulatorProcessError
from tests.bench.postgres import PostgresError
from tests.chaos.cluster import PROTECTIONS
from tests.chaos.dialects import ALL, NAMES, dialect_of
from tests.chaos.installation import SHORT_CODES, Installation, open_installation
from tests.chaos.keeper import KeeperError

logger = logging.getLogger("chaos")

_COLUMNS = (
    "dialect",
    "kills",
    "recipients",
    "duplicates",
    "lost",
    "unknown_before",
    "unknown_after",
    "max_in_flight",
    "seconds",
)


_RECIPIENTS, _FEW_RECIPIENTS = 2_400, 1_000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description="Runs campaigns while everything around them is killed, cut and delayed.",
    )
    parser.add_argument("--rounds", type=_number(1, len(SHORT_CODES)), default=2, help="campaigns, one after the other")
    parser.add_argument(
        "--first", type=_number(1, len(SHORT_CODES)), default=1, help="number of the first one, to repeat it"
    )
    parser.add_argument("--seed", type=int, help="the same seed does the same faults; drawn and told if not given")
    parser.add_argument(
        "--recipients",
        type=_number(100, 50_000),
        help=f"people of a round, {_RECIPIENTS} or {_FEW_RECIPIENTS} if short",
    )
    parser.add_argument(
        "--short", action="store_true", help="the two short rounds, by turns: a kill of everything once"
    )
    parser.add_argument(
        "--dialect",
        choices=(*NAMES, ALL),
        default=ALL,
        help=f"in which rounds talk to the provider; {ALL}: one after the other, beginning with one that the seed picks",
    )
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite", help="thrown away afterwards")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument(
        "--keep", action="store_true", help="keep the folder with the programs' logs, and say where it is"
    )
    parser.add_argument(
        "--without", choices=PROTECTIONS, default="", help="take a protection out of the cluster: the run must fail"
    )
    return parser


def _number(low: int, high: int) -> Any:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not within {low} to {high}")
        return value

    read.__name__ = "whole number"
    return read


def main(arguments: Sequence[str]) -> int:
    """Run rounds; the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    logger.setLevel(logging.INFO)
    # A shell starts what runs in the background with Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    seed: int = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    rounds: list[dict[str, Any]] = []
    try:
        with open_installation(options.database, without=options.without, keep=options.keep) as installation:
            logger.info("Seed %s, %s, in %s", seed, installation.database, installation.folder)
            for number in range(options.first - 1, options.first - 1 + options.rounds):
                rounds.append(_round(installation, number, seed, options))
    except (PostgresError, KeeperError, SimulatorProcessError) as error:
        sys.stderr.write(f"The rounds could not be run: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Broken off; everything that was started has been ended.\n")
        return 130
    ok = all(not item["problems"] for item in rounds)
    report = {"seed": seed, "database": options.database, "without": options.without, "rounds": rounds, "ok": ok}
    sys.stdout.write((orjson.dumps(report).decode() if options.json else _table(rounds)) + "\n")
    return 0 if ok else 1


def _end(number: int, _frame: FrameType | None) -> None:
    """SIGTERM or a closed terminal ends the run the way Ctrl-C does: what it has started is ended."""
    raise SystemExit(128 + number)


def _round(installation: Installation, number: int, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    # It reads the settings, which are there only now.
    from tests.chaos.rounds import Round

    dialect = dialect_of(options.dialect, seed=seed, round_number=number)
    logger.info("Round %s, %s", number + 1, dialect.name)
    recipients = options.recipients or (_FEW_RECIPIENTS if options.short else _RECIPIENTS)
    figures = Round(
        installation, number=number, seed=seed, dialect=dialect, recipients=recipients, short=options.short
    ).run()
    for problem in figures["problems"]:
        logger.error("  NOT OK: %s", problem)
    logger.info("  %s", ", ".join(f"{name} {figures[name]}" for name in _COLUMNS[1:]))
    return figures


def _table(rounds: list[dict[str, Any]]) -> str:
    lines = ["  ".join(f"{name:>14}" for name in (*_COLUMNS, "ok"))]
    for item in rounds:
        values = (*(item[name] for name in _COLUMNS), "no" if item["problems"] else "yes")
        lines.append("  ".join(f"{value!s:>14}" for value in values))
    return "\n".join(lines)

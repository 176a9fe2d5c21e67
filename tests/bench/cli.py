"""The command line of the benches."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import orjson
import psycopg

from broadcast.core.valkey import ValkeyError
from integrations.simulator.process import SimulatorProcessError
from tests.bench.child import ChildError
from tests.bench.lab import Lab, open_lab
from tests.bench.postgres import PostgresError
from tests.bench.report import Report

logger = logging.getLogger("bench")


@dataclass(frozen=True, slots=True)
class Bench:
    """A bench by name: where it is, and its usual and its full size in messages."""

    module: str
    summary: str
    messages: int
    full: int


BENCHES = {
    "send": Bench("tests.bench.send", "messages a second and processor time of one sender process", 30_000, 50_000),
    "bulk": Bench("tests.bench.bulk", "a gateway that takes 1,000 recipients a request", 500_000, 500_000),
    "launch": Bench("tests.bench.launch", "an audience into rows and ids in Redis", 50_000, 500_000),
    "record": Bench("tests.bench.record", "results and statuses from the streams into rows", 20_000, 100_000),
    "webhooks": Bench("tests.bench.webhooks", "webhooks checked, stored and answered on one core", 20_000, 100_000),
}
#: At this latency the usual size takes about 40 seconds; no size is that of a lower latency than the second.
USUAL_LATENCY_MS, LEAST_LATENCY_MS = 50, 10
MOST_ROUNDS = 50
#: Dialects of a bench, the usual one first: the others are measured beside it.
BULK_DIALECTS = ("infobip", "sinch")
SEND_DIALECTS = ("twilio", "telnyx")
DIALECTS = {"bulk": BULK_DIALECTS, "send": SEND_DIALECTS}
MOST_MESSAGES = 2_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """One call of a bench.

    Args:
        lab: its surroundings.
        report: where it puts what it measured.
        messages: how many, of whatever it counts.
        rounds: how often subject and baselines take turns.
        seconds: no round begins after so many.
        latency_ms: mean of the provider's latency (``send``).
        celery: whether Celery is measured too (``send``).
        dialect: how the gateway talks to the provider (``send`` and ``bulk``).
    """

    lab: Lab
    report: Report
    messages: int
    rounds: int
    seconds: float
    latency_ms: float = 0.0
    celery: bool = False
    dialect: str = ""

    def each_round(self) -> Iterator[int]:
        """The numbers of the rounds, from 1, while there is time."""
        begun = time.monotonic()
        for number in range(1, self.rounds + 1):
            if time.monotonic() - begun > self.seconds:
                logger.warning("%s rounds took %g seconds: no more are begun.", number - 1, self.seconds)
                self.report.options["rounds"] = number - 1
                return
            logger.info("Round %s of %s", number, self.rounds)
            yield number


def parser_for(name: str) -> argparse.ArgumentParser:
    """The options of a bench."""
    bench = BENCHES[name]
    parser = argparse.ArgumentParser(prog=f"python -m tests.bench {name}", description=f"Measures {bench.summary}.")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument(
        "--rounds", type=_number(1, MOST_ROUNDS), default=5, help="times subject and baselines take turns"
    )
    parser.add_argument("--messages", type=_number(10, MOST_MESSAGES), help=f"how many; usually {bench.messages}")
    parser.add_argument("--full", action="store_true", help=f"the full size: {bench.full} messages")
    parser.add_argument("--limit-seconds", type=_number(1, 86_400), default=3_600, help="no round begins after so long")
    parser.add_argument(
        "--database",
        choices=("auto", "sqlite", "postgresql"),
        default="auto",
        help="auto: a scratch database on DATABASE_URL's server, else SQLite; postgresql: a server of its own",
    )
    if name in DIALECTS:
        usual, *others = DIALECTS[name]
        parser.add_argument(
            "--dialect",
            choices=DIALECTS[name],
            default=usual,
            help=f"how the gateway talks to the provider; {', '.join(others)} is measured beside {usual}",
        )
    if name == "send":
        parser.add_argument("--latency-ms", type=_number(0, 10_000), default=50, help="the provider's mean latency")
        parser.add_argument(
            "--celery", action="store_true", help="measure Celery too, in a virtualenv that is made for it"
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
    """Run a bench; the exit code."""
    name = arguments[0] if arguments else ""
    if name in ("-h", "--help"):
        sys.stderr.write(_listing())
        return 0
    if name not in BENCHES:
        sys.stderr.write(f"There is no bench “{name}”. " + _listing() if name else _listing())
        return 2
    options = parser_for(name).parse_args(arguments[1:])
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    # The project's own settings, which come later, say how much of the rest is told.
    logger.setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, _end)
    load_before = os.getloadavg()[0]
    try:
        with open_lab(options.database) as lab:
            report = _measure(name, options, lab, load_before=load_before)
    except (PostgresError, ValkeyError, ChildError, SimulatorProcessError, psycopg.Error) as error:
        sys.stderr.write(f"{name} was not measured: {error}\n")
        return 1
    text = orjson.dumps(report.as_json()).decode() if options.json else report.as_text()
    sys.stdout.write(text + "\n")
    return 0


def _listing() -> str:
    lines = [f"  {name:<10}{bench.summary}\n" for name, bench in BENCHES.items()]
    return "Benches are:\n" + "".join(lines) + "Each tells its options with --help.\n"


def _end(number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the bench the way Ctrl-C does: what it has started is stopped."""
    raise SystemExit(128 + number)


def _usual_messages(bench: Bench, latency_ms: float | None) -> int:
    """So many that start and end, which last as long for few as for many, weigh little."""
    if latency_ms is None:
        return bench.messages
    return round(bench.messages * USUAL_LATENCY_MS / max(latency_ms, LEAST_LATENCY_MS))


def _measure(name: str, options: argparse.Namespace, lab: Lab, *, load_before: float) -> Report:
    bench = BENCHES[name]
    latency = getattr(options, "latency_ms", None)
    messages = options.messages or (bench.full if options.full else _usual_messages(bench, latency))
    shown: dict[str, Any] = {
        "database": lab.database,
        "messages": messages,
        "rounds": options.rounds,
        **({} if latency is None else {"latency_ms": latency}),
        **({"dialect": options.dialect} if name in DIALECTS else {}),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        # Somebody else's work on the machine explains much of a spread.
        "load_before": round(load_before, 2),
    }
    report = Report(name, shown)
    run = Run(
        lab=lab,
        report=report,
        messages=messages,
        rounds=options.rounds,
        seconds=options.limit_seconds,
        latency_ms=latency or 0.0,
        celery=getattr(options, "celery", False),
        dialect=getattr(options, "dialect", ""),
    )
    importlib.import_module(bench.module).run(run)
    return report

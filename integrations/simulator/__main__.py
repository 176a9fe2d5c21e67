"""``python -m integrations.simulator``: prints its URL as a line of JSON on standard output, then runs."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

import orjson

from integrations.simulator.cli import add_arguments, run
from integrations.simulator.config import SettingsError
from integrations.simulator.server import SimulatorError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m integrations.simulator", description=__doc__)
    add_arguments(parser)
    options = vars(parser.parse_args(arguments))
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s simulator: %(message)s"
    )

    def ready(url: str) -> None:
        sys.stdout.write(orjson.dumps({"url": url}).decode() + "\n")
        sys.stdout.flush()

    try:
        run(options, ready)
    except (SettingsError, SimulatorError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

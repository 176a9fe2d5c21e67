"""Holds requests, replies and webhooks of adapters, simulator and tests against the providers' own OpenAPI documents.

    python -m tests.contract --specs ../shared/specs [--simulator URL]

Without ``--simulator`` it starts one of its own. The exit code is 0 when all is as described, 1 on a mismatch and 2
when something that is needed is not there. The documents are not part of the project.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import TransportFailure
from integrations.simulator.process import SimulatorProcess, SimulatorProcessError
from tests.contract import infobip, sinch, twilio
from tests.contract.openapi import Checked, SpecificationError


def main(arguments: Sequence[str] | None = None) -> int:
    """Check everything, print a table, return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.contract", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--specs", type=Path, required=True, help="folder with the OpenAPI documents")
    parser.add_argument("--simulator", metavar="URL", default="", help="a running simulator; its settings are changed")
    options = parser.parse_args(arguments)
    try:
        twilios, infobips, sinches = (vendor.specification(options.specs) for vendor in (twilio, infobip, sinch))
        rows = [
            *twilio.check_requests(twilios),
            *infobip.check_requests(infobips),
            *infobip.check_webhooks(infobips),
            *infobip.check_payloads(infobips),
            *sinch.check_requests(sinches),
            *sinch.check_webhooks(sinches),
            *sinch.check_payloads(sinches),
        ]
        with running_simulator(options.simulator) as url, HttpxDriver() as driver:
            rows += twilio.TwilioConversation(url, driver, twilios).check()
            rows += infobip.InfobipConversation(url, driver, infobips).check()
            rows += sinch.SinchConversation(url, driver, sinches).check()
    except (SpecificationError, TransportFailure) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(table(rows))
    wrong = sum(1 for row in rows if row.problems)
    sys.stdout.write(f"\n{len(rows) - wrong} of {len(rows)} as described.\n")
    return 1 if wrong else 0


@contextmanager
def running_simulator(url: str) -> Iterator[str]:
    """The URL of the simulator that was given, or of one that runs as long as this lasts."""
    if url:
        yield url
        return
    try:
        with SimulatorProcess() as simulator:
            yield simulator.url
    except SimulatorProcessError as error:
        raise SpecificationError(f"The simulator's replies cannot be checked. {error}") from error


def table(rows: Sequence[Checked]) -> str:
    """The rows for a person; a row's problems follow it."""
    name_width = max(len(row.name) for row in rows)
    lines = []
    for row in rows:
        verdict = "differs" if row.problems else "ok"
        lines.append(f"{row.subject:8} {row.name:{name_width}}  {verdict:8} {row.detail}")
        lines += [f"{'':8} {'':{name_width}}  - {problem}" for problem in row.problems]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())

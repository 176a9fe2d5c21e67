"""How many messages a second the simulator takes: ``python -m tests.simulator.load``.

Raw connections that are kept, one request at a time on each, no latency; prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import orjson
import uvloop

from integrations.simulator.config import SimulatorSettings
from integrations.simulator.process import SimulatorProcess

SETTINGS = SimulatorSettings(latency_ms=0)


def requests(count: int) -> Iterator[bytes]:
    """A POST for each of so many people."""
    credentials = base64.b64encode(f"{SETTINGS.account_sid}:{SETTINGS.auth_token}".encode()).decode()
    for number in range(count):
        text = f"Hi person {number}, the sale starts tomorrow at nine. Reply STOP to opt out."
        body = urlencode({"To": f"+1{4152000000 + number}", "From": SETTINGS.numbers[0], "Body": text})
        head = (
            f"POST /2010-04-01/Accounts/{SETTINGS.account_sid}/Messages.json HTTP/1.1\r\nHost: simulator\r\n"
            f"Authorization: Basic {credentials}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        yield (head + body).encode()


class Client(asyncio.Protocol):
    """One connection; sends the next request when the reply to the last one is there."""

    def __init__(self, work: Iterator[bytes], done: asyncio.Future[int]) -> None:
        self._work = work
        self._done = done
        self._taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 201") and data.endswith(b"}"):
            self._taken += 1
            self._next()
        else:
            self._done.set_exception(RuntimeError(f"An unexpected reply: {data[:200]!r}"))

    def _next(self) -> None:
        request = next(self._work, None)
        if request is None:
            self._done.set_result(self._taken)
            self._transport.close()
        else:
            self._transport.write(request)


async def load(port: int, count: int, connections: int) -> float:
    """Send so many messages and return the seconds it took."""
    loop = asyncio.get_running_loop()
    work = iter(list(requests(count)))
    started = time.perf_counter()
    waits = []
    for _ in range(connections):
        done: asyncio.Future[int] = loop.create_future()
        waits.append(done)
        await loop.create_connection(lambda done=done: Client(work, done), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*waits)
    return time.perf_counter() - started


def processor_seconds(pid: int) -> float:
    """Processor time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> None:
    """Run rounds against one simulator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=40_000)
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds: list[dict[str, Any]] = []
    with SimulatorProcess(SETTINGS) as simulator:
        port = int(simulator.url.rsplit(":", 1)[1])
        for _ in range(options.rounds):
            simulator.reset()
            used = processor_seconds(simulator.pid)
            seconds = uvloop.run(load(port, options.requests, options.connections))
            used = processor_seconds(simulator.pid) - used
            stats = simulator.stats()
            rounds.append(
                {
                    "per_s": round(options.requests / seconds),
                    "per_processor_s": round(options.requests / used),
                    "taken": stats["messages_taken"],
                    "duplicate_sends": stats["duplicate_sends"],
                }
            )
    sys.stdout.write(orjson.dumps(rounds, option=orjson.OPT_INDENT_2).decode() + "\n")


if __name__ == "__main__":
    main()

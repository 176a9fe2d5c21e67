"""How many messages a second the simulator takes: ``python -m tests.simulator.load``.

Raw connections that are kept, one request at a time on each, no latency; prints one JSON object a round. With
``--per-request 1000`` each request holds so many messages, in Infobip's dialect.
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

SETTINGS = SimulatorSettings(latency_ms=0, callbacks_share=0)


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


def bulk_requests(count: int, per_request: int) -> Iterator[bytes]:
    """POSTs with so many messages each, for as many people."""
    for start in range(0, count, per_request):
        messages = [
            {
                "sender": SETTINGS.numbers[0].removeprefix("+"),
                "destinations": [{"to": f"1{4152000000 + number}", "messageId": f"0123456789abcdef-{number}"}],
                "content": {"text": f"Hi person {number}, the sale starts tomorrow at nine. Reply STOP to opt out."},
                "webhooks": {"delivery": {"url": "http://127.0.0.1:9/status"}},
            }
            for number in range(start, min(start + per_request, count))
        ]
        body = orjson.dumps({"messages": messages, "options": {"includeSmsCountInResponse": True}})
        head = (
            f"POST /sms/3/messages HTTP/1.1\r\nHost: simulator\r\nAuthorization: App {SETTINGS.infobip_api_key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


class Client(asyncio.Protocol):
    """One connection; sends the next request when the reply to the last one is there."""

    def __init__(self, work: Iterator[bytes], done: asyncio.Future[int]) -> None:
        self._work = work
        self._done = done
        self._taken = 0
        self._reply = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._reply += data
        if not self._reply.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            self._done.set_exception(RuntimeError(f"An unexpected reply: {self._reply[:200]!r}"))
        elif self._reply.endswith(b"}") and len(self._reply) == self._whole_length():
            self._reply = b""
            self._taken += 1
            self._next()

    def _whole_length(self) -> int:
        head, _, _ = self._reply.partition(b"\r\n\r\n")
        length = head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
        return len(head) + 4 + int(length)

    def _next(self) -> None:
        request = next(self._work, None)
        if request is None:
            self._done.set_result(self._taken)
            self._transport.close()
        else:
            self._transport.write(request)


async def load(port: int, requests: list[bytes], connections: int) -> float:
    """Send requests and return the seconds it took."""
    loop = asyncio.get_running_loop()
    work = iter(requests)
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
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--per-request", type=int, default=1)
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds: list[dict[str, Any]] = []
    count, per_request = options.messages, options.per_request
    work = list(bulk_requests(count, per_request) if per_request > 1 else requests(count))
    with SimulatorProcess(SETTINGS) as simulator:
        port = int(simulator.url.rsplit(":", 1)[1])
        for _ in range(options.rounds):
            simulator.reset()
            used = processor_seconds(simulator.pid)
            seconds = uvloop.run(load(port, work, options.connections))
            used = processor_seconds(simulator.pid) - used
            stats = simulator.stats()
            rounds.append(
                {
                    "per_s": round(count / seconds),
                    "processor_us": round(used / count * 1e6, 1),
                    "taken": stats["messages_taken"],
                    "duplicate_sends": stats["duplicate_sends"],
                }
            )
    sys.stdout.write(orjson.dumps(rounds, option=orjson.OPT_INDENT_2).decode() + "\n")


if __name__ == "__main__":
    main()

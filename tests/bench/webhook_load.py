"""Provider's side of ``webhooks``: signed requests over kept connections, as fast as they are answered or at a rate."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import math
import time
from collections import deque
from itertools import cycle, islice
from typing import Any, cast
from urllib.parse import parse_qsl

import uvloop

from tests.bench.record_jobs import status_form

#: Different requests; they are signed before the clock runs, and sent again and again.
DIFFERENT = 4_000
#: Until everybody must have been answered, seconds.
PATIENCE_SECONDS = 120.0
_TICK_SECONDS = 0.001


def signed_request(number: int, *, key: str, token: str, origin: str) -> bytes:
    """A delivery status of the message with this number, signed as Twilio documents it.

    Args:
        number: our id.
        key: the gateway's, in the URL.
        token: the gateway's secret.
        origin: scheme, host and port that are signed.
    """
    path = f"/webhooks/{key}/status/{number}"
    body = status_form(number)
    signed = f"{origin}{path}" + "".join(name + text for name, text in sorted(parse_qsl(body)))
    signature = base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: {origin.partition('//')[2]}\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n"
        f"Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nX-Twilio-Signature: {signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class Connection(asyncio.Protocol):
    """One kept connection; one request at a time."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.buffer = b""
        self.since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.crowd.lost()

    def post(self, request: bytes, since: float) -> None:
        """Send a request that was due at ``since``."""
        self.since = since
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        place = self.buffer.lower().find(b"content-length:", 0, head)
        length = int(self.buffer[place + 15 : self.buffer.index(b"\r\n", place)]) if place >= 0 else 0
        if len(self.buffer) < head + 4 + length:
            return
        status = int(self.buffer[9:12])
        self.buffer = b""
        self.crowd.answered(self, status)


class Crowd:
    """All connections together.

    Args:
        requests: to send, in turn.
        count: how many.
        rate: a second; without it each connection goes on as soon as it is answered.
    """

    def __init__(self, requests: list[bytes], count: int, rate: float | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.work = islice(cycle(requests), count)
        self.count = count
        self.rate = rate
        self.idle: deque[Connection] = deque()
        self.due: deque[float] = deque()
        self.statuses: dict[int, int] = {}
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = self.loop.create_future()
        self.issued = 0
        self.ended = 0.0

    def start(self, connections: list[Connection]) -> None:
        """Begin."""
        self.began = time.perf_counter()
        self.idle.extend(connections)
        if self.rate is None:
            now = self.began
            while self.idle and self._next(now):
                continue
        else:
            self._tick()

    def _next(self, due: float) -> bool:
        request = next(self.work, None)
        if request is None:
            return False
        self.idle.popleft().post(request, due)
        return True

    def _tick(self) -> None:
        """Send what has become due; what finds no free connection waits, and its time counts."""
        now = time.perf_counter()
        wanted = min(self.count, int((now - self.began) * (self.rate or 0)))
        while self.issued < wanted:
            self.issued += 1
            self.due.append(now)
        while self.due and self.idle:
            self._next(self.due.popleft())
        if self.issued < self.count:
            self.loop.call_later(_TICK_SECONDS, self._tick)

    def answered(self, connection: Connection, status: int) -> None:
        """A connection has its answer and is free again."""
        now = time.perf_counter()
        self.latencies.append(now - connection.since)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.idle.append(connection)
        if len(self.latencies) == self.count:
            self.ended = now
            self.done.set_result(None)
        elif self.rate is None:
            self._next(now)
        elif self.due:
            self._next(self.due.popleft())

    def lost(self) -> None:
        """A connection was closed before the end."""
        if not self.done.done():
            self.done.set_exception(ConnectionError("The server closed a connection that was in use."))


def load(arguments: dict[str, Any]) -> dict[str, Any]:
    """Send signed webhooks; rate, latencies and answers."""
    return uvloop.run(_load(arguments))


async def _load(arguments: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    port, count = arguments["port"], arguments["count"]
    origin = f"http://127.0.0.1:{port}"
    requests = [
        signed_request(number, key=arguments["key"], token=arguments["token"], origin=origin)
        for number in range(1, min(DIFFERENT, count) + 1)
    ]
    crowd = Crowd(requests, count, arguments.get("rate"))
    connections = []
    for _ in range(arguments["connections"]):
        _, connection = await loop.create_connection(lambda: Connection(crowd), "127.0.0.1", port)
        connections.append(connection)
    crowd.start(connections)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await crowd.done
    for connection in connections:
        connection.transport.close()
    taken = sum(number for status, number in crowd.statuses.items() if 200 <= status < 300)
    ordered = sorted(crowd.latencies)
    return {
        "per_s": count / (crowd.ended - crowd.began),
        "answered": taken,
        "refused": count - taken,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[math.ceil(len(ordered) * 0.99) - 1] * 1000,
    }

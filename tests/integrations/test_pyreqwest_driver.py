"""The engine's driver."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from integrations.http.pyreqwest_driver import PyreqwestDriver
from integrations.http.values import Reply, Request, TransportFailure
from tests.integrations import loopback
from tests.integrations.driver_cases import DriverCases


class TestPyreqwestDriver(DriverCases):
    def send(self, request: Request, timeout_seconds: float = 5) -> Reply:
        async def run() -> Reply:
            async with PyreqwestDriver(2, timeout_seconds, timeout_seconds / 2) as driver:
                return await driver.send(request)

        return asyncio.run(run())


class Gate:
    """A server's behaviour that answers nobody until as many requests as wanted are there at once."""

    def __init__(self, wanted: int) -> None:
        self.barrier = threading.Barrier(wanted, timeout=5)
        self.connections = 0

    def __call__(self, connection: socket.socket) -> None:
        self.connections += 1
        while loopback.read_request(connection):
            self.barrier.wait()
            connection.sendall(loopback.OK)


def test_as_many_requests_as_connections_are_in_flight() -> None:
    gate = Gate(5)

    async def run(url: str) -> list[Reply]:
        async with PyreqwestDriver(5) as driver:
            return await asyncio.gather(*(driver.send(Request("POST", url, (), b"x")) for _ in range(15)))

    with loopback.server(gate) as url:
        replies = asyncio.run(run(url))
    assert [reply.body for reply in replies] == [b"ok"] * 15
    # Kept alive: three rounds of five need no more than the first five connections.
    assert gate.connections == 5


def test_request_that_finds_no_free_connection_did_not_leave() -> None:
    async def run(url: str) -> list[bool]:
        async with PyreqwestDriver(1, timeout_seconds=0.3) as driver:
            request = Request("POST", url, (), b"x")
            results = await asyncio.gather(driver.send(request), driver.send(request), return_exceptions=True)
            return sorted(result.request_left for result in results if isinstance(result, TransportFailure))

    with loopback.server(loopback.silent_until_closed) as url:
        assert asyncio.run(run(url)) == [False, True]


def test_driver_that_is_not_open_says_so() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(PyreqwestDriver(1).send(Request("GET", "http://127.0.0.1/")))

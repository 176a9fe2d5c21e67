"""The engine's driver on real connections."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from integrations.http.asyncio_driver import AsyncioDriver
from integrations.http.values import Reply, Request, TransportFailure
from tests.integrations import loopback
from tests.integrations.driver_cases import DriverCases


class TestAsyncioDriver(DriverCases):
    """The cases that every driver passes, on the event loop of the engine."""

    def send(self, request: Request, timeout_seconds: float = 5) -> Reply:
        async def run() -> Reply:
            async with AsyncioDriver(2, timeout_seconds, timeout_seconds / 2) as driver:
                return await driver.send(request)

        return uvloop.run(run())


class TestAsyncioDriverOnTheStockLoop(DriverCases):
    """The same on asyncio's own event loop."""

    def send(self, request: Request, timeout_seconds: float = 5) -> Reply:
        async def run() -> Reply:
            async with AsyncioDriver(2, timeout_seconds, timeout_seconds / 2) as driver:
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
        async with AsyncioDriver(5) as driver:
            return await asyncio.gather(*(driver.send(Request("POST", url, (), b"x")) for _ in range(15)))

    with loopback.server(gate) as url:
        replies = uvloop.run(run(url))
    assert [reply.body for reply in replies] == [b"ok"] * 15
    # Kept alive: three rounds of five need no more than the first five connections.
    assert gate.connections == 5


def test_request_that_finds_no_free_connection_did_not_leave() -> None:
    answer = threading.Event()

    def answer_late(connection: socket.socket) -> None:
        loopback.read_request(connection)
        answer.wait(timeout=30)
        connection.sendall(loopback.OK)

    async def run(url: str) -> tuple[TransportFailure, Reply]:
        async with AsyncioDriver(1, timeout_seconds=30, connect_timeout_seconds=1) as driver:
            request = Request("POST", url, (), b"x")
            first = asyncio.create_task(driver.send(request))
            await asyncio.sleep(0)
            with pytest.raises(TransportFailure, match="became free") as caught:
                await driver.send(request)
            answer.set()
            return caught.value, await first

    with loopback.server(answer_late) as url:
        failure, reply = uvloop.run(run(url))
    assert not failure.request_left
    assert reply.body == b"ok"


@pytest.mark.parametrize("loop", [uvloop.run, asyncio.run])
def test_a_request_that_is_given_up_is_over_before_the_next_one_begins(loop: Callable[[Any], None]) -> None:
    """Whoever counts requests at the other end never sees one more than there are connections."""
    seen: list[bytes | str] = []

    def serve(listener: socket.socket) -> None:
        first, _ = listener.accept()
        loopback.read_request(first)
        for _ in range(20):
            second, _ = listener.accept()
            first.setblocking(False)
            try:
                seen.append(first.recv(1))
            except BlockingIOError:
                seen.append("still open")
            first.close()
            loopback.read_request(second)
            first = second
        first.close()

    async def run(url: str) -> None:
        async with AsyncioDriver(1, timeout_seconds=0.05) as driver:
            for _ in range(21):
                with pytest.raises(TransportFailure):
                    await driver.send(Request("POST", url, (), b"x"))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        loop(run(f"http://127.0.0.1:{listener.getsockname()[1]}/"))
        thread.join(20)
    assert seen == [b""] * 20


def test_driver_that_is_not_open_says_so() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(AsyncioDriver(1).send(Request("GET", "http://127.0.0.1/")))


class Script:
    """A server's behaviour: one reply a request, from a list; it closes after the last."""

    def __init__(self, *replies: bytes) -> None:
        self.replies = replies
        self.connections = 0

    def __call__(self, connection: socket.socket) -> None:
        self.connections += 1
        for reply in self.replies:
            if not loopback.read_request(connection):
                return
            connection.sendall(reply)


def send_twice(script: Script) -> list[Reply]:
    async def run(url: str) -> list[Reply]:
        async with AsyncioDriver(1) as driver:
            request = Request("POST", url, (), b"x")
            return [await driver.send(request), await driver.send(request)]

    with loopback.server(script) as url:
        return uvloop.run(run(url))


def test_a_reply_that_was_compressed_unasked_is_read() -> None:
    body = gzip.compress(b"ok")
    reply = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    assert [got.body for got in send_twice(Script(reply, reply))] == [b"ok", b"ok"]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("reply", "connections"),
    [
        (loopback.OK, 1),
        (CHUNKED, 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + loopback.OK, 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 2),
        (loopback.OK + loopback.OK, 2),
        (loopback.OK + b"garbage", 2),
    ],
    ids=["length", "chunked", "continue first", "asks to close", "HTTP/1.0", "a reply too many", "garbage behind it"],
)
def test_a_connection_is_used_again_only_when_it_is_sound(reply: bytes, connections: int) -> None:
    script = Script(reply, reply)
    assert [got.body for got in send_twice(script)] == [b"ok", b"ok"]
    assert script.connections == connections


def test_a_reply_without_a_length_ends_with_the_connection() -> None:
    script = Script(b"HTTP/1.1 200 OK\r\n\r\nok")
    assert [got.body for got in send_twice(script)] == [b"ok", b"ok"]


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/a b", ()),
        ("GET", "/a\r\nx: y", ()),
        ("G T", "/", ()),
        ("GET", "/", (("x", "a\r\ny: b"),)),
        ("GET", "/", (("x\r\ny", "a"),)),
        ("GET", "/", (("x", "\u20ac"),)),
    ],
)
def test_nothing_can_be_smuggled_into_a_request(method: str, path: str, headers: tuple[tuple[str, str], ...]) -> None:
    async def run(url: str) -> None:
        async with AsyncioDriver(1) as driver:
            await driver.send(Request(method, url + path, headers))

    with loopback.server(loopback.answering(loopback.OK)) as url, pytest.raises(TransportFailure) as caught:
        uvloop.run(run(url))
    assert caught.value.request_left is False
    assert "cannot be built" in caught.value.text


def test_a_cancelled_request_does_not_spoil_the_next() -> None:
    async def run(url: str) -> Reply:
        async with AsyncioDriver(1, timeout_seconds=5) as driver:
            request = Request("POST", url, (), b"x")
            first = asyncio.create_task(driver.send(request))
            await asyncio.to_thread(gate.arrived.wait, 5)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            gate.open.set()
            return await driver.send(request)

    class Late:
        """A server's behaviour that answers its first request only when that has been given up."""

        def __init__(self) -> None:
            self.seen = 0
            self.arrived = threading.Event()
            self.open = threading.Event()

        def __call__(self, connection: socket.socket) -> None:
            while loopback.read_request(connection):
                self.seen += 1
                self.arrived.set()
                self.open.wait(5)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % self.seen)

    gate = Late()
    with loopback.server(gate) as url:
        assert uvloop.run(run(url)).body == b"2"

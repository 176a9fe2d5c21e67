"""The engine's driver: HTTP/1.1 on the event loop that sends, without another thread to wake for every reply.

Parsing is httptools' (llhttp, see ``asyncio_connection.py``); connections, TLS and timers are the event loop's.
``docs/performance.md`` has what it costs beside pyreqwest, which wakes a thread of its own for each request.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import certifi

from integrations.http.asyncio_connection import Connection
from integrations.http.values import Headers, Reply, Request, TransportFailure

_FORBIDDEN_IN_URL = re.compile(r"[^\x21-\x7e]")
_FORBIDDEN_IN_NAME = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
_FORBIDDEN_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")


class AsyncioDriver:
    """Carries requests over HTTP/1.1. Redirects are not followed, proxy settings are ignored.

    Use it as ``async with AsyncioDriver(40) as driver`` in the event loop that sends.

    Args:
        connections: requests in flight at once to one host, and connections kept alive for them.
        timeout_seconds: from the start of a request to the last byte of its reply.
        connect_timeout_seconds: for the connection alone, be it a new one or one that becomes free.
    """

    def __init__(self, connections: int, timeout_seconds: float = 10, connect_timeout_seconds: float = 5) -> None:
        self._limit = connections
        self._timeout_seconds = timeout_seconds
        self._connect_timeout_seconds = min(connect_timeout_seconds, timeout_seconds)
        self._pools: dict[str, _Pool] = {}
        self._heads: dict[Headers, bytes] = {}
        self._is_open = False

    async def __aenter__(self) -> Self:
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    async def send(self, request: Request) -> Reply:
        """Send a request and wait for the reply, whatever its status.

        Raises:
            TransportFailure: no reply; ``request_left`` says whether the provider may have seen the request.
            RuntimeError: the driver is not open.
        """
        if not self._is_open:
            raise RuntimeError("The driver is not open. Use it inside 'async with'.")
        url = request.url
        start = url.find("/", 8)
        origin, path = (url, "/") if start < 0 else (url[:start], url[start:])
        pool = self._pools.get(origin) or self._make_pool(origin)
        data = self._encode(request, pool, path)
        now = pool.loop.time()
        deadline = now + self._timeout_seconds
        connection = await pool.take(now + self._connect_timeout_seconds)
        try:
            return await connection.exchange(data, deadline)
        finally:
            pool.give_back(connection)

    def _make_pool(self, origin: str) -> _Pool:
        if _FORBIDDEN_IN_URL.search(origin):
            raise _not_built(f"the address {origin!r} holds characters that are not allowed in a URL")
        try:
            parts = urlsplit(origin)
            port = parts.port
        except ValueError as error:
            raise _not_built(str(error)) from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _not_built(f"{origin!r} is not an http or https address")
        pool = _Pool(parts.scheme == "https", parts.hostname, port, self._limit)
        self._pools[origin] = pool
        return pool

    def _encode(self, request: Request, pool: _Pool, path: str) -> bytes:
        head = self._heads.get(request.headers)
        if head is None:
            head = _encode_headers(request.headers)
            if len(self._heads) > 1000:
                self._heads.clear()
            self._heads[request.headers] = head
        path, _, _ = path.partition("#")
        if _FORBIDDEN_IN_URL.search(path) or not request.method.isalpha():
            raise _not_built("its path or method holds characters that are not allowed there")
        body = request.body
        length = b"content-length: %d\r\n" % len(body) if body or request.method in ("POST", "PUT", "PATCH") else b""
        return b"".join(
            (
                request.method.encode(),
                b" ",
                path.encode(),
                b" HTTP/1.1\r\n",
                pool.host_line,
                head,
                length,
                b"\r\n",
                body,
            )
        )


def _encode_headers(headers: Headers) -> bytes:
    lines = []
    for name, value in headers:
        if not name or _FORBIDDEN_IN_NAME.search(name) or _FORBIDDEN_IN_VALUE.search(value):
            raise _not_built(f"its header {name!r} holds characters that are not allowed there")
        lines.append(f"{name}: {value.strip()}\r\n")
    return "".join(lines).encode("latin-1")


def _not_built(why: str) -> TransportFailure:
    text = f"The request cannot be built ({why}). Check the gateway's base URL and credentials."
    return TransportFailure(text, request_left=False)


class _Pool:
    """The connections to one origin."""

    def __init__(self, is_tls: bool, host: str, port: int | None, limit: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.host = host
        self.port = port or (443 if is_tls else 80)
        self.tls = _tls_context() if is_tls else None
        shown = f"[{host}]" if ":" in host else host
        self.name = shown if port is None else f"{shown}:{port}"
        self.host_line = f"host: {self.name}\r\nuser-agent: Broadcast\r\naccept: */*\r\n".encode()
        self.limit = limit
        self.idle: list[Connection] = []
        self.open = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    async def take(self, deadline: float) -> Connection:
        """A connection that is ready for a request.

        Args:
            deadline: when it is given up, the event loop's time.

        Raises:
            TransportFailure: there is none; nothing has left.
        """
        while True:
            while self.idle:
                connection = self.idle.pop()
                if connection.is_usable(self.loop.time()):
                    return connection
                connection.close()
                self.open -= 1
            if self.open < self.limit:
                return await self._connect(deadline)
            await self._wait(deadline)

    async def _connect(self, deadline: float) -> Connection:
        self.open += 1
        try:
            async with asyncio.timeout_at(deadline):
                _, connection = await self.loop.create_connection(
                    lambda: Connection(self.loop, self.name),
                    self.host,
                    self.port,
                    ssl=self.tls,
                    server_hostname=self.host if self.tls else None,
                )
        except BaseException as error:
            self.open -= 1
            self._wake()
            if not isinstance(error, OSError | TimeoutError | ValueError):
                raise
            reason = str(error) or "no answer in time"
            text = f"No connection to {self.name} ({reason}). Check the base URL and the network, then try again."
            raise TransportFailure(text, request_left=False) from error
        return connection

    async def _wait(self, deadline: float) -> None:
        turn: asyncio.Future[None] = self.loop.create_future()
        self.waiting.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except TimeoutError as error:
            text = f"No connection to {self.name} became free in time. Send less at once, or try again."
            raise TransportFailure(text, request_left=False) from error
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake()
            raise

    def give_back(self, connection: Connection) -> None:
        """A connection has done its request."""
        if connection.is_reusable:
            connection.idle_since = self.loop.time()
            self.idle.append(connection)
        else:
            connection.close()
            self.open -= 1
        self._wake()

    def _wake(self) -> None:
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        for connection in self.idle:
            connection.close()
        self.idle.clear()


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    # The system's authorities and certifi's: a small machine may have none of its own.
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context

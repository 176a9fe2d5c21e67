"""The engine's driver: HTTP/1.1 on the event loop that sends, without another thread to wake for every reply.

Parsing is httptools' (llhttp); connections, TLS and timers are the event loop's. ``docs/performance.md`` has what it costs beside
pyreqwest, which wakes a thread of its own for each request.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import zlib
from collections import deque
from types import TracebackType
from typing import Self, cast
from urllib.parse import urlsplit

import certifi
from httptools import HttpParserError, HttpResponseParser

from integrations.http.values import Headers, Reply, Request, TransportFailure

#: A reply larger than this is not a provider's, bytes.
MAX_REPLY_BYTES = 16 * 1024 * 1024
#: A connection that was idle for longer may have been closed at the other end just now; it is not used again, seconds.
MAX_IDLE_SECONDS = 4.0

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


def _decompress(body: bytes, encoding: str) -> bytes:
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"the content encoding {encoding!r} is not known")
    # 32 more than the window recognises gzip's and zlib's headers by itself.
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS + 32)
    decoded = decoder.decompress(body, MAX_REPLY_BYTES)
    if not decoder.eof:
        raise ValueError("it is cut off, or too large")
    return decoded


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
        self.idle: list[_Connection] = []
        self.open = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    async def take(self, deadline: float) -> _Connection:
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

    async def _connect(self, deadline: float) -> _Connection:
        self.open += 1
        try:
            async with asyncio.timeout_at(deadline):
                _, connection = await self.loop.create_connection(
                    lambda: _Connection(self.loop, self.name),
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

    def give_back(self, connection: _Connection) -> None:
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


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self.loop = loop
        self.name = name
        self.transport: asyncio.Transport | None = None
        self.is_reusable = False
        self.idle_since = 0.0
        self._reply: asyncio.Future[Reply] | None = None

    def _begin(self) -> None:
        self._parser = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._is_delimited = False
        self._has_headers = False
        self._is_spoiled = False

    def is_usable(self, now: float) -> bool:
        """Whether an idle connection may carry another request."""
        transport = self.transport
        return transport is not None and not transport.is_closing() and now - self.idle_since < MAX_IDLE_SECONDS

    def close(self) -> None:
        """Close it at once."""
        if self.transport is not None:
            self.transport.abort()

    async def exchange(self, data: bytes, deadline: float) -> Reply:
        """Write a request and wait for its reply.

        Raises:
            TransportFailure: no whole reply came; the request counts as gone.
        """
        transport = self.transport
        if transport is None or transport.is_closing() or self.loop.time() >= deadline:
            text = f"The connection to {self.name} was closed, or there too late, before the request was written. Try again."
            raise TransportFailure(text, request_left=False)
        self.is_reusable = False
        self._begin()
        reply: asyncio.Future[Reply] = self.loop.create_future()
        self._reply = reply
        timer = self.loop.call_at(deadline, self._time_out)
        transport.write(data)
        try:
            return await reply
        finally:
            timer.cancel()
            self._reply = None

    def _time_out(self) -> None:
        self._fail(
            f"{self.name} did not answer in time. It may have acted on the request: check before it is repeated."
        )

    def _fail(self, text: str) -> None:
        # First: the next request must not be there before the provider sees that this one is given up.
        self.close()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(TransportFailure(text, request_left=True))

    def _break(self, reason: str) -> None:
        self._fail(f"The connection to {self.name} broke ({reason}). It may have acted on the request.")

    # The transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Some of the reply is here."""
        if self._reply is None or self._reply.done():
            # Nobody asked: whatever it is, it must not be taken for the next request's reply.
            self.is_reusable = False
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._break(f"what it sent is not HTTP: {error}")
        if self._is_spoiled:
            self.is_reusable = False

    def eof_received(self) -> bool:
        """The other end has said all."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone; a reply without a length ends so."""
        self.is_reusable = False
        if self._reply is None:
            return
        if exc is None and self._has_headers and not self._is_delimited:
            self._finish()
        else:
            self._break(str(exc) if exc else "closed before the reply was complete")

    # The parser's calls

    def on_message_begin(self) -> None:
        """A reply begins; a second one was not asked for."""
        self._is_spoiled = self._reply is None or self._reply.done()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of the reply."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        known = self._headers.get(key)
        self._headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        """The head of the reply is here."""
        self._has_headers = True
        self._is_delimited = "content-length" in self._headers or "transfer-encoding" in self._headers

    def on_body(self, body: bytes) -> None:
        """Some of the body is here."""
        self._size += len(body)
        if self._size > MAX_REPLY_BYTES:
            self._break(f"its reply is larger than {MAX_REPLY_BYTES} bytes")
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """The reply is whole; one that only says "go on" is not the reply."""
        if self._parser.get_status_code() < 200:
            self._headers = {}
            self._has_headers = False
            return
        self.is_reusable = self._parser.should_keep_alive()
        self._finish()

    def _finish(self) -> None:
        reply = self._reply
        if reply is None or reply.done():
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        encoding = self._headers.get("content-encoding", "identity")
        if encoding != "identity":
            # Nobody asked for it, but some proxies compress regardless.
            try:
                body = _decompress(body, encoding)
            except (ValueError, zlib.error) as error:
                self._break(f"its reply cannot be decoded: {error}")
                return
        reply.set_result(Reply(self._parser.get_status_code(), self._headers, body))

"""The HTTP client that webhooks leave through: keep-alive connections, one request at a time on each."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

_MAX_ANSWER_BYTES = 64 * 1024
_MAX_IDLE = 256


@dataclass(frozen=True, slots=True)
class Answer:
    """What a webhook's receiver said; the body is cut at 64 KiB."""

    status: int
    body: bytes


class NoAnswer(Exception):
    """No answer came: refused, closed or too late. The text says which."""


@dataclass(frozen=True, slots=True)
class _Origin:
    host: str
    port: int
    tls: bool


class _ClientConnection(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.closed = False
        self.used = False
        self._answer: asyncio.Future[Answer] | None = None
        self._begin()

    def _begin(self) -> None:
        # A new parser each time: a reply that was cut short must not leak into the next one.
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._headers_complete = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.closed = True
        if self._headers_complete and not self._parser.should_keep_alive():
            # An answer without a length ends with its connection.
            self.on_message_complete()
        self._fail("the receiver closed the connection before it answered")

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"the answer is not HTTP: {error}")
            self.close()

    def on_headers_complete(self) -> None:
        self._headers_complete = self._parser.get_status_code() >= 200

    def on_body(self, chunk: bytes) -> None:
        if len(self._body) < _MAX_ANSWER_BYTES:
            self._body += chunk[: _MAX_ANSWER_BYTES - len(self._body)]

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        keep = self._parser.should_keep_alive()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(status, self._body))
        if not keep:
            self.close()

    async def exchange(self, request: bytes) -> Answer:
        """Send a request and wait for its answer."""
        if self.closed or self.transport is None:
            raise NoAnswer("the connection was closed")
        self._begin()
        self.used = True
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.closed = True
        if self.transport is not None:
            self.transport.close()

    def _fail(self, text: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(NoAnswer(text))


class WebhookClient:
    """A pool of connections by origin. Its owner bounds how many requests are made at once."""

    def __init__(self) -> None:
        self._idle: dict[_Origin, list[_ClientConnection]] = {}
        self._tls: ssl.SSLContext | None = None

    async def post(self, url: str, headers: bytes, body: bytes, *, timeout_seconds: float) -> Answer:
        """POST something.

        Args:
            url: absolute, http or https.
            headers: further header lines, Content-Type among them, each ending in CRLF.
            body: encoded.
            timeout_seconds: for connecting and answering together.

        Raises:
            NoAnswer: no answer came, or the URL is not one that can be called.
        """
        try:
            parts = urlsplit(url)
            tls = parts.scheme == "https"
            origin = _Origin(parts.hostname or "", parts.port or (443 if tls else 80), tls)
        except ValueError as error:
            raise NoAnswer(f"{url} is not a URL that can be called: {error}") from error
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        request = (b"POST %b HTTP/1.1\r\nHost: %b\r\nAccept: */*\r\n%bContent-Length: %d\r\n\r\n%b") % (
            target.encode("ascii", "backslashreplace"),
            parts.netloc.rpartition("@")[2].encode("idna" if not parts.netloc.isascii() else "ascii"),
            headers,
            len(body),
            body,
        )
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._send(origin, request)
        except TimeoutError as error:
            raise NoAnswer(f"{url} did not answer within {timeout_seconds:g} seconds") from error
        except OSError as error:
            raise NoAnswer(f"{url} could not be reached: {error}") from error

    def close(self) -> None:
        """Close the idle connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def _send(self, origin: _Origin, request: bytes) -> Answer:
        while True:
            connection = await self._connection(origin)
            reused = connection.used
            try:
                answer = await connection.exchange(request)
            except NoAnswer:
                # The receiver may close a kept connection at any time; only a fresh one says anything about it.
                if reused:
                    continue
                raise
            except asyncio.CancelledError:
                connection.close()
                raise
            idle = self._idle.setdefault(origin, [])
            if not connection.closed and len(idle) < _MAX_IDLE:
                idle.append(connection)
            else:
                connection.close()
            return answer

    async def _connection(self, origin: _Origin) -> _ClientConnection:
        idle = self._idle.get(origin, [])
        while idle:
            connection = idle.pop()
            if not connection.closed:
                return connection
        if origin.tls and self._tls is None:
            self._tls = ssl.create_default_context()
        loop = asyncio.get_running_loop()
        _, fresh = await loop.create_connection(
            _ClientConnection, origin.host, origin.port, ssl=self._tls if origin.tls else None
        )
        return fresh

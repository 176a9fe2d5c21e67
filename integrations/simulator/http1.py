"""HTTP/1.1 as a server speaks it: a protocol for asyncio around httptools' parser, and nothing else."""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import Protocol, cast

import httptools

MAX_BODY_BYTES = 8 * 1024 * 1024
_MAX_URL_BYTES = 16 * 1024
_MAX_HEADER_BYTES = 64 * 1024
#: Requests of one connection that may wait for the one before them.
_MAX_WAITING = 128

_JSON = b"application/json"
_STATUS_LINES = {
    int(status): f"HTTP/1.1 {int(status)} {status.phrase}\r\n".encode() for status in HTTPStatus if status >= 200
}


class HttpRequest:
    """A request that was received whole. ``headers`` holds the few that matter here, with lower-case names."""

    __slots__ = ("body", "headers", "keep_alive", "method", "path", "query")

    def __init__(self, method: str, target: bytes, headers: dict[bytes, bytes], body: bytes, keep_alive: bool) -> None:
        path, _, query = target.partition(b"?")
        self.method = method
        self.path = path.decode("ascii", "replace")
        self.query = query.decode("ascii", "replace")
        self.headers = headers
        self.body = body
        self.keep_alive = keep_alive


class Handler(Protocol):
    """What answers requests."""

    def received(self, exchange: Exchange) -> None:
        """A request has arrived whole. Called at once, also while the one before it is still being answered."""

    def handle(self, exchange: Exchange) -> None:
        """Answer with ``exchange.reply`` or ``exchange.drop``, now or later. Requests of a connection come in turn."""

    def finished(self, exchange: Exchange) -> None:
        """The reply is written, or the connection is gone. Called once for each request received."""


class Exchange:
    """One request and the way to answer it.

    ``counted`` and ``throttled`` belong to the handler.
    """

    __slots__ = ("connection", "counted", "done", "request", "throttled")

    def __init__(self, connection: ServerConnection, request: HttpRequest) -> None:
        self.connection = connection
        self.request = request
        self.done = False
        self.counted = False
        self.throttled = False

    def reply(self, status: int, body: bytes = b"", *, extra: bytes = b"", content_type: bytes = _JSON) -> None:
        """Write the reply; nothing happens when the client has gone.

        Args:
            status: HTTP status.
            body: encoded body.
            extra: further header lines, each ending in CRLF.
            content_type: value of Content-Type, unused without a body.
        """
        if self.done:
            return
        keep_alive = self.request.keep_alive
        closing = b"" if keep_alive else b"Connection: close\r\n"
        kind = b"Content-Type: %b\r\n" % content_type if body else b""
        length = b"" if status == 204 else b"Content-Length: %d\r\n" % len(body)
        self.connection.transport.write(
            b"%b%b%b%b%b\r\n%b" % (_STATUS_LINES[status], kind, length, extra, closing, body)
        )
        self.connection.answered(self, close=not keep_alive)

    def drop(self) -> None:
        """Close the connection without a reply."""
        if not self.done:
            self.connection.answered(self, close=True)


class _Refused(Exception):
    """The request breaks a limit; raised inside the parser to stop it."""


class ServerConnection(asyncio.Protocol):
    """One client's connection. Replies leave in the order of the requests, so clients may pipeline.

    Args:
        handler: what answers.
        open_connections: this connection is in it while it is open.
    """

    transport: asyncio.Transport

    def __init__(self, handler: Handler, open_connections: set[ServerConnection]) -> None:
        self._handler = handler
        self._open = open_connections
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._advancing = False
        self._closing = False
        self._reading = True
        self._refusal = 0
        self._begin()

    def _begin(self) -> None:
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._header_bytes = 0
        self._body = b""
        self._chunks: list[bytes] | None = None
        self._body_bytes = 0

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not asyncio.Transport's children, so isinstance would not do.
        self.transport = cast(asyncio.Transport, transport)
        self._open.add(self)

    def eof_received(self) -> None:
        # At once, and not with connection_lost: other connections' requests may be read before that is called.
        self._gone()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._open.discard(self)
        self._gone()

    def _gone(self) -> None:
        self._closing = True
        gone = [self._current, *self._waiting] if self._current is not None else list(self._waiting)
        self._current = None
        self._waiting.clear()
        for exchange in gone:
            exchange.done = True
            self._handler.finished(exchange)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # An upgrade is an offer that a server may ignore; the request itself has been handled.
            self._refuse(400)
        except httptools.HttpParserError:
            self._refuse(self._refusal or 400)

    def pause_writing(self) -> None:
        self._set_reading(False)

    def resume_writing(self) -> None:
        self._set_reading(True)

    # httptools' side

    def on_url(self, url: bytes) -> None:
        self._target += url
        if len(self._target) > _MAX_URL_BYTES:
            self._stop_parsing(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > _MAX_HEADER_BYTES:
            self._stop_parsing(431)
        name = name.lower()
        if name in (b"authorization", b"content-type", b"expect", b"idempotency-key"):
            self._headers[name] = value
        elif name == b"content-length" and value.isdigit() and int(value) > MAX_BODY_BYTES:
            self._stop_parsing(413)

    def on_headers_complete(self) -> None:
        if self._headers.get(b"expect", b"").lower() == b"100-continue" and self._current is None:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, chunk: bytes) -> None:
        self._body_bytes += len(chunk)
        if self._body_bytes > MAX_BODY_BYTES:
            self._stop_parsing(413)
        if not self._body:
            self._body = chunk
        elif self._chunks is None:
            self._chunks = [self._body, chunk]
        else:
            self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        target = self._target
        if not target.startswith(b"/"):
            try:
                parsed = httptools.parse_url(target)
            except httptools.HttpParserInvalidURLError:
                self._stop_parsing(400)
            target = (parsed.path or b"/") + (b"?" + parsed.query if parsed.query else b"")
        body = self._body if self._chunks is None else b"".join(self._chunks)
        method = self._parser.get_method().decode("ascii")
        request = HttpRequest(method, target, self._headers, body, self._parser.should_keep_alive())
        self._begin()
        exchange = Exchange(self, request)
        self._handler.received(exchange)
        self._waiting.append(exchange)
        self._advance()
        if len(self._waiting) >= _MAX_WAITING:
            self._set_reading(False)

    # Answering

    def answered(self, exchange: Exchange, *, close: bool) -> None:
        """An exchange is over; for ``Exchange`` only."""
        exchange.done = True
        self._current = None
        self._handler.finished(exchange)
        if close:
            self._close()
            return
        self._advance()
        if not self._reading and len(self._waiting) < _MAX_WAITING // 2:
            self._set_reading(True)
        if self._closing and self._current is None:
            self._close()

    def _advance(self) -> None:
        # A loop, and not a call from each reply to the next request: a pipeline may be longer than the stack is deep.
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._waiting and self._current is None and not self.transport.is_closing():
                self._current = self._waiting.popleft()
                self._handler.handle(self._current)
        finally:
            self._advancing = False

    def _stop_parsing(self, status: int) -> None:
        self._refusal = status
        raise _Refused

    def _refuse(self, status: int) -> None:
        """Answer what cannot be parsed, behind the replies that are due, and close."""
        self._closing = True
        request = HttpRequest("BAD", b"/%d" % status, {}, b"", keep_alive=False)
        self._waiting.append(Exchange(self, request))
        self._handler.received(self._waiting[-1])
        self._advance()

    def _set_reading(self, reading: bool) -> None:
        if reading == self._reading or self.transport.is_closing():
            return
        self._reading = reading
        if reading:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def _close(self) -> None:
        self._closing = True
        self.transport.close()

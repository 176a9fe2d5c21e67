"""One HTTP/1.1 connection of the engine's driver: a protocol for asyncio around httptools' parser."""

from __future__ import annotations

import asyncio
import zlib
from typing import cast

from httptools import HttpParserError, HttpResponseParser

from integrations.http.values import Reply, TransportFailure

#: A reply larger than this is not a provider's, bytes.
MAX_REPLY_BYTES = 16 * 1024 * 1024
#: A connection that was idle for longer may have been closed at the other end just now; it is not used again, seconds.
MAX_IDLE_SECONDS = 4.0


class Connection(asyncio.Protocol):
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


def _decompress(body: bytes, encoding: str) -> bytes:
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"the content encoding {encoding!r} is not known")
    # 32 more than the window recognises gzip's and zlib's headers by itself.
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS + 32)
    decoded = decoder.decompress(body, MAX_REPLY_BYTES)
    if not decoder.eof:
        raise ValueError("it is cut off, or too large")
    return decoded

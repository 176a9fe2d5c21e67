"""A TCP proxy that can be told to hold back, to break and to refuse connections."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from tests.bench.machine import free_port

T = TypeVar("T")

_CHUNK = 65_536
#: The far side's connection is broken this long before ours: it has noticed, and counts the request as gone, before the
#: sender uses the slot again.
_FAR_FIRST_SECONDS = 0.05


class _Link:
    """One connection with its counterpart."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near = near
        self.far = far
        #: The next bytes from the near side are not passed on, and both sides are broken.
        self.swallows = False

    async def cut(self) -> None:
        """Break both sides, the far one first."""
        _abort(self.far)
        await asyncio.sleep(_FAR_FIRST_SECONDS)
        _abort(self.near)


class Proxy:
    """Passes connections on, in a thread of its own.

    Args:
        host: of the server behind it.
        port: of the server behind it.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = host, port
        self.port = free_port()
        self.delay_seconds = 0.0
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)
        self._thread.start()
        self._call(self._listen())

    def delay(self, seconds: float) -> None:
        """Hold every piece of data back for this long, in both directions, from now on."""
        self.delay_seconds = seconds

    def cut(self) -> int:
        """Break all connections: what was asked has arrived, the answer never does. How many there were."""
        return self._call(self._cut())

    def swallow(self, most: int) -> int:
        """Break present connections when something is next asked on them, and do not pass that on. How many they are.

        Args:
            most: so many at most.
        """
        return self._call(self._swallow(most))

    def refuse(self) -> None:
        """Break all connections and refuse new ones until ``accept``."""
        self._call(self._refuse())

    def accept(self) -> None:
        """Take connections again."""
        self._call(self._listen())

    def near_ports(self) -> list[int]:
        """The clients' own ports, in no order."""
        return self._call(self._near_ports())

    def close(self) -> None:
        """Break everything and end."""
        self._call(self._refuse())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, job: Coroutine[Any, Any, T]) -> T:
        done: Future[T] = asyncio.run_coroutine_threadsafe(job, self._loop)
        return done.result(10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> int:
        links = list(self._links)
        await asyncio.gather(*(link.cut() for link in links))
        return len(links)

    async def _swallow(self, most: int) -> int:
        links = list(self._links)[:most]
        for link in links:
            link.swallows = True
        return len(links)

    async def _near_ports(self) -> list[int]:
        return [link.near.get_extra_info("peername")[1] for link in self._links]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            _abort(writer)
            return
        link = _Link(writer, far_writer)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pass_on(reader, far_writer, link, asks=True),
                self._pass_on(far_reader, writer, link, asks=False),
            )
        finally:
            self._links.discard(link)
            _abort(far_writer)
            _abort(writer)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link, *, asks: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if asks and link.swallows:
                    break
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                writer.write(data)
                await writer.drain()
        # One side is gone; half-open connections are of no use here.
        _abort(link.far)
        if asks:
            _abort(link.near)
        else:
            # What the far side said before it closed still has to arrive.
            link.near.close()


def _abort(writer: asyncio.StreamWriter) -> None:
    transport = writer.transport
    if not transport.is_closing():
        transport.abort()

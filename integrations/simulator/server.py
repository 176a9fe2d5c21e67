"""Runs the simulator in this process until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

import uvloop

from integrations.simulator.app import App
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.http1 import ServerConnection

logger = logging.getLogger(__name__)

_BACKLOG = 2048


class SimulatorError(RuntimeError):
    """The simulator cannot run. The text says why and what to do."""


def serve(
    settings: SimulatorSettings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    until_stdin_closes: bool = False,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Run until SIGINT or SIGTERM.

    Args:
        settings: to begin with.
        host: address to listen on; the controls have no password, so keep it local.
        port: 0 for any free one.
        until_stdin_closes: also end when standard input closes, so that the simulator never outlives its starter.
        ready: called with the base URL once connections are accepted.

    Raises:
        SimulatorError: the address is in use or not ours.
    """
    # Messages hold no cycles, so looking for some among a million of them would only cost pauses.
    gc.freeze()
    gc.set_threshold(500_000, 50, 100)
    uvloop.run(_serve(settings, host, port, until_stdin_closes, ready))


async def _serve(
    settings: SimulatorSettings, host: str, port: int, until_stdin_closes: bool, ready: Callable[[str], None] | None
) -> None:
    loop = asyncio.get_running_loop()
    app = App(settings, loop)
    connections: set[ServerConnection] = set()
    try:
        server = await loop.create_server(lambda: ServerConnection(app, connections), host, port, backlog=_BACKLOG)
    except OSError as error:
        raise SimulatorError(f"Cannot listen on {host}:{port}: {error}. Choose another --port, or 0.") from error
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        # A thread, because an event loop cannot watch a file or /dev/null.
        threading.Thread(target=_stop_at_end, args=(sys.stdin.fileno(), stop, loop), daemon=True).start()
    bound = server.sockets[0].getsockname()
    url = f"http://{bound[0]}:{bound[1]}"
    logger.info("The carrier simulator listens on %s.", url)
    if ready is not None:
        ready(url)
    try:
        await stop.wait()
    finally:
        server.close()
        for connection in list(connections):
            connection.transport.abort()
        await app.carrier.outbox.close()


def _stop_at_end(descriptor: int, stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    while os.read(descriptor, 4096):
        pass
    # The loop may have ended by itself in the meantime.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)

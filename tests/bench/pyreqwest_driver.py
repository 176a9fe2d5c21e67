"""A library in the place of the engine's driver, to compare it with: pyreqwest, the fastest client that was found."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    DetailedPyreqwestError,
    PoolTimeoutError,
    PyreqwestError,
    RequestTimeoutError,
)

from integrations.http.values import Reply, Request, TransportFailure

#: How the client underneath marks whatever went wrong before a connection stood (name, TCP, TLS).
_CONNECTING = "client error (Connect)"


class PyreqwestDriver:
    """Carries requests with pyreqwest over HTTP/1.1. Redirects are not followed, proxy settings are ignored.

    Use it as ``async with PyreqwestDriver(40) as driver`` in the process and event loop that send. Replies are read
    whole; nothing but the time-out bounds their size, so it is for a provider's API and not for URLs from outside.

    Args:
        connections: requests in flight at once, and connections kept alive for them.
        timeout_seconds: from the start of a request to the last byte of its reply.
        connect_timeout_seconds: for the connection alone.
    """

    def __init__(
        self,
        connections: int,
        timeout_seconds: float = 10,
        connect_timeout_seconds: float = 5,
    ) -> None:
        self._connections = connections
        self._timeout_seconds = timeout_seconds
        self._connect_timeout_seconds = min(connect_timeout_seconds, timeout_seconds)
        self._client: Client | None = None

    async def __aenter__(self) -> Self:
        self._client = (
            ClientBuilder()
            .http1_only()
            .no_proxy()
            .follow_redirects(False)
            .referer(False)
            .max_connections(self._connections)
            .pool_max_idle_per_host(self._connections)
            .timeout(timedelta(seconds=self._timeout_seconds))
            .connect_timeout(timedelta(seconds=self._connect_timeout_seconds))
            .build()
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def send(self, request: Request) -> Reply:
        """Send a request and wait for the reply, whatever its status.

        Raises:
            TransportFailure: no reply; ``request_left`` says whether the provider may have seen the request.
            RuntimeError: the driver is not open.
        """
        client = self._client
        if client is None:
            raise RuntimeError("The driver is not open. Use it inside 'async with'.")
        try:
            builder = client.request(request.method, request.url).headers(request.headers)
            if request.body:
                builder = builder.body_bytes(request.body)
            outgoing = builder.build()
        except ValueError as error:
            text = f"The request cannot be built ({error}). Check the gateway's base URL and credentials."
            raise TransportFailure(text, request_left=False) from error
        try:
            reply = await outgoing.send()
            body = await reply.bytes()
        except PyreqwestError as error:
            raise _failure(request, error) from error
        return Reply(reply.status, _merged(reply.headers.items()), body.to_bytes())


def _merged(pairs: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        # The client's names are lower-case already.
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _failure(request: Request, error: PyreqwestError) -> TransportFailure:
    """What a failure means.

    The exception's class cannot tell: a time-out while waiting for the reply is a ``ConnectTimeoutError`` and a
    connection that breaks after the request was written is a ``ConnectError``. Only the causes say what was going on,
    and where they don't, the request counts as gone.
    """
    host = urlsplit(request.url).netloc.rpartition("@")[2] or request.url
    causes = _causes(error)
    reason = causes[-1] if causes else error.message
    if isinstance(error, PoolTimeoutError):
        text = f"No connection to {host} became free in time. Send less at once, or try again."
        return TransportFailure(text, request_left=False)
    if isinstance(error, ValueError) or _CONNECTING in causes:
        text = f"No connection to {host} ({reason}). Check the base URL and the network, then try again."
        return TransportFailure(text, request_left=False)
    if isinstance(error, RequestTimeoutError):
        text = f"{host} did not answer in time. It may have acted on the request: check before it is repeated."
        return TransportFailure(text, request_left=True)
    text = f"The connection to {host} broke ({reason}). It may have acted on the request."
    return TransportFailure(text, request_left=True)


def _causes(error: PyreqwestError) -> list[str]:
    if not isinstance(error, DetailedPyreqwestError):
        return []
    return [cause["message"] for cause in error.details.get("causes") or ()]

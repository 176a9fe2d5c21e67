"""The everyday driver: synchronous, for management views, number purchases, look-ups and connections."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx

from integrations.http.values import Reply, Request, TransportFailure

#: A page of 1,000 numbers is about 2 MB; whatever is much longer is not an answer to us.
MAX_BODY_BYTES = 16 * 1024 * 1024

#: Failures that come before the first byte of a request leaves.
_BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


class HttpxDriver:
    """Carries requests with httpx. Redirects are not followed and proxy settings of the environment are ignored.

    Args:
        client: a client to use, which stays the caller's to close; without one the driver opens its own.
        timeout_seconds: for each of connecting, writing and waiting for data.
        max_body_bytes: a longer reply is a failure.
    """

    def __init__(
        self,
        client: httpx.Client | None = None,
        timeout_seconds: float | httpx.Timeout = 10,
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._owned = client is None
        self._client = client or httpx.Client(trust_env=False)
        self._timeout = httpx.Timeout(timeout_seconds)
        self._max_body_bytes = max_body_bytes

    @classmethod
    def within(cls, seconds: float) -> Self:
        """A driver whose requests are over within a time, most of which is for the answer; one that drips may take longer.

        Args:
            seconds: for connecting, writing and waiting together.
        """
        return cls(timeout_seconds=httpx.Timeout(seconds * 2 / 3, connect=seconds / 6, write=seconds / 6, pool=0))

    def send(self, request: Request) -> Reply:
        """Send a request and wait for the reply, whatever its status.

        Raises:
            TransportFailure: no reply; ``request_left`` says whether the provider may have seen the request.
        """
        try:
            outgoing = self._client.build_request(
                request.method,
                request.url,
                headers=list(request.headers),
                content=request.body or None,
                timeout=self._timeout,
            )
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            text = f"The request cannot be built ({error}). Check the gateway's base URL and credentials."
            raise TransportFailure(text, request_left=False) from error
        host = outgoing.url.host or request.url
        try:
            return self._exchange(outgoing)
        except (*_BEFORE_SENDING, UnicodeError) as error:
            # A name that cannot be encoded fails in the resolver, where httpx does not translate it.
            text = f"No connection to {host} ({_reason(error)}). Check the base URL and the network, then try again."
            raise TransportFailure(text, request_left=False) from error
        except httpx.TimeoutException as error:
            warning = "" if request.only_reads else " It may have acted on the request: check before it is repeated."
            text = f"{host} did not answer in time.{warning}"
            raise TransportFailure(text, request_left=True) from error
        except httpx.HTTPError as error:
            warning = "" if request.only_reads else " It may have acted on the request."
            text = f"The connection to {host} broke ({_reason(error)}).{warning}"
            raise TransportFailure(text, request_left=True) from error

    def _exchange(self, outgoing: httpx.Request) -> Reply:
        reply = self._client.send(outgoing, stream=True, follow_redirects=False)
        try:
            body = bytearray()
            for chunk in reply.iter_bytes():
                body += chunk
                if len(body) > self._max_body_bytes:
                    text = (
                        f"{outgoing.url.host} answered with more than {self._max_body_bytes} bytes; they were not read."
                    )
                    raise TransportFailure(text, request_left=True)
        finally:
            reply.close()
        # httpx joins repeated headers with ", ", as RFC 9110 section 5.3 allows.
        return Reply(reply.status_code, dict(reply.headers.items()), bytes(body))

    def close(self) -> None:
        """Close the driver's own client; one that was passed in stays open."""
        if self._owned:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.LocalProtocolError):
        # Its text shows the header, which may be the one with the credentials.
        return "the request holds characters that HTTP does not allow"
    return str(error) or type(error).__name__

"""A request and a reply as values, so that an adapter can be driven by any HTTP client or by none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What an adapter wants sent.

    Args:
        method: HTTP method in capitals.
        url: absolute URL, query string included.
        headers: name and value pairs; repeats are allowed.
        body: encoded body, empty for none.
    """

    method: str
    url: str
    # Credentials and texts are not in what a log or an error page shows of it.
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing, so that it may be repeated whatever became of it (RFC 9110 section 9.2.1)."""
        return self.method in ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``headers`` have lower-case names."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The decoded body.

        Raises:
            ValueError: the body is not JSON.
        """
        return orjson.loads(self.body)

    @property
    def retry_after_seconds(self) -> float | None:
        """``Retry-After`` when it is given in seconds (RFC 9110 section 10.2.3), else None."""
        value = self.headers.get("retry-after", "")
        return float(value) if value.isdecimal() else None


class TransportFailure(Exception):
    """No reply came back.

    Args:
        text: what happened, for a person.
        request_left: False when it is certain that the provider saw nothing of the request
            (connection refused, name not found); True when it may have been taken.
    """

    def __init__(self, text: str, *, request_left: bool) -> None:
        super().__init__(text)
        self.text = text
        self.request_left = request_left


class HeldBack(TransportFailure):
    """The request was not sent, for a reason of ours: nothing is said of the provider.

    Args:
        text: why, and what to do, for a person.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text, request_left=False)

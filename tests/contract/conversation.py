"""A conversation of an adapter with a running stand-in server, each reply held against the provider's description."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request
from tests.contract.openapi import Checked, Specification

#: Nothing goes wrong.
CALM: Mapping[str, Any] = {"errors": {}, "fail_before": 0, "fail_after": 0, "throttle_above": 0, "latency_ms": 1}


class Conversation(ABC):
    """The adapter and a running stand-in server, which is a carrier simulator.

    Args:
        url: the simulator's base URL; its control addresses are used too.
        driver: carries the requests.
        described: the provider's description.

    Attributes:
        label: the provider's name, in front of each row's.
        settings: the simulator's, as they were.
    """

    label = ""

    def __init__(self, url: str, driver: HttpxDriver, described: Specification) -> None:
        self.url = url.rstrip("/")
        self.driver = driver
        self.described = described
        self.settings: dict[str, Any] = self._control("GET").json()

    def _control(self, method: str, values: Mapping[str, object] | None = None) -> Reply:
        body = orjson.dumps(values) if values is not None else b""
        reply = self.driver.send(Request(method, f"{self.url}/settings", (("content-type", "application/json"),), body))
        if reply.status != 200:
            raise RuntimeError(f"{method} {self.url}/settings answered {reply.status}: {reply.body[:200]!r}")
        return reply

    def set_up(self, **changed: object) -> None:
        """The simulator's settings: calm, but for what is named."""
        self._control("PUT", {**CALM, **changed})

    def check(self) -> Iterator[Checked]:
        """Each kind of reply once; the simulator's settings are put back at the end."""
        try:
            self.set_up()
            yield from self.rows()
        finally:
            self._control("PUT", {name: self.settings[name] for name in (*CALM, "fail_how")})

    @abstractmethod
    def rows(self) -> Iterator[Checked]:
        """Each kind of reply once."""

    def row(self, name: str, request: Request, *statuses: int) -> tuple[Checked, Reply]:
        """A request's reply, as a row and as it came.

        Args:
            name: what it is about.
            request: is sent.
            statuses: that are expected.
        """
        reply = self.driver.send(request)
        return self.judged(name, request, reply, statuses), reply

    def judged(self, name: str, request: Request, reply: Reply, statuses: tuple[int, ...]) -> Checked:
        """A reply that has come, as a row."""
        problems = self.described.reply_problems(request, reply)
        if reply.status not in statuses:
            expected = " or ".join(map(str, statuses))
            problems.insert(0, f"status {reply.status} instead of {expected}: {reply.body[:120]!r}")
        return Checked("reply", f"{self.label}: {name}", str(reply.status), problems)

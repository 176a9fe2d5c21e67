"""Requests beside the engine's, each in one of the gateway's slots, so that no more are in flight than it allows."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from broadcast.core.config import config
from broadcast.core.redis import RedisAway
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import HeldBack, Reply, Request
from integrations.models import Gateway
from messaging.engine.slots import give_slot, take_slot

logger = logging.getLogger(__name__)

#: Between two attempts to get a slot, seconds: senders give one up within that time of being asked.
SLOT_SECONDS = 0.25
_PAUSE = threading.Event()


class NoSlot(HeldBack):
    """The request did not leave; the text says why and what to do."""


def pause(seconds: float) -> None:
    """Wait, where there is nothing to wait for but time."""
    _PAUSE.wait(seconds)


class SlottedDriver:
    """Carries requests to one gateway's provider, one at a time. No transaction may be open.

    Args:
        gateway: whose slots.
        wait_seconds: longest wait for a slot.
        wait: waits so many seconds; whatever it raises ends the waiting.
    """

    def __init__(self, gateway: Gateway, *, wait_seconds: float = 5.0, wait: Callable[[float], None] = pause) -> None:
        self._gateway = gateway
        self._wait_seconds = wait_seconds
        self._wait = wait
        self._holder = f"beside-{secrets.token_hex(4)}"
        # A slot must not be another's before its request is over.
        self._driver = HttpxDriver.within(config().request_timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._driver.close()

    def send(self, request: Request) -> Reply:
        """Send a request and wait for the reply, whatever its status.

        Raises:
            NoSlot: all slots are in use, or Redis is away.
            TransportFailure: no reply.
        """
        try:
            self._take()
        except RedisAway as error:
            raise NoSlot("Redis is away, so no request may leave. Try again when it is back.") from error
        try:
            return self._driver.send(request)
        finally:
            self._give()

    def _take(self) -> None:
        waited = 0.0
        while not take_slot(gateway_id=self._gateway.pk, limit=self._gateway.concurrency, holder=self._holder):
            if waited >= self._wait_seconds:
                self._give()
                raise NoSlot(
                    f"All {self._gateway.concurrency} requests of {self._gateway} are in use for sending. Try again later."
                )
            self._wait(SLOT_SECONDS)
            waited += SLOT_SECONDS

    def _give(self) -> None:
        try:
            give_slot(gateway_id=self._gateway.pk, holder=self._holder)
        except RedisAway as error:
            logger.warning("Redis is away; a slot of gateway %s expires by itself: %s", self._gateway.pk, error)

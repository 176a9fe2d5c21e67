"""Asking a provider about numbers of ours: whole lists or nothing, within the gateway's request slots, with patience."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from broadcast.core.config import config
from broadcast.core.crypto import DecryptionError
from broadcast.core.redis import RedisAway
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request, TransportFailure
from integrations.models import Gateway
from integrations.sms.contract import ProviderNumber
from integrations.sms.errors import AdapterError, ProviderError
from messaging.engine.slots import give_slot, take_slot
from messaging.services.gateways import inbound_url, status_url

logger = logging.getLogger(__name__)

T = TypeVar("T")

TOO_MANY = 429
SERVER_ERRORS = 500
#: A list with more pages goes in circles.
MOST_PAGES = 2_000
#: Between two attempts to get a slot, seconds: senders give one up within that time of being asked.
SLOT_SECONDS = 0.25


class NumbersUnavailable(Exception):
    """The provider did not tell, or did not do, what was asked; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on asking.

    Args:
        tries: most attempts at one request that may be repeated.
        first_seconds: wait before the second; doubles each time.
        longest_seconds: most that is waited between two, also when the provider asks for more.
        slot_seconds: longest wait for one of the gateway's request slots.
    """

    tries: int
    first_seconds: float
    longest_seconds: float
    slot_seconds: float


#: At night there is time.
NIGHTLY = Patience(tries=5, first_seconds=2.0, longest_seconds=60.0, slot_seconds=60.0)
#: Somebody waits for the page.
FOR_A_PERSON = Patience(tries=2, first_seconds=0.5, longest_seconds=2.0, slot_seconds=5.0)


class ProviderNumbers:
    """The numbers of one gateway at its provider. No transaction may be open.

    Every request takes one of the gateway's slots. All of them may be repeated: they read, set the same addresses again, or
    release what may be released already.

    Args:
        gateway: whose.
        patience: how long to go on.
        go_on: called before each attempt; False ends it.
    """

    def __init__(
        self, gateway: Gateway, *, patience: Patience = FOR_A_PERSON, go_on: Callable[[], bool] = lambda: True
    ) -> None:
        self.gateway = gateway
        self.patience = patience
        self.go_on = go_on
        self._holder = f"numbers-{secrets.token_hex(4)}"
        self._pause = threading.Event()

    def __enter__(self) -> Self:
        try:
            self.adapter = self.gateway.adapter
        except (AdapterError, LookupError, DecryptionError) as error:
            raise NumbersUnavailable(str(error)) from error
        # Connecting, writing and waiting have a third each, so that the slot is not another's before the request is over.
        self._driver = HttpxDriver(timeout_seconds=config().request_timeout_seconds / 3)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._driver.close()

    def everything(self, *, on_page: Callable[[int], None] = lambda _count: None) -> dict[str, ProviderNumber]:
        """All numbers, by number.

        Args:
            on_page: told after each page how many numbers there are until now.

        Raises:
            NumbersUnavailable: not all of them could be read.
        """
        found: dict[str, ProviderNumber] = {}
        seen: set[str] = set()
        page = ""
        while len(seen) < MOST_PAGES:
            seen.add(page)
            numbers, page = self._page(page)
            found |= {number.number: number for number in numbers}
            on_page(len(found))
            if not page:
                return found
            if page in seen:
                break
        raise NumbersUnavailable(f"{self.gateway} names the same page of its list again and again. Try again later.")

    def find(self, number: str) -> ProviderNumber | None:
        """One number; None when the whole list does not have it.

        Raises:
            NumbersUnavailable: it was not found, and not all of the list could be read.
        """
        page = ""
        for _ in range(MOST_PAGES):
            numbers, page = self._page(page)
            match = next((listed for listed in numbers if listed.number == number), None)
            if match is not None or not page:
                return match
        raise NumbersUnavailable(f"{self.gateway} names the same page of its list again and again. Try again later.")

    def wire(self, provider_id: str) -> ProviderNumber:
        """Have a number's messages and statuses come to us.

        Raises:
            NumbersUnavailable: the provider refused or did not answer.
        """
        urls = {"inbound_url": inbound_url(self.gateway), "status_url": status_url(self.gateway)}
        return self._ask(lambda: self.adapter.build_configure(provider_id, **urls), self.adapter.parse_number)

    def release(self, provider_id: str) -> None:
        """Give a number back.

        Raises:
            NumbersUnavailable: the provider refused or did not answer.
        """
        self._ask(lambda: self.adapter.build_release(provider_id), self.adapter.parse_release)

    def _page(self, page: str) -> tuple[list[ProviderNumber], str]:
        return self._ask(lambda: self.adapter.build_list(page=page), self.adapter.parse_list)

    def _ask(self, build: Callable[[], Request], parse: Callable[[Reply], T]) -> T:
        try:
            return parse(self._exchange(build()))
        except ProviderError as error:
            raise NumbersUnavailable(f"{self.gateway}: {error.text}") from error
        except TransportFailure as failure:
            raise NumbersUnavailable(f"{self.gateway} did not answer: {failure.text}") from failure
        except (AdapterError, LookupError, ValueError) as error:
            raise NumbersUnavailable(f"{self.gateway}: {error}") from error

    def _exchange(self, request: Request) -> Reply:
        """The reply to a request, the last one where the provider goes on asking for patience.

        Raises:
            TransportFailure: there was none.
            NumbersUnavailable: it shall end, or there is no slot.
        """
        patience = self.patience
        for attempt in range(1, patience.tries):
            asked_for = 0.0
            try:
                reply = self._send(request)
                if reply.status != TOO_MANY and reply.status < SERVER_ERRORS:
                    return reply
                why, asked_for = f"HTTP {reply.status}", reply.retry_after_seconds or 0.0
            except TransportFailure as failure:
                why = failure.text
            seconds = min(max(asked_for, patience.first_seconds * 2 ** (attempt - 1)), patience.longest_seconds)
            logger.info("Gateway %s is asked about numbers again in %.1f s: %s", self.gateway.pk, seconds, why)
            self._wait(seconds)
        return self._send(request)

    def _send(self, request: Request) -> Reply:
        try:
            self._take_slot()
        except RedisAway as error:
            raise NumbersUnavailable("Redis is away, so no request may leave. Try again when it is back.") from error
        try:
            return self._driver.send(request)
        finally:
            self._give_slot()

    def _take_slot(self) -> None:
        waited = 0.0
        while not take_slot(gateway_id=self.gateway.pk, limit=self.gateway.concurrency, holder=self._holder):
            if waited >= self.patience.slot_seconds:
                self._give_slot()
                raise NumbersUnavailable(
                    f"All {self.gateway.concurrency} requests of {self.gateway} are in use for sending. Try again later."
                )
            self._wait(SLOT_SECONDS)
            waited += SLOT_SECONDS

    def _give_slot(self) -> None:
        try:
            give_slot(gateway_id=self.gateway.pk, holder=self._holder)
        except RedisAway as error:
            logger.warning("Redis is away; a slot of gateway %s expires by itself: %s", self.gateway.pk, error)

    def _wait(self, seconds: float) -> None:
        """Wait, and say now and then that we are still here.

        Raises:
            NumbersUnavailable: it shall end.
        """
        left = seconds
        while left > 0 and self.go_on():
            self._pause.wait(min(left, 1.0))
            left -= 1.0
        if not self.go_on():
            raise NumbersUnavailable("It was ended before its time. Try again.")

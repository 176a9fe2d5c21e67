"""Asking a provider about numbers of ours: whole lists or nothing, within the gateway's request slots, with patience."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from types import TracebackType
from typing import Self, TypeVar

from broadcast.core.crypto import DecryptionError
from integrations.http.values import Reply, Request, TransportFailure
from integrations.models import Gateway
from integrations.sms.contract import ProviderNumber
from integrations.sms.errors import AdapterError, ProviderError
from integrations.sms.steps import Steps, one
from messaging.services.gateways import inbound_url, status_url, without_secrets
from messaging.services.slotted import NoSlot, SlottedDriver, pause

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Statuses after which the same request may be answered a moment later.
_BUSY = (429, 500, 502, 503, 504)


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
        # The last request was asked often enough already.
        self._was_busy = False

    def __enter__(self) -> Self:
        try:
            self.adapter = self.gateway.adapter
        except (AdapterError, LookupError, DecryptionError) as error:
            raise NumbersUnavailable(str(error)) from error
        self._driver = SlottedDriver(self.gateway, wait_seconds=self.patience.slot_seconds, wait=self._wait)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._driver.__exit__(kind, error, trace)

    def everything(self, *, on_answer: Callable[[int], None] = lambda _count: None) -> dict[str, ProviderNumber]:
        """All numbers with their addresses, by number.

        Args:
            on_answer: told after each of the provider's answers how many there were.

        Raises:
            NumbersUnavailable: not all of them could be read.
        """
        answers = count(1)

        def heard() -> None:
            on_answer(next(answers))

        listed = self._follow(self.adapter.listing, heard)
        if not self.adapter.capabilities.lists_urls:
            listed = [self._follow(partial(self.adapter.finding, item.number), heard) or item for item in listed]
        return {number.number: number for number in listed}

    def find(self, number: str) -> ProviderNumber | None:
        """One number with its addresses; None when the provider does not have it for us.

        Raises:
            NumbersUnavailable: it cannot be said whether it has.
        """
        return self._follow(lambda: self.adapter.finding(number))

    def wire(self, number: ProviderNumber) -> ProviderNumber:
        """Have a number's messages and statuses come to us.

        Raises:
            NumbersUnavailable: the provider refused or did not answer, or it is a person who sets the address there.
        """
        urls = {"inbound_url": inbound_url(self.gateway), "status_url": status_url(self.gateway)}
        return self._follow(lambda: self.adapter.wiring(number, **urls))

    def release(self, provider_id: str) -> None:
        """Give a number back.

        Raises:
            NumbersUnavailable: the provider refused or did not answer.
        """
        self._follow(lambda: one(self.adapter.build_release(provider_id), self.adapter.parse_release))

    def _follow(self, begin: Callable[[], Steps[T]], heard: Callable[[], None] = lambda: None) -> T:
        """Carry the requests of something that may be begun anew, until it is done; what comes of it."""
        tries = range(self.patience.tries - 1, -1, -1)
        for left in tries:
            try:
                return self._carry(begin(), heard)
            except ProviderError as error:
                if not error.retryable or not left or self._was_busy:
                    raise NumbersUnavailable(self._said(error.text)) from error
                self._wait_before_next(self.patience.tries - left, None, error.text)
            except (AdapterError, LookupError, ValueError) as error:
                raise NumbersUnavailable(self._said(str(error))) from error
            except (TypeError, AttributeError) as error:
                # The body is JSON of a shape that the adapter has not met.
                raise NumbersUnavailable(
                    f"{self.gateway} answered with something that cannot be read. Look at the provider's status page and at "
                    "the gateway's base URL, then try again."
                ) from error
        raise AssertionError("The last attempt has returned or raised.")

    def _said(self, words: str) -> str:
        return f"{self.gateway}: {without_secrets(self.gateway, words)}"

    def _carry(self, steps: Steps[T], heard: Callable[[], None]) -> T:
        try:
            request = next(steps)
            while True:
                request = steps.send(self._ask(request))
                heard()
        except StopIteration as end:
            heard()
            outcome: T = end.value
            return outcome
        finally:
            steps.close()

    def _ask(self, request: Request) -> Reply:
        """One request of several, asked again while nothing comes or the provider has no time."""
        patience = self.patience
        for attempt in range(1, patience.tries + 1):
            is_last = attempt == patience.tries
            try:
                reply = self._driver.send(request)
            except NoSlot as error:
                raise NumbersUnavailable(str(error)) from error
            except TransportFailure as failure:
                if is_last:
                    why = without_secrets(self.gateway, failure.text)
                    raise NumbersUnavailable(f"{self.gateway} did not answer: {why}") from failure
                self._wait_before_next(attempt, None, failure.text)
                continue
            self._was_busy = reply.status in _BUSY
            if is_last or not self._was_busy:
                return reply
            self._wait_before_next(attempt, reply.retry_after_seconds, f"HTTP {reply.status}")
        raise AssertionError("The last attempt has returned or raised.")

    def _wait_before_next(self, attempt: int, asked_for: float | None, why: str) -> None:
        patience = self.patience
        seconds = min(max(asked_for or 0.0, patience.first_seconds * 2 ** (attempt - 1)), patience.longest_seconds)
        logger.info("Gateway %s is asked about numbers again in %.1f s: %s", self.gateway.pk, seconds, why)
        self._wait(seconds)

    def _wait(self, seconds: float) -> None:
        """Wait, and say now and then that we are still here.

        Raises:
            NumbersUnavailable: it shall end.
        """
        left = seconds
        while left > 0 and self.go_on():
            pause(min(left, 1.0))
            left -= 1.0
        if not self.go_on():
            raise NumbersUnavailable("It was ended before its time. Try again.")

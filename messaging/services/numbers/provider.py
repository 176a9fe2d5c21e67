"""Asking a provider about numbers: with every way in which it fails as words for a person."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from broadcast.core.crypto import DecryptionError
from integrations.http.values import Reply, Request, TransportFailure
from integrations.models import Gateway
from integrations.sms.contract import NumberQuery, ProviderNumber, SmsAdapter
from integrations.sms.errors import AdapterError, NumberPending, ProviderError
from integrations.sms.registry import ADAPTERS
from integrations.sms.steps import Steps, one
from messaging.services.gateways import inbound_url, status_url, without_secrets
from messaging.services.numbers.errors import ProvisioningError
from messaging.services.slotted import NoSlot, SlottedDriver

T = TypeVar("T")

#: Somebody waits for a page: no other request begins after so long.
FOR_A_PERSON_SECONDS = 10.0
#: Statuses below 500 after which the request may have been carried out all the same.
_LEAVES_OPEN = (408, 409, 425)
#: Statuses at which an adapter's own words are better than what we make of a body that is no JSON.
_TELLING = (400, 401, 403, 429)


class Provider:
    """A gateway's numbers API while it is talked to.

    Args:
        gateway: which.
        adapter: its own.
        driver: carries the requests.
        within_seconds: begins with no other request after so long; None goes on to the end.
    """

    def __init__(
        self, gateway: Gateway, adapter: SmsAdapter, driver: SlottedDriver, *, within_seconds: float | None = None
    ) -> None:
        self.gateway = gateway
        self.adapter = adapter
        self._driver = driver
        self._until = None if within_seconds is None else time.monotonic() + within_seconds

    def ask(self, build: Callable[[], Request], parse: Callable[[Reply], T]) -> T:
        """Send one request and read the reply.

        Args:
            build: makes the request.
            parse: reads its reply.

        Raises:
            ProvisioningError: no reply, or one that is not what was wanted.
        """
        return self.follow(lambda: one(build(), parse))

    def follow(self, begin: Callable[[], Steps[T]]) -> T:
        """Carry an adapter's requests, however many it takes, until it is done.

        Args:
            begin: makes the steps.

        Raises:
            ProvisioningError: no reply to one of them, or one that is not what was wanted.
        """
        try:
            steps = begin()
            request = next(steps)
        except StopIteration as end:
            return cast("T", end.value)
        except ProviderError as error:
            raise ProvisioningError(self._said(error.text), retryable=error.retryable) from error
        except (LookupError, ValueError) as error:
            raise ProvisioningError(without_secrets(self.gateway, str(error))) from error
        # Whether one of them may have changed something: then a refusal of a later one undoes nothing.
        has_changed = False
        try:
            while True:
                reply = self._send(request, has_changed=has_changed)
                has_changed = has_changed or not (request.only_reads or _is_undone(reply))
                try:
                    request = steps.send(reply)
                except ProviderError as error:
                    raise self._refusal(reply, error, has_changed=has_changed) from error
                except (LookupError, TypeError, ValueError, AttributeError) as error:
                    # The body is JSON of a shape that the adapter has not met.
                    raise self._unreadable(reply, has_changed=has_changed) from error
        except StopIteration as end:
            return cast("T", end.value)
        finally:
            steps.close()

    def _send(self, request: Request, *, has_changed: bool) -> Reply:
        if self._until is not None and time.monotonic() > self._until:
            raise ProvisioningError(
                f"{self.gateway} answers too slowly at this moment. Try again later.",
                retryable=True,
                undone=not has_changed,
            )
        try:
            reply = self._driver.send(request)
        except NoSlot as error:
            raise ProvisioningError(str(error), retryable=True, undone=not has_changed) from error
        except TransportFailure as failure:
            undone = not has_changed and (request.only_reads or not failure.request_left)
            why = without_secrets(self.gateway, failure.text)
            text = f"{self.gateway} did not answer: {why}{' Try again in a moment.' if undone else ''}"
            raise ProvisioningError(text, retryable=True, undone=undone) from failure
        if 200 <= reply.status < 300 and _is_page(reply):
            # No API says so that something was done; whoever reads the status alone would believe it.
            raise self._unreadable(reply, has_changed=has_changed or not request.only_reads)
        return reply

    def everything(self) -> list[ProviderNumber]:
        """All numbers that we own.

        Raises:
            ProvisioningError: not all of them could be read.
        """
        return self.follow(self.adapter.listing)

    def owned(self, number: str) -> ProviderNumber | None:
        """A number that we own, with its addresses; None when the provider has it not for us.

        Raises:
            ProvisioningError: it cannot be said; it may be ordered and not ours yet.
        """
        return self.follow(lambda: self.adapter.finding(number))

    def buy(self, number: str, *, label: str) -> ProviderNumber:
        """Buy a number. Not to be called again for one that may have been bought before ``owned`` has said that it is not ours.

        Raises:
            ProvisioningError: ``undone`` says whether money may have been spent.
        """
        return self.follow(lambda: self.adapter.buying(number, **self._urls(), friendly_name=label))

    def is_wired(self, number: ProviderNumber) -> bool:
        """Whether what people write to an owned number reaches us, as far as the provider tells."""
        return self.adapter.is_wired(number, **self._urls())

    def wire(self, number: ProviderNumber) -> ProviderNumber:
        """Have what people write to an owned number reach us. Repeatable.

        Raises:
            ProvisioningError: the provider refused or did not answer.
        """
        return self.follow(lambda: self.adapter.wiring(number, **self._urls()))

    def release(self, provider_id: str) -> None:
        """Give a number back; fine when it is gone already.

        Raises:
            ProvisioningError: the provider refused or did not answer.
        """
        self.ask(lambda: self.adapter.build_release(provider_id), self.adapter.parse_release)

    def _urls(self) -> dict[str, str]:
        return {"inbound_url": inbound_url(self.gateway), "status_url": status_url(self.gateway)}

    def _refusal(self, reply: Reply, error: ProviderError, *, has_changed: bool) -> ProvisioningError:
        if isinstance(error, NumberPending):
            return ProvisioningError(self._said(error.text), retryable=True, is_ordered=True)
        if reply.status == 429:
            wait = reply.retry_after_seconds
            how_long = f"Wait {_duration(wait)}" if wait is not None else "Wait a minute"
            text = f"{self.gateway} takes no more requests for now (too many at once). {how_long}, then try again."
            return ProvisioningError(text, retryable=True, undone=not has_changed, retry_after_seconds=wait)
        if reply.status not in _TELLING and _is_no_data(reply):
            return self._unreadable(reply, has_changed=has_changed)
        undone = error.undone or not has_changed
        return ProvisioningError(self._said(error.text), retryable=error.retryable, undone=undone)

    def _said(self, words: str) -> str:
        return f"{self.gateway}: {without_secrets(self.gateway, words)}"

    def _unreadable(self, reply: Reply, *, has_changed: bool) -> ProvisioningError:
        if not reply.body.strip():
            what = f"with nothing (HTTP {reply.status})"
        elif _is_page(reply):
            what = f"with a web page instead of data (HTTP {reply.status})"
        else:
            what = f"with something that cannot be read (HTTP {reply.status})"
        text = (
            f"{self.gateway} answered {what}. Its API may be down, or the gateway's base URL is not its API's: look at the "
            "provider's status page and at the gateway, then try again."
        )
        return ProvisioningError(text, retryable=True, undone=not has_changed)


def _duration(seconds: float) -> str:
    if seconds <= 90:
        whole = max(1, math.ceil(seconds))
        return f"{whole} second{'' if whole == 1 else 's'}"
    return f"{math.ceil(seconds / 60)} minutes"


def _is_undone(reply: Reply) -> bool:
    return 400 <= reply.status < 500 and reply.status not in _LEAVES_OPEN


def _is_page(reply: Reply) -> bool:
    return "html" in reply.headers.get("content-type", "") or reply.body.lstrip()[:1] == b"<"


def _is_no_data(reply: Reply) -> bool:
    return not reply.body.strip() or _is_page(reply)


@contextmanager
def talk_to(gateway: Gateway, *, within_seconds: float | None = None) -> Iterator[Provider]:
    """A gateway's numbers API.

    Args:
        gateway: which.
        within_seconds: see ``Provider``.

    Raises:
        ProvisioningError: the gateway cannot be used.
    """
    try:
        adapter = gateway.adapter
    except (AdapterError, DecryptionError) as error:
        raise ProvisioningError(f"{gateway}: {error}") from error
    with SlottedDriver(gateway) as driver:
        yield Provider(gateway, adapter, driver, within_seconds=within_seconds)


def has_numbers_api(gateway: Gateway) -> bool:
    """Whether numbers are bought, wired and released through the gateway's API; one that cannot be used may have one."""
    try:
        return gateway.adapter.capabilities.numbers
    except (AdapterError, DecryptionError):
        return ADAPTERS[gateway.kind].capabilities.numbers


def selling_gateways() -> list[Gateway]:
    """Enabled gateways at which numbers can be bought."""
    # One whose credentials cannot be read must not take the others with it.
    enabled = Gateway.objects.filter(is_enabled=True).defer("credentials")
    return [gateway for gateway in enabled if has_numbers_api(gateway)]


def search_numbers(*, gateway: Gateway, query: NumberQuery) -> list[ProviderNumber]:
    """Numbers on offer at the provider. Called in web requests: it reads, is one request, and somebody waits for its answer.

    Args:
        gateway: where.
        query: which.

    Raises:
        ProvisioningError: the provider refused or did not answer.
    """
    with talk_to(gateway) as provider:
        return provider.ask(lambda: provider.adapter.build_search(query), provider.adapter.parse_search)


def list_numbers(*, gateway: Gateway) -> list[ProviderNumber]:
    """All numbers we own at the provider.

    Raises:
        ProvisioningError: the provider refused or did not answer.
    """
    with talk_to(gateway) as provider:
        return provider.everything()


def find_number(*, gateway: Gateway, number: str, within_seconds: float | None = None) -> ProviderNumber | None:
    """A number that we own at the provider; None when it lists no such number.

    Args:
        gateway: where.
        number: E.164, or a short code's digits.
        within_seconds: see ``Provider``.

    Raises:
        ProvisioningError: the provider refused or did not answer.
    """
    with talk_to(gateway, within_seconds=within_seconds) as provider:
        return provider.owned(number)

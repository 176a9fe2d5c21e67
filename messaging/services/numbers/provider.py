"""Asking a provider about numbers: one request at a time, with every way in which it fails as words for a person."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from broadcast.core.crypto import DecryptionError
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request, TransportFailure
from integrations.models import Gateway
from integrations.sms.contract import NumberQuery, ProviderNumber, SmsAdapter
from integrations.sms.errors import AdapterError, ProviderError
from integrations.sms.registry import ADAPTERS
from messaging.services.numbers.errors import ProvisioningError

T = TypeVar("T")

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
    """

    def __init__(self, gateway: Gateway, adapter: SmsAdapter, driver: HttpxDriver) -> None:
        self.gateway = gateway
        self.adapter = adapter
        self._driver = driver

    def ask(self, build: Callable[[], Request], parse: Callable[[Reply], T]) -> T:
        """Send one request and read the reply.

        Args:
            build: makes the request.
            parse: reads its reply.

        Raises:
            ProvisioningError: no reply, or one that is not what was wanted.
        """
        try:
            request = build()
        except (LookupError, ValueError) as error:
            raise ProvisioningError(str(error)) from error
        try:
            reply = self._driver.send(request)
        except TransportFailure as failure:
            text = f"{self.gateway} did not answer: {failure.text} Try again in a moment."
            raise ProvisioningError(text, retryable=True, undone=not failure.request_left) from failure
        if 200 <= reply.status < 300 and _is_page(reply):
            # No API says so that something was done; whoever reads the status alone would believe it.
            raise self._unreadable(reply)
        try:
            return parse(reply)
        except ProviderError as error:
            raise self._refusal(reply, error) from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # The body is JSON of a shape that the adapter has not met.
            raise self._unreadable(reply) from error

    def _refusal(self, reply: Reply, error: ProviderError) -> ProvisioningError:
        if reply.status == 429:
            wait = reply.retry_after_seconds
            how_long = f"Wait {_duration(wait)}" if wait is not None else "Wait a minute"
            text = f"{self.gateway} takes no more requests for now (too many at once). {how_long}, then try again."
            return ProvisioningError(text, retryable=True, undone=True, retry_after_seconds=wait)
        if reply.status not in _TELLING and _is_no_data(reply):
            return self._unreadable(reply)
        text = f"{self.gateway}: {error.text}"
        return ProvisioningError(text, retryable=error.retryable, undone=_is_undone(reply))

    def _unreadable(self, reply: Reply) -> ProvisioningError:
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
        return ProvisioningError(text, retryable=True, undone=_is_undone(reply))


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
def talk_to(gateway: Gateway) -> Iterator[Provider]:
    """A gateway's numbers API.

    Raises:
        ProvisioningError: the gateway cannot be used.
    """
    try:
        adapter = gateway.adapter
    except (AdapterError, DecryptionError) as error:
        raise ProvisioningError(f"{gateway}: {error}") from error
    with HttpxDriver() as driver:
        yield Provider(gateway, adapter, driver)


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
    """Numbers on offer at the provider.

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
        return list(_pages(provider))


def find_number(*, gateway: Gateway, number: str) -> ProviderNumber | None:
    """A number that we own at the provider; None when it lists no such number.

    Args:
        gateway: where.
        number: E.164, or a short code's digits.

    Raises:
        ProvisioningError: the provider refused or did not answer.
    """
    with talk_to(gateway) as provider:
        return find_owned(provider, number)


def find_owned(provider: Provider, number: str) -> ProviderNumber | None:
    """As ``find_number``, while the provider is being talked to."""
    return next((owned for owned in _pages(provider) if owned.number == number), None)


def _pages(provider: Provider) -> Iterator[ProviderNumber]:
    page, seen = "", {""}
    while True:
        current = page
        found, page = provider.ask(lambda: provider.adapter.build_list(page=current), provider.adapter.parse_list)  # noqa: B023  called at once
        yield from found
        # A provider that names a page again would have us read for ever.
        if page in seen:
            return
        seen.add(page)

"""What is done with numbers at a provider, however many requests it takes there: one loop for every gateway.

Each function takes the gateway, its adapter and an open driver, and raises what they raise: the callers put it into words.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from integrations.http.values import Reply, Request
from integrations.models import Gateway
from integrations.sms.contract import ProviderNumber, SmsAdapter
from integrations.sms.steps import Steps
from messaging.services.gateways import inbound_url, status_url

Outcome = TypeVar("Outcome")


class Driver(Protocol):
    """What carries requests, such as ``HttpxDriver``."""

    def send(self, request: Request) -> Reply:
        """Send a request and wait for the reply.

        Raises:
            TransportFailure: there was none.
        """


def follow(driver: Driver, steps: Steps[Outcome]) -> Outcome:
    """Carry an adapter's requests until it is done; its outcome.

    Raises:
        ProviderError: the provider refused; ``NumberPending`` where it is to be asked again later.
        TransportFailure: no reply came to one of them.
        LookupError, ValueError: the adapter cannot do it; the text says why.
    """
    try:
        request = next(steps)
        while True:
            request = steps.send(driver.send(request))
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    finally:
        steps.close()


def buy(gateway: Gateway, adapter: SmsAdapter, driver: Driver, number: str, *, label: str = "") -> ProviderNumber:
    """Buy one number. Keep its ``provider_id`` before anything else is done, then ``wire`` it.

    Not to be called again for a number that may have been bought (any error with ``retryable``, any ``TransportFailure``)
    before ``find_owned`` has said that it is not ours.

    Args:
        gateway: where.
        adapter: the gateway's.
        driver: open.
        number: E.164, as a search returned it.
        label: for people at the provider.

    Raises:
        NumberPending: it is ordered and not ours yet; ``find_owned`` tells when it is.
        ProviderError, TransportFailure, LookupError, ValueError: see ``follow``.
    """
    steps = adapter.buying(
        number, inbound_url=inbound_url(gateway), status_url=status_url(gateway), friendly_name=label
    )
    return follow(driver, steps)


def is_wired(gateway: Gateway, adapter: SmsAdapter, number: ProviderNumber) -> bool:
    """Whether what people write to an owned number reaches us, as far as the provider tells."""
    return adapter.is_wired(number, inbound_url=inbound_url(gateway), status_url=status_url(gateway))


def wire(gateway: Gateway, adapter: SmsAdapter, driver: Driver, number: ProviderNumber) -> ProviderNumber:
    """Have what people write to an owned number reach us; asks nothing of the provider when it does already.

    Repeatable. Where the address is the account's (``capabilities.wiring``), a person sets it: ``adapter.wiring_help``.

    Args:
        gateway: where the number is.
        adapter: the gateway's.
        driver: open.
        number: as ``buy``, ``find_owned`` or a list returned it.

    Raises:
        NumberPending: the provider is still at it.
        ProviderError, TransportFailure, LookupError, ValueError: see ``follow``.
    """
    if is_wired(gateway, adapter, number):
        return number
    steps = adapter.wiring(number, inbound_url=inbound_url(gateway), status_url=status_url(gateway))
    return follow(driver, steps)


def release(gateway: Gateway, adapter: SmsAdapter, driver: Driver, provider_id: str) -> None:  # noqa: ARG001  as the others
    """Give a number back; fine when it is gone already.

    Raises:
        ProviderError, TransportFailure, LookupError, ValueError: see ``follow``.
    """
    adapter.parse_release(driver.send(adapter.build_release(provider_id)))


def find_owned(gateway: Gateway, adapter: SmsAdapter, driver: Driver, number: str) -> ProviderNumber | None:  # noqa: ARG001
    """A number among those owned at the provider, with its addresses; None when it is not.

    Raises:
        NumberPending: it is ordered and not ours yet.
        ProviderError, TransportFailure, LookupError, ValueError: see ``follow``.
    """
    return follow(driver, adapter.finding(number))


def list_owned(
    gateway: Gateway, adapter: SmsAdapter, driver: Driver, *, with_urls: bool = False
) -> list[ProviderNumber]:
    """All numbers owned at the provider.

    Args:
        gateway: where.
        adapter: the gateway's.
        driver: open.
        with_urls: their addresses are needed: where the provider's list leaves them out, each number is asked for.

    Raises:
        ProviderError, TransportFailure, LookupError, ValueError: see ``follow``.
    """
    numbers = follow(driver, adapter.listing())
    if not with_urls or adapter.capabilities.lists_urls:
        return numbers
    return [find_owned(gateway, adapter, driver, item.number) or item for item in numbers]

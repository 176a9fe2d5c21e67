"""Phone numbers: search, buy, wire to our webhooks, adopt, release."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Account
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import TransportFailure
from integrations.models import Gateway
from integrations.sms.contract import NumberQuery, ProviderNumber
from integrations.sms.errors import ProviderError
from messaging.models import Batch, PhoneNumber
from messaging.services.gateways import inbound_url, status_url
from messaging.services.pools import rebalance


class ProvisioningError(Exception):
    """A number could not be provisioned; ``text`` says what happened and what to do.

    Args:
        text: for a person.
        number: the row of a number that may have been bought but is not ready, if there is one.
        retryable: the same may work later.
    """

    def __init__(self, text: str, number: PhoneNumber | None = None, *, retryable: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.number = number
        self.retryable = retryable


@contextmanager
def _provider_errors(gateway: Gateway) -> Iterator[HttpxDriver]:
    """Provider and network errors as one kind, with a text for people."""
    try:
        with HttpxDriver() as driver:
            yield driver
    except ProviderError as error:
        raise ProvisioningError(f"{gateway}: {error.text}", retryable=error.retryable) from error
    except TransportFailure as failure:
        raise ProvisioningError(
            f"{gateway} did not answer: {failure.text} Try again in a moment.", retryable=True
        ) from failure
    except (LookupError, ValueError) as error:
        raise ProvisioningError(str(error)) from error


def search_numbers(*, gateway: Gateway, query: NumberQuery) -> list[ProviderNumber]:
    """Numbers on offer at the provider.

    Raises:
        ProvisioningError: the provider refused or did not answer.
    """
    with _provider_errors(gateway) as driver:
        return gateway.adapter.parse_search(driver.send(gateway.adapter.build_search(query)))


def list_numbers(*, gateway: Gateway) -> list[ProviderNumber]:
    """All numbers we own at the provider.

    Raises:
        ProvisioningError: the provider refused or did not answer.
    """
    numbers: list[ProviderNumber] = []
    page = ""
    with _provider_errors(gateway) as driver:
        while True:
            found, page = gateway.adapter.parse_list(driver.send(gateway.adapter.build_list(page=page)))
            numbers += found
            if not page:
                return numbers


def provision_number(
    *, account: Account, gateway: Gateway, number: str, kind: str = PhoneNumber.Kind.LOCAL, label: str = ""
) -> PhoneNumber:
    """Buy a number and wire it to our webhooks.

    The row is there before money is spent: a failure half-way leaves it ``pending``, where it can be seen and resumed by
    calling this again. A purchase that the provider refuses for good leaves nothing.

    Args:
        account: who gets it.
        gateway: where it is bought.
        number: E.164, as a search returned it.
        kind: a value of ``PhoneNumber.Kind``.
        label: for people.

    Raises:
        ProvisioningError: the number belongs to another account, or the provider refused.
    """
    row: PhoneNumber
    row, created = PhoneNumber.objects.exclude(state=PhoneNumber.State.RELEASED).get_or_create(
        gateway=gateway,
        number=number,
        defaults={"account": account, "kind": kind, "label": label, "state": PhoneNumber.State.PENDING},
    )
    if row.account_id != account.pk:
        raise ProvisioningError(f"{number} belongs to another account. Choose another number.")
    if not created and row.state == PhoneNumber.State.ACTIVE:
        return row
    try:
        bought = _owned(gateway, number) if not created else None
        with _provider_errors(gateway) as driver:
            adapter = gateway.adapter
            if bought is None:
                request = adapter.build_buy(
                    number, inbound_url=inbound_url(gateway), status_url=status_url(gateway), friendly_name=label
                )
            else:
                request = adapter.build_configure(
                    bought.provider_id, inbound_url=inbound_url(gateway), status_url=status_url(gateway)
                )
            bought = adapter.parse_number(driver.send(request))
    except ProvisioningError as error:
        if created and not error.retryable:
            row.delete()
        else:
            error.number = row
        raise
    row.provider_id = bought.provider_id
    row.country = bought.country or row.country
    row.can_send_media = bought.mms
    row.state = PhoneNumber.State.ACTIVE
    row.save()
    return row


def _owned(gateway: Gateway, number: str) -> ProviderNumber | None:
    """A number that we own at the provider already: an earlier purchase whose reply was lost."""
    return next((owned for owned in list_numbers(gateway=gateway) if owned.number == number), None)


def adopt_number(
    *,
    account: Account,
    gateway: Gateway,
    number: str,
    kind: str,
    label: str = "",
    pace_segments: int | None = None,
) -> PhoneNumber:
    """Enter a number that we have already: a short code, or one that was ported in.

    Args:
        account: who gets it.
        gateway: where it is.
        number: E.164, or a short code's digits.
        kind: a value of ``PhoneNumber.Kind``.
        label: for people.
        pace_segments: segments per second; the usual pace of its kind when omitted.

    Raises:
        ProvisioningError: it is not a number, or taken.
    """
    row = PhoneNumber(
        account=account, gateway=gateway, number=number, kind=kind, label=label, pace_segments=pace_segments
    )
    try:
        row.full_clean()
    except ValidationError as error:
        raise ProvisioningError(" ".join(error.messages)) from error
    row.save()
    return row


def release_number(number: PhoneNumber) -> None:
    """Give a number back to the provider; it neither sends nor receives any more.

    Raises:
        ProvisioningError: something is still being sent from it, or the provider refused or did not answer; the number
            stays.
    """
    candidates = Batch.objects.open().filter(account_id=number.account_id)
    open_batches = [batch for batch in candidates if number.pk in (batch.number_id, *batch.senders)][:3]
    if open_batches:
        names = ", ".join(f"“{batch}”" for batch in open_batches)
        raise ProvisioningError(f"{number} is needed for {names}. Cancel what is sent from it, or wait for its end.")
    if number.provider_id:
        with _provider_errors(number.gateway) as driver:
            adapter = number.gateway.adapter
            adapter.parse_release(driver.send(adapter.build_release(number.provider_id)))
    with transaction.atomic():
        pools = list(number.pools.all())
        number.state = PhoneNumber.State.RELEASED
        number.save(update_fields=("state", "updated_at"))
        number.pools.clear()
        for pool in pools:
            rebalance(pool)

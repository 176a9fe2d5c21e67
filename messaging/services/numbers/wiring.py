"""Telling a provider where a number's messages go, and putting the number to use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.models import Gateway
from integrations.sms.contract import ProviderNumber
from integrations.sms.registry import ADAPTERS
from messaging.models import PhoneNumber
from messaging.services.gateways import inbound_url, number_changed, status_url
from messaging.services.numbers.errors import ProvisioningError
from messaging.services.numbers.provider import Provider, has_numbers_api, talk_to
from messaging.services.numbers.rows import Claim, check_is_first, claimed
from messaging.services.numbers.testing import send_first_test

State, Step = PhoneNumber.State, PhoneNumber.Step


def wire_number(*, number: PhoneNumber) -> PhoneNumber:
    """Set a number's inbound and status URLs at the provider to ours; one that is bought and pending becomes active.

    Safe to repeat, and buys nothing.

    Args:
        number: bought or found at the provider; neither released nor only wanted.

    Returns:
        The row as it is now.

    Raises:
        ProvisioningError: the gateway has no numbers API, the provider has no such number, refused or did not answer.
    """
    check_can_be_wired(number)
    with claimed(number, (State.PENDING, State.ACTIVE, State.DISABLED, State.LEAVING)) as claim, telling(claim):
        wire(claim)
        return claim.row


def check_can_be_wired(number: PhoneNumber) -> None:
    """Say what to do by hand where the gateway's API sets no URLs.

    Raises:
        ProvisioningError: it does not.
    """
    if not has_numbers_api(number.gateway):
        by_hand = (
            ADAPTERS[number.gateway.kind].wiring_help or f"In the provider's console, let {number.number} call ours."
        )
        raise ProvisioningError(
            f"{number.gateway} sets no URLs by its API. {by_hand} Ours are {inbound_url(number.gateway)} for messages and "
            f"{status_url(number.gateway)} for statuses.",
            number,
        )


def wire(claim: Claim) -> None:
    """See ``wire_number``.

    Args:
        claim: on the number.

    Raises:
        ProvisioningError: likewise.
    """
    with talk_to(claim.row.gateway) as provider:
        owned = None
        if claim.row.state == State.PENDING and claim.row.step not in (Step.BOUGHT, Step.WIRED):
            owned = provider.owned(claim.row.number)
            if owned is None:
                raise ProvisioningError(f"{provider.gateway} does not list {claim.row.number} among our numbers.")
            check_is_first(claim.row)
            check_texts(claim, owned)
            take_over(claim, owned)
        set_urls(claim, provider, owned)
    if claim.row.state == State.PENDING:
        activate(claim)
    else:
        claim.note(problem="")


@contextmanager
def telling(claim: Claim) -> Iterator[None]:
    """Write what goes wrong down with the number, so that it can be seen there, and name the row in the error.

    Args:
        claim: on the number.
    """
    try:
        yield
    except ProvisioningError as error:
        error.number = claim.row
        claim.note(problem=error.text)
        raise


def check_texts(claim: Claim, owned: ProviderNumber) -> None:
    """Refuse a number that was entered by hand and sends no texts.

    Raises:
        ProvisioningError: the provider says that it cannot.
    """
    if not owned.sms:
        raise ProvisioningError(no_texts(claim.row.gateway, claim.row.number))


def no_texts(gateway: Gateway, number: str) -> str:
    """What is said of a number that sends no texts."""
    return f"{gateway} says that {number} cannot send texts. Enable that at the provider, then check again."


def take_over(claim: Claim, owned: ProviderNumber) -> None:
    """Write down that the provider has the number for us: ``wanted`` or ``awaited`` → ``bought``.

    Args:
        claim: on the number.
        owned: as the provider tells of it.
    """
    row = claim.row
    step: dict[str, Any] = {"step": Step.BOUGHT} if row.state == State.PENDING else {}
    claim.note(
        **step,
        provider_id=owned.provider_id,
        country=owned.country or row.country,
        can_send_media=owned.mms,
        checked_at=timezone.now(),
        problem="",
    )


def set_urls(claim: Claim, provider: Provider, known: ProviderNumber | None) -> None:
    """Have the number call our webhooks: ``bought`` → ``wired``.

    Args:
        claim: on the number.
        provider: where it is.
        known: the number as the provider has just told of it; one that has our URLs already is not changed.

    Raises:
        ProvisioningError: see ``wire_number``.
    """
    known = known or _look_up(claim, provider)
    if not provider.is_wired(known):
        provider.wire(known)
    claim.note(step=Step.WIRED, problem="", checked_at=timezone.now())


def _look_up(claim: Claim, provider: Provider) -> ProviderNumber:
    """The number as the provider has it now."""
    owned = provider.owned(claim.row.number)
    if (owned is None or not owned.provider_id) and claim.row.state != State.PENDING:
        raise ProvisioningError(
            f"{provider.gateway} does not list {claim.row.number} among our numbers, so its URLs cannot be set through its API."
        )
    if owned is None or not owned.provider_id:
        raise ProvisioningError(
            f"{provider.gateway} has taken the order for {claim.row.number} but does not list the number yet. Resume in a few "
            "minutes: nothing is bought again.",
            retryable=True,
        )
    take_over(claim, owned)
    return owned


def activate(claim: Claim) -> None:
    """``pending`` → ``active``; the test message that was asked for leaves.

    Args:
        claim: on the number.
    """
    with transaction.atomic():
        claim.note(state=State.ACTIVE, problem="")
        send_first_test(claim)
    number_changed(claim.row.pk)


def use_unchecked(claim: Claim) -> None:
    """``pending`` → ``active`` for a number of which the provider's API says nothing.

    Args:
        claim: on the number.
    """
    claim.note(state=State.ACTIVE, step="", problem="", checked_at=None)
    number_changed(claim.row.pk)

"""Numbers that we have already: short codes, and those that were ported in."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Account
from integrations.models import Gateway
from integrations.sms.contract import ProviderNumber
from messaging.models import PhoneNumber
from messaging.services.numbers.buying import not_there_yet
from messaging.services.numbers.errors import ProvisioningError
from messaging.services.numbers.provider import has_numbers_api, talk_to
from messaging.services.numbers.rows import Claim, check_is_first, reserved
from messaging.services.numbers.wiring import (
    activate,
    check_texts,
    no_texts,
    set_urls,
    take_over,
    telling,
    use_unchecked,
)

State, Step = PhoneNumber.State, PhoneNumber.Step


def adopt_number(
    *,
    account: Account,
    gateway: Gateway,
    number: str,
    kind: str,
    label: str = "",
    pace_segments: int | None = None,
    country: str = "US",
    can_receive: bool = True,
    can_send_media: bool = False,
) -> PhoneNumber:
    """Enter a number that we have already, and check that the gateway has it.

    One that the provider lists is wired to our webhooks and active. One that it does not list is ``pending`` until it is there
    (``resume_number`` checks again); so is one that could not be checked because the provider failed. A short code that it
    does not list, and any number of a gateway without a numbers API, cannot be checked: it is active, and ``checked_at``
    stays empty.

    Args:
        account: who gets it; within its allowance.
        gateway: where it is.
        number: E.164, or a short code's digits.
        kind: a value of ``PhoneNumber.Kind``.
        label: for people.
        pace_segments: segments per second; the usual pace of its kind when omitted.
        country: ISO 3166-1 alpha-2.
        can_receive: whether people can write to it.
        can_send_media: whether it sends MMS; the provider's word counts where it says so.

    Returns:
        The number; ``state``, ``problem`` and ``checked_at`` say what was found.

    Raises:
        ProvisioningError: it is not a number, it is taken, or the allowance is used up.
    """
    new = PhoneNumber(
        gateway=gateway,
        number=number,
        kind=kind,
        label=label,
        pace_segments=pace_segments,
        country=country,
        can_receive=can_receive,
        can_send_media=can_send_media,
        state=State.PENDING,
        step=Step.AWAITED,
    )
    with reserved(account=account, number=new) as claim:
        if not has_numbers_api(gateway):
            use_unchecked(claim)
            return claim.row
        try:
            with telling(claim):
                _check_and_wire(claim)
        except ProvisioningError:
            # It is kept with what was typed, and says itself what is wrong.
            return claim.row
        if claim.row.step == Step.AWAITED:
            use_unchecked(claim)
        else:
            activate(claim)
    return claim.row


def take_listed_number(
    *, account: Account, gateway: Gateway, listed: ProviderNumber, kind: str, label: str = ""
) -> PhoneNumber:
    """Give an account a number that the provider has for us, and that nobody has here; it is wired to our webhooks.

    A failure half-way leaves it ``pending``, from where ``resume_number`` goes on.

    Args:
        account: who gets it; within its allowance.
        gateway: where it is.
        listed: as the provider tells of it now, with its addresses.
        kind: a value of ``PhoneNumber.Kind``.
        label: for people.

    Returns:
        The active number.

    Raises:
        ProvisioningError: it sends no texts, it is taken, the allowance is used up, or the provider refused or did not answer.
    """
    if not listed.sms:
        raise ProvisioningError(no_texts(gateway, listed.number))
    new = PhoneNumber(
        gateway=gateway,
        number=listed.number,
        kind=kind,
        label=label,
        country=listed.country or "US",
        provider_id=listed.provider_id,
        can_send_media=listed.mms,
        checked_at=timezone.now(),
        state=State.PENDING,
        step=Step.BOUGHT,
    )
    with reserved(account=account, number=new) as claim:
        with telling(claim), talk_to(gateway) as provider:
            set_urls(claim, provider, listed)
        activate(claim)
    return claim.row


def _check_and_wire(claim: Claim) -> None:
    row = claim.row
    with talk_to(row.gateway) as provider:
        owned = provider.owned(row.number)
        if owned is not None:
            check_is_first(row)
            check_texts(claim, owned)
            take_over(claim, owned)
            set_urls(claim, provider, owned)
        elif row.kind != PhoneNumber.Kind.SHORT_CODE:
            raise ProvisioningError(not_there_yet(row), retryable=True)

"""Numbers that we have already: short codes, and those that were ported in."""

from __future__ import annotations

from typing import TypedDict, Unpack

from django.utils import timezone

from accounts.models import Account
from integrations.models import Gateway
from integrations.sms.contract import ProviderNumber
from messaging.models import PhoneNumber
from messaging.services.numbers.buying import go_on
from messaging.services.numbers.errors import ProvisioningError
from messaging.services.numbers.provider import has_numbers_api, talk_to
from messaging.services.numbers.rows import reserved
from messaging.services.numbers.wiring import activate, no_texts, set_urls, telling, use_unchecked

State, Step = PhoneNumber.State, PhoneNumber.Step


class Entered(TypedDict, total=False):
    """What somebody may say of a number that they enter.

    Args:
        label: for people.
        pace_segments: segments per second; the usual pace of its kind when omitted.
        country: ISO 3166-1 alpha-2.
        can_receive: whether people can write to it.
        can_send_media: whether it sends MMS; the provider's word counts where it says so.
    """

    label: str
    pace_segments: int | None
    country: str
    can_receive: bool
    can_send_media: bool


def adopt_number(
    *, account: Account, gateway: Gateway, number: str, kind: str, **entered: Unpack[Entered]
) -> PhoneNumber:
    """Enter a number that we have already, and check that the gateway has it. It waits for the provider; ``ask_to_adopt`` does not.

    One that the provider lists is wired to our webhooks and active. One that it does not list is ``pending`` until it is there
    (``resume_number`` checks again); so is one that could not be checked because the provider failed. A short code that it
    does not list, and any number of a gateway without a numbers API, cannot be checked: it is active, and ``checked_at``
    stays empty.

    Args:
        account: who gets it; within its allowance.
        gateway: where it is.
        number: E.164, or a short code's digits.
        kind: a value of ``PhoneNumber.Kind``.
        entered: see ``Entered``.

    Returns:
        The number; ``state``, ``problem`` and ``checked_at`` say what was found.

    Raises:
        ProvisioningError: it is not a number, it is taken, or the allowance is used up.
    """
    new = awaited(gateway=gateway, number=number, kind=kind, **entered)
    with reserved(account=account, number=new) as claim:
        if not has_numbers_api(gateway):
            use_unchecked(claim)
            return claim.row
        try:
            with telling(claim):
                go_on(claim, may_buy=False)
        except ProvisioningError:
            # It is kept with what was typed, and says itself what is wrong.
            return claim.row
    return claim.row


def awaited(*, gateway: Gateway, number: str, kind: str, **entered: Unpack[Entered]) -> PhoneNumber:
    """An unsaved row of a number that is to be looked up at the provider."""
    return PhoneNumber(gateway=gateway, number=number, kind=kind, state=State.PENDING, step=Step.AWAITED, **entered)


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

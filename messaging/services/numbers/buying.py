"""Buying a number, in steps each of which can be gone on from."""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict, Unpack

from accounts.models import Account
from integrations.models import Gateway
from integrations.sms.contract import ProviderNumber
from messaging.models import PhoneNumber
from messaging.services.numbers.errors import ProvisioningError
from messaging.services.numbers.provider import Provider, has_numbers_api, talk_to
from messaging.services.numbers.rows import Claim, check_is_first, claimed, reserved
from messaging.services.numbers.wiring import activate, check_texts, set_urls, take_over, telling, use_unchecked

State, Step = PhoneNumber.State, PhoneNumber.Step


class Particulars(TypedDict, total=False):
    """What a purchase may say of a number.

    Args:
        kind: a value of ``PhoneNumber.Kind``; decides the pace.
        label: for people.
        country: ISO 3166-1 alpha-2; the provider's word counts where it says one.
        monthly_price: as the search told it, for the record.
        upfront_price: what is paid once, likewise.
        currency: of the prices, ISO 4217.
        test_recipient: E.164; gets a message as soon as the number is active.
    """

    kind: str
    label: str
    country: str
    monthly_price: Decimal | None
    upfront_price: Decimal | None
    currency: str
    test_recipient: str


def provision_number(
    *, account: Account, gateway: Gateway, number: str, **particulars: Unpack[Particulars]
) -> PhoneNumber:
    """Buy a number, wire it to our webhooks and put it to use. It waits for the provider; ``ask_to_buy`` does not.

    The row is there before money is spent: a failure half-way leaves it ``pending``, where it can be seen and resumed
    (``resume_number``, or this again). A purchase that the provider refuses for good leaves nothing.

    Args:
        account: who gets it; within its allowance.
        gateway: where it is bought.
        number: E.164, as a search returned it.
        particulars: see ``Particulars``.

    Returns:
        The active number.

    Raises:
        ProvisioningError: the number is taken, the allowance is used up, or the provider refused or did not answer.
            ``error.number`` is the row, if there is one to go on from.
    """
    held = known(account=account, gateway=gateway, number=number)
    if held is not None and held.state in (State.ACTIVE, State.DISABLED):
        return held
    if held is not None and held.state == State.PENDING:
        return resume_number(number=held, may_buy=True)
    with reserved(account=account, number=wanted(gateway=gateway, number=number, **particulars)) as claim:
        try:
            with telling(claim):
                buy_new(claim)
        except ProvisioningError as error:
            if is_refused(claim.row, error):
                claim.row.delete()
                error.number = None
            raise
        activate(claim)
    return claim.row


def known(*, account: Account, gateway: Gateway, number: str) -> PhoneNumber | None:
    """The account's own row of a number, if it has one."""
    return PhoneNumber.objects.held().filter(account=account, gateway=gateway, number=number).first()


def wanted(*, gateway: Gateway, number: str, **particulars: Unpack[Particulars]) -> PhoneNumber:
    """An unsaved row of a number that is to be bought.

    Raises:
        ProvisioningError: the gateway sells none, or is disabled.
    """
    if not has_numbers_api(gateway):
        raise ProvisioningError(f"{gateway} sells no numbers through its API. Enter one by hand that it has given you.")
    if not gateway.is_enabled:
        raise ProvisioningError(f"The gateway {gateway} is disabled. Enable it first, or choose another one.")
    return PhoneNumber(gateway=gateway, number=number, state=State.PENDING, step=Step.WANTED, **particulars)


def is_refused(row: PhoneNumber, error: ProvisioningError) -> bool:
    """Whether a first purchase was refused for good, so that there is nothing to go on with."""
    return row.step == Step.WANTED and error.undone and not error.retryable


def buy_new(claim: Claim) -> None:
    """Buy a number that was never tried to be bought, and wire it: ``wanted`` → ``wired``.

    Args:
        claim: on the number.

    Raises:
        ProvisioningError: the provider refused or did not answer.
    """
    with talk_to(claim.row.gateway) as provider:
        bought = _buy(claim, provider)
        set_urls(claim, provider, bought)


def resume_number(*, number: PhoneNumber, may_buy: bool = False) -> PhoneNumber:
    """Go on with a number that stopped half-way.

    What we own at the provider is listed first, so that a purchase of which the reply was lost is found, not repeated.

    Args:
        number: pending.
        may_buy: buy it if the provider does not have it for us yet. A number that is awaited is never bought.

    Returns:
        The active number.

    Raises:
        ProvisioningError: it is not pending, somebody else is at it, or the provider refused or did not answer; how far it
            is, is written down with it.
    """
    with claimed(number, (State.PENDING,)) as claim, telling(claim):
        go_on(claim, may_buy=may_buy)
    return claim.row


def go_on(claim: Claim, *, may_buy: bool) -> None:
    """``pending`` → ``active``, from whichever step was reached; see ``resume_number``.

    Raises:
        ProvisioningError: likewise.
    """
    with talk_to(claim.row.gateway) as provider:
        known = None
        if claim.row.step not in (Step.BOUGHT, Step.WIRED):
            known = _find_or_buy(claim, provider, may_buy=may_buy)
        if claim.row.step != Step.AWAITED:
            set_urls(claim, provider, known)
    if claim.row.step == Step.AWAITED:
        use_unchecked(claim)
    else:
        activate(claim)


def _find_or_buy(claim: Claim, provider: Provider, *, may_buy: bool) -> ProviderNumber | None:
    """The number as the provider has it now; None for a short code that its API says nothing of."""
    row = claim.row
    owned = provider.owned(row.number)
    # To own it does not say for whom: the other gateway's numbers are listed here too.
    check_is_first(row)
    if owned is not None:
        if row.step == Step.AWAITED:
            check_texts(claim, owned)
        take_over(claim, owned)
        return owned
    if row.step == Step.AWAITED and row.kind == PhoneNumber.Kind.SHORT_CODE:
        return None
    if row.step == Step.AWAITED:
        raise ProvisioningError(not_there_yet(row), retryable=True)
    if not may_buy:
        raise ProvisioningError(
            f"{provider.gateway} does not list {row.number} among our numbers: it was not bought. Resume it to buy it now, or "
            "give it up.",
            retryable=True,
        )
    try:
        return _buy(claim, provider)
    except ProvisioningError as error:
        # A purchase whose reply was lost may have got through between the list and the refusal.
        owned = provider.owned(row.number) if error.undone and not error.retryable else None
        if owned is None:
            raise
    take_over(claim, owned)
    return owned


def _buy(claim: Claim, provider: Provider) -> ProviderNumber:
    row = claim.row
    # From here on money may be spent: the claim must outlast the request, and whoever takes the errand up of a process that
    # was killed in it only looks whether the number is ours.
    claim.note(problem="", errand=PhoneNumber.Errand.BUYING if row.errand else "")
    try:
        bought = provider.buy(row.number, label=row.label)
    except ProvisioningError as error:
        if not error.undone and not error.is_ordered:
            error.text = f"It is not known whether {row.number} was bought. {error.text}"
        raise
    take_over(claim, bought)
    return bought


def not_there_yet(row: PhoneNumber) -> str:
    """What is said of a number that the provider does not have yet."""
    return (
        f"Not at the provider yet: {row.gateway} does not list {row.number} among our numbers. When it has been ported in, "
        "check again."
    )

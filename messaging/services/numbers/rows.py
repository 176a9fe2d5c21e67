"""A number's row: made within the account's allowance, and dealt with by one at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Account
from messaging.models import PhoneNumber
from messaging.services.numbers.errors import ProvisioningError

State, Step = PhoneNumber.State, PhoneNumber.Step

#: Steps at which the provider has not said yet that it has the number for us.
_UNCERTAIN = (Step.WANTED, Step.AWAITED)
#: Longer than any request and its reply take; whoever was killed meanwhile keeps others waiting for so long at most.
CLAIM_SECONDS = 120


class Claim:
    """The right to deal with a number at its provider: held by one, for as long as it is renewed.

    Args:
        row: the number, which has the claim in ``claimed_until``.
    """

    def __init__(self, row: PhoneNumber) -> None:
        self.row = row

    def note(self, **fields: Any) -> None:
        """Write down how far it is, and renew the claim.

        Args:
            fields: of ``PhoneNumber``.

        Raises:
            ProvisioningError: it took so long that somebody else deals with the number now.
        """
        fields["claimed_until"] = _until()
        self._write(fields)

    def end(self) -> None:
        """Let others have it."""
        mine = PhoneNumber.objects.filter(pk=self.row.pk, claimed_until=self.row.claimed_until)
        if mine.update(claimed_until=None):
            self.row.claimed_until = None

    def _write(self, fields: dict[str, Any]) -> None:
        if "problem" in fields:
            fields["problem"] = fields["problem"][:500]
        fields["updated_at"] = timezone.now()
        mine = PhoneNumber.objects.filter(pk=self.row.pk, claimed_until=self.row.claimed_until)
        if not mine.update(**fields):
            raise _busy(self.row)
        for name, value in fields.items():
            setattr(self.row, name, value)


@contextmanager
def claimed(number: PhoneNumber, states: Sequence[str]) -> Iterator[Claim]:
    """Deal with a number; nobody else does meanwhile.

    Args:
        number: which; it is read afresh into ``claim.row``.
        states: those in which this may be done.

    Raises:
        ProvisioningError: it is in another state by now, or somebody else deals with it.
    """
    taken = PhoneNumber.objects.unclaimed().filter(pk=number.pk, state__in=states).update(claimed_until=_until())
    row = read(number.pk)
    if not taken:
        refuse(row, states)
    with _held(Claim(row)) as claim:
        yield claim


@contextmanager
def reserved(*, account: Account, number: PhoneNumber) -> Iterator[Claim]:
    """A new number's row, which is there before anything is done at the provider, and its claim.

    Args:
        account: who gets it.
        number: unsaved and pending.

    Raises:
        ProvisioningError: see ``reserve``.
    """
    number.claimed_until = _until()
    reserve(account=account, number=number)
    with _held(Claim(number)) as claim:
        yield claim


def reserve(*, account: Account, number: PhoneNumber) -> None:
    """Store a new number's row, within the account's allowance.

    Args:
        account: who gets it.
        number: unsaved and pending.

    Raises:
        ProvisioningError: it is no number, it is taken, or the account is not active or has as many as it may have.
    """
    if not account.is_active:
        state = account.get_status_display().lower()
        raise ProvisioningError(f"{account} is {state}: it gets no numbers. Make the account active first.")
    number.account = account
    try:
        number.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise ProvisioningError(" ".join(error.messages)) from error
    try:
        with transaction.atomic():
            # Two at once would each count the numbers without the other's.
            locked = Account.objects.select_for_update().get(pk=account.pk)
            _check_free(number)
            _check_allowance(locked)
            number.save()
    except IntegrityError as error:
        _check_free(number)
        raise ProvisioningError(f"{number.number} was taken at this moment. Choose another number.") from error


@contextmanager
def _held(claim: Claim) -> Iterator[Claim]:
    try:
        yield claim
    finally:
        if claim.row.pk is not None:
            claim.end()


def numbers_in_use(*, account: Account) -> int:
    """How many numbers an account has, those that are pending or leaving included."""
    return PhoneNumber.objects.held().filter(account=account).count()


def allowance_left(*, account: Account) -> int | None:
    """How many more numbers an account may have; None without a limit."""
    if account.number_allowance is None:
        return None
    return max(0, account.number_allowance - numbers_in_use(account=account))


def _check_allowance(account: Account) -> None:
    if account.number_allowance is None:
        return
    used = numbers_in_use(account=account)
    if used < account.number_allowance:
        return
    allowed = account.number_allowance
    leaving = PhoneNumber.objects.filter(account=account, state=State.LEAVING).count()
    still = f" ({leaving} of them leaving, which count until they are given back)" if leaving else ""
    raise ProvisioningError(
        f"{account} has {used} {'number' if used == 1 else 'numbers'}{still} and may have {allowed}. Release one, or raise "
        "the allowance on the account's page."
    )


def _check_free(number: PhoneNumber) -> None:
    held = PhoneNumber.objects.held().filter(number=number.number).select_related("account", "gateway")
    here = held.filter(gateway_id=number.gateway_id).first()
    if here is not None and here.account_id != number.account_id:
        raise ProvisioningError(
            f"{here.number} belongs to another account. Choose another number, or release it there first."
        )
    if here is not None:
        state = here.get_state_display().lower()
        raise ProvisioningError(f"{here.account} has {here.number} already; it is {state}. See its page.", here)
    # The same digits are different short codes in different countries.
    elsewhere = held.first() if number.number.startswith("+") else None
    if elsewhere is not None:
        whose = "this" if elsewhere.account_id == number.account_id else "another"
        raise ProvisioningError(
            f"{elsewhere.number} belongs to {whose} account at another gateway, {elsewhere.gateway}. A number is at one provider "
            "at a time: release it there first."
        )


def held_by_another(row: PhoneNumber) -> PhoneNumber | None:
    """The row that has the same number at another gateway and comes first; None when this one does.

    Two accounts that enter it at once, at two gateways of one account at the provider, both get a row. First is who is known
    to have it, then whoever entered it first.

    Args:
        row: saved.
    """
    is_open = row.state == State.PENDING and row.step in _UNCERTAIN
    others = PhoneNumber.objects.held_elsewhere(gateway_id=row.gateway_id, numbers=[row.number]).order_by("pk")
    for other in others:
        other_is_open = other.state == State.PENDING and other.step in _UNCERTAIN
        if (is_open and not other_is_open) or (is_open == other_is_open and other.pk < row.pk):
            return other
    return None


def check_is_first(row: PhoneNumber) -> None:
    """Refuse to take a number over that is somebody's at another gateway; called before it is wired or bought.

    Raises:
        ProvisioningError: another row has it.
    """
    other = held_by_another(row)
    if other is not None:
        whose = "this account" if other.account_id == row.account_id else "another account"
        raise ProvisioningError(
            f"{row.number} belongs to {whose} at another gateway, {other.gateway}. A number is at one provider at a time: give "
            "this one up, or release that one first.",
            row,
        )


def _until() -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=CLAIM_SECONDS)


def read(number_id: int) -> PhoneNumber:
    """A number as it is now, with what dealing with it needs."""
    return PhoneNumber.objects.select_related("account", "gateway").defer("gateway__credentials").get(pk=number_id)


def refuse(row: PhoneNumber, states: Sequence[str]) -> NoReturn:
    """Say why a number cannot be dealt with now.

    Args:
        row: as it is now.
        states: those in which it could be.

    Raises:
        ProvisioningError: always.
    """
    if row.state not in states:
        raise ProvisioningError(f"{row.number} is {row.get_state_display().lower()} by now. Nothing was changed.", row)
    raise _busy(row)


def _busy(row: PhoneNumber) -> ProvisioningError:
    return ProvisioningError(
        f"{row.number} is being dealt with at the provider at this moment. Look at its page again in a minute.",
        row,
        retryable=True,
    )

"""Asking for something to be done with a number at its provider: written down as its errand, and done by a background task.

None of these functions waits for the provider, so that they may be called in a web request. ``messaging.services.numbers.errands``
does what was asked for; what came of it is in the number's ``outcome`` or ``problem``.
"""

from __future__ import annotations

from typing import Unpack

from django.db import transaction
from django.utils import timezone

from accounts.models import Account
from broadcast.core.queue import enqueue_on_commit
from integrations.models import Gateway
from messaging.models import PhoneNumber
from messaging.services.numbers.adopting import Entered, awaited
from messaging.services.numbers.buying import Particulars, known, wanted
from messaging.services.numbers.leaving import CAN_LEAVE, COOL_DOWN_DAYS, keep, leave, may_be_gone
from messaging.services.numbers.provider import has_numbers_api
from messaging.services.numbers.rows import claimed, read, refuse, reserve, reserved
from messaging.services.numbers.wiring import check_can_be_wired, use_unchecked

Errand, State = PhoneNumber.Errand, PhoneNumber.State

TASK = "messaging.tasks.run_errand"
#: Longest that the task may take, seconds: a provider that needs many requests, and is slow in each.
TASK_SECONDS = 300
#: States in which an errand can be done.
STATES: dict[str, tuple[str, ...]] = {
    Errand.BUY: (State.PENDING,),
    Errand.BUYING: (State.PENDING,),
    Errand.BUY_AFTER_ALL: (State.PENDING,),
    Errand.FINISH: (State.PENDING,),
    Errand.WIRE: (State.PENDING, State.ACTIVE, State.DISABLED, State.LEAVING),
    Errand.GIVE_BACK: (State.LEAVING,),
    Errand.KEEP: (State.LEAVING,),
    Errand.GIVE_UP: (State.PENDING,),
    Errand.FORGET: (State.PENDING, State.LEAVING),
}


def ask_to_buy(*, account: Account, gateway: Gateway, number: str, **particulars: Unpack[Particulars]) -> PhoneNumber:
    """Have a number bought, wired to our webhooks and put to use. Asked for twice, it is bought once.

    A purchase that the provider refuses for good leaves a row that is ``released`` and says why; it counts for nothing.

    Args:
        account: who gets it; within its allowance.
        gateway: where it is bought.
        number: E.164, as a search returned it.
        particulars: see ``Particulars``.

    Returns:
        The number: ``pending`` with its errand, or as it is when the account has it already.

    Raises:
        ProvisioningError: the number is taken, the allowance is used up, or the gateway sells none. ``error.number`` is the
            row, if it is the account's own.
    """
    held = known(account=account, gateway=gateway, number=number)
    if held is not None and (held.state in (State.ACTIVE, State.DISABLED) or held.errand):
        return held
    if held is not None and held.state == State.PENDING:
        return _ask(held, Errand.BUY_AFTER_ALL)
    new = wanted(gateway=gateway, number=number, **particulars)
    new.errand, new.asked_at = Errand.BUY, timezone.now()
    reserve(account=account, number=new)
    call(new.pk)
    return new


def ask_to_adopt(
    *, account: Account, gateway: Gateway, number: str, kind: str, **entered: Unpack[Entered]
) -> PhoneNumber:
    """Enter a number that we have already, and have it looked up at the gateway; see ``adopt_number``.

    Args:
        account: who gets it; within its allowance.
        gateway: where it is.
        number: E.164, or a short code's digits.
        kind: a value of ``PhoneNumber.Kind``.
        entered: see ``Entered``.

    Returns:
        The number: ``pending`` with its errand, or ``active`` at a gateway that cannot be asked about numbers.

    Raises:
        ProvisioningError: it is not a number, it is taken, or the allowance is used up.
    """
    new = awaited(gateway=gateway, number=number, kind=kind, **entered)
    if not has_numbers_api(gateway):
        with reserved(account=account, number=new) as claim:
            use_unchecked(claim)
        return new
    new.errand, new.asked_at = Errand.FINISH, timezone.now()
    reserve(account=account, number=new)
    call(new.pk)
    return new


def ask_to_resume(*, number: PhoneNumber, may_buy: bool = False) -> PhoneNumber:
    """Have somebody go on with a number that stopped half-way; see ``resume_number``.

    Args:
        number: pending.
        may_buy: buy it if the provider does not have it for us yet. A number that is awaited is never bought.

    Raises:
        ProvisioningError: it is not pending any more, or is being dealt with.
    """
    return _ask(number, Errand.BUY_AFTER_ALL if may_buy else Errand.FINISH)


def ask_to_wire(*, number: PhoneNumber) -> PhoneNumber:
    """Have a number's URLs set to ours at the provider; see ``wire_number``.

    Raises:
        ProvisioningError: the gateway's API sets none, or the number is released or being dealt with.
    """
    check_can_be_wired(number)
    return _ask(number, Errand.WIRE)


def ask_to_release(*, number: PhoneNumber, after_days: int = COOL_DOWN_DAYS) -> PhoneNumber:
    """Let a number leave, and with 0 days have it given back; see ``release_number``.

    Returns:
        The number, ``leaving``.

    Raises:
        ProvisioningError: something is still being sent from it, it was never bought, or is being dealt with.
    """
    with claimed(number, CAN_LEAVE) as claim:
        _refuse_if_asked(claim.row)
        leave(claim, after_days=after_days, errand="" if after_days else Errand.GIVE_BACK)
    if not after_days:
        call(number.pk)
    return claim.row


def ask_to_keep(*, number: PhoneNumber) -> PhoneNumber:
    """Take a leaving number back: at once, or once the provider has said that it still is ours.

    Returns:
        The number: what it was before, or ``leaving`` with its errand.

    Raises:
        ProvisioningError: it is not leaving any more, or is being dealt with.
    """
    with claimed(number, (State.LEAVING,)) as claim:
        _refuse_if_asked(claim.row)
        if not may_be_gone(claim.row):
            keep(claim)
            return claim.row
    return _ask(number, Errand.KEEP)


def ask_to_give_up(*, number: PhoneNumber) -> PhoneNumber:
    """Have a pending number given up, once the provider has said that it is not ours; see ``give_up_number``.

    Raises:
        ProvisioningError: it is not pending any more, or is being dealt with.
    """
    return _ask(number, Errand.GIVE_UP)


def ask_to_forget(*, number: PhoneNumber) -> PhoneNumber:
    """Have a number forgotten that somebody gave back in the provider's console; see ``forget_number``.

    Raises:
        ProvisioningError: it is in use, or is being dealt with.
    """
    return _ask(number, Errand.FORGET)


def call(number_id: int) -> None:
    """Wake the task that does a number's errand, once the open transaction is committed."""
    enqueue_on_commit(TASK, number_id, timeout=TASK_SECONDS)


def _ask(number: PhoneNumber, errand: str) -> PhoneNumber:
    now = timezone.now()
    with transaction.atomic():
        free = PhoneNumber.objects.unclaimed().filter(pk=number.pk, errand="", state__in=STATES[errand])
        taken = free.update(errand=errand, asked_at=now, outcome="", updated_at=now)
        if taken:
            call(number.pk)
    row = read(number.pk)
    if not taken:
        refuse(row, STATES[errand])
    return row


def _refuse_if_asked(row: PhoneNumber) -> None:
    """Leave a number alone with which something else is to be done."""
    if row.errand:
        refuse(row, (row.state,))

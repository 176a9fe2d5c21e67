"""Giving a number back: after a cool-down, in which it can be kept."""

from __future__ import annotations

import datetime as dt
import logging
import time

from django.db import transaction
from django.utils import timezone

from messaging.models import Batch, PhoneNumber
from messaging.services.gateways import number_changed
from messaging.services.numbers.errors import ProvisioningError
from messaging.services.numbers.provider import find_number, has_numbers_api, talk_to
from messaging.services.numbers.rows import Claim, claimed, held_by_another
from messaging.services.numbers.wiring import telling
from messaging.services.pools import rebalance
from messaging.services.routes import routes_text

logger = logging.getLogger(__name__)

State, Step = PhoneNumber.State, PhoneNumber.Step

#: How long a number that is released still receives, days.
COOL_DOWN_DAYS = 7
MOST_COOL_DOWN_DAYS = 30
#: One run of the task ends in time.
_MOST_AT_ONCE = 50
#: After so long it begins with no other number: the queue ends a task at 120 seconds, and one number may take a minute.
_MOST_SECONDS = 60.0
#: States in which a number may be let go.
CAN_LEAVE = (State.ACTIVE, State.DISABLED, State.PENDING)
_NEVER_BOUGHT = (Step.WANTED, Step.AWAITED)


def release_number(*, number: PhoneNumber, after_days: int = COOL_DOWN_DAYS) -> PhoneNumber:
    """Let a number leave: it sends no more campaigns, still receives and answers, and is given back when its time has come.

    Args:
        number: active, disabled, or bought and pending.
        after_days: 0 to ``MOST_COOL_DOWN_DAYS``; 0 gives it back at once.

    Returns:
        The number, ``leaving`` or ``released``.

    Raises:
        ProvisioningError: something is still being sent from it, a route names it, it was never bought, or, with 0 days, the
            provider refused or did not answer; then it is ``leaving`` and is tried again.
    """
    with claimed(number, CAN_LEAVE) as claim:
        leave(claim, after_days=after_days)
        if not after_days:
            give_back(claim)
    return claim.row


def leave(claim: Claim, *, after_days: int, errand: str = "") -> None:
    """→ ``leaving``. The provider hears nothing of it yet.

    Args:
        claim: on the number.
        after_days: see ``release_number``.
        errand: what a background task is to do with it, if anything.

    Raises:
        ProvisioningError: see ``release_number``.
    """
    row = claim.row
    if not 0 <= after_days <= MOST_COOL_DOWN_DAYS:
        raise ProvisioningError(f"A number leaves after 0 to {MOST_COOL_DOWN_DAYS} days. Choose a number of days.", row)
    if row.state == State.PENDING and row.step in _NEVER_BOUGHT:
        raise ProvisioningError(
            f"{row.number} is not known to be ours, so that it cannot be given back. Give it up instead.", row
        )
    _check_unused(row)
    if named := routes_text(row):
        raise ProvisioningError(f"{named} Then release {row.number}.", row)
    now = timezone.now()
    claim.note(
        state=State.LEAVING,
        kept_state=row.state,
        release_at=now + dt.timedelta(days=after_days),
        problem="",
        outcome="",
        **({"errand": errand, "asked_at": now} if errand else {}),
    )
    number_changed(row.pk)


def keep_number(*, number: PhoneNumber) -> PhoneNumber:
    """Take a leaving number back: it is what it was before.

    Raises:
        ProvisioningError: it is not leaving any more, is being given back at this moment, the provider does not have it for us
            any more, or cannot be asked whether it does.
    """
    with claimed(number, (State.LEAVING,)) as claim:
        keep(claim)
    return claim.row


def may_be_gone(row: PhoneNumber) -> bool:
    """Whether the provider has to be asked before a leaving number is kept.

    It may have been tried to give it back, and that may have got through; whoever tried may have been killed.
    """
    return bool(row.problem or _is_due(row)) and _was_seen(row)


def keep(claim: Claim) -> None:
    """See ``keep_number``.

    Raises:
        ProvisioningError: likewise.
    """
    row = claim.row
    if may_be_gone(row):
        _check_api(row)
        owned = find_number(gateway=row.gateway, number=row.number)
        if owned is None:
            _forget(claim)
            raise ProvisioningError(
                f"{row.number} cannot be kept: {row.gateway} does not list it among our numbers any more, so it was given "
                "back. It is released.",
                row,
            )
    claim.note(state=row.kept_state or State.ACTIVE, kept_state="", release_at=None, problem="")
    number_changed(row.pk)


def release_due(*, now: dt.datetime | None = None) -> int:
    """Give back the numbers whose time has come; how many were.

    What the provider refuses, and what gets no answer, stays ``leaving`` with the problem, for the next call. No transaction may
    be open.

    Args:
        now: aware; the present when omitted.
    """
    # Of one with an errand somebody wants something else at this moment, as to keep it, or its own task gives it back.
    due = PhoneNumber.objects.filter(state=State.LEAVING, errand="", release_at__lte=now or timezone.now())
    released = 0
    # Those that were tried before come last.
    until = time.monotonic() + _MOST_SECONDS
    for number in due.order_by("updated_at")[:_MOST_AT_ONCE]:
        if time.monotonic() >= until:
            break
        try:
            with claimed(number, (State.LEAVING,)) as claim:
                # Somebody may have kept it, and let it leave anew, since the list was made.
                if claim.row.release_at == number.release_at and not claim.row.errand:
                    give_back(claim)
                    released += 1
        except ProvisioningError as error:
            logger.warning("Number %s could not be given back; it is tried again: %s", number.pk, error)
    return released


def give_up_number(*, number: PhoneNumber) -> PhoneNumber:
    """Put an end to a pending number that was not bought, or did not arrive.

    The provider is asked first: one that is ours after all is not given up but gone on with, or released.

    Raises:
        ProvisioningError: it is ours, it is not pending, or the provider refused, did not answer or cannot be asked.
    """
    with claimed(number, (State.PENDING,)) as claim:
        give_up(claim)
    return claim.row


def give_up(claim: Claim) -> None:
    """See ``give_up_number``.

    Raises:
        ProvisioningError: likewise.
    """
    row = claim.row
    if row.step in (Step.BOUGHT, Step.WIRED):
        raise ProvisioningError(f"{row.number} is bought: resume it, or release it.", row)
    if row.step == Step.WANTED:
        _check_api(row)
    owned = find_number(gateway=row.gateway, number=row.number) if has_numbers_api(row.gateway) else None
    if owned is not None and row.step != Step.AWAITED and held_by_another(row) is None:
        raise ProvisioningError(
            f"{row.gateway} lists {row.number} among our numbers: it is ours, and is paid for. Resume it, or release it "
            "after that.",
            row,
        )
    _forget(claim)


def forget_number(*, number: PhoneNumber) -> PhoneNumber:
    """→ ``released`` for a number that somebody gave back in the provider's console, or that was never bought there.

    For a gateway that cannot ask its provider any more, as one whose credentials are revoked for good. The provider is asked all
    the same, and what it says counts.

    Args:
        number: pending or leaving.

    Raises:
        ProvisioningError: the provider lists it for us, or has it on order; it is needed, or in another state by now.
    """
    with claimed(number, (State.PENDING, State.LEAVING)) as claim:
        forget(claim)
    return claim.row


def forget(claim: Claim) -> None:
    """See ``forget_number``.

    Raises:
        ProvisioningError: likewise.
    """
    row = claim.row
    _check_unused(row)
    try:
        owned = find_number(gateway=row.gateway, number=row.number) if has_numbers_api(row.gateway) else None
    except ProvisioningError as error:
        if error.is_ordered:
            raise
        logger.warning("Number %s is forgotten although its provider could not be asked: %s", row.pk, error)
        owned = None
    if owned is not None and held_by_another(row) is None:
        raise ProvisioningError(
            f"{row.gateway} lists {row.number} among our numbers, so it is paid for. Resume it, or release it.", row
        )
    _forget(claim)
    number_changed(row.pk)


def write_off_number(*, number: PhoneNumber) -> PhoneNumber:
    """→ ``released`` for a number that the provider does not have any more, as somebody has just seen there.

    It may be called in a transaction: the provider hears nothing of it.

    Raises:
        ProvisioningError: it is released, was never known to be at the provider, or somebody deals with it there.
    """
    with claimed(number, (State.PENDING, State.ACTIVE, State.DISABLED, State.LEAVING)) as claim:
        row = claim.row
        if row.state == State.PENDING and row.step in _NEVER_BOUGHT:
            raise ProvisioningError(
                f"{row.number} was never known to be at the provider, so that it is not missing there. Give it up instead, on "
                "its page.",
                row,
            )
        _forget(claim)
    return claim.row


def give_back(claim: Claim) -> None:
    """``leaving`` → ``released``, at the provider too.

    Raises:
        ProvisioningError: something is being sent from it, or the provider refused or did not answer.
    """
    row = claim.row
    with telling(claim):
        _check_unused(row)
        # One that was entered by hand and that the provider does not list is ours to forget, not to give back.
        if _was_seen(row):
            _check_api(row)
            # Whoever is killed in the request leaves this behind.
            claim.note(problem="It is being given back, and it is not known whether that was done. It is tried again.")
            with talk_to(row.gateway) as provider:
                owned = None if row.provider_id else provider.owned(row.number)
                provider_id = row.provider_id or (owned.provider_id if owned else "")
                if provider_id:
                    provider.release(provider_id)
    _forget(claim)


def _is_due(row: PhoneNumber) -> bool:
    return row.release_at is not None and row.release_at <= timezone.now()


def _was_seen(row: PhoneNumber) -> bool:
    """Whether the provider has said that it has the number for us. Others are ours to forget, not to give back."""
    return bool(row.provider_id) or row.step in (Step.BOUGHT, Step.WIRED)


def _check_api(row: PhoneNumber) -> None:
    """Forget nothing that is billed, only because the provider cannot be asked at this moment.

    Raises:
        ProvisioningError: the gateway's numbers API cannot be used as the gateway is now.
    """
    if not has_numbers_api(row.gateway):
        raise ProvisioningError(
            f"{row.number} was bought or found at the provider, or may have been, and {row.gateway} cannot be asked about "
            "numbers as it is set up now. Fill in what its numbers need on the gateway's page first, then do this again.",
            row,
        )


def _forget(claim: Claim) -> None:
    """→ ``released``: out of all pools; its history stays."""
    with transaction.atomic():
        row = claim.row
        pools = list(row.pools.all())
        claim.note(state=State.RELEASED, released_at=timezone.now(), problem="", errand="")
        row.pools.clear()
        for pool in pools:
            rebalance(pool)


def _check_unused(number: PhoneNumber) -> None:
    pool_ids = set(number.pools.values_list("pk", flat=True))
    # A batch may go on through another gateway than its own.
    candidates = Batch.objects.open().filter(account_id=number.account_id)
    open_batches = [
        batch
        for batch in candidates
        if number.pk in (batch.number_id, *batch.senders) or (batch.pool_id and batch.pool_id in pool_ids)
    ][:3]
    if open_batches:
        names = ", ".join(f"“{batch}”" for batch in open_batches)
        raise ProvisioningError(
            f"{number} is needed for {names}. Cancel what is sent from it, or wait for its end.", number
        )

"""Doing what was asked for with a number at its provider, in the background.

An errand stands in the number's row from when it is asked for (``messaging.services.numbers.asking``) until it is done or has
failed. So a task that runs twice finds it done or claimed, and one that is killed leaves it to the sweeper. ``BUY`` and
``BUY_AFTER_ALL`` become ``BUYING`` before the request that spends money leaves: nothing is bought again without a person.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from broadcast.core.queue import enqueue
from messaging.models import PhoneNumber
from messaging.services.numbers import leaving
from messaging.services.numbers.asking import STATES, TASK, TASK_SECONDS
from messaging.services.numbers.buying import buy_new, go_on, is_refused
from messaging.services.numbers.errors import ProvisioningError
from messaging.services.numbers.rows import Claim, claimed
from messaging.services.numbers.wiring import activate, wire
from messaging.services.numbers.words import in_use, wired_text

logger = logging.getLogger(__name__)

Errand, State, Step = PhoneNumber.Errand, PhoneNumber.State, PhoneNumber.Step

#: What nobody has begun with for so long had its task lost.
LOST_AFTER = dt.timedelta(seconds=30)
#: Whoever asked does not expect it any more: a person looks first what is left to do.
TOO_LATE_AFTER = dt.timedelta(hours=1)
#: Tasks that one round of the sweeper calls at most.
_MOST_AT_ONCE = 100


def run_errand(*, number_id: int) -> None:
    """Do what was asked for with a number; nothing when it is done, or when somebody is at it. No transaction may be open.

    Args:
        number_id: whose errand.
    """
    number = PhoneNumber.objects.filter(pk=number_id).exclude(errand="").first()
    if number is None:
        return
    try:
        with claimed(number, State.values) as claim:
            # It may have been done since the row was read.
            if claim.row.errand:
                _carry_out(claim)
    except ProvisioningError as error:
        logger.info("The errand of number %s is left to whoever deals with the number now: %s", number_id, error)


def call_lost(*, now: dt.datetime | None = None) -> int:
    """Call the tasks of errands that nobody is at; how many there were.

    Args:
        now: aware; the present when omitted.
    """
    before = (now or timezone.now()) - LOST_AFTER
    waiting = PhoneNumber.objects.unclaimed().exclude(errand="").filter(asked_at__lt=before).order_by("asked_at")
    ids = list(waiting.values_list("pk", flat=True)[:_MOST_AT_ONCE])
    for number_id in ids:
        enqueue(TASK, number_id, timeout=TASK_SECONDS)
    return len(ids)


def _carry_out(claim: Claim) -> None:
    row = claim.row
    errand = row.errand
    if row.state not in STATES[errand]:
        claim.note(errand="", outcome=f"{row.number} is {row.get_state_display().lower()} by now. Nothing was changed.")
        return
    if row.asked_at is not None and row.asked_at < timezone.now() - TOO_LATE_AFTER:
        claim.note(
            errand="",
            problem="It was not done within an hour of being asked for: the cluster was not running, or was ended each time. "
            "See that it runs, then do it again.",
        )
        return
    try:
        done = _DOINGS[errand](claim)
    except ProvisioningError as error:
        logger.warning("Errand “%s” of number %s failed: %s", errand, row.pk, error)
        claim.note(**_failed(row, errand, error))
    else:
        claim.note(errand="", outcome=done[:500])


def _failed(row: PhoneNumber, errand: str, error: ProvisioningError) -> dict[str, Any]:
    """What is written down of an errand that failed."""
    if errand == Errand.BUY and is_refused(row, error):
        # Whoever asked looks at its page, so the row stays and says why; nobody holds it any more.
        return {
            "errand": "",
            "state": State.RELEASED,
            "released_at": timezone.now(),
            "problem": f"Nothing was bought. {error.text}",
        }
    return {"errand": "", "problem": error.text}


def _buy(claim: Claim) -> str:
    buy_new(claim)
    activate(claim)
    return _bought_text(claim.row)


def _buy_after_all(claim: Claim) -> str:
    go_on(claim, may_buy=True)
    return _bought_text(claim.row)


def _finish(claim: Claim) -> str:
    was_awaited = claim.row.step == Step.AWAITED
    go_on(claim, may_buy=False)
    row = claim.row
    if was_awaited and row.checked_at is not None:
        return f"{row.gateway} has {row.number}: it {in_use(row)}"
    return f"{row.number} {in_use(row)}" if was_awaited else _bought_text(row)


def _wire(claim: Claim) -> str:
    wire(claim)
    return wired_text(claim.row)


def _give_back(claim: Claim) -> str:
    leaving.give_back(claim)
    return f"{claim.row.number} is released."


def _keep(claim: Claim) -> str:
    leaving.keep(claim)
    return kept_text(claim.row)


def _give_up(claim: Claim) -> str:
    leaving.give_up(claim)
    return f"{claim.row.number} is given up. Nothing was bought."


def _forget(claim: Claim) -> str:
    leaving.forget(claim)
    return f"{claim.row.number} is forgotten. The provider was not told."


_DOINGS: dict[str, Callable[[Claim], str]] = {
    Errand.BUY: _buy,
    Errand.BUYING: _finish,
    Errand.BUY_AFTER_ALL: _buy_after_all,
    Errand.FINISH: _finish,
    Errand.WIRE: _wire,
    Errand.GIVE_BACK: _give_back,
    Errand.KEEP: _keep,
    Errand.GIVE_UP: _give_up,
    Errand.FORGET: _forget,
}


def kept_text(row: PhoneNumber) -> str:
    """What is said of a number that was kept."""
    return f"{row.number} is kept: it is {row.get_state_display().lower()} again."


def _bought_text(row: PhoneNumber) -> str:
    test = f" A test message to {row.test_recipient} is on its way." if row.test_message_id else ""
    return f"{row.number} belongs to {row.account} now: it {in_use(row)}{test}"

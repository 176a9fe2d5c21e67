"""Repairs of number findings that somebody has asked for: written down with the finding, and done by a background task.

A repair asks the provider, so no web request waits for it. It stands in the finding's row until it is done or has failed: a task
that runs twice finds it done, and one that is killed leaves it to the sweeper. Each repair looks first, and can be repeated.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from broadcast.core.queue import enqueue, enqueue_on_commit
from messaging.engine.seats import Seat
from messaging.models import NumberFinding
from messaging.services import number_repairs
from messaging.services.number_repairs import NotRepaired, Outdated
from messaging.services.numbers import LOST_AFTER, TASK_SECONDS, TOO_LATE_AFTER

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

Repair, State = NumberFinding.Repair, NumberFinding.State

TASK = "messaging.tasks.repair_finding"
#: Tasks that one round of the sweeper calls at most.
_MOST_AT_ONCE = 100


def ask_for_repair(*, finding_id: int, repair: str, user: User, options: dict[str, Any] | None = None) -> None:
    """Have a finding repaired in the background.

    Args:
        finding_id: open.
        repair: a value of ``NumberFinding.Repair``.
        user: who asks.
        options: what the repair needs beside that, plain values; see ``number_repairs.give``.

    Raises:
        NotRepaired: it is not open any more, or is being repaired.
    """
    with transaction.atomic():
        open_now = NumberFinding.objects.filter(pk=finding_id, state=State.OPEN, repair="")
        asked = {"repair": repair, "repair_options": options or {}, "asked_at": timezone.now(), "asked_by": user}
        if open_now.update(**asked, problem=""):
            enqueue_on_commit(TASK, finding_id, timeout=TASK_SECONDS)
            return
    finding = NumberFinding.objects.get(pk=finding_id)
    if finding.repair:
        raise NotRepaired(f"{finding.number} is being repaired at this moment. Look at its page again in a minute.")
    raise NotRepaired(f"This finding is {finding.get_state_display().lower()} by now; nothing was changed.")


def run_repair(*, finding_id: int) -> None:
    """Do the repair that was asked for; nothing when it is done, or somebody is at it. No transaction may be open.

    Args:
        finding_id: which finding.

    Raises:
        redis.RedisError: Redis is away.
    """
    with Seat(f"repair:{finding_id}") as seat:
        finding = NumberFinding.objects.filter(pk=finding_id).exclude(repair="").select_related("asked_by").first()
        if not seat.taken or finding is None:
            return
        _end(finding, _problem_of(finding))


def call_lost_repairs(*, now: dt.datetime | None = None) -> int:
    """Call the tasks of repairs that were not done; how many there were. Whoever is at one keeps others from it.

    Args:
        now: aware; the present when omitted.
    """
    before = (now or timezone.now()) - LOST_AFTER
    waiting = NumberFinding.objects.exclude(repair="").filter(asked_at__lt=before).order_by("asked_at")
    ids = list(waiting.values_list("pk", flat=True)[:_MOST_AT_ONCE])
    for finding_id in ids:
        enqueue(TASK, finding_id, timeout=TASK_SECONDS)
    return len(ids)


def _problem_of(finding: NumberFinding) -> str:
    """Repair it; what went wrong, empty for nothing."""
    if finding.state != State.OPEN:
        return ""
    if finding.asked_at is not None and finding.asked_at < timezone.now() - TOO_LATE_AFTER:
        return (
            "It was not repaired within an hour of being asked for: the cluster was not running, or was ended each time. See that "
            "it runs, then do it again."
        )
    try:
        _repair(finding)
    except Outdated as error:
        logger.info("Finding %s is closed: %s", finding.pk, error)
    except NotRepaired as error:
        logger.warning("Finding %s was not repaired: %s", finding.pk, error)
        return str(error)
    return ""


def _repair(finding: NumberFinding) -> None:
    pk, user = finding.pk, finding.asked_by
    if finding.repair == Repair.GIVE:
        number_repairs.give(finding_id=pk, user=user, **finding.repair_options)
    elif finding.repair == Repair.WIRE:
        number_repairs.wire(finding_id=pk, user=user)
    elif finding.repair == Repair.RELEASE:
        number_repairs.release_again(finding_id=pk, user=user)
    else:
        paused = number_repairs.write_off(finding_id=pk, user=user)
        if paused:
            campaigns = "1 campaign was" if paused == 1 else f"{paused} campaigns were"
            NumberFinding.objects.filter(pk=pk).update(note=f"Marked as released. {campaigns} paused.")


def _end(finding: NumberFinding, problem: str) -> None:
    asked = NumberFinding.objects.filter(pk=finding.pk, repair=finding.repair, asked_at=finding.asked_at)
    asked.update(repair="", problem=problem[:500])

"""Canaries: a batch goes to a few people first, waits, and goes on only if they were not refused and did not opt out.

The first few are the messages whose id ``Batch.canary_step`` divides, so nothing has to be marked or remembered::

    sending ──(all of them left)──► waiting until canary_until ──► passed: everybody else
                                                             └──► failed: paused for a person
"""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Max, Q, Value
from django.db.models.functions import Mod
from django.utils import timezone

from messaging.engine.places import look
from messaging.models import Alert, Batch, Message, Suppression
from messaging.querysets import BatchQuerySet
from messaging.services.alerts import raise_alert
from messaging.services.moves import fill_on_commit, pause
from messaging.services.suppressions import OPT_OUTS
from messaging.states import TAKEN_STATES, BatchState, MessageState

logger = logging.getLogger(__name__)

Canary = Batch.Canary

#: Fewer people tell nothing; a batch to less than twice as many goes to everybody at once.
LEAST_PEOPLE = 10
#: Where nothing of the first few has moved for this long, those that have left are judged without the others, seconds.
SETTLE_SECONDS = 600

_PENDING = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)
_REFUSED = (MessageState.FAILED, MessageState.UNDELIVERED)
_LEFT = {*TAKEN_STATES, *_REFUSED, MessageState.UNKNOWN, MessageState.UNRESOLVED}


@dataclass(frozen=True, slots=True)
class CanaryReport:
    """How the first few of a batch do.

    Args:
        size: people among them, without those who were suppressed.
        left: of them, those whose message has left or was refused.
        refused: of those, the ones that the provider refused or could not deliver.
        opted_out: people among them who have opted out after this message.
        refused_percent: of those that left.
        opted_out_percent: of those that left.
        until: when they are judged; None until all of them have left.
        state: a value of ``Batch.Canary``.
        text: the same for a person.
    """

    size: int
    left: int
    refused: int
    opted_out: int
    refused_percent: float
    opted_out_percent: float
    until: dt.datetime | None
    state: str
    text: str


def planned_people(recipients: int, percent: int) -> int:
    """About how many people get a batch first; 0: everybody at once."""
    if not percent or recipients < 2 * LEAST_PEOPLE:
        return 0
    return recipients // _step(recipients, percent)


def _step(recipients: int, percent: int) -> int:
    return max(2, recipients // max(LEAST_PEOPLE, math.ceil(recipients * percent / 100)))


def choose_step(batch: Batch) -> int:
    """The step at which about ``canary_percent`` of a batch, and at least 10 people, go first; 0: everybody at once."""
    if not batch.canary_percent:
        return 0
    queued = Message.objects.filter(batch=batch, state=MessageState.QUEUED)
    recipients = queued.count()
    if recipients < 2 * LEAST_PEOPLE:
        return 0
    step = _step(recipients, batch.canary_percent)
    # Ids have gaps, and suppressed people among them.
    while step > 1 and queued.canary(step).count() < LEAST_PEOPLE:
        step //= 2
    return step if step > 1 else 0


def tend(batch: Batch) -> None:
    """Take a canary as far as it goes now; repeatable, and whoever does it at the same time does no harm.

    Args:
        batch: with its account.
    """
    if not _is_under_way(batch):
        return
    now = timezone.now()
    if batch.canary_until is None:
        counts = _counts(batch)
        if _are_awaited(batch, counts) and not _is_settled_enough(batch, counts, now):
            return
        until = now + dt.timedelta(minutes=batch.canary_wait_minutes)
        if not _row(batch).filter(canary_until=None).update(canary_until=until, updated_at=now):
            return
        batch.canary_until = until
    if batch.canary_until <= now:
        _judge(batch)


def tend_changed(batch_ids: Collection[int]) -> None:
    """Tend the canaries among some batches of which something was recorded."""
    under_way = Batch.objects.filter(pk__in=batch_ids, state=BatchState.SENDING, canary_state=Canary.SENDING)
    for batch in under_way.select_related("account"):
        tend(batch)


def is_waiting(batch: Batch) -> bool:
    """Whether all of the first few have left, so that nothing moves until they are judged."""
    return _is_under_way(batch) and batch.canary_until is not None


def go_on(batch_id: int, *, user_text: str = "") -> bool:
    """A person lets everybody else have it without waiting for the judgement; False when no canary is under way.

    Args:
        batch_id: which.
        user_text: who, for the log.
    """
    batch = Batch.objects.get(pk=batch_id)
    changed = _is_under_way(batch) and _pass(batch)
    if changed:
        logger.info("Batch %s goes on to everybody: %s", batch_id, user_text or "a person says so")
    return changed


def report(batch: Batch) -> CanaryReport:
    """How the first few do, at any time.

    Args:
        batch: with its account.
    """
    if not batch.canary_step:
        return CanaryReport(0, 0, 0, 0, 0.0, 0.0, None, batch.canary_state, "")
    counts = _counts(batch)
    size = sum(number for state, number in counts.items() if state != MessageState.SUPPRESSED)
    left, refused = _sum(counts, _LEFT), _sum(counts, _REFUSED)
    opted_out = _opt_outs(batch)
    found = CanaryReport(
        size=size,
        left=left,
        refused=refused,
        opted_out=opted_out,
        refused_percent=100 * refused / left if left else 0.0,
        opted_out_percent=100 * opted_out / left if left else 0.0,
        until=batch.canary_until,
        state=batch.canary_state,
        text="",
    )
    return replace(found, text=_text(batch, found))


def _is_under_way(batch: Batch) -> bool:
    return batch.state == BatchState.SENDING and batch.canary_state == Canary.SENDING


def _row(batch: Batch) -> BatchQuerySet:
    return Batch.objects.filter(pk=batch.pk, state=BatchState.SENDING, canary_state=Canary.SENDING)


def _counts(batch: Batch) -> dict[str, int]:
    return Message.objects.filter(batch=batch).canary(batch.canary_step).counts()


def _sum(counts: dict[str, int], states: Collection[str]) -> int:
    return sum(counts.get(state, 0) for state in states)


def _are_awaited(batch: Batch, counts: dict[str, int]) -> bool:
    """Whether some of the first few may still leave or be answered.

    Those whose hours have not come are not waited for when enough others have left: everybody else would wait for them, too.
    """
    if not any(counts.get(state) for state in _PENDING):
        return False
    view = look(batch)
    if view is None or counts.get(MessageState.SENDING) or counts.get(MessageState.UNKNOWN):
        return True
    if _sum(counts, _LEFT) < LEAST_PEOPLE:
        return True
    first = Message.objects.filter(batch=batch, state=MessageState.QUEUED).canary(batch.canary_step)
    return first.filter(place__in=view.open).exists()


def _is_settled_enough(batch: Batch, counts: dict[str, int], now: dt.datetime) -> bool:
    """Whether most have left, and nothing has come of the others for so long that they are not waited for."""
    if 2 * _sum(counts, _LEFT) < sum(counts.values()):
        return False
    first = Message.objects.filter(batch=batch).canary(batch.canary_step)
    last = first.filter(state__in=_LEFT).aggregate(at=Max("changed_at"))["at"]
    return last is not None and last <= now - dt.timedelta(seconds=SETTLE_SECONDS)


def _opt_outs(batch: Batch) -> int:
    """People among the first few who opted out after this message."""
    left = Suppression.objects.filter(message__batch=batch, reason__in=OPT_OUTS)
    first = left.alias(rest=Mod("message_id", Value(max(1, batch.canary_step)))).filter(rest=0)
    return first.values("message_id").distinct().count()


def _judge(batch: Batch) -> None:
    found = report(batch)
    allowed = (batch.max_rejected_percent, batch.max_opt_out_percent)
    shares = (found.refused_percent, found.opted_out_percent)
    if not any(most and share > most for most, share in zip(allowed, shares, strict=True)):
        if _pass(batch):
            logger.info("Batch %s: its canary passed, everybody else follows", batch.pk)
        return
    reason = f"{_did(found, 'The first', batch)} Find out why; then resume it for everybody else, or cancel it."
    with transaction.atomic():
        if pause(
            batch, Batch.PauseCode.CANARY, reason, only=Q(canary_state=Canary.SENDING), canary_state=Canary.FAILED
        ):
            raise_alert(kind=Alert.Kind.CANARY, batch=batch, text=f"“{batch}” is paused. {reason}")


def _pass(batch: Batch) -> bool:
    """``sending`` → ``passed``; the others are queued. Should we be killed in between, the sweeper queues them."""
    with transaction.atomic():
        if not _row(batch).update(canary_state=Canary.PASSED, updated_at=timezone.now()):
            return False
        batch.canary_state = Canary.PASSED
        fill_on_commit(batch)
    return True


def _did(found: CanaryReport, whom: str, batch: Batch) -> str:
    """What the first few did, in figures."""
    return (
        f"{whom} {found.left:,}: {found.refused:,} refused ({found.refused_percent:.0f} %"
        f"{_allowed(batch.max_rejected_percent)}), {found.opted_out:,} opted out "
        f"({found.opted_out_percent:.0f} %{_allowed(batch.max_opt_out_percent)})."
    )


def _allowed(percent: int) -> str:
    return f", allowed {percent} %" if percent else ""


def _text(batch: Batch, found: CanaryReport) -> str:
    if found.state == Canary.PASSED:
        return f"{_did(found, 'Of the first', batch)} It went on to everybody else."
    if found.state == Canary.FAILED:
        return f"{_did(found, 'Of the first', batch)} It waits for a person."
    if batch.state in (BatchState.FINISHED, BatchState.CANCELLED):
        return f"{_did(found, 'Of the first', batch)} It ended before they were judged."
    if found.until is None:
        view = look(batch)
        whom = "all whose hours have come" if view is not None and view.closed else "all"
        return (
            f"{found.left:,} of the first {found.size:,} people have it. When {whom} do, it waits {batch.canary_wait_minutes} "
            "minutes and looks at how they did; everybody else follows."
        )
    at = found.until.astimezone(batch.account.zone)
    return f"{_did(found, 'Of the first', batch)} At {at:%H:%M} it is decided whether everybody else follows."

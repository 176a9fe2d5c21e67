"""A brand's day that the carriers have closed: nothing more of it leaves before the next, whatever our own count says."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from broadcast.core.redis import RedisAway
from messaging.engine import budgets as counts
from messaging.models import Alert, Brand, Message, PhoneNumber
from messaging.models.registrations import CARRIERS_ZONE
from messaging.services.alerts import raise_alert, resolve
from messaging.services.budgets import subject_of, tell_spent

logger = logging.getLogger(__name__)


class DayError(Exception):
    """A brand's day cannot be opened; ``text`` says why and what to do."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def note_day_spent(*, message_ids: Iterable[int], code: str) -> None:
    """Carriers refused some messages because their brand has used up its day: the day that these left on is closed.

    A report of yesterday's messages closes nothing. Numbers without a brand here have no day that could be kept: somebody is told.

    Args:
        message_ids: of one refusal's code.
        code: the provider's.
    """
    now = timezone.now()
    left: dict[int, dt.datetime] = {}
    rows = Message.objects.filter(pk__in=list(message_ids)).values_list("number_id", "accepted_at", "claimed_at")
    for number_id, accepted_at, claimed_at in rows:
        at = accepted_at or claimed_at or now
        left[number_id] = max(at, left.get(number_id, at))
    budgets = counts.budgets_of(left)
    for number_id, at in left.items():
        budget = budgets.get(number_id)
        if budget is None:
            _tell_of_number(number_id, code)
        elif budget.day(at) == budget.day(now):
            _close(budget.brand_id, budget.day(now), code, now)


def _close(brand_id: int, day: str, code: str, now: dt.datetime) -> None:
    date = dt.date.fromisoformat(day)
    with transaction.atomic():
        if not Brand.objects.filter(pk=brand_id).exclude(spent_on=date).update(spent_on=date, spent_code=code[:32]):
            return
        tell_spent(Brand.objects.get(pk=brand_id), now)
        transaction.on_commit(lambda: _tell_senders(brand_id, day))
    logger.warning("Brand %s: carriers take no more on %s (%s)", brand_id, day, code)


def _tell_senders(brand_id: int, day: str) -> None:
    try:
        counts.close_day(brand_id, day)
    except RedisAway as error:
        logger.warning("Redis is away; senders find in the row that brand %s has used up its day: %s", brand_id, error)


def _tell_of_number(number_id: int, code: str) -> None:
    number = PhoneNumber.objects.select_related("account").get(pk=number_id)
    text = (
        f"Carriers take no more of {number} of {number.account} today ({code}), and refuse what is sent from it until midnight in "
        "Los Angeles. No brand is entered here for it, so Broadcast cannot wait for its next day: pause its campaigns, and enter "
        "the brand and its 10DLC campaign."
    )
    raise_alert(kind=Alert.Kind.BUDGET, subject=f"number:{number_id}", text=text)


def open_day(*, brand: Brand) -> None:
    """Carriers take more of a brand today after all: what waits goes on within a minute, within its cap.

    Args:
        brand: whose day carriers have closed.

    Raises:
        DayError: they have not closed the present day, or Redis is away.
    """
    now = timezone.now()
    day = now.astimezone(ZoneInfo(brand.cap_zone)).date()
    if not Brand.objects.filter(pk=brand.pk, spent_on=day).exists():
        raise DayError(f"Carriers have not closed the present day of “{brand}”; nothing was changed.")
    try:
        # Before the row: senders that stay closed would hold back what the sweeper queues, until midnight.
        counts.open_day(brand.pk, day.isoformat())
    except RedisAway as error:
        raise DayError("Redis is away, so the day cannot be opened now. Do it again when it is back.") from error
    Brand.objects.filter(pk=brand.pk).update(spent_on=None, spent_code="")
    resolve(kind=Alert.Kind.BUDGET, subject=subject_of(brand), note="Its day was opened again.")


def watch_closed_days() -> None:
    """Take back what was told of numbers without a brand once the carriers' next day has begun."""
    zone = ZoneInfo(CARRIERS_ZONE)
    today = timezone.now().astimezone(zone).date()
    told = Alert.objects.open().filter(kind=Alert.Kind.BUDGET, subject__startswith="number:")
    for subject, at in told.values_list("subject", "created_at"):
        if at.astimezone(zone).date() < today:
            resolve(kind=Alert.Kind.BUDGET, subject=subject, note="The carriers' next day has begun.")

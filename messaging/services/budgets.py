"""Brand budgets for people and for batches: what is left of a brand's day, what waits for the next, and who is told."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Avg, Count
from django.utils import timezone

from broadcast.core.redis import RedisAway, get_redis
from messaging.engine import keys
from messaging.engine.budgets import Budget, budgets_of, is_spent, left_out, spent_numbers
from messaging.engine.counting import count_day
from messaging.engine.places import latest_of_batch
from messaging.models import Alert, Batch, Brand, Message
from messaging.models.registrations import CARRIERS_ZONE
from messaging.services.alerts import raise_alert, resolve
from messaging.states import BatchState, MessageState

logger = logging.getLogger(__name__)

#: A new day's messages are queued by the next sweep, a minute away at most, and then need a moment to move, seconds.
RENEWING_SECONDS = 120


@dataclass(frozen=True, slots=True)
class BrandDay:
    """What a brand may send still today.

    Args:
        brand: whose day.
        used: segments that have left; None while Redis is away.
        cap: segments that may; None without a cap.
        renews_at: when the next day begins.
        is_spent: nothing more leaves before.
        closed_by: the provider's code of the carriers' word that nothing is left of it; empty when they have not said so.
    """

    brand: Brand
    used: int | None
    cap: int | None
    renews_at: dt.datetime
    is_spent: bool
    closed_by: str = ""

    @property
    def left(self) -> int:
        """Segments that may leave still; 0 without a cap, too."""
        if self.closed_by:
            return 0
        return max(0, (self.cap or 0) - (self.used or 0))

    @property
    def renewal(self) -> str:
        """When the next day begins, for a person: "Tue 24 Nov, 00:00 PT"."""
        name = "PT" if self.brand.cap_zone == CARRIERS_ZONE else self.brand.cap_zone
        return f"{self.renews_at:%a} {self.renews_at.day} {self.renews_at:%b}, {self.renews_at:%H:%M} {name}"

    @property
    def text(self) -> str:
        """What is left, for a person."""
        if self.used is None:
            return "not known while Redis is away"
        if self.closed_by:
            return f"carriers take no more today ({self.closed_by}); segments that have left: {self.used:,}"
        if self.cap is None:
            return f"{self.used:,} segments left it today, no cap"
        return f"{self.left:,} of {self.cap:,} segments left today"


def day_of(brand: Brand, now: dt.datetime | None = None) -> BrandDay:
    """A brand's day as it stands; from the rows where Redis has no count of it.

    Args:
        brand: with nothing else.
        now: an aware time; now when omitted.
    """
    now = now or timezone.now()
    budget = _of_brand(brand)
    used: int | None = None
    spent = False
    try:
        counted = get_redis().hget(keys.budget_day(brand.pk, None, budget.day(now)), "used")
        used = int(counted) if counted is not None else sum(count_day(budget, now).values())
        spent = is_spent(budget, now)
    except RedisAway as error:
        logger.warning("Redis is away: what brand %s has sent today is not known: %s", brand.pk, error)
    closed_by = brand.spent_code if budget.spent_on == budget.day(now) else ""
    return BrandDay(brand, used, brand.segments_per_day, budget.renews_at(now), spent, closed_by)


def _of_brand(brand: Brand) -> Budget:
    """A budget of the brand's alone."""
    spent_on = brand.spent_on.isoformat() if brand.spent_on else ""
    return Budget(brand.pk, 0, brand.segments_per_day, None, None, brand.cap_zone, spent_on)


def days_of(number_ids: Iterable[int]) -> list[BrandDay]:
    """The days of the brands that some numbers send for, by name; without those that have no cap, unless carriers closed it."""
    brands = Brand.objects.filter(ten_dlc_campaigns__assignments__number_id__in=list(number_ids)).distinct()
    limited = [brand for brand in brands if brand.segments_per_day is not None or brand.spent_on is not None]
    return [day for day in map(day_of, limited) if day.cap is not None or day.closed_by]


@dataclass(frozen=True, slots=True)
class Held:
    """How a brand's day bears on a batch that is under way.

    Args:
        day: the brand's.
        rest: messages of the batch that are left for the brand's next days; an estimate while some may leave still.
    """

    day: BrandDay
    rest: int

    @property
    def text(self) -> str:
        """For a person."""
        text = f"Brand budget of {self.day.brand}: {self.day.text}"
        if not self.rest:
            return f"{text}."
        return f"{text}; the rest of this campaign ({self.rest:,}) leaves from {self.day.renewal} on, by itself."


def held_by_budget(batch: Batch) -> list[Held]:
    """How the brands of a batch's numbers stand, and what of it waits for their next day.

    Args:
        batch: any.
    """
    budgets = budgets_of(batch.senders)
    days = days_of(budgets) if budgets else []
    if not days:
        return []
    queued = Message.objects.filter(batch=batch, state=MessageState.QUEUED, number_id__in=budgets).order_by()
    counts = dict(queued.values_list("number_id").annotate(Count("id")))
    try:
        spent = spent_numbers(budgets)
    except RedisAway:
        # Each day says that it is not known.
        spent = set()
    usual = Message.objects.filter(batch=batch, segments__gt=0).aggregate(mean=Avg("segments"))["mean"] or 1
    return [Held(day, _rest(day, budgets, counts, spent, float(usual))) for day in days]


def _rest(
    day: BrandDay, budgets: dict[int, Budget], counts: dict[int, int], spent: set[int], usual_segments: float
) -> int:
    waiting = {pk: count for pk, count in counts.items() if budgets[pk].brand_id == day.brand.pk}
    held = sum(count for pk, count in waiting.items() if pk in spent)
    return max(held, sum(waiting.values()) - int(day.left / usual_segments)) if day.used is not None else 0


def wait_for_budget(batch: Batch) -> set[int]:
    """What of a sending batch has to wait for its brand's next day gets its time from there, and somebody is told.

    Args:
        batch: with its account.

    Returns:
        Its numbers of which nothing may leave before.

    Raises:
        redis.RedisError: Redis is away.
    """
    now = timezone.now()
    budgets = budgets_of(batch.senders)
    spent = spent_numbers(budgets, now)
    if not spent or not Message.objects.filter(batch=batch, state=MessageState.QUEUED, number_id__in=spent).exists():
        return spent
    renews_at = max(budgets[number_id].renews_at(now) for number_id in spent)
    if batch.expires_at is not None and (batch.due_at is None or batch.due_at < renews_at):
        # Waiting was not its fault: its latest time counts from the day on which it can go on. What waits at other numbers waits
        # for something else (``expiry.expire_unheld``).
        expires_at = latest_of_batch(batch, renews_at)
        held_due_at = batch.held_due_at or batch.due_at
        seen = Batch.objects.filter(pk=batch.pk, state=BatchState.SENDING, due_at=batch.due_at)
        if seen.update(due_at=renews_at, expires_at=expires_at, held_due_at=held_due_at):
            batch.due_at, batch.expires_at, batch.held_due_at = renews_at, expires_at, held_due_at
    for brand in Brand.objects.filter(pk__in={budgets[number_id].brand_id for number_id in spent}):
        tell_spent(brand, now)
    return spent


def tell_spent(brand: Brand, now: dt.datetime) -> None:
    """Tell people that nothing more of a brand leaves today.

    Args:
        brand: whose day is used up.
        now: an aware time.
    """
    day = day_of(brand, now)
    used = "1 segment" if day.used == 1 else f"{day.used or 0:,} segments"
    goes_on = f"What is left of its campaigns leaves from {day.renewal} on, by itself."
    text = (
        f"The brand “{brand}” has used up what it, or one of its 10DLC campaigns, may send today ({used}). {goes_on} If the cap is "
        "higher by now, enter it on the brand's page."
    )
    if day.closed_by:
        text = (
            f"Carriers take no more of the brand “{brand}” today ({day.closed_by}); counted here: {used}. {goes_on} Compare the "
            "cap and T-Mobile's share on the brand's page: does the company send elsewhere, too? If carriers take more by now, "
            "open the day again there."
        )
    raise_alert(kind=Alert.Kind.BUDGET, subject=subject_of(brand), text=text)


def subject_of(brand: Brand) -> str:
    """How alerts name a brand."""
    return f"brand:{brand.pk}"


def watch_budgets() -> None:
    """Take back what was told of brands whose next day has begun, or whose cap is higher now.

    Raises:
        redis.RedisError: Redis is away; the next round does it.
    """
    now = timezone.now()
    told = Alert.objects.open().filter(kind=Alert.Kind.BUDGET, subject__startswith="brand:")
    for subject in told.values_list("subject", flat=True):
        brand = Brand.objects.filter(pk=subject.partition(":")[2]).first()
        if brand is None or not _any_spent(brand, now):
            resolve(kind=Alert.Kind.BUDGET, subject=subject, note="It may send again.")


def _any_spent(brand: Brand, now: dt.datetime) -> bool:
    numbers = budgets_of(
        pk
        for pk in Brand.objects.filter(pk=brand.pk).values_list("ten_dlc_campaigns__assignments__number", flat=True)
        if pk is not None
    )
    return bool(spent_numbers(numbers, now))


def waiting_numbers(batch: Batch, now: dt.datetime) -> set[int]:
    """Numbers of a batch that nothing is to be expected of: their brand's day is used up, or a new one has just begun.

    Args:
        batch: any.
        now: an aware time.

    Raises:
        redis.RedisError: Redis is away.
    """
    budgets = budgets_of(batch.senders)
    if not budgets:
        return set()
    began = max(budget.began_at(now) for budget in budgets.values())
    just_now = now - began < dt.timedelta(seconds=RENEWING_SECONDS)
    return spent_numbers(budgets, now) | (left_out(batch) if just_now else set())


@dataclass(frozen=True, slots=True)
class Forecast:
    """How a brand's budget bears on a launch.

    Args:
        day: as it stands.
        now: segments that can leave today.
        later: segments that have to wait.
        days: on how many further days they leave, if nothing else is sent.
    """

    day: BrandDay
    now: int
    later: int
    days: int


def forecast(*, segments: Mapping[int, float]) -> list[Forecast]:
    """How the brands of some numbers bear on a launch; without those that have no cap.

    Args:
        segments: how many would leave from each number, by its id.
    """
    budgets = budgets_of(list(segments))
    found = []
    for day in days_of(list(segments)):
        share = round(sum(segments[pk] for pk, budget in budgets.items() if budget.brand_id == day.brand.pk))
        later = max(0, share - day.left)
        # Without a cap all of the rest leaves on the next day.
        found.append(Forecast(day, share - later, later, -(-later // (day.cap or max(1, later)))))
    return found

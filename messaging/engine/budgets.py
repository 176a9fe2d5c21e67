"""Brand budgets: what carriers let a brand send in a day, and its 10DLC campaigns in a day and a minute.

Counted in Redis the moment messages pass (``spending``), over all batches, numbers, gateways and processes; a count that Redis does
not have is made from the rows. All in segments, and of recipients in the United States only: both T-Mobile's day and AT&T's minute
are counted so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils import timezone

from broadcast.core.redis import get_redis
from messaging.engine import keys
from messaging.engine.pacing import minute_arguments
from messaging.engine.scripts import Scripts
from messaging.hours import place_key
from messaging.hours.places import parse_key
from messaging.models import Batch, PhoneNumber, TenDlcCampaign, TenDlcNumber

#: A day's counts are kept for so long.
KEPT_SECONDS = 3 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Budget:
    """What a number's registration allows it, shared with all other numbers of the same brand.

    Args:
        brand_id: whose day it is.
        campaign_id: the 10DLC campaign.
        per_day: the brand's cap, segments; None without one.
        campaign_per_day: the 10DLC campaign's own.
        campaign_per_minute: likewise.
        zone: IANA name; the day's midnight is there.
        spent_on: the day of which carriers said that it is used up, as an ISO date; empty when they never did.
    """

    brand_id: int
    campaign_id: int
    per_day: int | None
    campaign_per_day: int | None
    campaign_per_minute: int | None
    zone: str
    spent_on: str = ""

    def day(self, now: dt.datetime) -> str:
        """The day of the cap that a time is in, as an ISO date."""
        return now.astimezone(ZoneInfo(self.zone)).date().isoformat()

    def began_at(self, now: dt.datetime) -> dt.datetime:
        """When the day of the cap began that a time is in."""
        zone = ZoneInfo(self.zone)
        return dt.datetime.combine(now.astimezone(zone).date(), dt.time(), tzinfo=zone)

    def renews_at(self, now: dt.datetime) -> dt.datetime:
        """When the next day of the cap begins; days of 23 and 25 hours included."""
        zone = ZoneInfo(self.zone)
        tomorrow = now.astimezone(zone).date() + dt.timedelta(days=1)
        return dt.datetime.combine(tomorrow, dt.time(), tzinfo=zone)

    def day_keys(self, day: str) -> tuple[str, str]:
        """The counts of a day: the brand's and the 10DLC campaign's."""
        return (
            keys.budget_day(self.brand_id, None, day),
            keys.budget_day(self.brand_id, self.campaign_id, day),
        )

    @property
    def caps(self) -> tuple[int | None, int | None]:
        """The caps of the day, in the order of ``day_keys``."""
        return self.per_day, self.campaign_per_day

    def arguments(self, day: str) -> tuple[int, int, int, int]:
        """Arguments of ``spend.lua``: both caps of a day, then the minute's pace.

        Args:
            day: an ISO date; nothing is left of one that carriers have closed.
        """
        first, second = (-1 if cap is None else cap for cap in self.caps)
        return (0 if day == self.spent_on else first, second, *minute_arguments(self.campaign_per_minute))


def budget_of(number: PhoneNumber) -> Budget | None:
    """A number's budget; None for one that no 10DLC campaign has.

    Args:
        number: with ``ten_dlc__campaign__brand``, which it is asked for otherwise.
    """
    assignment: TenDlcNumber | None = getattr(number, "ten_dlc", None)
    if assignment is None:
        return None
    return _of_campaign(assignment.campaign)


def _of_campaign(campaign: TenDlcCampaign) -> Budget:
    brand = campaign.brand
    return Budget(
        brand.pk,
        campaign.pk,
        brand.segments_per_day,
        campaign.per_day_segments,
        campaign.per_minute_segments,
        brand.cap_zone,
        brand.spent_on.isoformat() if brand.spent_on else "",
    )


def budgets_of(number_ids: Iterable[int]) -> dict[int, Budget]:
    """The budgets of some numbers by id, without those that have none."""
    rows = TenDlcNumber.objects.filter(number_id__in=list(number_ids)).select_related("campaign__brand")
    return {row.number_id: _of_campaign(row.campaign) for row in rows}


def counted_segments(recipient: str, segments: int) -> int:
    """What a message costs of a budget: nothing outside the United States.

    Args:
        recipient: E.164.
        segments: the message's.
    """
    return segments if recipient.startswith("+1") and _is_american(recipient[:5]) else 0


@lru_cache(maxsize=1024)
def _is_american(prefix: str) -> bool:
    return parse_key(place_key(prefix)).in_united_states


def spent_numbers(budgets: dict[int, Budget], now: dt.datetime | None = None) -> set[int]:
    """Those of some numbers of which nothing may leave before their brand's next day.

    Args:
        budgets: by number.
        now: an aware time; now when omitted.

    Raises:
        redis.RedisError: Redis is away.
    """
    now = now or timezone.now()
    wanted = {budget for budget in budgets.values() if budget.caps != (None, None) or budget.spent_on}
    spent = {budget for budget in wanted if is_spent(budget, now)}
    return {number_id for number_id, budget in budgets.items() if budget in spent}


def is_spent(budget: Budget, now: dt.datetime) -> bool:
    """Whether the day is used up, by our count or by the carriers' word; not so where nothing is counted yet.

    Raises:
        redis.RedisError: Redis is away.
    """
    client, day = get_redis(), budget.day(now)
    if day == budget.spent_on:
        return True
    for key, cap in zip(budget.day_keys(day), budget.caps, strict=True):
        used, short = client.hmget(key, "used", "short")
        if cap is not None and used is not None and int(used) + max(1, int(short or 1)) > cap:
            return True
    return False


def close_day(brand_id: int, day: str) -> None:
    """Have senders that are at work spend nothing more of a brand's day; others find it in the brand's row.

    Raises:
        redis.RedisError: Redis is away.
    """
    name = keys.budget_day(brand_id, None, day)
    get_redis().pipeline().hset(name, "closed", 1).expire(name, KEPT_SECONDS).execute()


def open_day(brand_id: int, day: str) -> None:
    """Take ``close_day`` back.

    Raises:
        redis.RedisError: Redis is away.
    """
    get_redis().hdel(keys.budget_day(brand_id, None, day), "closed")


def left_out_clock() -> float:
    """Redis's time, unix seconds, which the notes of numbers that are left out carry.

    Raises:
        redis.RedisError: Redis is away.
    """
    seconds, microseconds = get_redis().time()
    return float(seconds + microseconds / 1_000_000)


def note_left_out(
    batch: Batch, numbers: Collection[int], *, since: float, queued: Collection[int] | None = None
) -> None:
    """Remember which numbers of a batch are not queued, so that they are once their brand's next day begins.

    What a sender has noted meanwhile stays: it may have emptied a queue that was just made.

    Args:
        batch: whose.
        numbers: those that are not queued.
        since: ``left_out_clock`` of before it was found which these are.
        queued: the numbers whose queues were made, those of ``numbers`` included; all of the batch's when omitted.

    Raises:
        redis.RedisError: Redis is away.
    """
    client, name = get_redis(), keys.left_out(batch.pk)
    if queued is None:
        client.zremrangebyscore(name, "-inf", f"({since!r}")
    else:
        Scripts(client).unmark(keys=[name], args=[repr(since), *queued])
    add_left_out(batch, numbers, at=since)


def add_left_out(batch: Batch, numbers: Collection[int], *, at: float) -> None:
    """Remember of some more numbers of a batch that they are not queued.

    Args:
        batch: whose.
        numbers: which; empty adds nothing.
        at: ``left_out_clock`` of before that was found.

    Raises:
        redis.RedisError: Redis is away.
    """
    if numbers:
        name = keys.left_out(batch.pk)
        get_redis().pipeline().zadd(name, dict.fromkeys(numbers, at), gt=True).expire(name, KEPT_SECONDS).execute()


def left_out(batch: Batch) -> set[int]:
    """The numbers of a batch that were not queued when its queues were made, or whose queues were emptied since.

    Raises:
        redis.RedisError: Redis is away.
    """
    return {int(value) for value in get_redis().zrange(keys.left_out(batch.pk), 0, -1)}

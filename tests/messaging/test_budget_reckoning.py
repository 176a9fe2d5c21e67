"""How a brand's budget is reckoned: days, caps, segments that count, and the minute's pace."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from broadcast.core.redis import get_redis
from messaging.engine import keys
from messaging.engine.budgets import Budget, counted_segments
from messaging.engine.pacing import minute_arguments
from messaging.engine.scripts import Scripts
from messaging.models import Brand


@pytest.mark.parametrize(
    ("now", "day", "renews_at"),
    [
        # The clocks go forward on 8 March and back on 1 November 2026.
        ("2026-03-08T07:59:00+00:00", "2026-03-07", "2026-03-08T08:00:00+00:00"),
        ("2026-03-08T08:00:00+00:00", "2026-03-08", "2026-03-09T07:00:00+00:00"),
        ("2026-11-01T07:30:00+00:00", "2026-11-01", "2026-11-02T08:00:00+00:00"),
        ("2026-11-02T07:59:00+00:00", "2026-11-01", "2026-11-02T08:00:00+00:00"),
    ],
)
def test_the_day_ends_at_midnight_where_the_carrier_is(now: str, day: str, renews_at: str) -> None:
    budget = Budget(1, 1, 10, None, None, "America/Los_Angeles")
    at = dt.datetime.fromisoformat(now)
    assert budget.day(at) == day
    assert budget.renews_at(at) == dt.datetime.fromisoformat(renews_at)


@pytest.mark.parametrize(
    ("values", "per_day"),
    [
        ({}, 2_000),
        ({"trust_score": 25}, 2_000),
        ({"trust_score": 26}, 10_000),
        ({"trust_score": 60}, 40_000),
        ({"trust_score": 90}, 200_000),
        ({"trust_score": 90, "kind": "sole_proprietor"}, 1_000),
        ({"trust_score": 90, "daily_cap_segments": 75_000}, 75_000),
        ({"daily_cap_segments": 0}, None),
        ({"daily_cap_segments": 2_000, "share_percent": 40}, 5_000),
    ],
)
def test_the_cap_follows_from_the_score(values: dict[str, object], per_day: int | None) -> None:
    assert Brand(name="Blue Door Books Inc.", **values).segments_per_day == per_day


def test_recipients_of_the_united_states_cost_something() -> None:
    people = {"+14155550100": 3, "+17875550100": 3, "+16135550100": 0, "+18765550100": 0, "+447911123456": 0}
    assert {number: counted_segments(number, 3) for number in people} == people


def spend(budget: Budget, count: int, *, always: bool = False) -> tuple[int, str, int]:
    """Ask for messages of one segment: how many may leave, what holds up the next, microseconds until it may."""
    now = timezone.now()
    client = get_redis()
    for name in budget.day_keys(budget.day(now)):
        client.hsetnx(name, "used", 0)
    granted, hold, wait = Scripts(client).spend(
        keys=[*budget.day_keys(budget.day(now)), keys.budget_minute(budget.brand_id, budget.campaign_id)],
        args=[*budget.arguments(budget.day(now)), int(always), ",".join("1" * count)],
    )
    return granted, hold.decode(), int(wait)


def test_a_minute_of_a_10dlc_campaign_is_kept() -> None:
    """Given 4 segments a minute, when 3 ask at once, then one may, and the next after a quarter of a minute."""
    budget = Budget(1, 1, None, None, 4, "America/Los_Angeles")
    granted, hold, wait = spend(budget, 3)
    assert (granted, hold) == (1, "minute")
    assert 14_000_000 < wait <= 15_000_000
    assert spend(budget, 3)[:2] == (0, "minute")
    assert spend(budget, 2, always=True)[0] == 2
    # Which the others wait for.
    assert spend(budget, 1)[2] > 40_000_000


@pytest.mark.parametrize("per_minute", [1, 7, 15, 75, 240, 1_199, 1_200, 2_400, 4_500])
def test_no_minute_has_more_segments_than_the_cap(per_minute: int) -> None:
    """Given any cap, when as much passes as the script lets, then no 60 s have more."""
    cost, burst = minute_arguments(per_minute)
    # The first may pass together with what the burst tolerates; then one each ``cost``.
    assert (60_000_000 - 1 + burst) // cost + 1 <= per_minute

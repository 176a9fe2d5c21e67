"""What pages say of brands whose day is used up: before a launch, and while a campaign is under way."""

from __future__ import annotations

from messaging.services.budgets import Forecast


def budget_text(forecast: Forecast) -> str:
    """How a brand bears on a launch, for a person.

    Args:
        forecast: of one brand.
    """
    day = forecast.day
    text = f"{day.brand}: {day.text}"
    if day.used is None:
        return f"{text}."
    if not forecast.later:
        return f"{text}; about {forecast.now:,} are needed."
    when = day.renewal if forecast.days == 1 else f"{day.renewal}, over {forecast.days:,} days"
    total = forecast.now + forecast.later
    return f"{text}; about {forecast.later:,} of {total:,} segments leave from {when}. Waiting so long makes nothing too late."

"""Campaigns whose time was missed: a server that was off for hours launches no stale campaign when it is back."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from campaigns.models import Campaign
from campaigns.services import audience
from messaging.engine import places
from messaging.engine.launch import count_places
from messaging.services import alerts

#: How a campaign's reason begins when its time was missed.
MISSED = "Its time was missed: it was due on"
#: Campaigns that an alert names.
NAMED = 3


def due_at(campaign: Campaign) -> dt.datetime | None:
    """When a launched campaign was to start: its scheduled time, unless a person launched it by hand."""
    launched, scheduled = campaign.launched_at, campaign.scheduled_at
    if campaign.launched_by_id is None and scheduled is not None and launched is not None and scheduled <= launched:
        return scheduled
    return launched


def of_schedule(campaign: Campaign) -> str:
    """Why a scheduled campaign is not launched any more; empty when it is not scheduled, or not too late."""
    return reason(campaign, campaign.scheduled_at) if campaign.state == Campaign.State.SCHEDULED else ""


def reason(campaign: Campaign, due: dt.datetime | None) -> str:
    """Why a campaign is not launched any more; empty when it is not too late.

    Args:
        campaign: with its account.
        due: when it was to start.
    """
    minutes, now = campaign.expire_minutes, timezone.now()
    if not minutes or due is None or now < due + dt.timedelta(minutes=minutes):
        return ""
    keeps_hours = places.keeps_hours(campaign.account)
    # Where somebody's hours came late, so does the latest time. Asked only now, for it counts the whole audience.
    if keeps_hours and now < _latest(campaign, due):
        return ""
    return (
        f"{MISSED} {due.astimezone(campaign.account.zone):%-d %B %Y, %H:%M}, and nothing was running within its "
        f"{minutes} {'open ' if keeps_hours else ''}minutes. Nobody has got it. Duplicate it if the news still matters."
    )


def _latest(campaign: Campaign, due: dt.datetime) -> dt.datetime:
    """When the last of a campaign's audience could still be written to; only open minutes count."""
    try:
        query = audience.recipient_query(campaign)
    except audience.TooManyLists:
        # It cannot be launched anyway.
        return due
    audience_places = count_places(account_id=campaign.account_id, recipients=query)
    return places.latest_of_places(campaign.account, audience_places, due, campaign.expire_minutes)


def tell(campaign: Campaign) -> None:
    """Raise one alert a gateway, which names all that were missed lately: a server that was off has often missed several."""
    since = timezone.now() - dt.timedelta(days=1)
    gateway = campaign.number.gateway
    missed = Campaign.objects.filter(
        state=Campaign.State.FAILED, state_reason__startswith=MISSED, finished_at__gte=since, number__gateway=gateway
    ).order_by("-finished_at", "-pk")
    names = ", ".join(f"“{name}”" for name in missed.values_list("name", flat=True)[:NAMED])
    more = missed.count() - NAMED
    rest = f" and {more} more" if more > 0 else ""
    text = (
        f"Not launched, because their time was missed: {names[:300]}{rest}. Nobody has got them. Duplicate what still matters, "
        "and find out why nothing was running."
    )
    alerts.raise_alert(kind=alerts.Kind.EXPIRED, gateway=gateway, text=text)

"""What pages say of people who wait for the hours of their place, and of those who have had enough messages."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache

from broadcast.core.redis import RedisAway
from campaigns.admin.campaign_options import clock_text
from campaigns.models import Campaign
from campaigns.services.preview import LaunchPreview
from campaigns.services.senders import CACHE_SECONDS
from messaging.engine import caps
from messaging.engine.deferrals import Deferral, Waiting, deferral
from messaging.models import Message
from messaging.services.budgets import Held, held_by_budget
from messaging.states import MessageState

#: Lines of those who wait that a page shows; the others are summed up in one.
MOST_LINES = 6


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Who of a campaign under way is not written to now.

    Args:
        deferral: who waits for their hours; None when nobody does.
        capped: people who were left out because they had had enough messages.
        budgets: how the brands of its numbers stand; empty without caps.
    """

    deferral: Deferral | None
    capped: int
    budgets: tuple[Held, ...] = ()

    @property
    def waiting(self) -> int:
        """How many wait for their hours or for a brand's next day; some may wait for both."""
        hours = self.deferral.messages if self.deferral else 0
        return max(hours, sum(brand.rest for brand in self.budgets))


def held_back(campaign: Campaign) -> HeldBack:
    """Who of a launched campaign is not written to, as it was up to ``CACHE_SECONDS`` ago."""
    batch = campaign.batch
    if batch is None:
        return HeldBack(None, 0)
    batch.account = campaign.account

    def look() -> HeldBack:
        left_out = Message.objects.filter(batch=batch, state=MessageState.SUPPRESSED, reason=caps.REASON)
        is_sending = campaign.state == Campaign.State.SENDING
        if not is_sending:
            return HeldBack(None, left_out.count())
        return HeldBack(deferral(batch), left_out.count(), tuple(held_by_budget(batch)))

    try:
        return cache.get_or_set(f"held-back-{batch.pk}-{campaign.state}", look, CACHE_SECONDS) or look()
    except RedisAway:
        return look()


def launch_hours(campaign: Campaign, preview: LaunchPreview) -> dict[str, Any]:
    """What a launch's confirmation says of hours: those who would wait, or when it begins if that is everybody."""
    waits = preview.deferral
    if waits is None:
        return {}
    begins = ""
    if waits.messages >= preview.recipients and waits.first is not None:
        begins = f"Nobody may be written to now. It begins by itself at {clock_text(campaign, waits.first)}."
    return {"begins": begins, **deferral_context(campaign, waits)}


def deferral_context(campaign: Campaign, waits: Deferral | None) -> dict[str, Any]:
    """A deferral in words: one sentence, and a line for each time and zone; empty when nobody waits."""
    if waits is None:
        return {}
    return {"deferred": deferral_text(campaign, waits), "deferred_lines": _lines(campaign, waits)}


def deferral_text(campaign: Campaign, waits: Deferral) -> str:
    """How many wait for the hours of their place, and until when."""
    people = f"{waits.messages:,} {'person waits' if waits.messages == 1 else 'people wait'}"
    never = (
        f" {waits.never:,} of them {'has' if waits.never == 1 else 'have'} no open hour in the next two weeks: shorten the "
        "account's quiet hours, or enter their own time zone."
        if waits.never
        else ""
    )
    if waits.first is None or waits.last is None:
        return f"{people} for hours in which they may be written to.{never}"
    first, last = clock_text(campaign, waits.first), clock_text(campaign, waits.last)
    until = f"until {last}" if first == last else f"the first until {first}, the last until {last}"
    return f"{people} for the hours of their own place, {until}.{never}"


def _lines(campaign: Campaign, waits: Deferral) -> list[str]:
    """One line for each time and zone: "11:00: 1,204 in Pacific time". None where the sentence says it all."""
    groups = waits.groups
    if len(groups) < 2:
        return []
    shown, rest = groups[:MOST_LINES], groups[MOST_LINES:]
    lines = [f"{_moment(campaign, group)}: {group.messages:,} in {group.zones}" for group in shown]
    if rest:
        lines.append(f"later: {sum(group.messages for group in rest):,} elsewhere")
    return lines


def _moment(campaign: Campaign, group: Waiting) -> str:
    if group.until is None:
        return "never"
    zone = campaign.account.zone
    return f"{group.until.astimezone(zone):%a %-d %b, %H:%M}"


def capped_text(people: int, *, account: Any, now: dt.datetime) -> str:
    """How many were left out because they had had enough messages; empty when nobody was."""
    if not people:
        return ""
    limits = caps.limits_text(caps.caps_of(account, now))
    who = "person was" if people == 1 else "people were"
    allowed = f" ({limits})" if limits else ""
    return f"{people:,} {who} left out: they had had as many campaign messages as the account allows{allowed}."

"""The options of a campaign: how long it may take, who gets it first, when it stops by itself."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from campaigns.admin.durations import MinutesField, minutes_text
from campaigns.models import Campaign
from campaigns.models.campaigns import MAX_EXPIRE_MINUTES
from messaging.engine.places import keeps_hours

#: In the order of the form.
OPTION_FIELDS = (
    "expire_minutes",
    "canary_percent",
    "canary_wait_minutes",
    "max_rejected_percent",
    "max_opt_out_percent",
)


def usual(name: str) -> int:
    """What an option is unless somebody says otherwise."""
    field: Any = Campaign._meta.get_field(name)
    return int(field.get_default())


def are_usual(campaign: Campaign | None) -> bool:
    """Whether none of a campaign's options was changed."""
    return campaign is None or all(getattr(campaign, name) == usual(name) for name in OPTION_FIELDS)


class PercentField(forms.IntegerField):
    """A share; empty means the usual one."""

    widget = UnfoldAdminIntegerFieldWidget

    def __init__(self, name: str, *, most: int, help_text: str, label: str) -> None:
        self.usual = usual(name)
        super().__init__(
            label=label,
            required=False,
            min_value=0,
            max_value=most,
            initial=self.usual,
            help_text=f"{help_text} Empty: {self.usual}.",
        )

    def clean(self, value: Any) -> int:
        """The share in percent."""
        share = super().clean(value)
        return self.usual if share is None else int(share)


class OptionFields(forms.Form):
    """The inputs; one that is left empty takes the usual value."""

    expire_minutes = MinutesField(
        label="Latest time",
        usual=usual("expire_minutes"),
        never="never",
        most=MAX_EXPIRE_MINUTES,
        help_text="How long after it is due a message may still leave; what has not left by then expires instead of "
        "arriving too late. Write 4 h, 90 min or “never”.",
    )
    canary_percent = PercentField(
        "canary_percent",
        label="Canary, percent",
        most=50,
        help_text="So many percent of the recipients get it first, so that a mistake reaches few. 0: everybody at once.",
    )
    canary_wait_minutes = MinutesField(
        label="Canary's wait",
        usual=usual("canary_wait_minutes"),
        most=MAX_EXPIRE_MINUTES,
        help_text="From the last of the first few to the look at how they did. If they did well, the others follow by "
        "themselves; if not, the campaign waits for you.",
    )
    max_rejected_percent = PercentField(
        "max_rejected_percent",
        label="Rejections allowed, percent",
        most=100,
        help_text="Pauses the campaign when the provider refuses more of its last sends than this. 0: never.",
    )
    max_opt_out_percent = PercentField(
        "max_opt_out_percent",
        label="Opt-outs allowed, percent",
        most=100,
        help_text="With a canary: stops the campaign when more of the first few opt out than this. 0: never.",
    )


def option_sentences(
    campaign: Campaign, *, first: int | None = None, starts_at: dt.datetime | None = None
) -> list[str]:
    """What a campaign's options mean, in sentences.

    Args:
        campaign: any.
        first: about how many people get it first, where that is known.
        starts_at: when it starts, where that is known; the latest time is then told by the account's clock.
    """
    sentences = []
    refused, opted_out = campaign.max_rejected_percent, campaign.max_opt_out_percent
    if campaign.canary_percent and first == 0:
        sentences.append("No canary: there are so few recipients that everybody gets it at once.")
    elif campaign.canary_percent:
        people = f" ({first:,} people)" if first else ""
        limits = [f"more than {refused} % were refused"] if refused else []
        limits += [f"more than {opted_out} % opted out"] if opted_out else []
        unless = f" unless {' or '.join(limits)}" if limits else ""
        sentences.append(
            f"First {campaign.canary_percent} %{people}, then a look after {minutes_text(campaign.canary_wait_minutes)}; "
            f"the others follow{unless}."
        )
    if refused:
        sentences.append(f"Pauses when the provider refuses more than {refused} % of the last sends.")
    if not campaign.expire_minutes:
        sentences.append("No latest time: what is held up leaves whenever it can.")
    elif starts_at is None:
        counted = "; only hours in which a person may be written to count" if keeps_hours(campaign.account) else ""
        sentences.append(f"Nothing leaves later than {minutes_text(campaign.expire_minutes)} after it is due{counted}.")
    else:
        sentences.append(f"Nothing leaves after {latest_time(campaign, starts_at)}.")
    return sentences


def latest_time(campaign: Campaign, starts_at: dt.datetime) -> str:
    """Until when a campaign's messages leave, by the account's clock; the day is said unless it is today.

    Args:
        campaign: one with a latest time.
        starts_at: when it is due.
    """
    return clock_text(campaign, starts_at + dt.timedelta(minutes=campaign.expire_minutes))


def clock_text(campaign: Campaign, moment: dt.datetime) -> str:
    """A moment by the account's clock; the day is said unless it is today."""
    zone = campaign.account.zone
    local = moment.astimezone(zone)
    if local.date() == timezone.now().astimezone(zone).date():
        return f"{local:%H:%M} ({campaign.account.time_zone})"
    return f"{local:%H:%M on %a %-d %b} ({campaign.account.time_zone})"

"""What a campaign's page says about one that was launched."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.urls import reverse

from broadcast.core.admin import Labels, list_url
from broadcast.core.redis import is_away
from campaigns.models import Campaign
from campaigns.services.metrics import Progress, campaign_counts, campaign_progress, list_results
from messaging.models import Batch, Message

State = Campaign.State

CAMPAIGN_LABELS: Labels = {
    State.DRAFT: "",
    State.SCHEDULED: "info",
    State.LAUNCHING: "info",
    State.SENDING: "primary",
    State.PAUSED: "warning",
    State.FINISHED: "success",
    State.CANCELLED: "",
    State.FAILED: "danger",
}

_NEXT_STEPS: dict[str, str] = {
    Batch.PauseCode.PERSON: "Resume it when it should go on, or cancel it.",
    # Its reason says when it goes on by itself.
    Batch.PauseCode.QUIET_HOURS: "",
    Batch.PauseCode.GATEWAY: "Put it right, check the gateway's credentials, then resume. Nobody was marked as failed.",
    Batch.PauseCode.NUMBER: "Look at the sending number here and at the provider, then resume. Nobody was marked as failed.",
    Batch.PauseCode.ACCOUNT: "Make the account active again, then resume.",
}

_COLOURS: dict[str, str] = {"paused": "warning", "failed": "danger"}


def local_time(campaign: Campaign, moment: dt.datetime | None) -> str:
    """A moment by the account's clock, with the zone's name."""
    if moment is None:
        return "-"
    local = moment.astimezone(campaign.account.zone)
    return f"{local:%a %-d %b %Y, %H:%M} ({campaign.account.time_zone})"


def next_step(campaign: Campaign) -> str:
    """What to do about a campaign that stands still; empty when nothing is to be done."""
    if campaign.state == State.PAUSED:
        return _NEXT_STEPS.get(campaign.batch.pause_code if campaign.batch else "", _NEXT_STEPS[Batch.PauseCode.PERSON])
    if campaign.state == State.FAILED:
        return "Nothing more is sent. Mend the cause, then duplicate the campaign and launch the copy."
    return ""


def no_report_label(progress: Progress) -> str:
    """What to call messages that were taken and not reported on: one may still come, or none ever came."""
    return "No report yet" if progress.is_live else "No report"


def bar_parts(progress: Progress) -> list[dict[str, Any]]:
    """Pieces of the bar from left to right, with their share of the width in per cent."""
    pieces = (
        ("delivered", "Delivered", progress.delivered),
        ("accepted", no_report_label(progress), progress.accepted + progress.no_report),
        ("unknown", "Unknown", progress.unknown),
        ("failed", "Failed or undelivered", progress.failed + progress.undelivered),
        ("held", "Suppressed or cancelled", progress.suppressed + progress.cancelled),
    )
    total = max(progress.total, 1)
    # Floats are formatted here: a template would write a comma in some languages.
    return [
        {"name": name, "label": label, "count": count, "width": f"{100 * count / total:.3f}"}
        for name, label, count in pieces
        if count
    ]


def remaining(progress: Progress) -> str:
    """How long it may take still, in words; empty when unknown."""
    seconds = progress.seconds_left
    if not seconds or progress.state != State.SENDING:
        return ""
    return f"about {seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:.0f} min left"


def progress_context(campaign: Campaign, *, shown_state: str = "") -> dict[str, Any]:
    """Everything the live part of the page shows.

    Args:
        campaign: whose page it is.
        shown_state: the state that the rest of the page was made for, where only the live part is asked for; if it is
            another one by now, the page fetches its buttons and its record anew.
    """
    counted = campaign_counts(campaign)
    progress = campaign_progress(campaign, counted)
    batch_id = campaign.batch_id
    page_url = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    return {
        "campaign": campaign,
        "progress": progress,
        "percent": f"{100 * progress.done_share:.0f}",
        "parts": bar_parts(progress),
        "waiting": progress.waiting + progress.leaving,
        "remaining": remaining(progress),
        "label": CAMPAIGN_LABELS.get(campaign.state, ""),
        "note": _COLOURS.get(campaign.state, ""),
        "next_step": next_step(campaign),
        "results": list_results(campaign, counted) if batch_id else [],
        "no_report_label": no_report_label(progress),
        "reason_names_state": campaign.state_reason.startswith(str(campaign.get_state_display())),
        "page_url": page_url if shown_state not in ("", campaign.state) else "",
        "progress_url": reverse("admin:campaigns_campaign_progress", args=[campaign.pk]),
        "recipients_url": list_url(Message, batch__id__exact=batch_id) if batch_id else "",
        "redis_is_away": progress.is_live and is_away(),
    }

"""What a campaign's page says about one that was launched."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.urls import reverse
from django.utils import timezone

from broadcast.core.admin import Labels, list_url
from broadcast.core.redis import is_away
from campaigns.admin.campaign_hours import capped_text, deferral_context, held_back
from campaigns.admin.campaign_options import clock_text
from campaigns.models import Campaign
from campaigns.services.metrics import Progress, campaign_counts, campaign_progress, list_results
from campaigns.services.senders import CACHE_SECONDS as SENDERS_CACHE_SECONDS
from campaigns.services.senders import MANY as SENDERS_MANY
from campaigns.services.senders import gateway_results, sender_results
from messaging.models import Batch, Message
from messaging.services import canaries, expiry, stalls
from messaging.services.detour_notes import notes

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
    # Its reason says what to do.
    Batch.PauseCode.REGISTRATION: "Then resume it.",
    Batch.PauseCode.ACCOUNT: "Make the account active again, then resume.",
    # Theirs say what to do.
    Batch.PauseCode.REJECTIONS: "",
    Batch.PauseCode.CANARY: "",
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


def waits_for_first(campaign: Campaign) -> bool:
    """Whether only the first few are sent to now, and the others wait for how they do."""
    batch = campaign.batch
    return campaign.state == State.SENDING and batch is not None and batch.canary_state == Batch.Canary.SENDING


def shown_as(campaign: Campaign) -> str:
    """The state as far as the page's buttons depend on it."""
    return f"{campaign.state}-canary" if waits_for_first(campaign) else campaign.state


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
        ("held", "Suppressed, cancelled or expired", progress.suppressed + progress.cancelled + progress.expired),
    )
    total = max(progress.total, 1)
    # Floats are formatted here: a template would write a comma in some languages.
    return [
        {"name": name, "label": label, "count": count, "width": f"{100 * count / total:.3f}"}
        for name, label, count in pieces
        if count
    ]


def remaining(progress: Progress, *, deferred: int = 0) -> str:
    """How long it may take still, in words; empty when unknown.

    Args:
        progress: a campaign's.
        deferred: how many wait for their hours, however fast the others leave.
    """
    waiting = progress.waiting + progress.leaving - deferred
    if waiting <= 0 or not progress.per_second or progress.state != State.SENDING:
        return ""
    seconds = waiting / progress.per_second
    if deferred:
        return f"about {max(1, round(seconds / 60))} min left for those who may be written to today"
    return f"about {seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:.0f} min left"


def canary_context(campaign: Campaign) -> dict[str, Any]:
    """How the first few do, while the others wait for it or after it stopped the campaign; empty otherwise."""
    batch = campaign.batch
    if batch is None or batch.canary_state not in (Batch.Canary.SENDING, Batch.Canary.FAILED):
        return {}
    if campaign.state not in (State.SENDING, State.PAUSED):
        return {}
    return {
        "canary": canaries.report(batch),
        "refused_allowed": batch.max_rejected_percent,
        "opted_out_allowed": batch.max_opt_out_percent,
        "may_go_on": waits_for_first(campaign),
    }


def trouble_context(campaign: Campaign) -> dict[str, Any]:
    """What keeps a campaign from moving that nobody asked for."""
    redis_is_away = is_away()
    batch = campaign.batch
    if redis_is_away or batch is None or campaign.state != State.SENDING:
        return {"redis_is_away": redis_is_away}
    return {
        "stall": stalls.current(batch),
        "stalled_since": clock_text(campaign, batch.stalled_at) if batch.stalled_at else "",
    }


def progress_context(campaign: Campaign, *, shown_state: str = "") -> dict[str, Any]:
    """Everything the live part of the page shows.

    Args:
        campaign: whose page it is.
        shown_state: what the rest of the page was made for (``shown_as``), where only the live part is asked for; if it
            is something else by now, the page fetches its buttons and its record anew.
    """
    counted = campaign_counts(campaign)
    progress = campaign_progress(campaign, counted)
    batch = campaign.batch
    held = held_back(campaign)
    page_url = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    shown = shown_as(campaign)
    senders = sender_results(campaign, recipients=progress.total)
    leaves_until = batch.expires_at if batch and campaign.state == State.SENDING else None
    return {
        "campaign": campaign,
        "progress": progress,
        "shown": shown,
        "percent": f"{100 * progress.done_share:.0f}",
        "parts": bar_parts(progress),
        "waiting": progress.waiting + progress.leaving,
        "remaining": remaining(progress, deferred=held.waiting),
        "latest": clock_text(campaign, leaves_until) if leaves_until else "",
        "capped": capped_text(held.capped, account=campaign.account, now=timezone.now()),
        **deferral_context(campaign, held.deferral),
        "budgets": [brand.text for brand in held.budgets],
        "label": CAMPAIGN_LABELS.get(campaign.state, ""),
        "note": _COLOURS.get(campaign.state, ""),
        "next_step": next_step(campaign),
        "resume_note": expiry.resume_note(batch) if batch else "",
        "results": list_results(campaign, counted) if batch else [],
        "senders": senders,
        "gateways": gateway_results(senders),
        "detours": notes(batch, recipients=progress.total, zone=campaign.account.zone) if batch else [],
        "senders_seconds_old": SENDERS_CACHE_SECONDS if progress.total > SENDERS_MANY else 0,
        "no_report_label": no_report_label(progress),
        "reason_names_state": campaign.state_reason.startswith(str(campaign.get_state_display())),
        "page_url": page_url if shown_state not in ("", shown) else "",
        "progress_url": reverse("admin:campaigns_campaign_progress", args=[campaign.pk]),
        "recipients_url": list_url(Message, batch__id__exact=batch.pk) if batch else "",
        **canary_context(campaign),
        **(trouble_context(campaign) if progress.is_live else {}),
    }

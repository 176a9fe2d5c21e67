"""The console's first page: what is going out, what today brought, what needs somebody."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User
from broadcast.core.admin import list_url, page_link
from broadcast.core.redis import RedisAway, is_away
from broadcast.dashboard.attention import needs_attention, opt_out_requests, opt_out_reviews
from campaigns.admin.campaign_hours import held_back
from campaigns.admin.campaign_progress import CAMPAIGN_LABELS, bar_parts, local_time, remaining
from campaigns.models import Campaign, SubscriberList
from campaigns.services.metrics import campaign_progress
from integrations.models import Gateway
from messaging.models import Batch, InboundMessage, Message, PhoneNumber, Suppression
from messaging.services.suppressions import OPT_OUTS
from messaging.states import TAKEN_STATES, MessageState

State = Campaign.State

#: Campaigns that the page shows as going out, newest first.
CAMPAIGNS_SHOWN = 8
#: Today's counts are made once in this time, whoever is looking.
TODAY_CACHE_SECONDS = 5
TODAY_CACHE_KEY = "dashboard-today"


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first steps of a new installation."""

    title: str
    url: str
    is_done: bool


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's dashboard callback."""
    return {
        **context,
        **live_context(request),
        "steps": first_steps(request.user),
        "quick_actions": quick_actions(request.user),
    }


def live(request: HttpRequest) -> HttpResponse:
    """The parts of the page that are asked for again and again."""
    return render(request, "console/dashboard_update.html", live_context(request))


def live_context(request: HttpRequest) -> dict[str, Any]:
    """What changes by itself; each part only for those who may see it elsewhere."""
    user = request.user
    redis_is_away = is_away()
    return {
        "redis_is_away": redis_is_away,
        "reviews": opt_out_reviews(user),
        "requests": opt_out_requests(user),
        "live_url": reverse("console_live"),
        "going": going_out() if user.has_perm("campaigns.view_campaign") else [],
        "scheduled": scheduled() if user.has_perm("campaigns.view_campaign") else [],
        "today": today_counts() if user.has_perm("messaging.view_message") else [],
        "attention": needs_attention(user, redis_is_away=redis_is_away),
    }


def going_out() -> list[dict[str, Any]]:
    """Campaigns that are leaving or held back now."""
    campaigns = Campaign.objects.filter(state__in=(State.LAUNCHING, State.SENDING, State.PAUSED))
    shown = campaigns.select_related("account", "batch").order_by("-launched_at", "-id")[:CAMPAIGNS_SHOWN]
    rows = []
    for campaign in shown:
        progress = campaign_progress(campaign)
        deferral = held_back(campaign).deferral
        deferred = deferral.messages if deferral else 0
        rows.append(
            {
                "campaign": campaign,
                "link": page_link(campaign),
                "label": CAMPAIGN_LABELS[campaign.state],
                "progress": progress,
                "percent": f"{100 * progress.done_share:.0f}",
                "parts": bar_parts(progress),
                "remaining": remaining(progress, deferred=deferred),
                "deferred": deferred,
            }
        )
    return rows


def scheduled() -> list[dict[str, Any]]:
    """Campaigns that leave next."""
    coming = Campaign.objects.filter(state=State.SCHEDULED).select_related("account").order_by("scheduled_at")[:5]
    return [{"link": page_link(campaign), "when": local_time(campaign, campaign.scheduled_at)} for campaign in coming]


def today_counts() -> list[dict[str, Any]]:
    """Counts since midnight UTC, with links to the rows; at most ``TODAY_CACHE_SECONDS`` old."""
    try:
        counts = cache.get_or_set(TODAY_CACHE_KEY, _count_today, TODAY_CACHE_SECONDS) or _count_today()
    except RedisAway:
        counts = _count_today()
    since = f"{_midnight():%Y-%m-%dT%H:%MZ}"
    failed = f"{MessageState.FAILED},{MessageState.UNDELIVERED}"
    links = {
        "Sent": list_url(Message, state__in=",".join(TAKEN_STATES), accepted_at__gte=since),
        "Delivered": list_url(Message, state__exact=MessageState.DELIVERED, accepted_at__gte=since),
        "Failed": list_url(Message, state__in=failed, changed_at__gte=since),
        "Opted out": list_url(Suppression, reason__in=",".join(OPT_OUTS), created_at__gte=since),
        "Replies": list_url(InboundMessage, received_at__gte=since),
    }
    return [{"title": title, "count": counts[title], "url": url} for title, url in links.items()]


def _midnight() -> dt.datetime:
    """When today began, in UTC."""
    return timezone.now().astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _count_today() -> dict[str, int]:
    """Messages of batches that were open today; older ones need not be read, however many there are."""
    since = _midnight()
    batches = Batch.objects.filter(Q(finished_at__isnull=True) | Q(finished_at__gte=since)).values("pk")
    messages = Message.objects.filter(batch__in=batches)
    taken = messages.filter(accepted_at__gte=since).aggregate(
        sent=Count("id", filter=Q(state__in=TAKEN_STATES)),
        delivered=Count("id", filter=Q(state=MessageState.DELIVERED)),
        undelivered=Count("id", filter=Q(state=MessageState.UNDELIVERED)),
    )
    refused = messages.filter(state=MessageState.FAILED, changed_at__gte=since).count()
    opt_outs = Suppression.objects.filter(created_at__gte=since, reason__in=OPT_OUTS).count()
    return {
        "Sent": taken["sent"],
        "Delivered": taken["delivered"],
        "Failed": refused + taken["undelivered"],
        "Opted out": opt_outs,
        "Replies": InboundMessage.objects.filter(received_at__gte=since).count(),
    }


def first_steps(user: User | AnonymousUser) -> list[Step]:
    """The way to a first campaign; empty once there is one, or for those who may not walk it."""
    if not user.has_perm("campaigns.add_campaign") or Campaign.objects.exists():
        return []
    return [
        Step("Add an account: whom you send for", reverse("admin:accounts_account_add"), Account.objects.exists()),
        Step("Add a gateway: whom you send through", _add_url(user, Gateway), Gateway.objects.exists()),
        Step("Provision a phone number", reverse("admin:messaging_phonenumber_buy"), PhoneNumber.objects.exists()),
        Step(
            "Make a list and import its subscribers",
            reverse("admin:campaigns_subscriberlist_add"),
            SubscriberList.objects.filter(subscriptions__isnull=False).exists(),
        ),
        Step("Write a campaign", reverse("admin:campaigns_campaign_add"), is_done=False),
    ]


def _add_url(user: User | AnonymousUser, model: type[Gateway]) -> str:
    """The page on which a gateway is added; its list for those who may only look."""
    return reverse("admin:integrations_gateway_add") if user.has_perm("integrations.add_gateway") else list_url(model)


def quick_actions(user: User | AnonymousUser) -> list[dict[str, str]]:
    """Buttons for what is done most."""
    actions = (
        ("New campaign", "campaign", "campaigns.add_campaign", "admin:campaigns_campaign_add"),
        (
            "Import subscribers",
            "upload_file",
            "campaigns.change_subscriberlist",
            "admin:campaigns_subscriberlist_import",
        ),
        ("Suppress a number", "block", "messaging.add_suppression", "admin:messaging_suppression_add"),
        (
            "Enter an opt-out request",
            "contact_mail",
            "campaigns.add_optoutrequest",
            "admin:campaigns_optoutrequest_add",
        ),
        ("New account", "storefront", "accounts.add_account", "admin:accounts_account_add"),
    )
    return [
        {"title": title, "icon": icon, "url": reverse(name)}
        for title, icon, permission, name in actions
        if user.has_perm(permission)
    ]

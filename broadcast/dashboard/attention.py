"""What waits for a person: stopped gateways, campaigns that stand still, alerts, what nobody could understand."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Exists, Min, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince

from accounts.answers import WHOM_TO_ASK, help_lacks
from accounts.models import Account, User
from broadcast.core.admin import list_url, page_link
from broadcast.core.config import config
from broadcast.dashboard.untold import failed_deliveries
from campaigns.admin.campaign_progress import next_step
from campaigns.models import Campaign, OptOutRequest
from campaigns.services.consent.requests import clock_of
from campaigns.services.missed_time import MISSED
from integrations.models import Gateway
from messaging.admin.labels import ALERT_LABELS
from messaging.admin.sources import alert_link
from messaging.models import Alert, Batch, InboundMessage, OptOutReview, PhoneNumber, RejectedWebhook
from messaging.services import stalls
from messaging.services.gateways import wrong_urls

State = Campaign.State

#: How long something that ended badly stays here.
ATTENTION_DAYS = 3
#: Rows of one kind.
MOST = 10


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that waits for a person.

    Args:
        colour: ``danger`` or ``warning``.
        link: to what it is about.
        text: what is wrong.
        next_step: what to do.
        done_link: says that it is dealt with; only for what a person closes.
    """

    colour: str
    link: Any
    text: str
    next_step: str = ""
    done_link: Any = ""


@dataclass(slots=True)
class _Told:
    """What is said already, so that an alert does not say it again.

    Args:
        batches: those that stand still.
        gateways: those that are stopped.
        missed_time: whether a campaign failed because its time was missed.
    """

    batches: set[int] = field(default_factory=set)
    gateways: set[int] = field(default_factory=set)
    missed_time: bool = False


def needs_attention(user: User | AnonymousUser, *, redis_is_away: bool = False) -> list[Attention]:
    """What waits for a person, worst first; each part only for those who may see it elsewhere.

    Args:
        user: who looks.
        redis_is_away: that nothing moves then is told elsewhere.
    """
    found: list[Attention] = []
    told = _Told()
    if user.has_perm("integrations.view_gateway"):
        found += _stopped_gateways(told)
        found += [] if redis_is_away else _wrong_urls()
    if user.has_perm("campaigns.view_campaign"):
        found += _standing_campaigns(told)
    if user.has_perm("messaging.view_alert"):
        found += _alerts(user, told)
    if user.has_perm("campaigns.view_campaign") and not redis_is_away:
        found += _stalled_campaigns(told)
    if user.has_perm("accounts.view_account"):
        found += _accounts_without_contact()
    if user.has_perm("messaging.view_rejectedwebhook"):
        found += _rejected_webhooks()
    if user.has_perm("messaging.view_inboundmessage"):
        found += _unrouted_messages()
    found += [Attention("warning", *told) for told in failed_deliveries(user, days=ATTENTION_DAYS)]
    return sorted(found, key=lambda item: item.colour != "danger")


def opt_out_reviews(user: User | AnonymousUser) -> Attention | None:
    """Possible opt-outs that wait for a decision; on top of the page, because whoever wrote one gets nothing until then."""
    if not user.has_perm("messaging.view_optoutreview"):
        return None
    waiting = OptOutReview.objects.filter(state=OptOutReview.State.PENDING).aggregate(
        n=Count("id"), oldest=Min("created_at")
    )
    count = waiting["n"]
    if not count:
        return None
    what = "One person may have opted out" if count == 1 else f"{count:,} people may have opted out"
    url = list_url(OptOutReview, state__exact=OptOutReview.State.PENDING)
    link = format_html('<a href="{}" class="text-link">Decide</a>', url)
    waited = timezone.now() - waiting["oldest"]
    how_long = timesince(waiting["oldest"], depth=1) if waited >= dt.timedelta(minutes=1) else "less than a minute"
    return Attention("danger", link, f"{what}; the oldest has waited for {how_long}.")


def _wrong_urls() -> list[Attention]:
    """Gateways whose provider signs another address than the one that is set: everything from there is refused."""
    return [
        Attention(
            "danger",
            page_link(gateway),
            f"Its webhooks are refused: replies and delivery reports do not arrive. Their signature would match for {url}, "
            f"and BROADCAST_WEBHOOK_URL is {config().webhook_url}. Set it to what the provider calls, and restart.",
        )
        for gateway, url in wrong_urls()
    ]


def opt_out_requests(user: User | AnonymousUser) -> Attention | None:
    """Opt-outs by e-mail, telephone or letter that wait for a number; the law gives them ten business days."""
    if not user.has_perm("campaigns.view_optoutrequest"):
        return None
    waiting = list(OptOutRequest.objects.open().select_related("account").order_by("received_at"))
    if not waiting:
        return None
    clocks = [clock_of(request) for request in waiting]
    first = min(clocks, key=attrgetter("due"))
    what = "One request waits" if len(waiting) == 1 else f"{len(waiting):,} requests wait"
    over = sum(clock.is_over for clock in clocks)
    text = f"{what} for a number; the first is due on {first.due:%A} {first.due.day} {first.due:%B %Y} ({first})."
    if over > 1:
        text += f" {over:,} are over."
    link = format_html(
        '<a href="{}" class="text-link">Open</a>', list_url(OptOutRequest, state__exact=OptOutRequest.State.OPEN)
    )
    return Attention("danger" if over else "warning", link, text)


def _stopped_gateways(told: _Told) -> list[Attention]:
    found = []
    for gateway in Gateway.objects.exclude(stopped_reason="").defer("credentials"):
        told.gateways.add(gateway.pk)
        text = f"The provider refuses everything: {gateway.stopped_reason}"
        found.append(Attention("danger", page_link(gateway), text, "Correct and check its credentials, then resume."))
    return found


def _standing_campaigns(told: _Told) -> list[Attention]:
    """Paused, apart from quiet hours, which end by themselves; and those that failed lately."""
    since = timezone.now() - dt.timedelta(days=ATTENTION_DAYS)
    stuck = Q(state=State.PAUSED) & ~Q(batch__pause_code=Batch.PauseCode.QUIET_HOURS)
    troubled = Campaign.objects.filter(stuck | Q(state=State.FAILED, updated_at__gte=since))
    found = []
    for campaign in troubled.select_related("batch", "account").order_by("-updated_at")[:MOST]:
        if campaign.batch_id:
            told.batches.add(campaign.batch_id)
        told.missed_time |= campaign.state_reason.startswith(MISSED)
        colour = "danger" if campaign.state == State.FAILED else "warning"
        label, reason = campaign.get_state_display(), campaign.state_reason
        # "Paused by Ann." needs no "Paused:" before it.
        text = reason if reason.startswith(label) else f"{label}: {reason}".rstrip(": ")
        found.append(Attention(colour, page_link(campaign), text, next_step(campaign)))
    return found


def _alerts(user: User | AnonymousUser, told: _Told) -> list[Attention]:
    """Open alerts, without those whose cause is told already or is gone; adds their batches to what is told."""
    # That messages of a batch expired is said nowhere else.
    known = Q(batch__in=told.batches) & ~Q(kind=Alert.Kind.EXPIRED)
    known |= Q(kind=Alert.Kind.GATEWAY_STOPPED, batch=None, gateway__in=told.gateways)
    known |= Q(kind=Alert.Kind.GATEWAY_STOPPED, batch=None, gateway__stopped_reason="")
    if told.missed_time:
        known |= Q(kind=Alert.Kind.EXPIRED, batch=None)
    alerts = Alert.objects.open().exclude(known).select_related("batch", "gateway")
    may_close = user.has_perm("messaging.change_alert")
    found = []
    for alert in alerts.defer("batch__template", "gateway__credentials").order_by("-id")[:MOST]:
        if alert.batch_id:
            told.batches.add(alert.batch_id)
        done = ""
        if may_close:
            url = reverse("admin:messaging_alert_deal_with", args=[alert.pk])
            done = format_html('<a href="{}" class="text-link">Dealt with…</a>', url)
        found.append(Attention(ALERT_LABELS[alert.kind], alert_link(alert), alert.text, done_link=done))
    return found


def _stalled_campaigns(told: _Told) -> list[Attention]:
    """Campaigns that do not move although nothing raised an alert, as when no cluster runs that could."""
    sending = Campaign.objects.filter(state=State.SENDING).exclude(batch__in=told.batches)
    sending = sending.select_related("batch__account", "batch__gateway", "batch__number__gateway", "batch__pool")
    found = []
    for campaign in sending.order_by("-launched_at")[:MOST]:
        stall = stalls.current(campaign.batch) if campaign.batch else ""
        if stall:
            found.append(Attention("danger", page_link(campaign), stall))
    return found


def _rejected_webhooks() -> list[Attention]:
    since = timezone.now() - dt.timedelta(days=ATTENTION_DAYS)
    waiting = RejectedWebhook.objects.filter(received_at__gte=since, state=RejectedWebhook.State.KEPT)
    rejected = waiting.count()
    if not rejected:
        return []
    newest = waiting.order_by("-id").defer("body", "event").first()
    what = "One signed webhook" if rejected == 1 else f"{rejected:,} signed webhooks"
    text = f"{what} of the last {ATTENTION_DAYS} days could not be understood."
    return [Attention("warning", page_link(newest, "Rejected webhooks"), text)]


def _accounts_without_contact() -> list[Attention]:
    """Accounts that people can write to and whose answer to HELP names nobody to ask."""
    active = Account.objects.filter(status=Account.Status.ACTIVE, contact="")
    with_number = active.filter(
        Exists(PhoneNumber.objects.filter(account=OuterRef("pk"), state=PhoneNumber.State.ACTIVE))
    )
    silent = [account for account in with_number.order_by("name") if WHOM_TO_ASK in help_lacks(account)]
    if not silent:
        return []
    others = f" The same is true of {', '.join(account.name for account in silent[1:MOST])}" if silent[1:] else ""
    others += f" and {len(silent) - MOST:,} more" if len(silent) > MOST else ""
    text = f"Its answer to HELP names nobody to ask.{others}{'.' if others else ''}"
    return [Attention("warning", page_link(silent[0]), text, "Enter a contact on the account's page.")]


def _unrouted_messages() -> list[Attention]:
    since = timezone.now() - dt.timedelta(days=ATTENTION_DAYS)
    unrouted = InboundMessage.objects.filter(state=InboundMessage.State.UNROUTED, received_at__gte=since)
    newest = unrouted.order_by("-id").first()
    if newest is None:
        return []
    text = f"Somebody wrote to {newest.recipient}. {newest.decision}"
    link = page_link(newest, "Inbound messages")
    return [Attention("warning", link, text, "Add the number, or release it at the provider.")]

"""How a campaign is doing: counts from its rows, so they are always true."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count
from django.utils import timezone

from campaigns.models import Campaign, SubscriberList
from campaigns.services.audience import list_positions
from messaging.models import Message, Suppression
from messaging.services.suppressions import OPT_OUTS
from messaging.states import FINAL_STATES, TAKEN_STATES, MessageState

State = Campaign.State

#: Campaigns whose page keeps asking.
_LIVE = (State.LAUNCHING, State.SENDING, State.PAUSED)
#: The rate is taken over the last seconds.
RATE_SECONDS = 10
#: Somebody who opts out, comes back and opts out again is one person.
PEOPLE = Count("message", distinct=True)


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign's counts; all but ``opted_out`` add up to ``total``, with ``accepted`` meaning that a report is awaited.

    Args:
        state: of the campaign.
        state_reason: why it is paused, failed or cancelled.
        total: recipients, suppressed ones included.
        waiting: have not left.
        leaving: on their way to the provider.
        accepted: taken by the provider, no final report yet.
        delivered, undelivered, failed, suppressed, cancelled: as reported.
        expired: had not left by the latest time, and do not leave any more.
        unknown: may or may not have left, and those of them that were never settled.
        no_report: taken by the provider, which never reported.
        opted_out: recipients who opted out after this campaign's message.
        per_second: messages accepted a second lately; None when nothing moves.
        is_live: whether counts may still change soon.
    """

    state: str
    state_reason: str
    total: int
    waiting: int
    leaving: int
    accepted: int
    delivered: int
    undelivered: int
    failed: int
    suppressed: int
    cancelled: int
    expired: int
    unknown: int
    no_report: int
    opted_out: int
    per_second: float | None
    is_live: bool

    @property
    def sent(self) -> int:
        """Taken by the provider, whatever came of it."""
        return self.accepted + self.delivered + self.undelivered + self.no_report

    @property
    def left(self) -> int:
        """No longer waiting to leave."""
        return self.total - self.waiting - self.leaving

    @property
    def done_share(self) -> float:
        """Share of the recipients that need nothing more done to leave, 0 to 1."""
        return self.left / self.total if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until the last one has left; None when nothing moves."""
        return (self.waiting + self.leaving) / self.per_second if self.per_second else None


@dataclass(frozen=True, slots=True)
class Counts:
    """A campaign's rows counted at one moment, so that what is made of them agrees.

    Args:
        messages: (cohort, state, number of messages).
        opt_outs: (cohort, number of people who opted out after this campaign's message).
    """

    messages: list[tuple[int, str, int]]
    opt_outs: list[tuple[int, int]]


def campaign_counts(campaign: Campaign) -> Counts:
    """Count a campaign's rows; two queries, from an index."""
    if campaign.batch_id is None:
        return Counts([], [])
    opt_outs = Suppression.objects.filter(message__batch=campaign.batch_id, reason__in=OPT_OUTS)
    return Counts(
        Message.objects.filter(batch_id=campaign.batch_id).cohort_counts(),
        list(opt_outs.order_by().values_list("message__cohort").annotate(n=PEOPLE)),
    )


def campaign_progress(campaign: Campaign, counted: Counts | None = None) -> Progress:
    """How a campaign stands.

    Args:
        campaign: any, launched or not.
        counted: its rows, where they are counted already.
    """
    counted = counted or campaign_counts(campaign)
    counts: Counter[str] = Counter()
    for _cohort, state, number in counted.messages:
        counts[state] += number
    is_live = campaign.state in _LIVE
    return Progress(
        state=campaign.state,
        state_reason=campaign.state_reason,
        total=sum(counts.values()),
        waiting=counts[MessageState.QUEUED],
        leaving=counts[MessageState.SENDING],
        accepted=counts[MessageState.ACCEPTED] + counts[MessageState.SENT],
        delivered=counts[MessageState.DELIVERED],
        undelivered=counts[MessageState.UNDELIVERED],
        failed=counts[MessageState.FAILED],
        suppressed=counts[MessageState.SUPPRESSED],
        cancelled=counts[MessageState.CANCELLED],
        expired=counts[MessageState.EXPIRED],
        unknown=counts[MessageState.UNKNOWN] + counts[MessageState.UNRESOLVED],
        no_report=counts[MessageState.NO_REPORT],
        opted_out=sum(number for _cohort, number in counted.opt_outs),
        per_second=_rate(campaign) if campaign.state == State.SENDING else None,
        is_live=is_live or bool(campaign.batch_id and set(counts) - set(FINAL_STATES)),
    )


def _rate(campaign: Campaign) -> float | None:
    """Messages a second that the provider took lately."""
    since = timezone.now() - dt.timedelta(seconds=RATE_SECONDS)
    taken = Message.objects.filter(batch=campaign.batch, accepted_at__gte=since).count()
    if not taken:
        return None
    started = max(since, campaign.launched_at or since)
    return taken / max(1.0, (timezone.now() - started).total_seconds())


@dataclass(slots=True)
class ListResult:
    """What a campaign did on one of its lists; a person on several lists counts on each.

    Args:
        list: the list.
        recipients: its people at launch, suppressed ones included.
        sent: taken by the provider.
        delivered, failed, suppressed, expired, unknown: of its people; ``failed`` counts undelivered too.
        opted_out: of its people, those who opted out after this campaign's message.
    """

    list: SubscriberList
    recipients: int = 0
    sent: int = 0
    delivered: int = 0
    failed: int = 0
    suppressed: int = 0
    expired: int = 0
    unknown: int = 0
    opted_out: int = 0


_FAILED = (MessageState.FAILED, MessageState.UNDELIVERED)
_UNKNOWN = (MessageState.UNKNOWN, MessageState.UNRESOLVED)


def list_results(campaign: Campaign, counted: Counts | None = None) -> list[ListResult]:
    """Counts per list, exact for any overlap: every message knows the lists its recipient was on.

    Args:
        campaign: any, launched or not.
        counted: its rows, where they are counted already.
    """
    counted = counted or campaign_counts(campaign)
    positions = list_positions(campaign)
    lists = campaign.lists.in_bulk(list(positions))
    results = {list_id: ListResult(lists[list_id]) for list_id in positions}
    for cohort, state, number in counted.messages:
        for result in _of_cohort(cohort, positions, results):
            result.recipients += number
            result.sent += number if state in TAKEN_STATES else 0
            result.delivered += number if state == MessageState.DELIVERED else 0
            result.failed += number if state in _FAILED else 0
            result.suppressed += number if state == MessageState.SUPPRESSED else 0
            result.expired += number if state == MessageState.EXPIRED else 0
            result.unknown += number if state in _UNKNOWN else 0
    for cohort, number in counted.opt_outs:
        for result in _of_cohort(cohort, positions, results):
            result.opted_out += number
    return list(results.values())


def _of_cohort(cohort: int, positions: dict[int, int], results: dict[int, ListResult]) -> Iterable[ListResult]:
    return (results[list_id] for list_id, position in positions.items() if cohort >> position & 1)

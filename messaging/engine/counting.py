"""A brand's day counted from the rows: for a day that has just begun, and when Redis has lost its count."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator

from django.db.models import Q, Sum
from django.utils import timezone

from broadcast.core.merge import TemplateError
from broadcast.core.redis import get_redis
from integrations.sms.segments import segments
from messaging.engine import keys
from messaging.engine.budgets import KEPT_SECONDS, Budget
from messaging.models import Batch, Message, TenDlcNumber
from messaging.querysets import MessageQuerySet
from messaging.states import BatchState, MessageState

logger = logging.getLogger(__name__)

#: What was claimed so long before midnight may have left after it, seconds.
BEFORE_SECONDS = 120
#: What the provider took, or may have taken.
_TAKEN = (
    MessageState.UNKNOWN,
    MessageState.UNRESOLVED,
    MessageState.ACCEPTED,
    MessageState.SENT,
    MessageState.NO_REPORT,
    MessageState.DELIVERED,
    MessageState.UNDELIVERED,
    MessageState.FAILED,
)


def count_again(budget: Budget, now: dt.datetime | None = None) -> None:
    """Put a day's counts into Redis that are not there; those that are stay as they are.

    Nothing of the brand passes until they are there, so nothing can leave between the look at the rows and this.

    Args:
        budget: whose.
        now: an aware time; now when omitted.

    Raises:
        redis.RedisError: Redis is away.
    """
    now = now or timezone.now()
    counts = count_day(budget, now)
    totals = (sum(counts.values()), counts[budget.campaign_id])
    pipe = get_redis().pipeline()
    for name, used in zip(budget.day_keys(budget.day(now)), totals, strict=True):
        pipe.hsetnx(name, "used", used)
        pipe.expire(name, KEPT_SECONDS)
    pipe.execute()
    logger.info("Brand %s: %s segments have left today by the rows", budget.brand_id, totals[0])


def count_day(budget: Budget, now: dt.datetime) -> Counter[int]:
    """Segments that left since a brand's day began, by 10DLC campaign. Rather one too many than one too few.

    Args:
        budget: whose.
        now: an aware time.

    Raises:
        redis.RedisError: Redis is away.
    """
    since = budget.began_at(now)
    assigned = TenDlcNumber.objects.filter(campaign__brand_id=budget.brand_id)
    campaigns = dict(assigned.values_list("number_id", "campaign_id"))
    accounts = set(assigned.values_list("number__account_id", flat=True))
    # The index on batch and state answers for campaigns, that on account for single messages; neither reads old rows.
    moved = Q(state__in=(BatchState.SENDING, BatchState.PAUSED))
    moved |= Q(moved_at__gte=since) | Q(updated_at__gte=since)
    batches = Batch.objects.filter(moved, account_id__in=accounts).values_list("pk", flat=True)
    sources = (
        Q(batch_id__in=list(batches)),
        Q(account_id__in=accounts) & ~Q(kind=Message.Kind.CAMPAIGN) & Q(batch=None),
    )
    found: Counter[int] = Counter()
    for source in sources:
        for number_id, total in _left(Message.objects.filter(source, number_id__in=campaigns), since):
            found[campaigns[number_id]] += total
    return found


def _left(rows: MessageQuerySet, since: dt.datetime) -> Iterator[tuple[int, int]]:
    """Numbers and the segments that left them since a time, in pieces."""
    # Canada is among them: to tell it apart is not worth the price here.
    rows = rows.filter(recipient__startswith="+1").order_by()
    late = Q(claimed_at__gte=since - dt.timedelta(seconds=BEFORE_SECONDS))
    # What the provider refused at once never reached a carrier.
    silent = Q(accepted_at=None) & late & ~Q(state=MessageState.FAILED)
    taken = rows.filter(Q(accepted_at__gte=since) | silent, state__in=_TAKEN)
    yield from taken.filter(segments__gt=0).values_list("number_id").annotate(Sum("segments"))
    for message in taken.filter(segments=0).select_related("batch").iterator():
        yield message.number_id, _segments(message)
    sending = list(rows.filter(late, state=MessageState.SENDING).select_related("batch", "number"))
    waiting = _waiting(sending)
    for message in sending:
        if message.pk not in waiting:
            yield message.number_id, _segments(message)


def _segments(message: Message) -> int:
    try:
        return segments(message.text)
    except TemplateError:
        # It never left: a sender finds out the same.
        return 0


def _waiting(sending: list[Message]) -> set[int]:
    """Those of some claimed messages that wait in a sender's hands; without a lease nobody knows what has left of it."""
    held: dict[tuple[int, str], list[int]] = defaultdict(list)
    for message in sending:
        held[message.number.gateway_id, message.lease].append(message.pk)
    client = get_redis()
    found: set[int] = set()
    for (gateway_id, token), ids in held.items():
        if client.zscore(keys.leases(gateway_id), token) is not None:
            attempted = {int(value) for value in client.smembers(keys.attempted(gateway_id, token))}
            found.update(pk for pk in ids if pk not in attempted)
    return found

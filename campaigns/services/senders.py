"""What left each number, and each gateway, of a campaign that leaves from several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count

from broadcast.core.redis import RedisAway
from campaigns.models import Campaign
from integrations.models import Gateway
from messaging.models import Message, PhoneNumber
from messaging.states import TAKEN_STATES, MessageState

#: The rows of a campaign to more people than this are counted once in ``CACHE_SECONDS``, whoever is looking: no index holds
#: their numbers.
MANY = 20_000
CACHE_SECONDS = 10

_WAITING = (MessageState.QUEUED, MessageState.SENDING)
_FAILED = (MessageState.FAILED, MessageState.UNDELIVERED)


@dataclass(slots=True)
class GatewayResult:
    """What a campaign did through one gateway; the fields are those of ``SenderResult``."""

    gateway: Gateway
    recipients: int = 0
    sent: int = 0
    waiting: int = 0
    failed: int = 0


@dataclass(slots=True)
class SenderResult:
    """What a campaign did from one number.

    Args:
        number: ours.
        recipients: who is written to from it, suppressed ones included.
        sent: taken by the provider.
        waiting: have not left.
        failed: refused or undelivered.
    """

    number: PhoneNumber
    recipients: int = 0
    sent: int = 0
    waiting: int = 0
    failed: int = 0


def sender_results(campaign: Campaign, *, recipients: int) -> list[SenderResult]:
    """Counts per number of a campaign that leaves from a pool or by routes; empty when it leaves from one number.

    Args:
        campaign: any, launched or not.
        recipients: how many it has; the counts for more than ``MANY`` are up to ``CACHE_SECONDS`` old.
    """
    batch = campaign.batch
    if batch is None or (batch.pool_id is None and len(batch.senders) == 1):
        return []
    all_numbers = PhoneNumber.objects.select_related("gateway").defer("gateway__credentials")
    numbers = all_numbers.in_bulk({*batch.senders})
    counts = _counts(batch.pk) if recipients <= MANY else _cached_counts(batch.pk)
    if unnamed := {number_id for number_id, _state, _count in counts} - set(numbers):
        numbers |= all_numbers.in_bulk(unnamed)
    results = {pk: SenderResult(number) for pk, number in numbers.items()}
    for number_id, state, count in counts:
        result = results[number_id]
        result.recipients += count
        result.sent += count if state in TAKEN_STATES else 0
        result.waiting += count if state in _WAITING else 0
        result.failed += count if state in _FAILED else 0
    return sorted(results.values(), key=lambda result: result.number.number)


def gateway_results(senders: Sequence[SenderResult]) -> list[GatewayResult]:
    """The same per gateway; empty when all is at one.

    Args:
        senders: as ``sender_results`` gives them.
    """
    results: dict[int, GatewayResult] = {}
    for sender in senders:
        gateway = sender.number.gateway
        result = results.setdefault(gateway.pk, GatewayResult(gateway))
        result.recipients += sender.recipients
        result.sent += sender.sent
        result.waiting += sender.waiting
        result.failed += sender.failed
    return sorted(results.values(), key=lambda result: result.gateway.name) if len(results) > 1 else []


def _counts(batch_id: int) -> list[tuple[int, str, int]]:
    """(id of the number, state, number of messages)."""
    rows = Message.objects.filter(batch_id=batch_id).order_by().values_list("number_id", "state")
    return list(rows.annotate(n=Count("id")))


def _cached_counts(batch_id: int) -> list[tuple[int, str, int]]:
    def count() -> list[tuple[int, str, int]]:
        return _counts(batch_id)

    try:
        return cache.get_or_set(f"sender-results-{batch_id}", count, CACHE_SECONDS) or []
    except RedisAway:
        return count()

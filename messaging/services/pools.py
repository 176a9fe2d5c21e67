"""Sender pools: which number writes to whom, and what happens when numbers come and go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from django.db import transaction

from messaging.engine.launch import move_queued
from messaging.engine.legs import RESENT
from messaging.models import Batch, Message, PhoneNumber, SenderPool
from messaging.services.drops import note_dropped
from messaging.services.registration_checks import unfit
from messaging.states import BatchState, MessageState

Number = PhoneNumber.State


class PoolError(Exception):
    """A pool cannot have these numbers; ``text`` says which one, why, and what to do."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def set_numbers(*, pool_id: int, number_ids: Sequence[int]) -> SenderPool:
    """Say which numbers a pool has.

    Recipients of the numbers that stay keep their number, apart from those groups that must move. What is queued at a number
    that leaves the pool still leaves from it.

    Args:
        pool_id: the pool.
        number_ids: all of them.

    Raises:
        PoolError: there is none, or one does not fit: another account's, another gateway's than the rest, released, or of
            another gateway than a batch that is under way.
    """
    with transaction.atomic():
        pool = SenderPool.objects.select_for_update(of=("self",)).select_related("account").get(pk=pool_id)
        numbers = list(
            PhoneNumber.objects.filter(pk__in=number_ids).select_related("account", "gateway").order_by("number")
        )
        _check_numbers(pool, numbers, set(number_ids))
        pool.numbers.set(numbers)
        rebalance(pool)
    return pool


def _check_numbers(pool: SenderPool, numbers: list[PhoneNumber], wanted: set[int]) -> None:
    if not wanted:
        raise PoolError(f"“{pool}” needs a number. Choose at least one.")
    if len(numbers) < len(wanted):
        raise PoolError("One of these numbers does not exist any more. Look at the list again.")
    for number in numbers:
        if number.account_id != pool.account_id:
            raise PoolError(f"{number} belongs to {number.account}. Choose numbers of {pool.account}.")
        if number.state == Number.RELEASED:
            raise PoolError(f"{number} was released and cannot send any more. Leave it out.")
        if number.gateway_id != numbers[0].gateway_id:
            raise PoolError(
                f"{number} is at {number.gateway}, {numbers[0]} at {numbers[0].gateway}. A pool's numbers share one gateway; "
                "make a pool for each."
            )
    going = Batch.objects.open().filter(pool=pool).exclude(gateway_id=numbers[0].gateway_id).first()
    if going is not None:
        raise PoolError(
            f"“{going}” is leaving through {going.gateway} from this pool. Wait for its end before you move the pool to "
            f"{numbers[0].gateway}, or make another pool."
        )


def rebalance(pool: SenderPool) -> bool:
    """Spread the groups of recipients over a pool's numbers that may send, in proportion to their pace; True when some moved.

    While carriers refuse all that are active, these keep their groups: nothing leaves, and nobody changes their number for it.
    Repeatable; ``pool.buckets`` holds the result. Nothing that is queued already moves (see ``relieve``).
    """
    with transaction.atomic():
        locked = SenderPool.objects.select_for_update(of=("self",)).get(pk=pool.pk)
        active = list(locked.numbers.filter(state=Number.ACTIVE).select_related("gateway").order_by("pk"))
        refused = unfit(active)
        fit = [number for number in active if number.pk not in refused] or active
        buckets = share_out(locked.buckets, {number.pk: number.segments_per_second for number in fit})
        changed = bool(buckets != locked.buckets)
        if changed:
            locked.buckets = buckets
            locked.save(update_fields=("buckets", "updated_at"))
    pool.buckets = buckets
    return changed


def share_out(buckets: Sequence[int], paces: Mapping[int, int], size: int = SenderPool.BUCKETS) -> list[int]:
    """Numbers of ``size`` groups in proportion to their pace, with as few groups moved as that allows.

    Args:
        buckets: the number of each group until now; empty at the start.
        paces: number → segments per second; the groups go to these.
        size: how many groups there are.

    Returns:
        The number of each group; each has its exact share rounded up or down. Empty when there are no numbers.
    """
    total = sum(paces.values())
    if not total:
        return []
    had = Counter(buckets)
    shares = {number: size * pace // total for number, pace in paces.items()}
    # Who has more than the rounded-down share keeps one more; then the largest remainders.
    unequal = [number for number, pace in paces.items() if size * pace % total]
    unequal.sort(key=lambda number: (had[number] <= shares[number], -(size * paces[number] % total), number))
    for number in unequal[: size - sum(shares.values())]:
        shares[number] += 1
    result: list[int | None] = []
    for number in [*buckets[:size], *[0] * (size - len(buckets))]:
        keeps = shares.get(number, 0) > 0
        result.append(number if keeps else None)
        if keeps:
            shares[number] -= 1
    # By turns: people whose numbers follow each other, as in a block that an office has, are spread too.
    turns = sorted(((turn + 0.5) / share, number) for number, share in shares.items() for turn in range(share))
    left = (number for _, number in turns)
    return [number if number is not None else next(left) for number in result]


def rebalance_of_number(number_id: int) -> int:
    """A number's state or pace has changed: rebalance its pools; how many changed."""
    return sum(rebalance(pool) for pool in SenderPool.objects.filter(numbers=number_id))


def rebalance_all() -> int:
    """Rebalance pools whose numbers changed without anybody saying so; how many changed."""
    return sum(rebalance(pool) for pool in SenderPool.objects.all())


def members(pool: SenderPool) -> list[PhoneNumber]:
    """A pool's numbers that may send, with their gateways."""
    numbers = list(pool.numbers.select_related("gateway").defer("gateway__credentials").order_by("number"))
    refused = unfit(numbers)
    return [number for number in numbers if number.pk not in refused]


def can_send(pool: SenderPool) -> bool:
    """Whether a pool has an active number; carriers may refuse it all the same (``members``)."""
    return pool.numbers.filter(state=Number.ACTIVE).exists()


def first_active(pool: SenderPool) -> PhoneNumber | None:
    """The number that stands for a pool where one is shown; None when none is active."""
    if fit := members(pool):
        return fit[0]
    return pool.numbers.filter(state=Number.ACTIVE).select_related("gateway").order_by("number").first()


def pace(pool: SenderPool) -> int:
    """Segments per second of a pool's numbers that may send together."""
    return sum(number.segments_per_second for number in members(pool))


def relieve(batch: Batch) -> int:
    """Give what is queued at a batch's numbers that may not send any more to those of the pool that may.

    Recipients whose number may still send keep it, and so does what may have left already (``RESENT``). The batch's queues must
    be made anew after this (``engine.launch.rebuild_queue``); a kill in between is seen to by the sweeper.

    Returns:
        How many messages moved; 0 for a batch without a pool, or while no number of it may send.
    """
    if batch.pool_id is None:
        return 0
    with transaction.atomic():
        # Two that do this at once would each forget the other's numbers.
        batch = Batch.objects.select_for_update(of=("self",)).select_related("pool").get(pk=batch.pk)
        pool = batch.pool
        if pool is None or batch.state not in (BatchState.SENDING, BatchState.PAUSED):
            return 0
        queued = Message.objects.filter(batch=batch, state=MessageState.QUEUED).exclude(reason=RESENT)
        # What a route sent elsewhere is not the pool's (``services.detours``).
        own = set(batch.senders) - set(batch.routed_ids)
        numbers = list(PhoneNumber.objects.filter(pk__in=own).order_by("pk"))
        refused = unfit(numbers)
        leaving = [number for number in numbers if number.pk in refused and queued.filter(number_id=number.pk).exists()]
        if not leaving:
            return 0
        rebalance(pool)
        owners = {number.pk: number for number in PhoneNumber.objects.filter(pk__in=set(pool.buckets))}
        # Numbers of another gateway would wait in queues that nobody at this one looks at.
        is_elsewhere = any(number.gateway_id != batch.gateway_id for number in owners.values())
        if not owners or is_elsewhere or unfit(owners.values()):
            return 0
        batch.sender_ids = sorted({*owners, *batch.senders})
        batch.save(update_fields=("sender_ids", "updated_at"))
        total = 0
        for number in leaving:
            moved = move_queued(batch=batch, number_id=number.pk)
            note_dropped(batch=batch, number=number, moved=moved)
            total += moved
        return total

"""Detours: while a gateway does not send, what has not left through it goes to the second sender that a route names.

A row moves by one conditional UPDATE and is queued at its new number afterwards; ids that are still in the old number's queue
cannot be claimed there. What was claimed, or may have left, stays where it is for good. While a gateway is only silent, no more
moves than the second sender is about to send, so that the rest is there for the first when it answers again. Never more moves
than the second sender's brand may send today.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from broadcast.core.redis import RedisAway
from integrations.models import Gateway
from messaging.engine import keys, legs
from messaging.engine.launch import put_ids, wake_sender
from messaging.models import Alert, Batch, Detour, Message, PhoneNumber, Route
from messaging.services import routes
from messaging.services.alerts import raise_alert, resolve
from messaging.services.brand_room import brand_room
from messaging.services.drops import note_dropped
from messaging.services.registration_checks import unfit
from messaging.services.stand_ins import NUMBER, Outage, StandIns, outage_of
from messaging.states import BatchState, MessageState

logger = logging.getLogger(__name__)

Cause = Detour.Cause

#: The second sender has as much in its queue as it sends in about this many seconds, within these bounds, messages.
AHEAD_SECONDS = 30
LEAST_AHEAD = 100
MOST_AHEAD = 5000
#: Rows that one statement moves.
ROWS_AT_ONCE = 5000


def tend(batch: Batch) -> int:
    """Move what waits at gateways that do not send to those that stand in for them; repeatable. How many messages moved.

    Args:
        batch: with its account.

    Raises:
        redis.RedisError: Redis is away; the next round does it.
    """
    gateways = list(Gateway.objects.filter(pk__in=batch.gateways).defer("credentials"))
    outages = [(gateway, outage) for gateway in gateways if (outage := outage_of(gateway)) is not None]
    dropped = _unfit_numbers(batch)
    if not outages and not dropped:
        return 0
    view = StandIns(batch, routes.routes_of(batch.account_id))
    moved = 0
    for gateway, outage in outages:
        numbers = _numbers_at(batch, gateway)
        for place, route in view.ways():
            found = view.stand_in(route, gateway) if numbers and outage.is_enough_for(route) else None
            if found is not None:
                moved += _move(view, view.rows(numbers, place), gateway, outage, *found)
    for number in dropped:
        outage = Outage(NUMBER, number.updated_at)
        for place, route in _ways_from(view, number):
            if (found := view.substitute(route, number)) is not None:
                # Whoever is asleep, or waits for the canary, would find it as it is now.
                rows = view.rows([number.pk], place, is_now=False)
                moved += _move(view, rows, number.gateway, outage, *found)
    return moved


def _numbers_at(batch: Batch, gateway: Gateway) -> list[int]:
    return list(PhoneNumber.objects.filter(pk__in=batch.senders, gateway=gateway).values_list("pk", flat=True))


def _unfit_numbers(batch: Batch) -> list[PhoneNumber]:
    """Numbers of a batch that may not send, where something waits at them."""
    numbers = list(PhoneNumber.objects.filter(pk__in=batch.senders).select_related("gateway").order_by("pk"))
    refused = unfit(numbers)
    return [number for number in numbers if number.pk in refused and waits_at(batch, [number.pk])]


def _ways_from(view: StandIns, number: PhoneNumber) -> list[tuple[int | None, Route]]:
    """The routes by which others may take over from a single number that may not send.

    From a number that a campaign chose itself only those of countries: whom no country's route concerns hears from what was
    chosen, a number or its pool (``pools.relieve``).
    """
    is_routed = number.pk in view.batch.routed_ids
    return [(place, route) for place, route in view.ways() if is_routed or place is not None]


def waits_at(batch: Batch, number_ids: Iterable[int]) -> bool:
    """Whether something of a batch is queued at some numbers."""
    return Message.objects.filter(batch=batch, state=MessageState.QUEUED, number_id__in=list(number_ids)).exists()


def strands(batch: Batch, gateway: Gateway) -> bool:
    """Whether something of a batch can leave through a gateway only, so that the batch waits for it.

    Args:
        batch: with its account.
        gateway: one of the batch's, stopped or disabled.
    """
    found = routes.routes_of(batch.account_id)
    if not batch.other_gateway_ids and not any(route.second is not None for route in found):
        return True
    try:
        outage = outage_of(gateway)
        if outage is None:
            return False
        view = StandIns(batch, found)
        covered = {
            place
            for place, route in view.ways()
            if outage.is_enough_for(route) and view.stand_in(route, gateway, is_today=False) is not None
        }
    except RedisAway:
        # Nothing can be told of the others now, and nothing leaves anyway.
        return False
    left = legs.waiting(view.rows(_numbers_at(batch, gateway)))
    return any(resent or place not in covered for place, resent in left)


def stuck_number(batch: Batch) -> PhoneNumber | None:
    """A number that a route brought in, is not active, and has messages that no other can take; None when there is none.

    Args:
        batch: with its account.
    """
    routed = [number for number in _unfit_numbers(batch) if number.pk in batch.routed_ids]
    found = (number for number in routed if number.state != PhoneNumber.State.ACTIVE)
    return next((number for number in found if is_stuck(batch, number)), None)


def is_stuck(batch: Batch, number: PhoneNumber) -> bool:
    """Whether something waits at a number that may not send, and no route has another number for it.

    Args:
        batch: with its account.
        number: one of the batch's.
    """
    try:
        return _is_stuck(StandIns(batch, routes.routes_of(batch.account_id)), number)
    except RedisAway:
        # Nothing can be told of the others now, and nothing leaves anyway.
        return False


def can_relieve(batch: Batch, number: PhoneNumber) -> bool:
    """Whether a route has another number for some of what leaves from one that may not send.

    Args:
        batch: with its account.
        number: one of the batch's.
    """
    view = StandIns(batch, routes.routes_of(batch.account_id))
    try:
        return any(view.substitute(route, number, is_today=False) for _, route in _ways_from(view, number))
    except RedisAway:
        # Nothing can be told of the others now, and nothing leaves anyway.
        return True


def _is_stuck(view: StandIns, number: PhoneNumber) -> bool:
    """Whether something waits at a number that no other can take: nothing stands in there, or it may have left from it."""
    ways = _ways_from(view, number)
    covered = {place for place, route in ways if view.substitute(route, number, is_today=False) is not None}
    left = legs.waiting(view.rows([number.pk]))
    return any(resent or place not in covered for place, resent in left)


def _move(
    view: StandIns,
    rows: legs.Rows,
    gateway: Gateway,
    outage: Outage,
    sender: routes.Sender,
    numbers: Sequence[PhoneNumber],
) -> int:
    """Move rows to a sender, as many as are good for it; how many there were."""
    total = 0
    while moved := _move_chunk(view, rows, gateway, outage, sender, numbers):
        total += moved
        if moved < ROWS_AT_ONCE or outage.cause == Cause.SILENT:
            break
    return total


def _room(view: StandIns, numbers: Sequence[PhoneNumber]) -> int:
    """How many more messages some numbers have use for; what may not leave now is in nobody's way."""
    pace = sum(number.segments_per_second for number in numbers)
    ahead = min(max(pace * AHEAD_SECONDS, LEAST_AHEAD), MOST_AHEAD)
    return int(ahead - view.leaving().filter(number__in=numbers).order_by()[:ahead].count())


def _most(view: StandIns, rows: legs.Rows, outage: Outage, numbers: Sequence[PhoneNumber], ids: Sequence[int]) -> int:
    """How many rows are good for some numbers now: what a brand cannot send today waits where it is."""
    most = min(_room(view, numbers), ROWS_AT_ONCE) if outage.cause == Cause.SILENT else ROWS_AT_ONCE
    room = brand_room(batch=view.batch, ids=ids, leaving=rows.numbers)
    return most if room is None else min(most, room)


def _move_chunk(
    view: StandIns,
    rows: legs.Rows,
    gateway: Gateway,
    outage: Outage,
    sender: routes.Sender,
    numbers: Sequence[PhoneNumber],
) -> int:
    batch, ids = view.batch, routes.number_ids(sender, numbers)
    with transaction.atomic():
        # A pause that comes first leaves nothing to move; one that comes later finds the gateway among the batch's.
        locked = Batch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
        if locked.state != BatchState.SENDING:
            return 0
        # Asked under the lock: two that move at once fill the same room.
        most = _most(view, rows, outage, numbers, ids)
        found = legs.move_rows(rows=rows, to=ids, most=most) if most > 0 else {}
        moved = sum(map(len, found.values()))
        if not moved:
            return 0
        through = numbers[0].gateway
        new = set(ids) - set(locked.senders)
        if new:
            locked.sender_ids = sorted({*locked.senders, *ids})
            locked.routed_ids = sorted({*locked.routed_ids, *new})
        if through.pk not in locked.gateways:
            locked.other_gateway_ids = [*locked.other_gateway_ids, through.pk]
        locked.save(update_fields=("sender_ids", "routed_ids", "other_gateway_ids", "updated_at"))
        if outage.cause != NUMBER:
            _remember(locked, gateway, outage, numbers[0], moved)
        else:
            note_dropped(batch=locked, number=PhoneNumber.objects.get(pk=next(iter(rows.numbers))), moved=moved)
        transaction.on_commit(lambda: _queue(view, found))
        wake_sender(through.pk)
    batch.sender_ids, batch.routed_ids = locked.sender_ids, locked.routed_ids
    batch.other_gateway_ids = locked.other_gateway_ids
    logger.warning("Batch %s: %s messages leave through gateway %s instead of %s", batch.pk, moved, through, gateway)
    return moved


def _queue(view: StandIns, found: dict[int, list[int]]) -> None:
    """Queue what moved, without those whose hours or whose turn after the canary are to come."""
    batch = view.batch
    leaving = set(view.leaving().filter(number__in=found).values_list("pk", flat=True))
    try:
        for number in PhoneNumber.objects.select_related("gateway").filter(pk__in=found):
            ids = [pk for pk in found[number.pk] if pk in leaving]
            put_ids(number=number, queue_name=keys.batch_queue(batch.pk, number.pk), ids=ids)
    except RedisAway as error:
        logger.warning("Redis is away; the sweeper will queue what moved of batch %s: %s", batch.pk, error)


def _remember(batch: Batch, gateway: Gateway, outage: Outage, number: PhoneNumber, moved: int) -> None:
    """Write down that messages took another way, and tell of it."""
    now = timezone.now()
    detour, created = Detour.objects.get_or_create(
        batch=batch,
        gateway=gateway,
        through=number.gateway,
        ended_at=None,
        defaults={
            "cause": outage.cause,
            "since": outage.since,
            "number": number,
            "moved": moved,
            "started_at": now,
            "moved_at": now,
        },
    )
    if not created:
        Detour.objects.filter(pk=detour.pk).update(moved=F("moved") + moved, moved_at=now)
        return
    said = {
        Cause.SILENT: "has not answered",
        Cause.STOPPED: "has refused everything",
        Cause.DISABLED: "has been disabled",
    }
    text = (
        f"“{batch}” goes on through {number.gateway}, because {gateway} {said[Cause(outage.cause)]} since "
        f"{outage.since:%-d %B, %H:%M} UTC. What has moved stays there; nobody gets it twice. Its price may differ."
    )
    raise_alert(kind=Alert.Kind.DETOUR, batch=batch, text=text)


def take_over(gateway_id: int) -> int:
    """A gateway does not send: move what others may take of everything that leaves through it; how many messages moved.

    Raises:
        redis.RedisError: Redis is away; the sweeper does it.
    """
    with_second = Route.objects.exclude(second_number=None, second_pool=None).values("account_id")
    sending = Batch.objects.filter(state=BatchState.SENDING, account__in=with_second).select_related("account")
    return sum(tend(batch) for batch in sending if gateway_id in batch.gateways)


def close_over() -> int:
    """End the detours of gateways that send again and of batches that are over; how many there were.

    Raises:
        redis.RedisError: Redis is away; the next round does it.
    """
    closed = 0
    outages: dict[int, Outage | None] = {}
    for detour in Detour.objects.filter(ended_at=None).select_related("batch", "gateway").defer("gateway__credentials"):
        gateway = detour.gateway
        if gateway.pk not in outages:
            outages[gateway.pk] = outage_of(gateway)
        is_over = detour.batch.state in (BatchState.FINISHED, BatchState.CANCELLED)
        if outages[gateway.pk] is not None and not is_over:
            continue
        with transaction.atomic():
            closed += Detour.objects.filter(pk=detour.pk, ended_at=None).update(ended_at=timezone.now())
            if not Detour.objects.filter(batch=detour.batch, ended_at=None).exists():
                note = "It is over." if is_over else f"{gateway} sends again; what had moved stayed where it was."
                resolve(kind=Alert.Kind.DETOUR, batch=detour.batch, note=note)
    return closed

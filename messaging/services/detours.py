"""Detours: while a gateway does not send, what has not left through it goes to the second sender that a route names.

A row moves by one conditional UPDATE and is queued at its new number afterwards; ids that are still in the old number's queue
cannot be claimed there. What was claimed, or may have left, stays where it is for good. While a gateway is only silent, no more
moves than the second sender is about to send, so that the rest is there for the first when it answers again.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from broadcast.core.redis import RedisAway, get_redis
from integrations.models import Gateway
from messaging.engine import keys, legs
from messaging.engine.launch import put_ids, wake_sender
from messaging.engine.places import look
from messaging.models import Alert, Batch, Detour, Message, PhoneNumber, Route
from messaging.services import routes
from messaging.services.alerts import raise_alert, resolve
from messaging.states import BatchState, MessageState

logger = logging.getLogger(__name__)

Cause = Detour.Cause

#: The second sender has as much in its queue as it sends in about this many seconds, within these bounds, messages.
AHEAD_SECONDS = 30
LEAST_AHEAD = 100
MOST_AHEAD = 5000
#: Rows that one statement moves.
ROWS_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Outage:
    """A gateway that does not send.

    Args:
        cause: a value of ``Detour.Cause``.
        since: from when on.
    """

    cause: str
    since: dt.datetime

    def is_enough_for(self, route: Route) -> bool:
        """Whether a route's second sender takes over now."""
        if self.cause == Cause.SILENT:
            return timezone.now() - self.since >= dt.timedelta(seconds=route.patience_seconds)
        return route.when_stopped if self.cause == Cause.STOPPED else route.when_disabled


def outage_of(gateway: Gateway) -> Outage | None:
    """Why a gateway does not send now; None when it does, as far as anybody knows.

    Raises:
        redis.RedisError: Redis is away.
    """
    if not gateway.is_enabled:
        return Outage(Cause.DISABLED, gateway.updated_at)
    if gateway.stopped_reason:
        alert = Alert.objects.open().filter(kind=Alert.Kind.GATEWAY_STOPPED, gateway=gateway, batch=None).first()
        return Outage(Cause.STOPPED, alert.created_at if alert is not None else timezone.now())
    since = get_redis().hget(keys.circuit(gateway.pk), "since")
    return Outage(Cause.SILENT, dt.datetime.fromtimestamp(float(since), dt.UTC)) if since is not None else None


@dataclass(slots=True)
class _Look:
    """What is known while one batch is tended.

    Args:
        batch: whose rows.
        found: its account's routes.
    """

    batch: Batch
    found: list[Route]
    countries: list[Route] = field(init=False)
    _outages: dict[int, Outage | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.countries = routes.country_routes(self.found, follows_country_rules=self.batch.follows_country_rules)

    def ways(self) -> list[tuple[int | None, Route]]:
        """The routes that have senders, each with the place of its country; None: everywhere else."""
        own: list[tuple[int | None, Route]] = [(None, route) for route in self.found if not route.country]
        return own + [(place, route) for place, route in enumerate(self.countries) if not route.is_blocked]

    def outage(self, gateway: Gateway) -> Outage | None:
        if gateway.pk not in self._outages:
            self._outages[gateway.pk] = outage_of(gateway)
        return self._outages[gateway.pk]

    def stand_in(self, route: Route, gateway: Gateway) -> tuple[routes.Sender, list[PhoneNumber]] | None:
        """Who takes over from a gateway on a route, with the numbers that may send; None when nobody can."""
        if route.second is None:
            return None
        # A campaign that leaves from the second sender has the preferred one as its stand-in.
        for sender in (route.second, route.sender):
            other = routes.gateway_of(sender) if sender is not None else None
            if sender is None or other is None or other.pk == gateway.pk or self.outage(other) is not None:
                continue
            if numbers := routes.members(sender):
                return sender, numbers
        return None

    def rows(self, numbers: Iterable[int], place: int | None = None) -> legs.Rows:
        batch = self.batch
        view = look(batch)
        return legs.Rows(
            batch.pk,
            list(numbers),
            [route.country for route in self.countries],
            place,
            view.open if view is not None else None,
            batch.canary_step if batch.canary_state == Batch.Canary.SENDING else 0,
        )


def tend(batch: Batch) -> int:
    """Move what waits at gateways that do not send to those that stand in for them; repeatable. How many messages moved.

    Args:
        batch: with its account.

    Raises:
        redis.RedisError: Redis is away; the next round does it.
    """
    gateways = list(Gateway.objects.filter(pk__in=batch.gateways).defer("credentials"))
    outages = [(gateway, outage) for gateway in gateways if (outage := outage_of(gateway)) is not None]
    unfit = _unfit_numbers(batch)
    if not outages and not unfit:
        return 0
    view = _Look(batch, routes.routes_of(batch.account_id))
    moved = 0
    for gateway, outage in outages:
        numbers = _numbers_at(batch, gateway)
        for place, route in view.ways():
            found = view.stand_in(route, gateway) if numbers and outage.is_enough_for(route) else None
            if found is not None:
                moved += _move(view, view.rows(numbers, place), gateway, outage, *found)
    for number in unfit:
        # A pool's other numbers take over, as they do in a batch that leaves from the pool alone.
        outage = Outage(Cause.NUMBER, number.updated_at)
        for place, route in view.ways():
            for sender in (route.sender, route.second):
                if sender is not None and routes.is_pool_of(sender, number.pk) and (able := routes.members(sender)):
                    moved += _move(view, view.rows([number.pk], place), number.gateway, outage, sender, able)
    return moved


def _numbers_at(batch: Batch, gateway: Gateway) -> list[int]:
    return list(PhoneNumber.objects.filter(pk__in=batch.senders, gateway=gateway).values_list("pk", flat=True))


def _unfit_numbers(batch: Batch) -> list[PhoneNumber]:
    """Numbers that routes brought in and that may not send, where something waits at them."""
    if not batch.routed_ids:
        return []
    found = PhoneNumber.objects.filter(pk__in=batch.routed_ids).exclude(state=PhoneNumber.State.ACTIVE)
    return [number for number in found.select_related("gateway") if waits_at(batch, [number.pk])]


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
        view = _Look(batch, found)
        covered = {
            place
            for place, route in view.ways()
            if outage.is_enough_for(route) and view.stand_in(route, gateway) is not None
        }
    except RedisAway:
        # Nothing can be told of the others now, and nothing leaves anyway.
        return False
    left = legs.waiting(view.rows(_numbers_at(batch, gateway)))
    return any(resent or place not in covered for place, resent in left)


def stuck_number(batch: Batch) -> PhoneNumber | None:
    """A number that a route brought in, may not send, and has messages that no pool's other number can take; None: none."""
    unfit = _unfit_numbers(batch)
    if not unfit:
        return None
    senders = [sender for route in routes.routes_of(batch.account_id) for sender in (route.sender, route.second)]
    for number in unfit:
        if not any(
            sender is not None and routes.is_pool_of(sender, number.pk) and routes.members(sender) for sender in senders
        ):
            return number
    return None


def _move(
    view: _Look,
    rows: legs.Rows,
    gateway: Gateway,
    outage: Outage,
    sender: routes.Sender,
    numbers: Sequence[PhoneNumber],
) -> int:
    """Move rows to a sender, as many as are good for it; how many there were."""
    total = 0
    while True:
        most = ROWS_AT_ONCE
        if outage.cause == Cause.SILENT:
            most = min(most, _room(view.batch, numbers))
        moved = _move_chunk(view.batch, rows, gateway, outage, sender, numbers, most) if most > 0 else 0
        total += moved
        if not moved or moved < most or outage.cause == Cause.SILENT:
            return total


def _room(batch: Batch, numbers: Sequence[PhoneNumber]) -> int:
    """How many more messages some numbers have use for."""
    pace = sum(number.segments_per_second for number in numbers)
    ahead = min(max(pace * AHEAD_SECONDS, LEAST_AHEAD), MOST_AHEAD)
    queued = Message.objects.filter(batch=batch, state=MessageState.QUEUED, number__in=numbers)
    return int(ahead - queued.order_by()[:ahead].count())


def _move_chunk(
    batch: Batch,
    rows: legs.Rows,
    gateway: Gateway,
    outage: Outage,
    sender: routes.Sender,
    numbers: Sequence[PhoneNumber],
    most: int,
) -> int:
    ids = routes.number_ids(sender)
    with transaction.atomic():
        # A pause that comes first leaves nothing to move; one that comes later finds the gateway among the batch's.
        locked = Batch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
        if locked.state != BatchState.SENDING:
            return 0
        found = legs.move_rows(rows=rows, to=ids, most=most)
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
        if outage.cause != Cause.NUMBER:
            _remember(locked, gateway, outage, numbers[0], moved)
        transaction.on_commit(lambda: _queue(batch, found))
        wake_sender(through.pk)
    batch.sender_ids, batch.routed_ids = locked.sender_ids, locked.routed_ids
    batch.other_gateway_ids = locked.other_gateway_ids
    logger.warning("Batch %s: %s messages leave through gateway %s instead of %s", batch.pk, moved, through, gateway)
    return moved


def _queue(batch: Batch, found: dict[int, list[int]]) -> None:
    try:
        for number in PhoneNumber.objects.select_related("gateway").filter(pk__in=found):
            put_ids(number=number, queue_name=keys.batch_queue(batch.pk, number.pk), ids=found[number.pk])
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
    said = {Cause.SILENT: "does not answer", Cause.STOPPED: "refuses everything", Cause.DISABLED: "is disabled"}
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

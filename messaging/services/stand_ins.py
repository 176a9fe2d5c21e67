"""Stand-ins: which gateways do not send, and which sender of a batch's routes takes over from one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from messaging.engine import keys, legs
from messaging.engine.places import look
from messaging.models import Alert, Batch, Detour, Message, PhoneNumber, Route
from messaging.querysets import MessageQuerySet
from messaging.services import routes
from messaging.services.brand_room import unspent
from messaging.states import MessageState

Cause = Detour.Cause
#: The cause of an outage of one number among several, which is no detour: its pool's others take over.
NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Outage:
    """A gateway that does not send.

    Args:
        cause: a value of ``Detour.Cause``, or ``NUMBER``.
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
class StandIns:
    """What is known of a batch's routes while it is tended; each gateway is looked at once.

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
        """Why a gateway does not send now; None when it does."""
        if gateway.pk not in self._outages:
            self._outages[gateway.pk] = outage_of(gateway)
        return self._outages[gateway.pk]

    def stand_in(
        self, route: Route, gateway: Gateway, *, is_today: bool = True
    ) -> tuple[routes.Sender, list[PhoneNumber]] | None:
        """Who takes over from a gateway on a route, with the numbers that may send; None when nobody can.

        Args:
            route: one of the batch's.
            gateway: which does not send.
            is_today: without numbers whose brand has used up its day; else those are among them, for they take over tomorrow.
        """
        if route.second is None:
            return None
        # A campaign that leaves from the second sender has the preferred one as its stand-in.
        for sender in (route.second, route.sender):
            other = routes.gateway_of(sender) if sender is not None else None
            if sender is None or other is None or other.pk == gateway.pk or self.outage(other) is not None:
                continue
            if numbers := self._fit(sender, is_today):
                return sender, numbers
        return None

    def substitute(
        self, route: Route, number: PhoneNumber, *, is_today: bool = True
    ) -> tuple[routes.Sender, list[PhoneNumber]] | None:
        """Who takes over from a single number of a route that may not send; None when nobody can, or it is not the route's.

        The others of its pool, as in a batch that leaves from the pool alone; from a second sender, the preferred one.

        Args:
            route: one of the batch's.
            number: which may not send.
            is_today: see ``stand_in``.
        """
        for sender in (route.sender, route.second):
            if sender is None or not (sender == number or routes.is_pool_of(sender, number.pk)):
                continue
            for other in (sender, route.sender):
                gateway = routes.gateway_of(other) if other is not None else None
                if other is None or gateway is None or self.outage(gateway) is not None:
                    continue
                if numbers := self._fit(other, is_today):
                    return other, numbers
        return None

    def _fit(self, sender: routes.Sender, is_today: bool) -> list[PhoneNumber]:
        numbers = routes.members(sender)
        return unspent(numbers) if is_today else numbers

    def leaving(self) -> MessageQuerySet:
        """The batch's queued messages that may leave now, from whatever number."""
        rows = Message.objects.filter(batch=self.batch, state=MessageState.QUEUED)
        if self.batch.canary_state == Batch.Canary.SENDING:
            rows = rows.canary(self.batch.canary_step)
        view = look(self.batch)
        return rows.filter(place__in=view.open) if view is not None else rows

    def rows(self, numbers: Iterable[int], place: int | None = None, *, is_now: bool = True) -> legs.Rows:
        """The rows that are to leave from some numbers, of the country at a place of ``countries``.

        Args:
            numbers: ids of ours.
            place: None: those of all other countries.
            is_now: only those that may leave now, by the hours of their place and the canary.
        """
        batch = self.batch
        if not is_now:
            return legs.Rows(batch.pk, list(numbers), [route.country for route in self.countries], place)
        view = look(batch)
        return legs.Rows(
            batch.pk,
            list(numbers),
            [route.country for route in self.countries],
            place,
            view.open if view is not None else None,
            batch.canary_step if batch.canary_state == Batch.Canary.SENDING else 0,
        )

"""Routes: which of an account's senders a batch leaves from, by country, and which one may stand in for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Q

from accounts.models import Account
from integrations.models import Gateway
from messaging.engine.countries import name_of, prefixes_of, sharing
from messaging.engine.legs import Leg
from messaging.models import PhoneNumber, Route, SenderPool
from messaging.services import pools
from messaging.services.registration_checks import unfit

#: What a batch leaves from.
Sender = PhoneNumber | SenderPool


def refusal(number: PhoneNumber) -> str:
    """Why a number may not send; empty when it may. Whoever chooses a number for a route asks here, and nowhere else."""
    return unfit([number]).get(number.pk, "")


def members(sender: Sender) -> list[PhoneNumber]:
    """The numbers behind a sender that may send, with their gateways."""
    if isinstance(sender, PhoneNumber):
        return [] if refusal(sender) else [sender]
    return pools.members(sender)


def gateway_of(sender: Sender) -> Gateway | None:
    """Where a sender is; None for a pool without a number."""
    if isinstance(sender, PhoneNumber):
        return sender.gateway
    first = sender.numbers.select_related("gateway").defer("gateway__credentials").order_by("number").first()
    return first.gateway if first is not None else None


def number_ids(sender: Sender, among: Sequence[PhoneNumber] | None = None) -> tuple[int, ...]:
    """Ids of a sender's numbers as ``engine.legs`` takes them: one for each group of recipients, or a single one.

    The number's own although it may not send; a pool without a number that may send has one of its others.

    Args:
        sender: whose.
        among: those of its numbers that count, with their gateways; all that may send when omitted.
    """
    if isinstance(sender, PhoneNumber):
        return (sender.pk,)
    pools.rebalance(sender)
    # An active number may be one that carriers refuse; people of the others keep theirs.
    fit = members(sender) if among is None else among
    paces = {number.pk: number.segments_per_second for number in fit}
    groups = tuple(pools.share_out(sender.buckets, paces)) or tuple(sender.buckets)
    return groups or tuple(sender.numbers.order_by("number").values_list("pk", flat=True)[:1])


def is_pool_of(sender: Sender, number_id: int) -> bool:
    """Whether a sender is a pool with this number."""
    return isinstance(sender, SenderPool) and sender.numbers.filter(pk=number_id).exists()


def routes_of(account_id: int) -> list[Route]:
    """An account's routes, the one for everywhere else first, with their senders."""
    found = Route.objects.filter(account_id=account_id).order_by("country")
    related = ("account", "number__gateway", "pool", "second_number__gateway", "second_pool")
    return list(
        found.select_related(*related).defer("number__gateway__credentials", "second_number__gateway__credentials")
    )


@dataclass(slots=True)
class Plan:
    """What a batch leaves from.

    Args:
        legs: countries that leave from elsewhere, or to which nothing goes.
        routed_ids: ids of the numbers of these.
        gateway_ids: ids of the gateways of these.
    """

    legs: list[Leg] = field(default_factory=list)
    routed_ids: list[int] = field(default_factory=list)
    gateway_ids: list[int] = field(default_factory=list)


def plan_batch(*, account_id: int, follows_country_rules: bool) -> Plan:
    """How a batch of an account is divided by country.

    Args:
        account_id: whose routes.
        follows_country_rules: without them everybody hears from the batch's own sender. What is blocked stays blocked.
    """
    plan = Plan()
    numbers: set[int] = set()
    gateways: set[int] = set()
    for route in country_routes(routes_of(account_id), follows_country_rules=follows_country_rules):
        sender = sender_at_launch(route)
        if sender is None:
            plan.legs.append(Leg(route.country))
            continue
        ids, gateway = number_ids(sender), gateway_of(sender)
        if ids and gateway is not None:
            plan.legs.append(Leg(route.country, ids))
            numbers.update(ids)
            gateways.add(gateway.pk)
    plan.routed_ids, plan.gateway_ids = sorted(numbers), sorted(gateways)
    return plan


def country_routes(routes: Sequence[Route], *, follows_country_rules: bool) -> list[Route]:
    """Those of an account's routes that decide for a country: all of them, or only those that block it."""
    return [route for route in routes if route.country and (follows_country_rules or route.is_blocked)]


def sender_at_launch(route: Route) -> Sender | None:
    """The first of a route's senders that has a number that may send; the preferred one waits when there is none."""
    senders = [sender for sender in (route.sender, route.second) if sender is not None]
    return next((sender for sender in senders if members(sender)), route.sender)


def preferred_sender(account: Account) -> Sender | None:
    """What an account's campaigns leave from when nobody says otherwise; None when no route says it."""
    route = next((route for route in routes_of(account.pk) if not route.country), None)
    return route.sender if route is not None else None


def routes_text(number: PhoneNumber) -> str:
    """Which routes name a number, and what to do before it can go; empty when none does.

    Args:
        number: any; a pool that has it does not need it.
    """
    named = Route.objects.filter(Q(number=number) | Q(second_number=number)).select_related("account")
    found = []
    for route in named.order_by("account__name", "country"):
        where = name_of(route.country) if route.country else "everywhere else"
        found.append(f"{where} ({'preferred' if route.number_id == number.pk else 'second'})")
    if not found:
        return ""
    routes = "A route of the account names" if len(found) == 1 else "Routes of the account name"
    return (
        f"{routes} {number}: {', '.join(found)}. Choose another sender there (Numbers → Routing), or delete "
        f"{'the route' if len(found) == 1 else 'these routes'}."
    )


def check_route(route: Route) -> dict[str, str]:
    """Everything that is wrong with a route, by field, for a person; empty when it can be saved.

    Args:
        route: as somebody wrote it, saved or not.
    """
    problems: dict[str, str] = {}
    country = route.country
    if country and (main := sharing(country)):
        problems["country"] = (
            f"{name_of(country)} shares its calling code with {name_of(main)} and cannot be told apart. Make the route for "
            f"{name_of(main)}; it holds for both."
        )
    elif country and not prefixes_of(country):
        problems["country"] = f"“{country}” is no country with a calling code. Choose one from the list."
    elif Route.objects.filter(account_id=route.account_id, country=country).exclude(pk=route.pk).exists():
        where = name_of(country) if country else "everywhere else"
        problems["country"] = f"The account has a route for {where} already. Change that one."
    if route.is_blocked:
        if not country:
            problems["country"] = "Choose the country to which nothing is sent. To send nowhere, suspend the account."
        for name in ("number", "pool", "second_number", "second_pool"):
            if getattr(route, f"{name}_id") is not None:
                problems[name] = "Nothing is sent there, so there is no sender: leave this empty, or let it be sent to."
        return problems
    for name, other in (("number", "pool"), ("second_number", "second_pool")):
        if getattr(route, f"{name}_id") is not None and getattr(route, f"{other}_id") is not None:
            problems[other] = "Choose a number or a pool, not both: empty one of the two fields."
    if route.number_id is None and route.pool_id is None:
        problems["number"] = "Choose the number that messages leave from, or a sender pool."
    for name in ("number", "pool", "second_number", "second_pool"):
        if name not in problems and (why := _misfit(route, getattr(route, name))):
            problems[name] = why
    if not problems and (why := _second_misfit(route)):
        problems["second_number" if route.second_number_id is not None else "second_pool"] = why
    return problems


def _misfit(route: Route, sender: Sender | None) -> str:
    """Why a sender cannot be a route's; empty when it can, or when there is none."""
    if sender is None:
        return ""
    if sender.account_id != route.account_id:
        return f"{sender} belongs to {sender.account}. Choose one of {route.account}."
    if isinstance(sender, PhoneNumber) and (why := refusal(sender)):
        return f"{why} Choose a number that may send."
    if isinstance(sender, SenderPool) and not members(sender):
        return f"No number of the pool {sender} may send. Enable one, or choose another pool."
    return ""


def _second_misfit(route: Route) -> str:
    first, second = route.sender, route.second
    if first is None or second is None:
        return ""
    gateway, other = gateway_of(first), gateway_of(second)
    if gateway is not None and gateway == other:
        return (
            f"{second} is at {gateway} too, so it is silent together with {first}. The second sender has to be at another "
            "gateway."
        )
    return ""

"""Shares: how many of an audience a launch would send from which sender, by the account's routes."""

from __future__ import annotations

from dataclasses import dataclass

from messaging.engine.countries import name_of
from messaging.engine.legs import count_legs
from messaging.engine.recipients import RecipientQuery
from messaging.models import PhoneNumber, Route
from messaging.services import routes
from messaging.services.registration_checks import unfit

#: So many of a pool's numbers are named when none of them may send.
SHOWN_REASONS = 3


@dataclass(frozen=True, slots=True)
class Share:
    """What would leave for one country, or for everywhere else.

    Args:
        country: its name; empty: everywhere else.
        recipients: people who would be sent to, or would be but for the block.
        sender: what it leaves from; None: nothing goes there.
        gateway: the sender's; empty when it has none.
        second: what stands in for the sender; None: nothing does.
        problem: why nothing can leave, and for how many; empty when it can.
    """

    country: str
    recipients: int
    sender: routes.Sender | None
    gateway: str = ""
    second: routes.Sender | None = None
    problem: str = ""

    @property
    def is_blocked(self) -> bool:
        """Whether a route says that nothing goes there."""
        return self.sender is None


def shares_of(
    *, account_id: int, sender: routes.Sender, recipients: RecipientQuery, follows_country_rules: bool
) -> list[Share]:
    """How an audience would be divided by an account's routes; empty when no route has a say.

    Args:
        account_id: whose routes and suppressions.
        sender: what the rest leaves from.
        recipients: who would get it.
        follows_country_rules: see ``routes.plan_batch``.

    Returns:
        Countries in which there is nobody are left out; the rest is last.
    """
    found = routes.routes_of(account_id)
    everywhere = next((route for route in found if not route.country), None)
    countries = {
        route.country: route for route in routes.country_routes(found, follows_country_rules=follows_country_rules)
    }
    if not countries and (everywhere is None or everywhere.second is None):
        return []
    counts = count_legs(account_id=account_id, recipients=recipients, countries=list(countries))
    shares = [_share(route, counts[country]) for country, route in countries.items() if counts.get(country)]
    if rest := counts.get("", 0):
        gateway = routes.gateway_of(sender)
        problem = "" if routes.members(sender) else without_number(rest, sender, where="" if countries else None)
        shares.append(Share("", rest, sender, str(gateway or ""), _second(everywhere, sender), problem))
    return shares


def without_number(recipients: int, sender: routes.Sender, *, where: str | None = None) -> str:
    """What to say of recipients for whom no number may send: how many, why, and what to do.

    Args:
        recipients: how many.
        sender: what they were to hear from.
        where: the name of their country; empty: all that have no route of their own; None: all of them.
    """
    people = "1 recipient" if recipients == 1 else f"{recipients:,} recipients"
    of = {None: "", "": " whose country has no route"}.get(where, f" in {where}")
    numbers = [sender] if isinstance(sender, PhoneNumber) else list(sender.numbers.order_by("number"))
    reasons = list(unfit(numbers).values())
    why = " ".join(reasons[:SHOWN_REASONS]) or f"The pool “{sender}” has no number."
    if len(reasons) > SHOWN_REASONS:
        why += f" {len(reasons) - SHOWN_REASONS:,} more of the pool “{sender}” may not send either."
    return f"{people}{of} would have no number that may send. {why}"


def _share(route: Route, count: int) -> Share:
    country = name_of(route.country)
    sender = routes.sender_at_launch(route)
    if sender is None:
        return Share(country, count, None)
    gateway = routes.gateway_of(sender)
    problem = ""
    if not routes.members(sender):
        problem = f"{without_number(count, sender, where=country)} Or change the route of {country}."
    elif gateway is not None and not gateway.is_enabled:
        problem = (
            f"The gateway {gateway}, through which {country} is sent to, is disabled. Enable it, or change the route."
        )
    return Share(country, count, sender, str(gateway or ""), _second(route, sender), problem)


def _second(route: Route | None, sender: routes.Sender) -> routes.Sender | None:
    """What stands in for a sender on a route; None when nothing at another gateway does."""
    if route is None or route.second is None:
        return None
    gateway = routes.gateway_of(sender)
    for other in (route.second, route.sender):
        if other is not None and routes.gateway_of(other) != gateway:
            return other
    return None

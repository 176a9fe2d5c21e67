"""Shares: how many of an audience a launch would send from which sender, by the account's routes."""

from __future__ import annotations

from dataclasses import dataclass

from messaging.engine.countries import name_of
from messaging.engine.legs import count_legs
from messaging.engine.recipients import RecipientQuery
from messaging.models import Route
from messaging.services import routes


@dataclass(frozen=True, slots=True)
class Share:
    """What would leave for one country, or for everywhere else.

    Args:
        country: its name; empty: everywhere else.
        recipients: people who would be sent to, or would be but for the block.
        sender: what it leaves from; None: nothing goes there.
        gateway: the sender's; empty when it has none.
        second: what stands in for the sender; None: nothing does.
        problem: why nothing can leave; empty when it can.
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
        shares.append(Share("", rest, sender, str(gateway or ""), _second(everywhere, sender)))
    return shares


def _share(route: Route, count: int) -> Share:
    country = name_of(route.country)
    sender = routes.sender_at_launch(route)
    if sender is None:
        return Share(country, count, None)
    gateway = routes.gateway_of(sender)
    problem = ""
    if not routes.members(sender):
        problem = (
            f"{sender}, from which {country} is sent to, has no number that may send. Enable one, or change the route."
        )
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

"""The shop for numbers behind every dialect: what is on offer, what it costs, and what goes wrong when it is bought."""

from __future__ import annotations

from enum import Enum

from integrations.simulator.carrier import Carrier
from integrations.simulator.numbers import AREAS, Area, OwnedNumber, friendly, is_recipient, kind_of
from integrations.simulator.randomness import Draws, Purpose

#: A month's price by kind, in US dollars.
MONTHLY = {"local": "1.00", "toll_free": "2.00", "mobile": "3.50"}
UPFRONT = "0.50"
CURRENCY = "USD"


class Sale(Enum):
    """How a purchase ends."""

    DONE = "done"
    #: Done, and the reply is lost.
    LOST = "lost"
    #: Nobody sells this number, or somebody has bought it.
    SOLD = "sold"


class NumberShop:
    """Numbers of the carrier, to find and to buy.

    Args:
        carrier: owns the numbers, and has the settings.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def offers(
        self,
        country: str,
        kind: str,
        *,
        starts: str = "",
        contains: str = "",
        locality: str = "",
        region: str = "",
        limit: int = 20,
    ) -> list[tuple[str, Area]]:
        """Numbers on offer, with their areas.

        Args:
            country: two letters.
            kind: ``local``, ``toll_free`` or ``mobile``.
            starts: how they begin, in E.164.
            contains: digits that they hold.
            locality, region: a place's exact name.
            limit: most wanted.
        """
        areas = [
            area
            for area in AREAS
            if area.country == country.upper()
            and area.kind == kind
            and (area.prefix.startswith(starts) or starts.startswith(area.prefix))
            and (not locality or area.locality.lower() == locality.lower())
            and (not region or area.region.upper() == region.upper())
        ]
        if not areas:
            return []
        seed = self._carrier.settings.seed
        found = self._carrier.numbers.offers(areas, contains=contains, seed=seed, limit=limit)
        return [(number, area) for number, area in found if number.startswith(starts)]

    def area_of(self, number: str) -> Area | None:
        """Where a number comes from; None when nobody sells it."""
        found = (area for area in AREAS if number.startswith(area.prefix) and len(number) == area.length)
        return next(found, None) if is_recipient(number) else None

    def is_sold_meanwhile(self, number: str) -> bool:
        """Whether somebody else is faster with a number on offer."""
        settings = self._carrier.settings
        return Draws(settings.seed, number, 0).uniform(Purpose.FAILURE) < settings.numbers_sold

    def loses_reply(self, number: str) -> bool:
        """Whether the reply to the purchase of a number is lost."""
        settings = self._carrier.settings
        return Draws(settings.seed, number, 0).uniform(Purpose.LOST) < settings.numbers_lost

    def sale(self, number: str) -> Sale:
        """How the purchase of a number ends; nothing is bought yet."""
        if self.area_of(number) is None or self._carrier.numbers.owns(number) or self.is_sold_meanwhile(number):
            return Sale.SOLD
        return Sale.LOST if self.loses_reply(number) else Sale.DONE

    def buy(self, number: str, *, group: str = "") -> OwnedNumber:
        """Own a number from now on."""
        owned = OwnedNumber(number, friendly(number), kind_of(number), group=group)
        self._carrier.numbers.owned[number] = owned
        return owned

    def wiring_fails(self, number: str) -> bool:
        """Whether this number's webhooks cannot be set."""
        settings = self._carrier.settings
        return Draws(settings.seed, number, 0).uniform(Purpose.FAILURE_HOW) < settings.numbers_unwired

    def capabilities(self, number: str) -> list[str]:
        """What a number can do, in capitals."""
        return ["SMS", "VOICE", "MMS"] if number.startswith("+1") else ["SMS", "VOICE"]

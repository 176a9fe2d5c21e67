"""Time zones as people and their spreadsheets write them."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final
from zoneinfo import available_timezones

#: What North America says, in lower case. "EST" is what people write all year round, although IANA's has no summer time.
_ALIASES: Final = {
    "America/New_York": "et est edt eastern us/eastern",
    "America/Chicago": "ct cst cdt central us/central",
    "America/Denver": "mt mdt mountain us/mountain",
    "America/Phoenix": "arizona us/arizona",
    "America/Los_Angeles": "pt pst pdt pacific us/pacific",
    "America/Anchorage": "akt akst akdt alaska us/alaska",
    "Pacific/Honolulu": "hst hawaii us/hawaii",
    "America/Halifax": "ast adt atlantic canada/atlantic",
    "America/St_Johns": "nst ndt newfoundland canada/newfoundland",
}
#: Names of which two zones have a claim, an hour apart in summer or on other continents.
_UNCLEAR: Final = {
    "mst": "America/Denver or America/Phoenix",
    "bst": "Europe/London or Asia/Dhaka",
    "ist": "Asia/Kolkata, Asia/Jerusalem or Europe/Dublin",
}
_ADDED: Final = re.compile(r"^\((?:gmt|utc)[^)]*\)|\(us (?:&|and) canada\)|\b(?:standard|daylight)\b|\btime\b")


class UnknownZone(ValueError):
    """A text that names no time zone, or more than one; its message says which, and what to write."""


@lru_cache(maxsize=4096)
def named_zone(text: str) -> str:
    """The IANA name of the zone that a text means.

    Args:
        text: an IANA name in any case (``america/new_york``, ``US/Eastern``), or what North America says: ``EST``,
            ``Eastern``, ``Pacific Time (US & Canada)``, ``Central Standard Time``. Distances from UTC are no zones: they do
            not tell when the clocks change.

    Raises:
        UnknownZone: it means none, or it is unclear which.
    """
    plain = " ".join(text.strip().casefold().split())
    known = _known()
    if name := known.get(plain.replace(" ", "_")):
        return name
    short = " ".join(_ADDED.sub(" ", plain).split())
    if claims := _UNCLEAR.get(short):
        raise UnknownZone(f"“{text[:60]}” may be several time zones. Write {claims}.")
    if name := known.get(short):
        return name
    raise UnknownZone(f"“{text[:60]}” is not a time zone. Write a name such as America/New_York.")


@cache
def _known() -> dict[str, str]:
    names = {name.casefold(): name for name in available_timezones()}
    for name in _UNCLEAR:
        names.pop(name, None)
    names |= {alias: zone for zone, aliases in _ALIASES.items() for alias in aliases.split()}
    return names


@cache
def zone_names() -> tuple[str, ...]:
    """Zones to choose from, by name: those with a continent or an ocean, and UTC."""
    places = {"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
    return tuple(sorted(name for name in available_timezones() if name == "UTC" or name.split("/")[0] in places))

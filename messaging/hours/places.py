"""Where the person behind a phone number may be: time zones and states, by the number's first digits.

A *place* is one line of text, so that the database can group by it and a cache can be keyed by it: the time zones, sorted and
separated by spaces, a ``#``, and the states, likewise. ``America/Chicago America/New_York#FL`` is a number of the Florida
panhandle: somebody who may be in either zone. Where the subscriber's own zone is known it stands alone, and the state stays.

The tables are made by ``tests/data/make_places.py``, which names their sources in the files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import available_timezones

from messaging.hours.names import ANY_STATE, UNITED_STATES, describe_place

FOLDER: Final = Path(__file__).resolve().parent
#: No key is longer, in characters; a database column may rely on it.
MAX_KEY_LENGTH: Final = 160
#: The place of a number whose calling code has none (satellites, unassigned codes): no law, hours by UTC.
UNKNOWN: Final = "UTC#"
#: The calling codes of two digits (ITU-T E.164); +1 and +7 have one, all others three.
TWO_DIGIT_CODES: Final = frozenset(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 "
    "93 94 95 98".split()
)


@dataclass(frozen=True, slots=True)
class Place:
    """A key, taken apart.

    Args:
        zones: IANA names, sorted; at least one.
        states: codes of states and provinces, sorted; ``US`` alone where the country is known and the state is not.
        in_united_states: whether the federal hours hold: for a number of a state or territory, and for anybody whose time
            zone is one of the United States.
    """

    zones: tuple[str, ...]
    states: tuple[str, ...]
    in_united_states: bool


def place_key(number: str, zone: str = "") -> str:
    """Where a recipient may be, as a key.

    Args:
        number: in E.164, ``+14155552671``.
        zone: the subscriber's own IANA time zone, if known. It replaces the zones of the number; one that does not exist
            counts as not known. It is taken as it is written, so that the same can be done in SQL.

    Returns:
        At most ``MAX_KEY_LENGTH`` characters; ``UNKNOWN`` for what is not a number with a place.
    """
    zones, states = _prefixes().get(prefix_of(number), ("", ""))
    if zone and is_zone(zone):
        zones = zone
    return f"{zones}#{states}" if zones else UNKNOWN


def prefix_of(number: str) -> str:
    """The part of a number that says where it is from.

    ``+1`` and three digits for North America, ``+7`` for Russia and Kazakhstan, ``+`` and two digits for a code in
    ``TWO_DIGIT_CODES``, ``+`` and three digits for all else. In SQL::

        CASE WHEN number LIKE '+1%' THEN SUBSTR(number, 1, 5) WHEN number LIKE '+7%' THEN '+7'
             WHEN SUBSTR(number, 2, 2) IN (…) THEN SUBSTR(number, 1, 3) ELSE SUBSTR(number, 1, 4) END

    Args:
        number: in E.164. Anything else gives a prefix that no table has.
    """
    if number.startswith("+1"):
        return number[:5]
    if number.startswith("+7"):
        return "+7"
    return number[:3] if number[1:3] in TWO_DIGIT_CODES else number[:4]


def prefix_table() -> list[tuple[str, str, str]]:
    """All prefixes that have a place: rows of prefix, zones and states, the two texts of a key.

    Every area code that could be is there, also those that are free, toll-free or new: their people may be anywhere in the
    United States. A number whose prefix has no row has the place ``UNKNOWN``: zones ``UTC``, no states.
    """
    return [(prefix, zones, states) for prefix, (zones, states) in _prefixes().items()]


@cache
def _prefixes() -> dict[str, tuple[str, str]]:
    america, world = _load("area_codes.json"), _load("calling_codes.json")
    anywhere = (" ".join(america["anywhere"]), ANY_STATE)
    table = {f"+1{code}": anywhere for code in range(200, 1000)}
    for code, row in america["codes"].items():
        table[f"+1{code}"] = (" ".join(row["zones"]), " ".join(row["states"]))
    table.update({f"+{code}": (" ".join(zones), "") for code, zones in world["codes"].items()})
    return table


@cache
def _united_states_zones() -> frozenset[str]:
    return frozenset(_load("area_codes.json")["us_zones"])


@cache
def _load(name: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return table


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """Whether a text is an IANA time zone: what a subscriber's zone has to be before it is stored."""
    return name in _zones()


@lru_cache(maxsize=4096)
def parse_key(key: str) -> Place:
    """A key, taken apart.

    Args:
        key: as ``place_key`` makes it.

    Raises:
        ValueError: it is no key, or names a time zone that this machine does not know.
    """
    zones, mark, states = key.partition("#")
    names, codes = tuple(zones.split()), tuple(states.split())
    if not mark or not names:
        raise ValueError(f"“{key}” is no place: it has to be time zones, “#” and states, as place_key() makes it.")
    for name in names:
        if not is_zone(name):
            raise ValueError(
                f"The place “{key}” has the time zone {name}, which is not known here: update the tzdata package."
            )
    here = any(code in UNITED_STATES or code == ANY_STATE for code in codes)
    # The old names (US/Eastern) are links to the same zones.
    there = any(name in _united_states_zones() or name.startswith("US/") for name in names)
    return Place(names, codes, here or there)


def describe(key: str) -> str:
    """A place for a person: ``Florida, Eastern or Central time``, ``London time``, ``United States, any of 9 time zones``.

    Args:
        key: as ``place_key`` makes it.

    Raises:
        ValueError: it is no key.
    """
    place = parse_key(key)
    return "Place unknown, Universal time" if key == UNKNOWN else describe_place(place.zones, place.states)


def describe_zones(key: str) -> str:
    """The time zones of a place for a person, without its states: ``Eastern or Central time``.

    Args:
        key: as ``place_key`` makes it.

    Raises:
        ValueError: it is no key.
    """
    return describe_place(parse_key(key).zones, ())

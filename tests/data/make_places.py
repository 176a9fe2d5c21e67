"""Make the tables of places: ``python tests/data/make_places.py [FOLDER]``.

Run by hand when area codes or time zones have changed, with an interpreter that has ``phonenumbers`` (the full package:
``phonenumberslite`` knows neither time zones nor places) and ``tzdata``; neither is needed at run time. The versions that were
used are written into the files.

What libphonenumber knows of North America is kept per exchange, and for an overlay often only for the code as a whole, so an
overlay of a code with two zones would lose one of them. ``OVERLAYS`` says which codes share an area; all of them get what is
known of the first. Other countries' zones come from the IANA list of each country's zones, because libphonenumber's
name a zone that is like it today (Algeria as Paris) and leave some out (Darwin).
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones, reset_tzpath

import phonenumbers

FOLDER = Path(__file__).resolve().parents[2] / "messaging" / "hours"
#: Zones are the same when they agree in this time. The past does not matter: nothing is sent in it.
FIRST, LAST = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2038, 1, 1, tzinfo=dt.UTC)
#: A state counts for an area code when at least so much of its exchanges are there; less is a slip in the data.
LEAST_SHARE = 0.05

#: Codes that share an area: what is known of the first holds for all. Only those that libphonenumber has not got (yet), or of
#: whose zones it knows less or something else than of the first.
OVERLAYS = (
    *((850, 448), (270, 364), (812, 930), (541, 458), (208, 986), (407, 689)),
    *((709, 879), (418, 581, 367), (250, 236, 257, 672, 778), (306, 639, 474)),
    *((309, 861), (313, 679), (318, 457), (334, 483), (507, 924), (662, 471), (713, 621)),
)
#: Zones of an area code that libphonenumber does not know, all of them without daylight saving time.
MORE_ZONES = {
    "250": {"America/Fort_Nelson"},  # Fort St. John, Dawson Creek
    "418": {"America/Blanc-Sablon"},  # the Lower North Shore
    "807": {"America/Atikokan"},
}
#: Adak keeps daylight saving time, Honolulu does not: nobody in Alaska has Honolulu's time.
FEWER_ZONES = {"907": {"Pacific/Honolulu"}}
#: Which of several equal zones is named. Those that people know; and Almaty, for it is short (the keys have a limit).
KNOWN_ZONES = (
    *("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage"),
    *("Europe/Moscow", "Asia/Almaty"),
)
TERRITORIES = {"AS": "AS", "GU": "GU", "MP": "MP", "PR": "PR", "VI": "VI"}
STATES = {
    "Washington State": "WA",
    "Washington D.C.": "DC",
    "British Colombia": "BC",
    "Nova Scotia/Prince Edward Island": "NS PE",
    "Northwest Territories/Nunavut/Yukon": "NT NU YT",
}
#: A number without a place (toll-free, personal) may be answered in any of the states, in Puerto Rico or the Virgin Islands.
#: Not in the Pacific territories: they would leave such numbers four hours a day, for 0.1 % of the people.
ANYWHERE = ("US", "PR", "VI")
#: libphonenumber's regions that ISO 3166, and so the list of zones, does not have.
UNLISTED = {"AC": ["Atlantic/St_Helena"], "XK": ["Europe/Belgrade"]}


def data_of(module: str) -> Any:
    """A module of the full ``phonenumbers``, which has no types and is not there when the tests run."""
    return importlib.import_module(f"phonenumbers.{module}")


def country_zones() -> dict[str, list[str]]:
    """Country → its zones, in the order of the IANA file ``zone.tab``."""
    folder = Path(str(importlib.import_module("tzdata").__path__[0])) / "zoneinfo"
    zones: dict[str, list[str]] = defaultdict(list)
    for line in (folder / "zone.tab").read_text().splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            zones[country].append(zone)
    return zones


def offsets(zone: str) -> tuple[tuple[int, float], ...]:
    """When a zone's distance from UTC changes, to the minute, and to what: equal for zones that are the same."""
    place = ZoneInfo(zone)

    def offset(minute: int) -> float:
        at = FIRST + dt.timedelta(minutes=minute)
        return (at.astimezone(place).utcoffset() or dt.timedelta()).total_seconds()

    found = [(0, offset(0))]
    for day in range((LAST - FIRST).days):
        low, high = day * 1440, (day + 1) * 1440
        if offset(high) == found[-1][1]:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == found[-1][1] else (low, middle)
        found.append((high, offset(high)))
    return tuple(found)


def distinct(zones: Iterable[str], better: frozenset[str] = frozenset()) -> list[str]:
    """One zone of each group of equal ones: a well-known one, else one of the better ones, else the one named first."""
    groups: dict[tuple[tuple[int, float], ...], list[str]] = defaultdict(list)
    for zone in zones:
        groups[offsets(zone)].append(zone)
    return sorted(
        min(group, key=lambda zone: (zone not in KNOWN_ZONES, zone not in better, group.index(zone)))
        for group in groups.values()
    )


def region_of(code: str) -> str:
    """The country of a North American area code; empty for one without a place."""
    for number in (phonenumbers.parse(f"+1{code}{rest}") for rest in ("2345678", "5552345", "4561234", "9261234")):
        region = phonenumbers.region_code_for_number(number)
        if region:
            return str(region)
    return ""


def area_codes() -> dict[str, dict[str, Any]]:
    """Area code → zones, states and country, for all that have a place."""
    names: dict[str, Counter[str]] = defaultdict(Counter)
    whole: dict[str, str] = {}
    for prefix, texts in data_of("geodata").GEOCODE_DATA.items():
        if not prefix.startswith("1") or len(prefix) < 4 or "en" not in texts:
            continue
        text = texts["en"]
        state = text.rpartition(", ")[2]
        names[prefix[1:4]][state] += 1
        if len(prefix) == 4:
            whole[prefix[1:4]] = state
    # Which abbreviation a state's name has is learnt from codes that have both.
    short = dict(STATES)
    for code, name in whole.items():
        if len(name) > 2 and name not in short:
            pairs = Counter(s for s in names[code].elements() if len(s) == 2 and s.isupper())
            if pairs:
                short[name] = pairs.most_common(1)[0][0]
    zones: dict[str, set[str]] = defaultdict(set)
    for prefix, found in data_of("tzdata").TIMEZONE_DATA.items():
        if prefix.startswith("1") and len(prefix) >= 4:
            zones[prefix[1:4]] |= set(found)

    table: dict[str, dict[str, Any]] = {}
    for code in sorted(zones):
        country = region_of(code)
        states: list[str] = []
        if country in TERRITORIES:
            country, states = "US", [TERRITORIES[country]]
        elif country in ("US", "CA"):
            states = states_of(whole.get(code, ""), names[code], short)
        table[code] = {
            "zones": sorted((zones[code] | MORE_ZONES.get(code, set())) - FEWER_ZONES.get(code, set())),
            "states": states,
            "country": country,
        }
    for first, *others in OVERLAYS:
        for other in others:
            table[str(other)] = dict(table[str(first)])
    for row in table.values():
        row["zones"] = distinct(row["zones"])
    return dict(sorted(table.items()))


def states_of(whole: str, names: Counter[str], short: dict[str, str]) -> list[str]:
    """The states that an area code serves: by its own name, else by its exchanges' names."""
    if whole:
        return sorted(short.get(whole, whole).split())
    known: Counter[str] = Counter()
    for name, count in names.items():
        known[short.get(name, name)] += count
    return sorted(state for state, count in known.items() if len(state) == 2 and count >= LEAST_SHARE * known.total())


def calling_codes(zones: dict[str, list[str]]) -> dict[str, list[str]]:
    """Calling code → zones, for all codes but +1 and those of satellites and services, which have no place."""
    table = {}
    regions_of = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    # The zones that libphonenumber names for any country are those of its largest places.
    largest = frozenset(zone for found in data_of("tzdata").TIMEZONE_DATA.values() for zone in found)
    for code, regions in sorted(regions_of.items(), key=lambda item: str(item[0])):
        found = [zone for region in regions for zone in zones.get(region) or UNLISTED.get(region, [])]
        if code != 1 and found:
            table[str(code)] = distinct(found, largest)
    return table


def main(folder: Path) -> None:
    """Write both files.

    Args:
        folder: where to.
    """
    reset_tzpath(to=())
    zones = country_zones()
    unknown = {zone for names in zones.values() for zone in names} - available_timezones()
    if unknown:
        raise SystemExit(f"tzdata has no {', '.join(sorted(unknown))}: install the newest one and run this again.")
    about = {
        "generator": "tests/data/make_places.py",
        "sources": [
            f"libphonenumber metadata, phonenumbers {version('phonenumbers')} (Apache License 2.0)",
            f"IANA time zone database, tzdata {version('tzdata')}",
        ],
    }
    north_america = {
        "about": about,
        "anywhere": distinct(zone for country in ANYWHERE for zone in zones[country]),
        "us_zones": sorted({zone for country in ("US", *TERRITORIES) for zone in zones[country]}),
        "codes": area_codes(),
    }
    write(folder / "area_codes.json", north_america)
    write(folder / "calling_codes.json", {"about": about, "codes": calling_codes(zones)})


def write(path: Path, table: dict[str, Any]) -> None:
    """Write a table with one code a line, so that a change can be read."""
    lines = []
    for key, value in table.items():
        if key == "codes":
            rows = ",\n".join(f"  {json.dumps(code)}: {json.dumps(row)}" for code, row in value.items())
            lines.append(f"{json.dumps(key)}: {{\n{rows}\n }}")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    path.write_text("{\n " + ",\n ".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)

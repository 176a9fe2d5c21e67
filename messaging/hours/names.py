"""What states and time zones are called, for people."""

from __future__ import annotations

from typing import Final

UNITED_STATES: Final = {
    "AL": "Alabama", "AK": "Alaska", "AS": "American Samoa", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DC": "Washington, D.C.", "DE": "Delaware", "FL": "Florida", "GA": "Georgia",
    "GU": "Guam", "HI": "Hawaii", "IA": "Iowa", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "KS": "Kansas",
    "KY": "Kentucky", "LA": "Louisiana", "MA": "Massachusetts", "MD": "Maryland", "ME": "Maine", "MI": "Michigan",
    "MN": "Minnesota", "MO": "Missouri", "MP": "Northern Mariana Islands", "MS": "Mississippi", "MT": "Montana",
    "NC": "North Carolina", "ND": "North Dakota", "NE": "Nebraska", "NH": "New Hampshire", "NJ": "New Jersey",
    "NM": "New Mexico", "NV": "Nevada", "NY": "New York", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon",
    "PA": "Pennsylvania", "PR": "Puerto Rico", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
    "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VA": "Virginia", "VI": "U.S. Virgin Islands", "VT": "Vermont",
    "WA": "Washington", "WI": "Wisconsin", "WV": "West Virginia", "WY": "Wyoming",
}  # fmt: skip
CANADA: Final = {
    "AB": "Alberta", "BC": "British Columbia", "MB": "Manitoba", "NB": "New Brunswick", "NL": "Newfoundland and Labrador",
    "NS": "Nova Scotia", "NT": "Northwest Territories", "NU": "Nunavut", "ON": "Ontario", "PE": "Prince Edward Island",
    "QC": "Quebec", "SK": "Saskatchewan", "YT": "Yukon",
}  # fmt: skip
#: Stands for a state when a number is of the United States and no state is known.
ANY_STATE: Final = "US"
STATES: Final = {ANY_STATE: "United States", **UNITED_STATES, **CANADA}

#: Zones that have a name in everyday use; all others are called after their city.
ZONES: Final = {
    "America/New_York": "Eastern", "America/Detroit": "Eastern", "America/Toronto": "Eastern", "America/Chicago": "Central",
    "America/Winnipeg": "Central", "America/Regina": "Saskatchewan", "America/Denver": "Mountain", "America/Boise": "Mountain",
    "America/Edmonton": "Mountain", "America/Phoenix": "Arizona", "America/Los_Angeles": "Pacific",
    "America/Vancouver": "Pacific", "America/Anchorage": "Alaska", "America/Adak": "Aleutian", "Pacific/Honolulu": "Hawaii",
    "America/Halifax": "Atlantic", "America/Puerto_Rico": "Atlantic", "America/St_Thomas": "Atlantic",
    "America/St_Johns": "Newfoundland", "Pacific/Guam": "Guam", "Pacific/Saipan": "Guam", "Pacific/Pago_Pago": "Samoa",
    "UTC": "Universal",
}  # fmt: skip
#: A sentence names no more zones than this; more are counted.
MOST_NAMED: Final = 3


def describe_place(zones: tuple[str, ...], states: tuple[str, ...]) -> str:
    """A place for a person, such as ``Florida, Eastern or Central time``.

    Args:
        zones: IANA names; at least one.
        states: codes of states or provinces; none for other countries.
    """
    named = list(
        dict.fromkeys(ZONES.get(zone) or zone.rpartition("/")[2].replace("_", " ") for zone in _eastern_first(zones))
    )
    where = f"any of {len(named)} time zones" if len(named) > MOST_NAMED else f"{_either(named)} time"
    return ", ".join([*([_either([STATES.get(state, state) for state in states])] if states else []), where])


def _eastern_first(zones: tuple[str, ...]) -> list[str]:
    """Zones in the order in which people list them, where there is one."""
    order = list(ZONES)
    return sorted(zones, key=lambda zone: (order.index(zone) if zone in order else len(order), zone))


def _either(names: list[str]) -> str:
    """Names as a sentence has them: "A", "A or B", "A, B or C"."""
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

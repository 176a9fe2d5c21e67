"""When not to send: hours in the recipient's own place.

Plain Python over three data files; knows neither Django nor the database. See docs/quiet-hours.md.
"""

from messaging.hours.places import (
    MAX_KEY_LENGTH,
    TWO_DIGIT_CODES,
    UNKNOWN,
    describe,
    describe_zones,
    is_zone,
    place_key,
    prefix_of,
    prefix_table,
)
from messaging.hours.windows import SEARCH_DAYS, AccountHours, ClosedHours, Hours, NeverOpen, hours_for
from messaging.hours.zones import UnknownZone, named_zone, zone_names

__all__ = [
    "MAX_KEY_LENGTH",
    "SEARCH_DAYS",
    "TWO_DIGIT_CODES",
    "UNKNOWN",
    "AccountHours",
    "ClosedHours",
    "Hours",
    "NeverOpen",
    "UnknownZone",
    "describe",
    "describe_zones",
    "hours_for",
    "is_zone",
    "named_zone",
    "place_key",
    "prefix_of",
    "prefix_table",
    "zone_names",
]

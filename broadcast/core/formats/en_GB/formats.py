"""British English, by the 24-hour clock as logs and schedules have it, and always with the zone.

A page shows times in UTC beside times by a client's own clock; without the zone nobody could tell them apart.
"""

from __future__ import annotations

TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i T"
SHORT_DATETIME_FORMAT = "d/m/Y H:i T"

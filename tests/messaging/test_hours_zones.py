"""Time zones as people and their spreadsheets write them."""

from __future__ import annotations

import pytest

from messaging.hours import UnknownZone, is_zone, named_zone, zone_names


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("America/New_York", "America/New_York"),
        (" america/new york ", "America/New_York"),
        ("US/Eastern", "America/New_York"),
        ("EST", "America/New_York"),
        ("edt", "America/New_York"),
        ("Eastern Time", "America/New_York"),
        ("Eastern Standard Time", "America/New_York"),
        ("(GMT-08:00) Pacific Time (US & Canada)", "America/Los_Angeles"),
        ("PT", "America/Los_Angeles"),
        ("Central", "America/Chicago"),
        ("Mountain Standard Time", "America/Denver"),
        ("Arizona", "America/Phoenix"),
        ("HST", "Pacific/Honolulu"),
        ("UTC", "UTC"),
        ("Europe/London", "Europe/London"),
    ],
)
def test_a_zone_is_understood_as_it_is_written(written: str, zone: str) -> None:
    assert named_zone(written) == zone


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("MST", "may be several time zones. Write America/Denver or America/Phoenix."),
        ("IST", "may be several time zones."),
        ("-05:00", "“-05:00” is not a time zone. Write a name such as America/New_York."),
        ("GMT+5", "is not a time zone."),
        ("Mars/Olympus", "is not a time zone."),
        ("5", "is not a time zone."),
    ],
)
def test_what_is_unclear_or_no_zone_is_refused_with_what_to_write(written: str, words: str) -> None:
    with pytest.raises(UnknownZone) as caught:
        named_zone(written)
    assert words in str(caught.value)


def test_all_that_can_be_chosen_are_zones() -> None:
    assert {"America/New_York", "Pacific/Honolulu", "UTC"} < set(zone_names())
    assert all(is_zone(name) and named_zone(name) for name in zone_names())

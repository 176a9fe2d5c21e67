"""Pace: at most a number's segments per second leave it, over all processes."""

from __future__ import annotations

#: From this pace on a small burst is allowed, and the mean is lowered by as much, so that no second exceeds the pace.
BURST_FROM_PACE = 20
BURST_SHARE = 0.05


def pace_arguments(segments_per_second: int) -> tuple[int, int]:
    """Arguments of ``pace.lua``: microseconds per segment, and tolerated burst in microseconds.

    Args:
        segments_per_second: the number's pace.
    """
    if segments_per_second < BURST_FROM_PACE:
        return 1_000_000 // segments_per_second, 0
    mean = segments_per_second * (1 - BURST_SHARE)
    return max(1, round(1_000_000 / mean)), round(BURST_SHARE * 1_000_000)


def most_at_once(segments_per_second: int) -> int:
    """Messages of one segment that the script can let pass at one moment, and one more to learn when the next may.

    Args:
        segments_per_second: the number's pace.
    """
    if segments_per_second < BURST_FROM_PACE:
        return 2
    return int(segments_per_second * BURST_SHARE) + 2


def minute_arguments(segments_per_minute: int | None) -> tuple[int, int]:
    """Arguments of ``spend.lua``, like those of ``pace_arguments``; no pace without a cap.

    Args:
        segments_per_minute: a 10DLC campaign's cap.
    """
    if segments_per_minute is None:
        return 0, 0
    if segments_per_minute < 60 * BURST_FROM_PACE:
        # Rounded up: so many microseconds apart, no minute has one more.
        return -(-60_000_000 // segments_per_minute), 0
    mean = segments_per_minute * (1 - BURST_SHARE)
    return max(1, round(60_000_000 / mean)), round(BURST_SHARE * 1_000_000)

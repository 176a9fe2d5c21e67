"""How many segments a text costs: GSM-7 and UCS-2 counted as the networks do (3GPP TS 23.038 and 23.040)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Encoding = Literal["GSM-7", "UCS-2"]

#: One septet each.
GSM7_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: An escape and one more septet each; the two never end up in different segments.
GSM7_EXTENSION = "\f^{}\\[~]|€"

GSM7_SINGLE, GSM7_PART = 160, 153
UCS2_SINGLE, UCS2_PART = 70, 67

_is_basic = re.compile(f"[{re.escape(GSM7_BASIC)}]*").fullmatch
_is_gsm7 = re.compile(f"[{re.escape(GSM7_BASIC + GSM7_EXTENSION)}]*").fullmatch
_EXTENSION = re.compile(f"[{re.escape(GSM7_EXTENSION)}]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_ODD = re.compile(f"[^{re.escape(GSM7_BASIC + GSM7_EXTENSION)}]")


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """What a text costs, and why.

    Args:
        encoding: ``GSM-7``, or ``UCS-2`` as soon as one character is not in GSM-7.
        characters: Unicode characters.
        units: septets in GSM-7, UTF-16 units in UCS-2; limits are counted in these.
        segments: segments that are sent and billed; 0 for an empty text.
        per_segment: units that fit in each of these segments.
        remaining: units that still fit before another segment is needed.
        odd_characters: those that force UCS-2, each once, in order of appearance.
    """

    encoding: Encoding
    characters: int
    units: int
    segments: int
    per_segment: int
    remaining: int
    odd_characters: tuple[str, ...] = ()


def segments(text: str) -> int:
    """Segments of a text, 0 for an empty one. For the hot path; ``count`` tells more."""
    length = len(text)
    if _is_basic(text):
        return -(-length // GSM7_PART) if length > GSM7_SINGLE else min(length, 1)
    gsm7 = _is_gsm7(text) is not None
    wide, single, part = (_EXTENSION, GSM7_SINGLE, GSM7_PART) if gsm7 else (_ASTRAL, UCS2_SINGLE, UCS2_PART)
    if length * 2 <= single or length + len(wide.findall(text)) <= single:
        return 1
    return -(-_filled(text, wide, part) // part)


def count(text: str) -> SegmentCount:
    """Encoding, units, segments and what is left, for a person who writes the text.

    Args:
        text: the text as it would be sent, merge fields filled in.
    """
    odd = tuple(dict.fromkeys(_ODD.findall(text)))
    if odd:
        encoding: Encoding = "UCS-2"
        wide, single, part = _ASTRAL, UCS2_SINGLE, UCS2_PART
    else:
        encoding = "GSM-7"
        wide, single, part = _EXTENSION, GSM7_SINGLE, GSM7_PART
    units = len(text) + len(wide.findall(text))
    if units <= single:
        return SegmentCount(encoding, len(text), units, min(units, 1), single, single - units, odd)
    filled = _filled(text, wide, part)
    needed = -(-filled // part)
    return SegmentCount(encoding, len(text), units, needed, part, needed * part - filled, odd)


def _filled(text: str, wide: re.Pattern[str], part: int) -> int:
    """Units a text fills when it is split, the unit included that stays empty before a pair that would not fit."""
    filled = taken = 0
    for match in wide.finditer(text):
        start = match.start()
        filled += start - taken
        filled += 3 if filled % part == part - 1 else 2
        taken = start + 1
    return filled + len(text) - taken

"""Segments of a text, counted as a carrier bills them."""

from __future__ import annotations

import re

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"
_is_basic = re.compile(f"[{re.escape(_BASIC)}]*").fullmatch
_is_gsm = re.compile(f"[{re.escape(_BASIC + _EXTENSION)}]*").fullmatch


def count_segments(body: str) -> int:
    """Segments of a body; 1 for an empty one, as its media travel in one message.

    GSM 03.38: 160 septets alone and 153 in a row; UCS-2: 70 and 67 UTF-16 units. A character is never split.
    """
    if len(body) <= 70 and body.isascii():
        return 1
    if _is_basic(body):
        return 1 if len(body) <= 160 else -(-len(body) // 153)
    if _is_gsm(body):
        return _pack([2 if character in _EXTENSION else 1 for character in body], 160, 153)
    return _pack([2 if ord(character) > 0xFFFF else 1 for character in body], 70, 67)


def _pack(widths: list[int], alone: int, in_a_row: int) -> int:
    if sum(widths) <= alone:
        return 1
    segments, used = 1, 0
    for width in widths:
        if used + width > in_a_row:
            segments, used = segments + 1, 0
        used += width
    return segments

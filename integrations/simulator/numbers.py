"""Numbers: those that are owned, and those that are on offer."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from integrations.simulator.config import SettingsError

#: Whether a text is somebody's number in E.164.
is_recipient = re.compile(r"\+(?:1[2-9]\d{9}|[2-9]\d{6,14})").fullmatch
_KEYPAD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")


@dataclass(slots=True)
class OwnedNumber:
    """A number of the account. Its URLs are set by whoever owns it.

    ``group`` is the profile or service plan that it belongs to, and ``group_ready_in`` how often it is asked for until it
    does; in dialects that have such things.
    """

    number: str
    friendly_name: str
    kind: str = "local"
    sms_url: str = ""
    sms_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    group: str = ""
    group_ready_in: int = 0
    created: int = field(default_factory=lambda: int(time.time()))
    updated: int = field(default_factory=lambda: int(time.time()))

    @property
    def id(self) -> str:
        """32 hexadecimal digits; the same for the same number."""
        return blake2b(self.number.encode(), digest_size=16, person=b"number").hexdigest()


@dataclass(frozen=True, slots=True)
class Area:
    """Where numbers come from."""

    prefix: str
    length: int
    country: str
    kind: str
    locality: str = ""
    region: str = ""
    postal_code: str = ""


def _north_america(country: str, rows: str) -> Iterator[Area]:
    for row in rows.strip().splitlines():
        code, locality, region, postal_code = (part.strip() for part in row.split(","))
        yield Area(f"+1{code}", 12, country, "local", locality, region, postal_code)


AREAS: tuple[Area, ...] = (
    *_north_america(
        "US",
        """
        415, San Francisco, CA, 94103
        628, San Francisco, CA, 94110
        510, Oakland, CA, 94612
        213, Los Angeles, CA, 90012
        619, San Diego, CA, 92101
        212, New York, NY, 10001
        646, New York, NY, 10011
        718, Brooklyn, NY, 11201
        312, Chicago, IL, 60601
        617, Boston, MA, 02108
        206, Seattle, WA, 98101
        303, Denver, CO, 80202
        305, Miami, FL, 33101
        404, Atlanta, GA, 30303
        512, Austin, TX, 78701
        713, Houston, TX, 77002
        702, Las Vegas, NV, 89101
        503, Portland, OR, 97201
        215, Philadelphia, PA, 19102
        808, Honolulu, HI, 96813
        """,
    ),
    *_north_america("CA", "416, Toronto, ON, M5H 2N2\n514, Montreal, QC, H2Y 1C6\n604, Vancouver, BC, V6B 1A1"),
    *(Area(f"+1{code}", 12, "US", "toll_free") for code in ("800", "833", "844", "855", "866", "877", "888")),
    *(Area(f"+1{code}", 12, "CA", "toll_free") for code in ("833", "844", "855")),
    Area("+4420", 13, "GB", "local", "London", "", "EC1A"),
    Area("+44161", 13, "GB", "local", "Manchester", "", "M1"),
    Area("+44808", 13, "GB", "toll_free"),
    *(Area(prefix, 13, "GB", "mobile") for prefix in ("+447400", "+447700", "+447860")),
)


class NumberBook:
    """The account's numbers and the shop.

    Args:
        numbers: owned from the start: E.164, or a short code's digits.
    """

    def __init__(self, numbers: Iterable[str]) -> None:
        self.owned: dict[str, OwnedNumber] = {}
        self.short_codes: set[str] = set()
        self.own(numbers)

    def own(self, numbers: Iterable[str]) -> None:
        """Add numbers that are not owned yet."""
        for number in numbers:
            if not number.startswith("+"):
                self.short_codes.add(number)
            elif number not in self.owned:
                self.owned[number] = OwnedNumber(number, friendly(number), kind_of(number))

    def to_json(self) -> list[dict[str, str]]:
        """What is owned, short codes last, as ``replace`` takes it."""
        owned = [
            {
                "number": item.number,
                "name": item.friendly_name,
                "sms_url": item.sms_url,
                "status_url": item.status_callback,
            }
            for item in self.owned.values()
        ]
        return [*owned, *({"number": code} for code in sorted(self.short_codes))]

    def replace(self, numbers: Any) -> None:
        """Own these numbers and no others.

        Args:
            numbers: a list of objects with ``number`` and, where they are to be set, ``name``, ``sms_url``, ``status_url``.

        Raises:
            SettingsError: it is not such a list; nothing was changed.
        """
        rows: list[Any] = numbers if isinstance(numbers, list) else [None]
        if not all(isinstance(row, dict) and all(isinstance(value, str) for value in row.values()) for row in rows):
            raise SettingsError("'numbers' is not a list of objects with the text 'number'.")
        if not all(re.fullmatch(r"\+[1-9]\d{6,14}|\d{3,8}", row.get("number", "")) for row in rows):
            raise SettingsError("numbers: each needs a 'number' in E.164 (+14155552600), or a short code's digits.")
        self.owned.clear()
        self.short_codes.clear()
        for row in rows:
            self.own([row["number"]])
            owned = self.owned.get(row["number"])
            if owned is not None:
                owned.friendly_name = row.get("name") or owned.friendly_name
                owned.sms_url, owned.status_callback = row.get("sms_url", ""), row.get("status_url", "")

    def disown(self, numbers: Iterable[str]) -> None:
        """Take numbers away; those that are not owned are ignored."""
        for number in numbers:
            self.owned.pop(number, None)
            self.short_codes.discard(number)

    def owns(self, number: str) -> bool:
        """Whether messages may be sent from here."""
        return number in self.owned or number in self.short_codes

    def by_id(self, number_id: str) -> OwnedNumber | None:
        """An owned number by its 32 hexadecimal digits."""
        return next((owned for owned in self.owned.values() if owned.id == number_id), None)

    def offers(self, areas: list[Area], *, contains: str, seed: int, limit: int) -> list[tuple[str, Area]]:
        """Numbers to buy: the same for the same question, until they are bought.

        Args:
            areas: where to look.
            contains: digits, letters of a keypad and ``*`` for any digit; empty for any number.
            seed: the run's seed.
            limit: most numbers wanted.
        """
        pattern = contains.upper().translate(_KEYPAD).replace("*", "0")
        wanted = re.compile(re.escape(contains.upper().translate(_KEYPAD)).replace(r"\*", r"\d"))
        found: dict[str, Area] = {}
        for turn in range(limit * 20 // max(len(areas), 1) + 20):
            for area in areas:
                number = _candidate(area, seed, turn, contains.upper().translate(_KEYPAD))
                if number in self.owned or number in found or (pattern and not wanted.search(number)):
                    continue
                if len(found) == limit:
                    return list(found.items())
                found[number] = area
        return list(found.items())


def kind_of(number: str) -> str:
    """``local``, ``toll_free`` or ``mobile``."""
    return next((area.kind for area in AREAS if number.startswith(area.prefix)), "local")


def friendly(number: str) -> str:
    """A number as people of its country write it."""
    if number.startswith("+1") and len(number) == 12:
        return f"({number[2:5]}) {number[5:8]}-{number[8:]}"
    return number


def _candidate(area: Area, seed: int, turn: int, contains: str) -> str:
    """A number of this area that ends as ``contains`` asks, where that fits behind the prefix."""
    room = area.length - len(area.prefix)
    digest = blake2b(f"{seed}|{area.prefix}|{turn}".encode(), digest_size=8).digest()
    digits = str(int.from_bytes(digest, "big")).zfill(room)[-room:]
    if area.prefix.startswith("+1"):
        # An exchange begins with 2 to 9 and is not 555, which no telephone has.
        exchange = 200 + int(digits[:3]) % 355
        digits = f"{exchange}{digits[3:]}"
    if contains and "+" not in contains and len(contains) <= room:
        kept = room - len(contains)
        pairs = zip(digits[kept:], contains, strict=True)
        digits = digits[:kept] + "".join(own if asked == "*" else asked for own, asked in pairs)
    return area.prefix + digits

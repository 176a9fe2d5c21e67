"""Which country a phone number is of, by its first digits, so that the database can tell it in one statement.

North America shares +1 and is told apart by its area codes, Russia and Kazakhstan by the digit after +7. Other countries that
share a calling code (Guernsey and the United Kingdom) cannot be told apart by a few digits: such a code counts as its main
country's, and the others are not offered (``sharing``).
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import phonenumbers

_NORTH_AMERICA = "US"
#: By the digit after +7.
_KAZAKHSTAN = frozenset("67")


@cache
def _by_prefix() -> dict[str, str]:
    table: dict[str, str] = {}
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        # "001" stands for satellites and the like.
        if code not in (1, 7) and regions[0] != "001":
            table[f"+{code}"] = regions[0]
    for area in range(200, 1000):
        # The digits after the area code are some that a line may have; an area code that is free counts as the main country's.
        number = phonenumbers.PhoneNumber(country_code=1, national_number=int(f"{area}2345678"))
        table[f"+1{area}"] = phonenumbers.region_code_for_number(number) or _NORTH_AMERICA
    for digit in "0123456789":
        table[f"+7{digit}"] = "KZ" if digit in _KAZAKHSTAN else "RU"
    return table


@cache
def _prefixes() -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for prefix, country in _by_prefix().items():
        table.setdefault(country, []).append(prefix)
    return {country: tuple(found) for country, found in table.items()}


def prefixes_of(country: str) -> tuple[str, ...]:
    """The first digits of a country's numbers, as ``sql.country_prefix`` cuts them off; empty for an unknown one.

    Args:
        country: ISO code.
    """
    return _prefixes().get(country, ())


def country_of(number: str) -> str:
    """The ISO code of a number's country; empty when its calling code has none.

    Args:
        number: E.164.
    """
    table = _by_prefix()
    return next((table[number[:size]] for size in (5, 4, 3) if number[:size] in table), "")


def sharing(country: str) -> str:
    """The country whose calling code another one shares without being told apart; empty when it is told apart.

    Args:
        country: ISO code.
    """
    if country in _prefixes():
        return ""
    for regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.values():
        if country in regions[1:]:
            return str(regions[0])
    return ""


@cache
def _names() -> dict[str, str]:
    try:
        lines = files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text(encoding="utf-8").splitlines()
    except (ModuleNotFoundError, FileNotFoundError):
        # A system's own time zones do without the package; then countries are shown by their codes.
        return {}
    rows = (line.split("\t", 1) for line in lines if line and not line.startswith("#"))
    return {code: name.strip() for code, name in rows}


def name_of(country: str) -> str:
    """A country's name, in English; its code when no name is known.

    Args:
        country: ISO code.
    """
    return _names().get(country, country)


def all_countries() -> list[tuple[str, str]]:
    """Countries that are told apart: code and name, by name."""
    return sorted(((code, name_of(code)) for code in _prefixes()), key=lambda item: item[1])

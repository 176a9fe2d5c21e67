"""Dates as people write them in a text."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

#: Countries that write the month before the day.
_MONTH_FIRST = frozenset(("US", "PR", "GU", "VI", "AS", "MP", "PH", "FM", "MH", "PW"))
_MONTHS = {
    word: month
    for month, words in enumerate(
        (
            "january jan enero ene janvier janv",
            "february feb febrero fevrier fev",
            "march mar marzo mars",
            "april apr abril abr avril avr",
            "may mayo mai",
            "june jun junio juin",
            "july jul julio juillet juil",
            "august aug agosto ago aout",
            "september sep sept septiembre septembre",
            "october oct octubre octobre",
            "november nov noviembre novembre",
            "december dec diciembre dic decembre",
        ),
        start=1,
    )
    for word in words.split()
}
_WEEKDAYS = {
    word: day
    for day, words in enumerate(
        (
            "monday mon lunes lundi",
            "tuesday tue tues martes mardi",
            "wednesday wed miercoles mercredi",
            "thursday thu thur thurs jueves jeudi",
            "friday fri viernes vendredi",
            "saturday sat sabado samedi",
            "sunday sun domingo dimanche",
        )
    )
    for word in words.split()
}
_NEAR = {"today": 0, "hoy": 0, "tomorrow": 1, "tmrw": 1, "demain": 1, "manana": 1}
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_DIGITS = re.compile(r"(\d{1,2})[-/.](\d{1,2})(?:[-/.](\d{4}|\d{2}))?")
_DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th|er)?(?: (?:of|de))? ([a-z]+)(?:(?: (?:of|de))? (\d{4}))?")
_MONTH_DAY = re.compile(r"([a-z]+) (?:the )?(\d{1,2})(?:st|nd|rd|th)?(?: (\d{4}))?")


def read_date(text: str, *, region: str, today: dt.date) -> dt.date | None:
    """A date, None when there is none in the text or it could be two.

    Args:
        text: what the person wrote: ``2027-03-14``, ``3/14``, ``14 March``, ``March 14th, 2027``, ``tomorrow``, ``Friday``.
        region: two-letter country; in some the month comes first.
        today: a date without a year is the next one from here.
    """
    said = unicodedata.normalize("NFKD", text.casefold())
    said = "".join(char for char in said if not unicodedata.combining(char))
    said = " ".join(re.sub(r"[^\w/.\-]+", " ", said).split()).strip(" .")
    if iso := _ISO.search(said):
        return _make(int(iso[1]), int(iso[2]), int(iso[3]))
    found = {day for day in (_by_digits(said, region, today), *_by_name(said, today)) if day}
    if not found:
        words = said.replace(".", " ").split()
        found = {today + dt.timedelta(days=_NEAR[word]) for word in words if word in _NEAR}
        # A weekday is the next one, today's name a week from now.
        found |= {
            today + dt.timedelta(days=(_WEEKDAYS[word] - today.weekday() - 1) % 7 + 1)
            for word in words
            if word in _WEEKDAYS
        }
    return found.pop() if len(found) == 1 else None


def _by_digits(said: str, region: str, today: dt.date) -> dt.date | None:
    matches = list(_DIGITS.finditer(said))
    if len(matches) != 1:
        return None
    first, second = int(matches[0][1]), int(matches[0][2])
    month, day = (first, second) if region in _MONTH_FIRST else (second, first)
    if month > 12:
        # Only the other order makes a date.
        month, day = day, month
    return _make(_year(matches[0][3]), month, day, today)


def _by_name(said: str, today: dt.date) -> list[dt.date | None]:
    said = said.replace(".", " ").replace("-", " ")
    said = " ".join(said.split())
    found: list[dt.date | None] = [
        _make(_year(match[3]), _MONTHS[match[2]], int(match[1]), today)
        for match in _DAY_MONTH.finditer(said)
        if match[2] in _MONTHS
    ]
    if not found:
        found = [
            _make(_year(match[3]), _MONTHS[match[1]], int(match[2]), today)
            for match in _MONTH_DAY.finditer(said)
            if match[1] in _MONTHS
        ]
    return found


def _year(text: str | None) -> int | None:
    if not text:
        return None
    return int(text) if len(text) == 4 else 2000 + int(text) if int(text) < 50 else 1900 + int(text)


def _make(year: int | None, month: int, day: int, today: dt.date | None = None) -> dt.date | None:
    years = (year,) if year is not None or today is None else range(today.year, today.year + 9)
    for candidate in years:
        try:
            made = dt.date(candidate or 0, month, day)
        except ValueError:
            continue
        if year is not None or today is None or made >= today:
            return made
    return None

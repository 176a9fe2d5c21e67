"""Dates as people write them in a text."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

from campaigns.services.chains.words import FILLERS

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
_MONTH_NAMES = "|".join(sorted(_MONTHS, key=len, reverse=True))
_ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_DIGITS = re.compile(r"(?<!\d)(\d{1,2})[-/.](\d{1,2})(?:[-/.](\d{4}|\d{2}))?(?!\d)")
_DAY_MONTH = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th|er)? (?:(?:of|de) )?({_MONTH_NAMES})\b(?: (?:(?:of|de) )?(\d{{4}})\b)?"
)
_MONTH_DAY = re.compile(rf"\b({_MONTH_NAMES}) (?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\b(?: (\d{{4}})\b)?")
_TIME = re.compile(r"\b(?:at )?\d{1,2}:\d\d(?: ?[ap]m\b)?|\b(?:at )?\d{1,2} ?[ap]m\b|\bat \d{1,2}$")
#: Words around a date that change nothing about it. “Before”, “the day after” and “next week” do.
_AROUND = FILLERS | frozenset(
    "on at next arrive arrives arriving come coming date day morning noon afternoon evening night tonight birthday born llego "
    "arrive arrivons llegamos dia du de del den".split()
)


def read_date(text: str, *, region: str, today: dt.date) -> dt.date | None:
    """A date, None when there is none in the text, it could be two, or something is said about it.

    Args:
        text: what the person wrote: ``2027-03-14``, ``3/14``, ``14 March``, ``March 14th, 2027``, ``tomorrow``, ``Friday``.
        region: two-letter country; in some the month comes first.
        today: a date without a year is the next one from here.
    """
    said = unicodedata.normalize("NFKD", text.casefold())
    said = "".join(char for char in said if not unicodedata.combining(char)).replace("'", "").replace("’", "")
    said = " ".join(re.sub(r"[^\w/.:\-]+", " ", said).split()).strip(" .:")
    found: list[dt.date | None] = []

    def take(date: dt.date | None) -> str:
        found.append(date)
        return " "

    said = _TIME.sub(" ", said)
    said = _ISO.sub(lambda match: take(_make(int(match[1]), int(match[2]), int(match[3]))), said)
    said = _DIGITS.sub(lambda match: take(_by_digits(match, region, today)), said)
    said = " ".join(re.sub(r"[.:\-/]", " ", said).split())
    said = _DAY_MONTH.sub(lambda match: take(_make(_year(match[3]), _MONTHS[match[2]], int(match[1]), today)), said)
    said = _MONTH_DAY.sub(lambda match: take(_make(_year(match[3]), _MONTHS[match[1]], int(match[2]), today)), said)
    words = said.split()
    weekdays = {_WEEKDAYS[word] for word in words if word in _WEEKDAYS}
    if found:
        # “Friday 14 March” has to be a Friday.
        if any(date is None or weekdays - {date.weekday()} for date in found):
            return None
    else:
        found = [today + dt.timedelta(days=_NEAR[word]) for word in words if word in _NEAR]
        # A weekday is the next one, today's name a week from now.
        found += [today + dt.timedelta(days=(day - today.weekday() - 1) % 7 + 1) for day in weekdays]
    rest = {word for word in words if word not in _WEEKDAYS and word not in _NEAR}
    dates = set(found)
    return dates.pop() if len(dates) == 1 and rest <= _AROUND else None


def _by_digits(match: re.Match[str], region: str, today: dt.date) -> dt.date | None:
    first, second = int(match[1]), int(match[2])
    month, day = (first, second) if region in _MONTH_FIRST else (second, first)
    if month > 12:
        # Only the other order makes a date.
        month, day = day, month
    return _make(_year(match[3]), month, day, today)


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

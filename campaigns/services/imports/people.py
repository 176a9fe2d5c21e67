"""What the rows of a file say: a number and the values that belong to it. Looks at the file, never at the database."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from broadcast.core.phones import normalise
from campaigns.services.imports.columns import Column
from campaigns.services.imports.delimited import Record
from campaigns.services.imports.headers import Role
from messaging.hours import UnknownZone, named_zone

MAX_NAME_CHARACTERS = 80
MAX_EMAIL_CHARACTERS = 254
MAX_VALUE_CHARACTERS = 500
#: What programs write where there is nothing.
_BLANKS = frozenset(("", "-", "--", "n/a", "#n/a", "na", "null", "none", "nan", "nil", "#value!", "#ref!", "(blank)"))
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b\ufeff]+")
_FORMULA_TEXT = re.compile(r"=\s*\"([^\"]*)\"")
#: Addresses that need no closer look.
_USUAL_EMAIL = re.compile(r"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,60}")
#: The apostrophe that our exports put before what a spreadsheet would take for a formula.
_ESCAPED_FORMULA = re.compile(r"'(?=\s*[=+\-@])")


@dataclass(slots=True)
class Person:
    """What a row says of a person.

    Args:
        row: its number in the file.
        number: E.164.
        values: filled values by merge field's name, custom fields included.
        cells: the row as it was read.
        notes: what was left out or cut, sentences for a person.
    """

    row: int
    number: str
    values: dict[str, str]
    cells: list[str]
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Refused:
    """A row without a usable number, or with more cells than columns."""

    row: int
    reason: str
    cells: list[str]


@dataclass(slots=True)
class Repeated:
    """A row whose number an earlier row has.

    Args:
        person: what the row says; ``values`` holds only what filled a blank of the earlier row.
        first_row: number of the earlier row.
        is_late: the earlier row was in a block that is done, so ``values`` may still fill blanks in the database.
    """

    person: Person
    first_row: int
    is_late: bool = False


@dataclass(slots=True)
class Block:
    """Rows that are handled together; each row of the file is in exactly one of the three."""

    people: list[Person] = field(default_factory=list)
    repeated: list[Repeated] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def read_people(rows: Iterable[Record], columns: tuple[Column, ...], *, region: str, seen: dict[str, int]) -> Block:
    """Take rows apart; a number's first row wins and has its blanks filled from later ones.

    Args:
        rows: as in ``Table.rows``.
        columns: as in ``Table.columns``.
        region: two-letter country of numbers without a country code.
        seen: row by number of earlier blocks; this block's are added.
    """
    block = Block()
    here: dict[str, Person] = {}
    phone = next(column.index for column in columns if column.role == Role.PHONE)
    others = [column for column in columns if column.role not in (Role.PHONE, Role.IGNORED)]
    width = len(columns)
    for row, cells in rows:
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            block.refused.append(Refused(row, _too_wide(cells, width), cells))
            continue
        parsed = normalise(cells[phone] if phone < len(cells) else "", region)
        if parsed.reason:
            block.refused.append(Refused(row, parsed.reason, cells))
            continue
        person = Person(row, parsed.e164, {}, cells)
        _fill_values(person, others)
        first = here.get(person.number)
        if first is not None:
            person.values = {key: value for key, value in person.values.items() if key not in first.values}
            first.values |= person.values
            block.repeated.append(Repeated(person, first.row))
        elif person.number in seen:
            block.repeated.append(Repeated(person, seen[person.number], is_late=True))
        else:
            here[person.number] = person
            block.people.append(person)
    seen.update((number, person.row) for number, person in here.items())
    return block


def _too_wide(cells: list[str], width: int) -> str:
    return (
        f"The row has {len(cells)} cells, but there are {width} columns: put quotation marks around a value that "
        "holds the delimiter."
    )


def _fill_values(person: Person, columns: Iterable[Column]) -> None:
    for column in columns:
        if column.index >= len(person.cells):
            return
        value = clean_value(person.cells[column.index])
        if not value:
            continue
        match column.role:
            case Role.FULL_NAME:
                first, last = split_name(value)
                _put(person, "first_name", first, MAX_NAME_CHARACTERS, column)
                _put(person, "last_name", last, MAX_NAME_CHARACTERS, column)
            case Role.FIRST_NAME | Role.LAST_NAME:
                _put(person, column.role.value, value, MAX_NAME_CHARACTERS, column)
            case Role.EMAIL:
                _put_email(person, value)
            case Role.TIME_ZONE:
                _put_zone(person, value)
            case _:
                _put(person, column.key, value, MAX_VALUE_CHARACTERS, column)


def _put(person: Person, key: str, value: str, most: int, column: Column) -> None:
    if len(value) > most:
        person.notes.append(f"{column.header}: cut after {most} characters.")
        value = value[:most].rstrip()
    if value:
        person.values[key] = value


def _put_email(person: Person, value: str) -> None:
    value = value.removeprefix("mailto:").strip(" <>")
    if _USUAL_EMAIL.fullmatch(value) and len(value) <= MAX_EMAIL_CHARACTERS:
        person.values["email"] = value
        return
    try:
        validate_email(value)
    except ValidationError:
        person.notes.append(f"“{value[:60]}” is not an e-mail address: left out.")
        return
    if len(value) > MAX_EMAIL_CHARACTERS:
        person.notes.append("The e-mail address is too long: left out.")
        return
    person.values["email"] = value


def _put_zone(person: Person, value: str) -> None:
    try:
        person.values["time_zone"] = named_zone(value)
    except UnknownZone as error:
        person.notes.append(f"{error} Left out: the hours of every zone of the number are kept.")


def clean_value(cell: str) -> str:
    """A cell without what programs put around it; empty for their ways of saying nothing."""
    value = cell.strip()
    if not value:
        return ""
    if not value.isprintable():
        value = "\n".join(" ".join(_CONTROLS.sub(" ", line).split()) for line in value.splitlines()).strip()
    if formula := _FORMULA_TEXT.fullmatch(value):
        value = formula[1].strip()
    value = _ESCAPED_FORMULA.sub("", value, count=1) if value.startswith("'") else value
    return "" if value.casefold() in _BLANKS else value


def split_name(name: str) -> tuple[str, str]:
    """First and last name of a whole one: ``Ada King Lovelace`` and ``Lovelace, Ada`` alike."""
    last, comma, first = name.partition(",")
    if comma and first.strip() and "," not in first:
        return first.strip(), last.strip()
    first, _, last = name.partition(" ")
    return first, last.strip()

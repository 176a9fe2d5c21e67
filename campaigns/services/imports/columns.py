"""Which row is the header, if any, and what each column is used for: by its heading first, then by what it holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from broadcast.core.phones import normalise
from campaigns.services.imports.delimited import Record
from campaigns.services.imports.errors import UnreadableFile
from campaigns.services.imports.headers import Role, field_key, is_known, phone_rank, role_by_name

#: Rows in which a header may stand; titles and dates come above it.
_HEADER_SEARCH_ROWS = 10
#: Share of a column's cells that must be phone numbers for the column to count as one without a heading.
_PHONE_SHARE = 0.5
#: The same where the heading says that it is one: enough to trust it over another column.
_NAMED_PHONE_SHARE = 0.3
MOST_COLUMNS = 200
#: Headings of recognised columns that have none, so that refused rows can be imported again as they come.
_NAMES = {
    Role.PHONE: "Phone",
    Role.FIRST_NAME: "First name",
    Role.LAST_NAME: "Last name",
    Role.FULL_NAME: "Name",
    Role.EMAIL: "E-mail",
    Role.TIME_ZONE: "Time zone",
}
_NAME = re.compile(r"[^\W\d_][^\d@_]{0,39}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file.

    Args:
        index: its place from 0.
        header: its heading, or ``Column 3`` where it has none.
        role: what it is used for.
        key: the merge field's name of a custom column, else empty.
    """

    index: int
    header: str
    role: Role
    key: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is laid out.

    Args:
        columns: in their order.
        header_at: place of the header among the sample, None if there is none.
    """

    columns: tuple[Column, ...]
    header_at: int | None


def recognise(sample: Sequence[Record], *, name: str, region: str) -> Layout:
    """The layout of a file.

    Args:
        sample: its first records.
        name: its name, for errors.
        region: country of numbers without a country code.

    Raises:
        UnreadableFile: no rows below the header, or no column of phone numbers.
    """
    header_at = _find_header([cells for _number, cells in sample], region)
    body = [cells for _number, cells in sample[0 if header_at is None else header_at + 1 :]]
    headings = sample[header_at][1] if header_at is not None else []
    if not body:
        raise UnreadableFile(f"“{name}” has a header but no rows below it: there is nobody to import.")
    width = len(headings) if header_at is not None else Counter(map(len, body)).most_common(1)[0][0]
    if width > MOST_COLUMNS:
        raise UnreadableFile(f"“{name}” has {width} columns, {MOST_COLUMNS} are the most: remove those nobody needs.")
    phones = _phone_shares(body, width, region)
    names = [heading.strip() for heading in headings]
    phone = _phone_column(names, phones, name)
    roles = _roles_by_name(names, phone) if header_at is not None else _roles_by_content(body, width, phone)
    return Layout(_columns(names, roles, width), header_at)


def _find_header(rows: Sequence[list[str]], region: str) -> int | None:
    for index, cells in enumerate(rows[:_HEADER_SEARCH_ROWS]):
        if any(normalise(cell, region).e164 for cell in cells if cell):
            break
        known = sum(1 for cell in cells if cell and is_known(cell))
        if known and (known > 1 or any(phone_rank(cell) for cell in cells)):
            return index
    first = rows[0]
    if any(normalise(cell, region).e164 for cell in first if cell):
        return None
    # No heading that is known and no number: a header in words of its own, unless it looks like a row's bad number.
    return None if any(sum(map(str.isdigit, cell)) >= 5 for cell in first) else 0


def _phone_shares(body: Sequence[list[str]], width: int, region: str) -> list[float]:
    """For each column the share of its filled cells that are phone numbers."""
    shares = []
    for index in range(width):
        cells = [cells[index] for cells in body if index < len(cells) and cells[index].strip()]
        valid = sum(1 for cell in cells if normalise(cell, region).e164)
        shares.append(valid / len(cells) if cells else 0.0)
    return shares


def _phone_column(names: Sequence[str], shares: Sequence[float], name: str) -> int:
    ranks = [phone_rank(heading) for heading in names] + [0] * (len(shares) - len(names))
    trusted = [i for i, share in enumerate(shares) if ranks[i] and share >= _NAMED_PHONE_SHARE]
    if trusted:
        return max(trusted, key=lambda i: (ranks[i], shares[i], -i))
    likely = [i for i, share in enumerate(shares) if share >= _PHONE_SHARE]
    if likely:
        return max(likely, key=lambda i: (shares[i], -i))
    named = [i for i, rank in enumerate(ranks) if rank > 1 or (rank and shares[i] > 0)]
    if named:
        return max(named, key=lambda i: (shares[i], ranks[i], -i))
    if (best := max(shares, default=0.0)) > 0:
        return shares.index(best)
    seen = ", ".join(heading for heading in names if heading)
    found = f"its columns are: {seen[:200]}" if seen else "none of its columns holds any"
    raise UnreadableFile(
        f"No column of phone numbers was found in “{name}” ({found}). Head the column “Phone” and check that its "
        "numbers have an area code or a country code."
    )


def _roles_by_name(names: Sequence[str], phone: int) -> list[Role]:
    roles: list[Role] = []
    for index, heading in enumerate(names):
        role = Role.PHONE if index == phone else role_by_name(heading) or Role.CUSTOM
        roles.append(Role.CUSTOM if role in roles and role != Role.IGNORED else role)
    if Role.FULL_NAME in roles and Role.FIRST_NAME in roles:
        # "Vorname" and "Name": beside a first name, a name is the last name.
        place = roles.index(Role.FULL_NAME)
        roles[place] = Role.CUSTOM if Role.LAST_NAME in roles else Role.LAST_NAME
    if Role.LAST_NAME in roles and Role.FIRST_NAME not in roles and Role.FULL_NAME not in roles:
        place = roles.index(Role.LAST_NAME)
        # "Nom" without "Prénom" is the whole name.
        if names[place].strip().casefold() == "nom":
            roles[place] = Role.FULL_NAME
    return roles


def _roles_by_content(body: Sequence[list[str]], width: int, phone: int) -> list[Role]:
    roles = [Role.CUSTOM] * width
    roles[phone] = Role.PHONE
    texts = []
    for index in range(width):
        cells = [cells[index].strip() for cells in body if index < len(cells) and cells[index].strip()]
        if index == phone or not cells:
            continue
        if sum(1 for cell in cells if _EMAIL.fullmatch(cell)) > len(cells) / 2 and Role.EMAIL not in roles:
            roles[index] = Role.EMAIL
        elif sum(1 for cell in cells if _NAME.fullmatch(cell)) >= len(cells) * 0.8:
            texts.append((index, sum(1 for cell in cells if " " in cell) > len(cells) / 2))
    if texts:
        index, several_words = texts[0]
        roles[index] = Role.FULL_NAME if several_words else Role.FIRST_NAME
        if not several_words and len(texts) > 1 and texts[1][0] == index + 1:
            roles[texts[1][0]] = Role.LAST_NAME
    return roles


def _columns(names: Sequence[str], roles: Sequence[Role], width: int) -> tuple[Column, ...]:
    taken: set[str] = set()
    columns = []
    for index in range(width):
        heading = (names[index] if index < len(names) else "") or _NAMES.get(roles[index], f"Column {index + 1}")
        column = Column(index, heading[:60], roles[index])
        if column.role == Role.CUSTOM:
            column = replace(column, key=field_key(heading, taken))
        columns.append(column)
    return tuple(columns)

"""What an import will do to a list, row by row, before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar

from campaigns.models import CustomField, Subscriber, SubscriberList, Subscription
from campaigns.services.imports.headers import STANDARD_FIELDS, Role
from campaigns.services.imports.people import Block, Person, read_people
from campaigns.services.imports.reading import Table
from messaging.models import Suppression

T = TypeVar("T")

#: People that are looked up and written with one query.
PEOPLE_PER_QUERY = 2000
#: Suppressions that are a person's own wish; the others are no reason to keep somebody off a list.
OPT_OUT_REASONS = (Suppression.Reason.OPT_OUT, Suppression.Reason.PROVIDER_OPT_OUT)
#: Attributes of a subscriber that a file can set; all else goes to its custom fields.
_ATTRIBUTES = {"first_name": "First name", "last_name": "Last name", "email": "E-mail", "time_zone": "Time zone"}


class Outcome(StrEnum):
    """What becomes of a row. There are no others, and each row has one."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    OPTED_OUT = "opted_out"
    DUPLICATE = "duplicate"
    INVALID = "invalid"


#: Names for people.
OUTCOME_LABELS = {
    Outcome.NEW: "New",
    Outcome.UPDATED: "Updated",
    Outcome.UNCHANGED: "Already on the list",
    Outcome.OPTED_OUT: "Opted out: kept out",
    Outcome.DUPLICATE: "Duplicate in the file",
    Outcome.INVALID: "Invalid",
}
#: Outcomes that come back in the file of refused rows.
REJECTED = (Outcome.INVALID, Outcome.OPTED_OUT)


@dataclass(frozen=True, slots=True)
class Change:
    """A value that will change: ``old`` is empty when it was unknown."""

    field: str
    old: str
    new: str


@dataclass(slots=True)
class PlannedRow:
    """A row and what becomes of it.

    Args:
        row: its number in the file.
        outcome: what becomes of it.
        number: E.164; empty for an invalid row.
        name: the person's name, as the file has it.
        reason: why it is not simply new, for a person.
        changes: of an updated row.
        cells: the row as it was read.
    """

    row: int
    outcome: Outcome
    number: str
    name: str
    reason: str
    changes: tuple[Change, ...]
    cells: list[str]


@dataclass(slots=True)
class Profile:
    """What an account keeps of a person; a model's instance would cost three times as long to make."""

    number: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    time_zone: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Writes:
    """What there is to write for a block; ``joins`` are the numbers that are not on the list yet."""

    new: list[Profile] = field(default_factory=list)
    changed: list[Profile] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ImportPlan:
    """An import that could be applied now.

    Args:
        list_: the list.
        table: the file.
        block: its rows, taken apart; ``judge`` looks at the database again with them.
        rows: every row with its outcome, in the file's order.
    """

    list_: SubscriberList
    table: Table
    block: Block
    rows: list[PlannedRow]
    writes: Writes

    @property
    def counts(self) -> Counter[Outcome]:
        """Number of rows by outcome; they add up to all rows."""
        return Counter(row.outcome for row in self.rows)

    def rows_of(self, outcome: Outcome) -> Iterator[PlannedRow]:
        """The rows with one outcome."""
        return (row for row in self.rows if row.outcome == outcome)


def plan_import(*, list_: SubscriberList, table: Table) -> ImportPlan:
    """What importing a table would do now. Writes nothing.

    Args:
        list_: whom the people are added to.
        table: from ``read_table``.
    """
    block = read_people(table.rows, table.columns, region=list_.account.default_region, seen={})
    rows, writes = judge(block, list_=list_, keys=field_keys(table, list_))
    return ImportPlan(list_, table, block, rows, writes)


def field_keys(table: Table, list_: SubscriberList) -> dict[str, tuple[str, str]]:
    """For each custom column's key the account's key and label: a column headed like a known field is that field."""
    known = {field.label.casefold(): field for field in CustomField.objects.filter(account=list_.account_id)}
    taken = {field.key for field in known.values()}
    keys = {}
    for column in table.columns:
        if column.role == Role.CUSTOM:
            same = known.get(column.header.casefold())
            own = same.key if same and same.key not in STANDARD_FIELDS else column.key
            keys[column.key] = (own, same.label if same else column.header)
    clashes = [
        key for key, count in Counter(own for own, _label in keys.values()).items() if count > 1 and key in taken
    ]
    for column_key, (own, label) in keys.items():
        if own in clashes and own != column_key:
            keys[column_key] = (column_key, label)
    return keys


def judge(block: Block, *, list_: SubscriberList, keys: dict[str, tuple[str, str]]) -> tuple[list[PlannedRow], Writes]:
    """The outcome of each row against the database as it is now.

    Args:
        block: rows taken apart.
        list_: whom the people are added to.
        keys: from ``field_keys``.

    Returns:
        the rows in the file's order, and what there is to write.
    """
    rows: list[PlannedRow] = [
        PlannedRow(refused.row, Outcome.INVALID, "", "", refused.reason, (), refused.cells) for refused in block.refused
    ]
    writes = Writes()
    for people in in_batches(block.people, PEOPLE_PER_QUERY):
        known = _Known(list_, [person.number for person in people])
        rows += [_judge_person(person, known, keys, writes) for person in people]
    for repeated in block.repeated:
        person, first_row = repeated.person, repeated.first_row
        reason = f"The same number as in row {first_row}, which counts."
        if person.values and not repeated.is_late:
            reason += f" Its {_names(person.values, keys)} filled a blank there."
        rows.append(_row(person, Outcome.DUPLICATE, reason))
    late: dict[str, Person] = {}
    for repeated in block.repeated:
        if repeated.is_late and repeated.person.values:
            first = late.setdefault(repeated.person.number, repeated.person)
            first.values = repeated.person.values | first.values
    for people in in_batches(late.values(), PEOPLE_PER_QUERY):
        _fill_blanks(people, list_, keys, writes)
    rows.sort(key=lambda row: row.row)
    return rows, writes


class _Known:
    """What the database holds of some numbers: three queries, however many there are."""

    def __init__(self, list_: SubscriberList, numbers: Sequence[str]) -> None:
        people = Subscriber.objects.filter(account=list_.account_id, number__in=numbers).order_by()
        self.people = {row[0]: Profile(*row) for row in people.values_list("number", *_ATTRIBUTES, "fields")}
        on_list = Subscription.objects.filter(list=list_, subscriber__number__in=list(self.people)).order_by()
        self.states = dict(on_list.values_list("subscriber__number", "state"))
        suppressions = Suppression.objects.active().filter(account=list_.account_id, recipient__in=numbers).order_by()
        self.suppressions = dict(suppressions.values_list("recipient", "reason"))


def _judge_person(person: Person, known: _Known, keys: dict[str, tuple[str, str]], writes: Writes) -> PlannedRow:
    suppression = known.suppressions.get(person.number)
    profile = known.people.get(person.number)
    state = known.states.get(person.number)
    if suppression in OPT_OUT_REASONS:
        return _row(person, Outcome.OPTED_OUT, f"{Suppression.Reason(suppression).label}: not added and not changed.")
    if state == Subscription.State.UNSUBSCRIBED:
        return _row(person, Outcome.OPTED_OUT, "Unsubscribed from this list: not added and not changed.")
    notes = list(person.notes)
    if suppression:
        notes.append(f"{Suppression.Reason(suppression).label}: nothing is sent to this number.")
    if profile is None:
        profile = Profile(person.number)
        _change(profile, person.values, keys, writes)
        writes.new.append(profile)
        writes.joins.append(person.number)
        return _row(person, Outcome.NEW, " ".join(notes))
    changes = _change(profile, person.values, keys, writes)
    if changes:
        writes.changed.append(profile)
    if state is None:
        notes.insert(0, "Known, will be added to the list.")
        writes.joins.append(person.number)
    outcome = Outcome.UPDATED if changes or state is None else Outcome.UNCHANGED
    return _row(person, outcome, " ".join(notes), changes)


def _change(
    profile: Profile,
    values: dict[str, str],
    keys: dict[str, tuple[str, str]],
    writes: Writes,
    *,
    only_blanks: bool = False,
) -> tuple[Change, ...]:
    """Set what differs; a value that the file does not have stays."""
    changes = []
    for column_key, value in values.items():
        if column_key in _ATTRIBUTES:
            old, label = getattr(profile, column_key), _ATTRIBUTES[column_key]
        else:
            key, label = keys[column_key]
            old = str(profile.fields.get(key, ""))
            writes.fields[key] = label
        if old == value or (old and only_blanks):
            continue
        if column_key in _ATTRIBUTES:
            setattr(profile, column_key, value)
        else:
            profile.fields[key] = value
        changes.append(Change(label, old, value))
    return tuple(changes)


def _fill_blanks(
    people: Sequence[Person], list_: SubscriberList, keys: dict[str, tuple[str, str]], writes: Writes
) -> None:
    """Fill blanks of people whose first row was in an earlier block, which has been written."""
    known = _Known(list_, [person.number for person in people])
    for person in people:
        profile = known.people.get(person.number)
        kept_out = (
            known.suppressions.get(person.number) in OPT_OUT_REASONS
            or known.states.get(person.number) == Subscription.State.UNSUBSCRIBED
        )
        if profile and not kept_out and _change(profile, person.values, keys, writes, only_blanks=True):
            writes.changed.append(profile)


def _row(person: Person, outcome: Outcome, reason: str, changes: tuple[Change, ...] = ()) -> PlannedRow:
    name = f"{person.values.get('first_name', '')} {person.values.get('last_name', '')}".strip()
    return PlannedRow(person.row, outcome, person.number, name, reason, changes, person.cells)


def _names(values: dict[str, str], keys: dict[str, tuple[str, str]]) -> str:
    return ", ".join(keys[key][1] if key in keys else _ATTRIBUTES[key] for key in values)


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most ``size``."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch

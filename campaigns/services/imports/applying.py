"""Writing an import: upserts of whole blocks, never a query a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from django.db import transaction

from accounts.models import Account, User
from campaigns.models import SubscriberImport, SubscriberList
from campaigns.services.imports.people import read_people
from campaigns.services.imports.planning import (
    REJECTED,
    ImportPlan,
    Outcome,
    PlannedRow,
    Writes,
    field_keys,
    in_batches,
    judge,
    plan_import,
)
from campaigns.services.imports.reading import Table, open_table, read_table
from campaigns.services.imports.upserts import add_fields, add_people, change_people, subscribe

#: Rows of a streamed file that are planned and written in one transaction.
ROWS_PER_BLOCK = 10_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a streamed import is, after a block has been committed."""

    rows: int
    counts: Counter[Outcome]
    rejected: Sequence[PlannedRow]


def import_file(
    *, list_: SubscriberList, file: BinaryIO, name: str, user: User | None = None, consent_wording: str = ""
) -> SubscriberImport:
    """Import a file in one transaction, for files that fit into memory.

    Args:
        list_: whom the people are added to.
        file: seekable, in binary mode.
        name: the file's name.
        user: who imports; None for a command.
        consent_wording: what the people agreed to, in the words they saw.

    Raises:
        UnreadableFile: nothing can be imported from it; nothing was changed.
    """
    table = read_table(file, name, region=list_.account.default_region)
    with locked(list_):
        return _apply(plan_import(list_=list_, table=table), user=user, consent_wording=consent_wording)


def apply_import(
    plan: ImportPlan, *, user: User | None, upload: str = "", consent_wording: str = ""
) -> SubscriberImport:
    """Carry out a plan against the database as it is now, which may not be as it was when the plan was made.

    Args:
        plan: from ``plan_import``; its rows are judged again.
        user: who confirmed it.
        upload: a name of this upload: applying it a second time returns the first time's record and changes nothing.
        consent_wording: what the people agreed to, in the words they saw.
    """
    with locked(plan.list_):
        if upload and (done := SubscriberImport.objects.filter(upload=upload).first()):
            return done
        rows, writes = judge(plan.block, list_=plan.list_, keys=field_keys(plan.table, plan.list_))
        fresh = ImportPlan(plan.list_, plan.table, plan.block, rows, writes)
        return _apply(fresh, user=user, upload=upload, consent_wording=consent_wording)


def import_stream(
    *,
    list_: SubscriberList,
    file: BinaryIO,
    name: str,
    user: User | None = None,
    consent_wording: str = "",
    on_block: Callable[[Progress], None] = lambda _progress: None,
) -> SubscriberImport:
    """Import a file of any size, block by block; each block is committed with its counts.

    What was committed stays when a later block fails or the process ends; importing the file again changes nothing of
    it. Blanks are filled from a later duplicate as in ``import_file``; when the two rows are in different blocks, what
    the database had before counts as filled.

    Args:
        list_: whom the people are added to.
        file: seekable, in binary mode.
        name: the file's name.
        user: who imports.
        consent_wording: what the people agreed to, in the words they saw.
        on_block: told after each block.

    Raises:
        UnreadableFile: nothing can be imported from it, or a quotation mark is never closed.
    """
    region = list_.account.default_region
    table = open_table(file, name, region=region)
    record = _record(list_, table, user=user, consent_wording=consent_wording)
    record.save()
    seen: dict[str, int] = {}
    counts: Counter[Outcome] = Counter()
    for rows in in_batches(table.rows, ROWS_PER_BLOCK):
        block = read_people(rows, table.columns, region=region, seen=seen)
        with locked(list_):
            planned, writes = judge(block, list_=list_, keys=field_keys(table, list_))
            write(writes, list_=list_, source=name, consent_wording=consent_wording, user=user)
            counts.update(row.outcome for row in planned)
            rejected = [row for row in planned if row.outcome in REJECTED]
            _count(record, counts, rejected)
            record.save()
        on_block(Progress(counts.total(), counts, rejected))
    return record


@contextmanager
def locked(list_: SubscriberList) -> Iterator[None]:
    """A transaction in which no other import changes the account's people."""
    with transaction.atomic():
        # Custom fields are read, merged and written back, so two imports at once could lose a value. This lock lets
        # messages and subscriptions of the account be written meanwhile.
        Account.objects.select_for_update(no_key=True).get(pk=list_.account_id)
        yield


def write(
    writes: Writes, *, list_: SubscriberList, source: str, consent_wording: str = "", user: User | None = None
) -> None:
    """Write a block; call it inside ``locked``.

    Args:
        writes: from ``judge``.
        list_: whom ``writes.joins`` are added to.
        source: where they came from: the file's name.
        consent_wording: what they agreed to.
        user: who imports.
    """
    add_fields(list_.account_id, writes.fields)
    add_people(list_.account_id, writes.new)
    change_people(list_.account_id, writes.changed)
    subscribe(list_, writes.joins, source=source, wording=consent_wording, user=user)


def _apply(plan: ImportPlan, *, user: User | None, upload: str = "", consent_wording: str = "") -> SubscriberImport:
    write(plan.writes, list_=plan.list_, source=plan.table.name, consent_wording=consent_wording, user=user)
    record = _record(plan.list_, plan.table, user=user, upload=upload, consent_wording=consent_wording)
    _count(record, plan.counts, [row for row in plan.rows if row.outcome in REJECTED])
    record.save()
    return record


def _record(
    list_: SubscriberList, table: Table, *, user: User | None, upload: str = "", consent_wording: str = ""
) -> SubscriberImport:
    return SubscriberImport(
        list=list_,
        file_name=table.name[-200:],
        encoding=table.encoding,
        delimiter=table.delimiter,
        columns=[{"header": column.header, "field": column.key or column.role.value} for column in table.columns],
        upload=upload,
        consent_wording=consent_wording,
        created_by=user,
    )


def _count(record: SubscriberImport, counts: Counter[Outcome], rejected: Sequence[PlannedRow]) -> None:
    record.rows_read = counts.total()
    for outcome in Outcome:
        setattr(record, f"rows_{outcome.value}", counts[outcome])
    room = max(SubscriberImport.MAX_REJECTED - len(record.rejected), 0)
    record.rejected = [
        *record.rejected,
        *({"row": row.row, "reason": row.reason, "values": row.cells} for row in rejected[:room]),
    ]

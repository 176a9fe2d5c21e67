"""Files for people's spreadsheets: a list's subscribers, a campaign's recipients, an import's refused rows.

Rows are read and written as they come, so a file may be of any size. No cell can act as a formula: one that starts with
``= + - @``, a tab or a line break gets an apostrophe in front, which spreadsheets take for "this is text" and imports
take away again. Plain numbers, ``+14155552671`` among them, stay as they are.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.text import slugify
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from campaigns.models import Campaign, CustomField, SubscriberImport, SubscriberList, Subscription
from messaging.models import Message, Suppression
from messaging.states import MessageState

CSV = "csv"
XLSX = "xlsx"
#: Formats by name with their content types.
FORMATS = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
#: Rows of an Excel sheet, its header included.
MOST_SHEET_ROWS = 1_048_576
#: Characters of an Excel cell.
MOST_CELL_CHARACTERS = 32_767
_ROWS_PER_READ = 2000
_PIECE_BYTES = 64 * 1024
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_FORMULA_START = ("=", "+", "-", "@", "＝", "＋", "－", "＠")

Row = Sequence[object]


class ExportError(Exception):
    """A file that cannot be made; ``text`` says why and what to do."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Export:
    """A file, made while it is read.

    Args:
        file_name: e.g. ``newsletter-2025-01-31.csv``.
        content_type: for the response.
        chunks: its bytes; can be read once.
    """

    file_name: str
    content_type: str
    chunks: Iterator[bytes]


def safe_cell(value: object) -> str:
    """A value as text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    text = ILLEGAL_CHARACTERS_RE.sub("", str(value))
    risky = text[:1] in ("\t", "\r", "\n") or text.lstrip().startswith(_FORMULA_START)
    return f"'{text}" if risky and not _PLAIN_NUMBER.fullmatch(text) else text


def export_subscribers(list_: SubscriberList, *, file_format: str = CSV) -> Export:
    """Everybody who is or was on a list, with custom fields; it can be imported again.

    Args:
        list_: the list.
        file_format: ``csv`` or ``xlsx``.

    Raises:
        ExportError: more rows than an Excel sheet has.
    """
    fields = list(CustomField.objects.filter(account=list_.account_id).values_list("key", "label"))
    suppression = Suppression.objects.active().filter(
        account=list_.account_id, recipient=OuterRef("subscriber__number")
    )
    subscriptions = list_.subscriptions.annotate(suppression=Subquery(suppression.values("reason")[:1])).order_by("pk")
    header = ["Number", "First name", "Last name", "E-mail", "Time zone", *(label for _key, label in fields)]
    header += ["On the list", "Suppressed", "Came from", "Added"]
    values = subscriptions.values_list(
        *("subscriber__number", "subscriber__first_name", "subscriber__last_name", "subscriber__email"),
        *("subscriber__time_zone", "subscriber__fields", "state", "suppression", "source", "created_at"),
    )

    def rows() -> Iterator[Row]:
        clock = clock_in(list_.account.zone)
        for *person, custom, state, reason, source, added in values.iterator(chunk_size=_ROWS_PER_READ):
            yield [
                *person,
                *(custom.get(key, "") for key, _label in fields),
                Subscription.State(state).label,
                Suppression.Reason(reason).label if reason else "",
                source,
                clock(added),
            ]

    return make_export(list_.name, file_format, header, rows(), subscriptions.count)


def export_recipients(campaign: Campaign, *, file_format: str = CSV) -> Export:
    """Every recipient of a launched campaign with what became of the message; no rows before the launch.

    Names are those that the text had at launch; times are in the account's zone.

    Args:
        campaign: the campaign.
        file_format: ``csv`` or ``xlsx``.

    Raises:
        ExportError: more rows than an Excel sheet has.
    """
    messages = Message.objects.filter(batch=campaign.batch_id) if campaign.batch_id else Message.objects.none()
    placed = campaign.campaign_lists.filter(position__isnull=False).order_by("position")
    lists = [(1 << (position or 0), name) for position, name in placed.values_list("position", "list__name")]
    zone = campaign.account.time_zone
    header = ["Number", "First name", "Last name", "Lists", "State", "Reason", "Segments"]
    header += [f"Accepted ({zone})", f"Last change ({zone})"]
    values = messages.order_by("pk").values_list(
        "recipient", "context", "cohort", "state", "reason", "reason_text", "segments", "accepted_at", "changed_at"
    )

    def rows() -> Iterator[Row]:
        clock = clock_in(campaign.account.zone)
        names: dict[int, str] = {}
        for number, context, cohort, state, code, text, segments, accepted, changed in values.iterator(
            chunk_size=_ROWS_PER_READ
        ):
            if cohort not in names:
                names[cohort] = "; ".join(name for bit, name in lists if cohort & bit)
            context = context or {}
            yield [
                number,
                context.get("first_name", ""),
                context.get("last_name", ""),
                names[cohort],
                MessageState(state).label,
                text or code,
                segments or "",
                clock(accepted),
                clock(changed),
            ]

    return make_export(campaign.name, file_format, header, rows(), messages.count)


def export_rejected(record: SubscriberImport) -> Export:
    """An import's refused rows as CSV: the reason, the row's number, then the file's own columns.

    Corrected, it can be imported as it is: the first two columns are known and left out.
    """
    header = ["Refused because", "Row in the file", *(column["header"] for column in record.columns)]
    rows = ([row["reason"], row["row"], *row["values"]] for row in record.rejected)
    name = f"{record.file_name.rpartition('.')[0] or record.file_name}-refused"
    return make_export(name, CSV, header, rows, lambda: len(record.rejected))


def make_export(
    name: str, file_format: str, header: Sequence[str], rows: Iterable[Row], count: Callable[[], int]
) -> Export:
    """A file of rows.

    Args:
        name: what the file's name is made of.
        file_format: ``csv`` or ``xlsx``.
        header: the first row.
        rows: the others; read as the file is.
        count: how many there are; asked for a workbook only.

    Raises:
        ExportError: no such format, or more rows than an Excel sheet has.
    """
    if file_format not in FORMATS:
        raise ExportError(f"“{file_format}” is not a format that can be exported. Choose {' or '.join(FORMATS)}.")
    if file_format == XLSX and count() >= MOST_SHEET_ROWS:
        raise ExportError(f"“{name}” has more rows than an Excel sheet can hold ({MOST_SHEET_ROWS:,}). Choose CSV.")
    everything = itertools.chain([header], rows)
    chunks = _csv(everything) if file_format == CSV else _xlsx(everything)
    file_name = f"{slugify(name)[:60] or 'export'}-{timezone.localdate():%Y-%m-%d}.{file_format}"
    return Export(file_name, FORMATS[file_format], chunks)


def _csv(rows: Iterable[Row]) -> Iterator[bytes]:
    """UTF-8 with a byte-order mark, without which Excel reads another encoding."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    yield b"\xef\xbb\xbf"
    for row in rows:
        writer.writerow([safe_cell(value) for value in row])
        if buffer.tell() > _PIECE_BYTES:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _xlsx(rows: Iterable[Row]) -> Iterator[bytes]:
    """A workbook of text cells, so that no number loses its plus or its last digits."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Export")
    for values in rows:
        sheet.append([safe_cell(value)[:MOST_CELL_CHARACTERS] for value in values])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while piece := file.read(_PIECE_BYTES):
            yield piece


def clock_in(zone: dt.tzinfo) -> Callable[[dt.datetime | None], str]:
    """Writes times in a zone, to the second."""

    def write(moment: dt.datetime | None) -> str:
        return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if moment else ""

    return write

"""A file of people as a table, whatever program wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import PurePath
from typing import BinaryIO

from campaigns.services.imports.columns import Column, recognise
from campaigns.services.imports.decoding import detect_encoding
from campaigns.services.imports.delimited import Record, delimiter_name, read_delimited
from campaigns.services.imports.errors import UnreadableFile
from campaigns.services.imports.workbooks import read_workbook

_SAMPLE_RECORDS = 200
_WORKBOOK_SUFFIXES = (".xlsx", ".xlsm")


@dataclass(slots=True)
class Table:
    """A file's rows and what was found out about it.

    Args:
        name: the file's name.
        encoding: e.g. ``utf-8-sig``; empty for a workbook.
        delimiter: one character; empty for a workbook.
        has_header: whether the columns are named in the file.
        columns: in their order.
        rows: (row number as a spreadsheet counts, cells), header and blank rows left out. A list from ``read_table``;
            from ``open_table`` it can be read once, while the file is open.
    """

    name: str
    encoding: str
    delimiter: str
    has_header: bool
    columns: tuple[Column, ...]
    rows: Iterable[Record]

    @property
    def format_name(self) -> str:
        """How the file was read, for people: ``UTF-8, delimiter semicolon``."""
        return format_name(self.encoding, self.delimiter)


#: As spreadsheets name them in their dialogues.
_ENCODING_NAMES = {
    "utf-8-sig": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1251": "Windows-1251",
    "cp1252": "Windows-1252",
    "mac_roman": "Mac Roman",
}


def format_name(encoding: str, delimiter: str) -> str:
    """How a file was read, for people; no encoding means a workbook."""
    name = _ENCODING_NAMES.get(encoding, encoding.upper())
    return f"{name}, delimiter {delimiter_name(delimiter)}" if encoding else "Excel workbook"


def open_table(file: BinaryIO, name: str, *, region: str = "US") -> Table:
    """A table whose rows are read from the file as they are asked for.

    Args:
        file: seekable and open in binary mode; must stay open while rows are read.
        name: its name; ``.xlsx`` is read as a workbook, all else as delimited text.
        region: two-letter country of numbers that have no country code.

    Raises:
        UnreadableFile: not text, empty, header only, NUL bytes, no column of phone numbers. While rows are read: a
            quotation mark that is never closed.
    """
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    encoding = delimiter = ""
    if PurePath(name).suffix.lower() in _WORKBOOK_SUFFIXES and start.startswith(b"PK"):
        records = iter(read_workbook(file, name=name))
    else:
        encoding = detect_encoding(file, name)
        delimiter, records = read_delimited(file, name=name, encoding=encoding)
    sample = list(islice(records, _SAMPLE_RECORDS))
    if not any(character.isalnum() for _row, cells in sample for cell in cells for character in cell):
        raise UnreadableFile(f"“{name}” is empty: choose the file that holds the list.")
    layout = recognise(sample, name=name, region=region)
    body = sample if layout.header_at is None else sample[layout.header_at + 1 :]
    return Table(
        name=name,
        encoding=encoding,
        delimiter=delimiter,
        has_header=layout.header_at is not None,
        columns=layout.columns,
        rows=chain(body, records),
    )


def read_table(file: BinaryIO, name: str, *, region: str = "US") -> Table:
    """A table with all its rows in memory; arguments and errors as for ``open_table``."""
    table = open_table(file, name, region=region)
    table.rows = list(table.rows)
    return table

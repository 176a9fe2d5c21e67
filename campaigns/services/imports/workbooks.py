"""Rows of an Excel workbook (.xlsx)."""

from __future__ import annotations

import datetime as dt
import warnings
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from campaigns.services.imports.delimited import Record
from campaigns.services.imports.errors import UnreadableFile

#: Unpacked size of a workbook; more is a zip bomb or no list of people.
MOST_UNPACKED_BYTES = 2 * 1024**3
#: A workbook packs its text; this much more than its size is not text.
MOST_PACKING = 200


def read_workbook(file: BinaryIO, *, name: str) -> Iterator[Record]:
    """The records of the first sheet that holds any, numbered from 1, blank ones left out.

    Args:
        file: at its beginning, seekable, readable while the records are read.
        name: its name, for errors.

    Raises:
        UnreadableFile: not a workbook, locked with a password, or unpacked too large.
    """
    problem = UnreadableFile(
        f"“{name}” cannot be opened as an Excel workbook: it is damaged, locked with a password or of another kind. "
        "Save it as .xlsx without a password, or as .csv."
    )
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            packed = sum(entry.compress_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError):
        raise problem from None
    if unpacked > MOST_UNPACKED_BYTES or (unpacked > 10 * 1024**2 and unpacked > packed * MOST_PACKING):
        raise UnreadableFile(f"“{name}” is far larger inside than outside: save the sheet with the list as .csv.")
    file.seek(0)
    try:
        with warnings.catch_warnings():
            # Styles and extensions that openpyxl does not know have nothing to do with the cells.
            warnings.simplefilter("ignore")
            book = load_workbook(file, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError):
        raise problem from None
    return _records(book)


def _records(book: object) -> Iterator[Record]:
    for sheet in book.worksheets:  # type: ignore[attr-defined]  # openpyxl has no types
        found = False
        # Some programs write a wrong size of the sheet, and openpyxl would stop there.
        sheet.reset_dimensions()
        for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
            record = [_text(value) for value in values]
            while record and not record[-1]:
                record.pop()
            if record:
                found = True
                yield number, record
        if found:
            return


def _text(value: object) -> str:
    """A cell as text; whole numbers without the ``.0`` that a spreadsheet keeps them with."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    return str(value).strip()

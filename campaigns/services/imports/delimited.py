"""Rows of delimited text: which delimiter it uses, and records with quoted line breaks."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from campaigns.services.imports.errors import UnreadableFile

#: Delimiters that files come with, the likelier first.
DELIMITERS = (",", ";", "\t", "|")
#: Names for people.
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", "": "none"}
#: Lines that one record may span; more means that a quotation mark is missing.
MOST_LINES_OF_A_RECORD = 100
_SAMPLE_CHARACTERS = 64 * 1024
_SAMPLE_RECORDS = 100
#: A cell longer than this is a missing quotation mark as well.
_MOST_CELL_CHARACTERS = 128 * 1024

Record = tuple[int, list[str]]


def detect_delimiter(text: str) -> str:
    """The delimiter that splits the text most evenly; a comma if nothing splits it.

    Args:
        text: the beginning of a file.
    """
    best, best_score = ",", 0.0
    lines = text.splitlines(keepends=True)
    for delimiter in DELIMITERS:
        widths: Counter[int] = Counter()
        reader = csv.reader(lines, delimiter=delimiter)
        try:
            for record in reader:
                if any(cell.strip() for cell in record):
                    widths[len(record)] += 1
                if widths.total() >= _SAMPLE_RECORDS:
                    break
        except csv.Error:
            continue
        if not widths:
            continue
        width, hits = widths.most_common(1)[0]
        total = widths.total()
        score = 1 - widths[1] / total + (hits / total if width > 1 else 0)
        if score > best_score + 0.05:
            best, best_score = delimiter, score
    return best


def read_delimited(file: BinaryIO, *, name: str, encoding: str, delimiter: str = "") -> tuple[str, Iterator[Record]]:
    """The delimiter and the records, numbered from 1 as a spreadsheet numbers its rows, blank ones left out.

    Args:
        file: at its beginning, seekable, readable while the records are read.
        name: its name, for errors.
        encoding: as ``detect_encoding`` found it.
        delimiter: the delimiter; found by itself when empty.

    Raises:
        UnreadableFile: while the records are read: a quotation mark is never closed.
    """
    text = io.TextIOWrapper(io.BufferedReader(_Unclosing(file)), encoding=encoding, newline="")
    sample = text.read(_SAMPLE_CHARACTERS)
    text.seek(0)
    first = sample.split("\n", 1)[0].strip().strip('"').lower()
    skipped = 0
    if first.startswith("sep=") and len(first) == 5:
        # Excel's own hint, which it does not show as a row.
        delimiter, skipped = first[4], 1
        text.readline()
    if not delimiter:
        cut = sample.rfind("\n") + 1
        delimiter = detect_delimiter(sample[:cut] if cut and len(sample) == _SAMPLE_CHARACTERS else sample)
    return delimiter, _records(text, name, delimiter, skipped)


def _records(text: Iterable[str], name: str, delimiter: str, skipped: int) -> Iterator[Record]:
    lines: list[str] = []

    def remembered() -> Iterator[str]:
        for line in text:
            lines.append(line)
            if len(lines) > MOST_LINES_OF_A_RECORD:
                raise _unclosed(name, number + 1)
            yield line

    number = skipped
    csv.field_size_limit(_MOST_CELL_CHARACTERS)
    reader = csv.reader(remembered(), delimiter=delimiter)
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise _unclosed(name, number + 1) from None
        number += 1
        if any(cell[-1:] in ("\n", "\r") for cell in record) and sum(line.count('"') for line in lines) % 2:
            # The file ended inside of a cell.
            raise _unclosed(name, number)
        lines.clear()
        if any(cell and not cell.isspace() for cell in record):
            yield number, record


def _unclosed(name: str, number: int) -> UnreadableFile:
    return UnreadableFile(
        f"In row {number} of “{name}” a cell starts with a quotation mark that is never closed, so the rows after it "
        "cannot be told apart: close or remove it and import the file again."
    )


class _Unclosing(io.RawIOBase):
    """Lets a text wrapper read a file without closing it when the wrapper goes away."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # a writable buffer, as RawIOBase promises
        data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._file.seek(offset, whence)
        return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()


def delimiter_name(delimiter: str) -> str:
    """A delimiter's name for people."""
    return DELIMITER_NAMES.get(delimiter, f"“{delimiter}”")

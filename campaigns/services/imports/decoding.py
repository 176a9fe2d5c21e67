"""From bytes to text: which kind of file it is and which encoding it was written in.

A byte-order mark is believed; then UTF-8, which other encodings hardly ever are by accident; then cp1252, which most
spreadsheets write, unless the words it gives look wrong: only then is a statistical guess worth more.
"""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Callable
from typing import BinaryIO

from charset_normalizer import from_bytes

from campaigns.services.imports.errors import UnreadableFile

#: Bytes that are looked at to tell what kind of file it is.
SAMPLE_BYTES = 64 * 1024
_PIECE_BYTES = 1024 * 1024

#: (first bytes, what it is) of files that people take for a list.
_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook or another Office file: open it and save it as .xlsx or .csv"),
    (b"%PDF", "a PDF: ask for the list as .csv or .xlsx"),
    (b"\x89PNG", "an image: ask for the list as .csv or .xlsx"),
    (b"\xff\xd8\xff", "an image: ask for the list as .csv or .xlsx"),
    (b"GIF8", "an image: ask for the list as .csv or .xlsx"),
    (b"\x1f\x8b", "a compressed file: unpack it and import the file inside"),
    (b"Rar!", "a compressed file: unpack it and import the file inside"),
    (b"7z\xbc\xaf", "a compressed file: unpack it and import the file inside"),
    (b"SQLite format 3", "a database: export the table as .csv"),
    (b"{\\rtf", "a formatted document: save the list as .csv or .xlsx"),
)
_ZIP = b"PK\x03\x04"

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_ASCII_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_WORD = re.compile(r"[^\s,;|\t\"()/@.:]+")
#: Punctuation of cp1252 that stands beside or inside words in ordinary text.
_USUAL_PUNCTUATION = frozenset("‘’“”„‚–—…•€™®©«»¡¿ºª°·§´`\u00a0\u00ad")
#: More non-ASCII letters in a row than names of western languages have.
_LONG_RUN = re.compile(r"[^\x00-\x7f]{3,}")


def detect_encoding(file: BinaryIO, name: str) -> str:
    """The name of the encoding in which the whole file can be read.

    Args:
        file: at its beginning, seekable; it is left at its beginning.
        name: its name, for errors.

    Raises:
        UnreadableFile: empty, not text, or text with NUL bytes.
    """
    sample = file.read(SAMPLE_BYTES)
    file.seek(0)
    if not sample.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n"):
        raise UnreadableFile(f"“{name}” is empty: choose the file that holds the list.")
    _refuse_other_kinds(sample, name)
    for mark, encoding in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            if not _decodes(file, encoding, name):
                raise UnreadableFile(f"“{name}” is damaged or was cut off: it starts as {encoding} text but is not.")
            return encoding
    if encoding := _utf16_without_mark(sample):
        return encoding
    if (controls := len(_ASCII_CONTROL.findall(sample))) > 8 and controls > len(sample) // 100:
        raise UnreadableFile(f"“{name}” is not a text file: save the list as .csv or .xlsx and choose that file.")
    if _decodes(file, "utf-8", name):
        return "utf-8"
    return _legacy_encoding(file, name)


def _refuse_other_kinds(sample: bytes, name: str) -> None:
    if sample.startswith(_ZIP):
        if b"xl/" in sample or b"[Content_Types].xml" in sample:
            text = "is an Excel workbook, but its name does not end in .xlsx: rename it, or save it as .csv"
        else:
            text = "is a compressed file: unpack it and import the file inside"
        raise UnreadableFile(f"“{name}” {text}.")
    for start, kind in _KINDS:
        if sample.startswith(start):
            raise UnreadableFile(f"“{name}” is {kind}.")


def _utf16_without_mark(sample: bytes) -> str:
    """UTF-16 that lost its mark has a NUL in every other byte."""
    half = max(len(sample) // 2, 1)
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > half * 0.4 and even < half * 0.05:
        return "utf-16-le"
    if even > half * 0.4 and odd < half * 0.05:
        return "utf-16-be"
    return ""


def _decodes(file: BinaryIO, encoding: str, name: str) -> bool:
    """Whether the whole file is text in this encoding; it is left at its beginning.

    Raises:
        UnreadableFile: it holds a NUL character.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    try:
        while piece := file.read(_PIECE_BYTES):
            text = decoder.decode(piece)
            if (position := text.find("\x00")) >= 0:
                line = lines + text.count("\n", 0, position)
                raise UnreadableFile(
                    f"“{name}” holds NUL bytes, the first one in line {line}, so it is damaged or not a text file: "
                    "export the list again, or save it as .csv from a spreadsheet."
                )
            lines += text.count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def _legacy_encoding(file: BinaryIO, name: str) -> str:
    """The encoding of a file that is not Unicode, judged by the lines that are not plain ASCII."""
    lines: list[bytes] = []
    size = 0
    for line in file:
        if not line.isascii():
            lines.append(line)
            size += len(line)
        if size > SAMPLE_BYTES:
            break
    file.seek(0)
    sample = b"".join(lines)[: SAMPLE_BYTES * 2]
    for encoding, is_odd in (("cp1252", _is_odd), ("mac_roman", _is_odd), ("cp1251", _is_odd_cyrillic)):
        if not _looks_wrong(sample, encoding, is_odd) and _decodes(file, encoding, name):
            return encoding
    best = from_bytes(sample).best()
    for encoding in ([best.encoding] if best else []) + ["cp1252"]:
        if _decodes(file, encoding, name):
            return encoding
    raise UnreadableFile(
        f"“{name}” is not text in any encoding that is known here: open it in a spreadsheet and save it as “CSV UTF-8”."
    )


def _looks_wrong(sample: bytes, encoding: str, is_odd: Callable[[str], bool]) -> bool:
    """Whether words come out in a way that nobody writes them."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return True
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    odd = sum(map(is_odd, words))
    return odd > len(words) * 0.2


def _is_odd(word: str) -> bool:
    """Whether no western language has such a word."""
    core = word.strip("".join(_USUAL_PUNCTUATION))
    if _LONG_RUN.search(core):
        return True
    for before, letter in zip(" " + core, core, strict=False):
        if letter.isascii():
            continue
        if letter.isupper() and before.islower():
            return True
        if not letter.isalpha() and letter not in _USUAL_PUNCTUATION and len(core) > 1:
            return True
    return bool(re.search(r"[a-z][‘“”„‚•™€…¡][a-z]|[A-Za-z]‘$", word))


def _is_odd_cyrillic(word: str) -> bool:
    """Whether it is not a Cyrillic word, or one with capitals in its middle, as KOI8 read as cp1251 has."""
    letters = [
        letter for letter in word if letter not in _USUAL_PUNCTUATION and (letter.isalpha() or not letter.isascii())
    ]
    if not all("\u0400" <= letter <= "\u04ff" for letter in letters):
        return True
    return any(before.islower() and after.isupper() for before, after in itertools.pairwise(word))

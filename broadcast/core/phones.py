"""Phone numbers as people write them, made into E.164.

Real files hold numbers that a spreadsheet has mangled (``4155552671.0``, ``4.155552671E+09``, ``="4155552671"``), links
(``tel:+1-…``), other scripts' digits, trunk zeros (``+44 (0)20…``) and notes. What is meant is settled here, and
libphonenumber decides whether it is a number. Nothing is guessed: a cell that could mean two people is refused.
"""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import Decimal
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberMatcher, ValidationResult

#: Fewest digits that can be a whole phone number; shorter runs beside a number are notes, or parts of it.
FEWEST_DIGITS = 7
#: Most digits of a number, its country code included (E.164).
MOST_DIGITS = 15
#: Longest cell that is looked at; no number and no note needs more.
LONGEST_CELL_CHARACTERS = 250
#: Longest piece of a cell that a reason repeats.
LONGEST_QUOTE_CHARACTERS = 40


class Parsed(NamedTuple):
    """What a cell holds.

    Args:
        e164: the number as ``+14155552671``; empty when there is none.
        reason: why there is none, a sentence for a person; empty with a number.
    """

    e164: str
    reason: str


_EMPTY = Parsed("", "There is no phone number in this row.")
_PLAIN = re.compile(r"[+(]?[0-9][0-9 ().\-/]*")
_WHOLE_WITH_DECIMALS = re.compile(r"([+-]?[0-9]{7,15})[.,]0+")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3}){2,4}")
_EXPONENT = re.compile(r"([+-]?)([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})")
_FORMULA_TEXT = re.compile(r"=\s*\"([^\"]*)\"")
_EXTENSION = re.compile(
    r"[0-9)]\s*[,;]?\s*(?:x|ext\.?|extn\.?|extension|#|;ext=)\s*[.:]?\s*[0-9]{1,7}\s*$", re.IGNORECASE
)
_TRUNK_ZERO = re.compile(r"(?<=\d)[\s.\-]*\(\s*0\s*\)[\s.\-]*")
_RUN = re.compile(r"[+(]{0,2}[0-9][0-9 ().\-–—\u2010\u2011\u2212/]*")
_SEPARATOR = re.compile(r"[/,;|&\n\r]|\b(?:or|and|und|oder|et|ou|y)\b", re.IGNORECASE)
_PARAMETERS = re.compile(r";(?!ext=)[a-z-]+=[^;]*", re.IGNORECASE)
_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f\u3000\t\v\f"), " ")
#: Direction marks and joiners that copying from a chat or a web page leaves behind, and NUL.
_INVISIBLE = dict.fromkeys((0, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A)))
_CLEANUP = {**_SPACES, **_INVISIBLE, ord("’"): "'", ord("‘"): "'", ord("“"): '"', ord("”"): '"'}
_FORMATTING = str.maketrans("", "", " ().-/")


def normalise(raw: object, region: str) -> Parsed:
    """The number that a cell holds, in E.164.

    Args:
        raw: a cell as it was read: text, or a number or nothing from a spreadsheet.
        region: two-letter country whose numbers are written without a country code, e.g. ``US``.

    Returns:
        The number, or the reason why there is none. An extension (``x123``) is a reason: a text would reach the
        switchboard, not the person. Two different numbers in one cell are a reason too; the same one twice is fine.
    """
    if isinstance(raw, str):
        text = raw.strip()
        if text.isascii() and _PLAIN.fullmatch(text) and (number := _north_american(text, region)):
            return Parsed(number, "")
    else:
        found = _text_of(raw)
        if isinstance(found, Parsed):
            return found
        text = found
    text = _unwrap(text)
    if not text:
        return _EMPTY
    if len(text) > LONGEST_CELL_CHARACTERS:
        return Parsed("", f"{_quote(text)} is too long for a phone number: keep only the number in this cell.")
    if exponent := _EXPONENT.fullmatch(text):
        return _from_exponent(exponent, text, region)
    if decimals := _WHOLE_WITH_DECIMALS.fullmatch(text):
        text = decimals[1]
    elif _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if _EXTENSION.search(text):
        return Parsed("", f"{_quote(text)} has an extension, which texts cannot reach: give the person's own number.")
    if _PLAIN.fullmatch(text) and "/" not in text:
        number = _north_american(text, region)
        return Parsed(number, "") if number else _from_plain(text, region)
    return _from_several(text, region)


def _text_of(raw: object) -> str | Parsed:
    """A spreadsheet's value as text, or why it is no number."""
    if raw is None or (isinstance(raw, float) and math.isnan(raw)):
        return ""
    if isinstance(raw, bool):
        return Parsed("", f"“{raw}” is not a phone number.")
    if isinstance(raw, float | Decimal):
        if not math.isfinite(raw) or raw != int(raw):
            return Parsed("", f"“{raw}” is not a phone number: format the column as text and enter the number again.")
        return str(int(raw))
    return str(raw).strip()


def _unwrap(text: str) -> str:
    """Take away what a spreadsheet, a link or a chat put around a number, and other scripts' digits."""
    if not text.isascii() or "\x00" in text or "\t" in text:
        text = unicodedata.normalize("NFKC", text).translate(_CLEANUP)
        if not text.isascii():
            text = "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in text)
    text = text.strip()
    if formula := _FORMULA_TEXT.fullmatch(text):
        text = formula[1].strip()
    text = text.strip("'\"` ").removeprefix("=").strip()
    if text[:4].lower() in ("tel:", "sms:"):
        text = _PARAMETERS.sub("", text[4:]).strip()
    return text


def _from_exponent(match: re.Match[str], text: str, region: str) -> Parsed:
    """``4.155552671E+09`` has all its digits, ``4.15555E+09`` has lost some."""
    sign, first, rest, power = match[1], match[2], match[3] or "", int(match[4])
    if len(rest) != power:
        return Parsed(
            "",
            f"A spreadsheet has lost digits of this number ({_quote(text)}): format the column as text in the original "
            "file and export it again.",
        )
    return _parse(sign + first + rest, region)


def _from_plain(text: str, region: str) -> Parsed:
    """Digits and their usual punctuation: one number, or two with nothing but a blank between them."""
    parsed = _parse(text, region)
    if not parsed.e164 and sum(map(str.isdigit, text)) > MOST_DIGITS:
        found = {_parse(piece, region) for piece in text.split()}
        if all(piece.e164 for piece in found):
            return found.pop() if len(found) == 1 else _two_numbers(text)
    return parsed


def _two_numbers(text: str) -> Parsed:
    return Parsed("", f"There are two numbers in one cell ({_quote(text)}): keep one, or give each a row of its own.")


def _from_several(text: str, region: str) -> Parsed:
    """A cell with more in it than one plain number: notes, a second number, slashes."""
    parts = [part for part in _SEPARATOR.split(text) if sum(map(str.isdigit, part)) >= FEWEST_DIGITS]
    runs = [run for run in _runs(text) if sum(map(str.isdigit, run)) >= FEWEST_DIGITS]
    if len(parts) < 2 and len(runs) < 2:
        if not runs:
            return Parsed("", f"{_quote(text)} is not a phone number.")
        parsed = _parse(runs[0], region)
        if parsed.e164 or not any(map(str.isalpha, text)):
            return parsed
        # "415-555-2671 2nd floor": the note's digits ran into the number's.
        matches = {_e164(match.number) for match in PhoneNumberMatcher(text, region)}
        return Parsed(matches.pop(), "") if len(matches) == 1 else parsed
    pieces = parts if len(parts) > 1 else runs
    found = {_first_run(piece, region) for piece in pieces}
    if len(found) == 1:
        return found.pop()
    return _two_numbers(text)


def _runs(text: str) -> list[str]:
    return [match[0].rstrip(" (.-–—\u2010\u2011\u2212/") for match in _RUN.finditer(text)]


def _first_run(text: str, region: str) -> Parsed:
    run = max(_runs(text), key=len, default="")
    return _parse(run, region)


def _parse(text: str, region: str) -> Parsed:
    """One number without anything beside it."""
    text = text.lstrip("-").lstrip("(") if text.startswith(("(+", "(00", "-")) else text
    if text.startswith("00") and text[2:3] not in ("0", ""):
        text = "+" + text[2:]
    if text.startswith("+"):
        text = _TRUNK_ZERO.sub(" ", text)
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return Parsed("", f"{_quote(text)} is not a phone number.")
    if phonenumbers.is_valid_number(number):
        return Parsed(_e164(number), "")
    return Parsed("", _why_not(number, text))


def _why_not(number: phonenumbers.PhoneNumber, text: str) -> str:
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible in (ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        return f"{_quote(text)} is too short: write the number with its area code, or with + and its country code."
    if possible in (ValidationResult.TOO_LONG, ValidationResult.INVALID_LENGTH):
        return f"{_quote(text)} has too many or too few digits: check it, or write it with + and its country code."
    if possible == ValidationResult.INVALID_COUNTRY_CODE:
        return f"{_quote(text)} has a country code that does not exist."
    return f"{_quote(text)} is not a number that any phone company gives out: check its first digits."


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _quote(text: str) -> str:
    text = " ".join(text.split())
    return f"“{text}”" if len(text) <= LONGEST_QUOTE_CHARACTERS else f"“{text[:LONGEST_QUOTE_CHARACTERS]}…”"


@cache
def _calling_code(region: str) -> int:
    return int(phonenumbers.country_code_for_region(region))


@cache
def _us_pattern() -> re.Pattern[str]:
    """Every kind of number of the United States, as libphonenumber's own metadata describes them."""
    metadata = PhoneMetadata.metadata_for_region("US", None)
    names = ("fixed_line", "mobile", "toll_free", "premium_rate", "personal_number")
    patterns = (getattr(getattr(metadata, name), "national_number_pattern", None) for name in names)
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns if pattern))


def _north_american(text: str, region: str) -> str:
    """The number if it is one of the United States in a common form, else empty; a tenth of libphonenumber's time."""
    digits = text.translate(_FORMATTING)
    if digits.startswith("+1"):
        digits = digits[2:]
    elif _calling_code(region) != 1:
        return ""
    elif len(digits) == 11 and digits[0] == "1":
        digits = digits[1:]
    if len(digits) != 10 or not _us_pattern().fullmatch(digits):
        return ""
    return f"+1{digits}"

"""Phone numbers as files hold them."""

from __future__ import annotations

from decimal import Decimal

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.core.phones import normalise

MISSION = "+14155552671"
LONDON = "+442079460018"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("4155552671", MISSION),
        ("(415) 555-2671", MISSION),
        ("415.555.2671", MISSION),
        ("415/555-2671", MISSION),
        ("1-415-555-2671", MISSION),
        ("+1 415 555 2671", MISSION),
        ("4155552671.0", MISSION),
        ("4155552671,00", MISSION),
        (4155552671, MISSION),
        (4155552671.0, MISSION),
        (Decimal("4155552671.0"), MISSION),
        ('="4155552671"', MISSION),
        ("'4155552671", MISSION),
        ("=4155552671", MISSION),
        ("4,155,552,671", MISSION),
        ("4.155552671E+09", MISSION),
        ("4,155552671e9", MISSION),
        ("tel:+1-415-555-2671", MISSION),
        ("tel:+14155552671;phone-context=example.com", MISSION),
        ("４１５５５５２６７１", MISSION),
        ("٤١٥٥٥٥٢٦٧١", MISSION),
        ("\u202a+1 415\u00a0555\u20112671\u202c", MISSION),
        ("41555\x0052671", MISSION),
        ("415-555-2671 (mobile)", MISSION),
        ("mobile: 415 555 2671", MISSION),
        ("415-555-2671 call after 5pm", MISSION),
        ("415-555-2671 2nd floor", MISSION),
        ("415-555-2671 / (415) 555 2671", MISSION),
        ("+44 (0)20 7946 0018", LONDON),
        ("+44(0)2079460018", LONDON),
        ("(+44) 20 7946 0018", LONDON),
        ("0044 20 7946 0018", LONDON),
        ("011 44 20 7946 0018", LONDON),
    ],
)
def test_a_number_is_found_however_it_is_written(raw: object, expected: str) -> None:
    assert normalise(raw, "US") == (expected, "")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("", "no phone number"),
        (None, "no phone number"),
        (float("nan"), "no phone number"),
        ("   ", "no phone number"),
        ("\x00", "no phone number"),
        ("ask her", "not a phone number"),
        (True, "not a phone number"),
        (4155552671.5, "not a phone number"),
        (float("inf"), "not a phone number"),
        ("1-800-FLOWERS", "not a phone number"),
        ("+999 123 4567", "not a phone number"),
        ("555-1234", "too short"),
        ("41555526711111", "too many or too few digits"),
        ("+1 555 012 3456", "not a number that any phone company gives out"),
        ("415-555-2671 x123", "extension"),
        ("415-555-2671 ext. 5", "extension"),
        ("415-555-2671#12", "extension"),
        ("4.15555E+09", "lost digits"),
        ("4.155552671E+10", "lost digits"),
        ("415-555-2671 / 212-555-0100", "two numbers in one cell"),
        ("415-555-2671 or 212-555-0100", "two numbers in one cell"),
        ("+1 415 555 2671 (Mum) +1 212 555 0100", "two numbers in one cell"),
        ("4155552671 4155552672", "two numbers in one cell"),
        ("4155552671" * 40, "too long"),
    ],
)
def test_what_is_not_one_number_is_refused_with_a_reason(raw: object, words: str) -> None:
    parsed = normalise(raw, "US")
    assert parsed.e164 == ""
    assert words in parsed.reason
    assert parsed.reason.endswith(".")


def test_a_number_without_country_code_is_of_the_region() -> None:
    assert normalise("020 7946 0018", "GB").e164 == LONDON
    assert normalise("030/1234567", "DE").e164 == "+49301234567"
    assert normalise("020 7946 0018", "US").e164 == ""


# "00" at the start is a plus for us, wherever the list comes from; libphonenumber takes it so outside North America only.
@given(
    st.from_regex(r"(\+1 ?|1[- ])?\(?[0-9]{3}\)?[-. ]?[0-9]{3}[-. ]?[0-9]{4}", fullmatch=True).filter(
        lambda text: not text.lstrip("(").startswith("00")
    )
)
def test_the_short_cut_for_north_america_agrees_with_libphonenumber(text: str) -> None:
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        # 011 dials abroad, and what follows is no country.
        assert normalise(text, "US").e164 == ""
        return
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert normalise(text, "US").e164 == (expected if phonenumbers.is_valid_number(number) else "")


@given(st.text(max_size=60))
def test_any_text_gives_a_valid_number_or_a_reason(text: str) -> None:
    parsed = normalise(text, "US")
    assert bool(parsed.e164) != bool(parsed.reason)
    if parsed.e164:
        assert phonenumbers.is_valid_number(phonenumbers.parse(parsed.e164))

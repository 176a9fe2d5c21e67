"""Segments, against a slow and obvious count."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations.sms.segments import GSM7_BASIC, GSM7_EXTENSION, count, segments

GSM7 = GSM7_BASIC + GSM7_EXTENSION


def obvious(text: str) -> tuple[str, int, int]:
    """Encoding, segments and units left, by filling one segment after the other, character by character."""
    gsm7 = all(character in GSM7 for character in text)
    single, part = (160, 153) if gsm7 else (70, 67)
    if gsm7:
        costs = [2 if character in GSM7_EXTENSION else 1 for character in text]
    else:
        costs = [len(character.encode("utf-16-le")) // 2 for character in text]
    encoding = "GSM-7" if gsm7 else "UCS-2"
    if sum(costs) <= single:
        return encoding, 1 if costs else 0, single - sum(costs)
    filled = [0]
    for cost in costs:
        if filled[-1] + cost > part:
            filled.append(0)
        filled[-1] += cost
    return encoding, len(filled), part - filled[-1]


gsm7_texts = st.text(alphabet=st.sampled_from(GSM7 + "ab" * 40), max_size=700)
any_texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=400)
emoji_texts = st.lists(st.sampled_from(["🙂", "a", "é", "‘"]), max_size=300).map("".join)


@given(st.one_of(gsm7_texts, any_texts, emoji_texts))
@example("a" * 152 + "€" + "a" * 100)
@example("€" * 160)
@example("a" * 66 + "🙂" + "a" * 10)
def test_count_agrees_with_the_obvious_one(text: str) -> None:
    counted = count(text)
    assert (counted.encoding, counted.segments, counted.remaining) == obvious(text)
    assert segments(text) == counted.segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("a", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" * 76, 2),
        ("a" * 152 + "€" * 77, 3),
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("🙂" * 35, 1),
        ("🙂" * 36, 2),
        ("ж" * 66 + "🙂" + "ж" * 65, 2),
        ("ж" * 66 + "🙂" + "ж" * 66, 3),
    ],
)
def test_known_lengths(text: str, expected: int) -> None:
    assert segments(text) == expected


@pytest.mark.parametrize("character", list("Ç@£$¥èéùìòØøÅåΔΦ_^{}\\[~]|€\f\n\r"))
def test_gsm7_characters(character: str) -> None:
    assert count(character).encoding == "GSM-7"


@pytest.mark.parametrize("character", list("ç`‘’“”–…\tâ\x1bж🙂\u00a0"))
def test_characters_that_force_ucs2_are_named(character: str) -> None:
    counted = count(f"a{character}b{character}")
    assert counted.encoding == "UCS-2"
    assert counted.odd_characters == (character,)


def test_count_tells_what_is_left() -> None:
    counted = count("Price: 5 €")
    assert (counted.characters, counted.units, counted.per_segment, counted.remaining) == (10, 11, 160, 149)


def test_lone_surrogate_counts_as_one_unit() -> None:
    assert count("\ud83d" * 71).segments == 2

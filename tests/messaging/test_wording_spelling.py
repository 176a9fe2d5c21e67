"""What word somebody meant: figures for letters, stretched, swallowed, joined and misspelt words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.wording import Intent, is_opt_out, read
from messaging.wording.spelling import meant
from messaging.wording.text import tokens

MEANT = [
    ("N0 M0RE T3XTS", "NO MORE TEXTS"), ("st0p txtng me", "STOP TEXTING ME"), ("stoptextingme", "STOP TEXTING ME"),
    ("S T O P texting me", "STOP TEXTING ME"), ("leavemealone", "LEAVE ME ALONE"), ("$top", "STOP"), ("rmv me", "REMOVE ME"),
    ("NOOOO MOOORE", "NO MORE"), ("harrassing", "HARASSING"), ("recieve mesages", "RECEIVE MESSAGES"),
    ("kiten mi numero", "QUITEN MI NUMERO"), ("quit buggin me", "QUIT BUGGING ME"), ("unsubscribe period", "UNSUBSCRIBE ."),
    ("take 555-123-4567 off", "TAKE MY NUMBER OFF"),
]  # fmt: skip
OTHER_WORDS = [
    "massage", "brother", "contract", "testing", "spending", "remote", "takeout", "nonstop", "cancer", "layer", "rsvp", "html",
    "lumber", "tuesday", "4th", "2pm", "5pm", "quien", "dejenme",
]  # fmt: skip


@pytest.mark.parametrize(("typed", "words"), MEANT)
def test_a_word_is_read_as_it_was_meant(typed: str, words: str) -> None:
    assert " ".join(tokens(typed)) == words


@pytest.mark.parametrize("word", OTHER_WORDS)
def test_a_word_in_its_own_right_stays(word: str) -> None:
    assert meant(word.upper()) == ()


@given(st.text("ABCDEIMNOPRSTUX0134$", min_size=1, max_size=60))
def test_no_token_breaks_it(token: str) -> None:
    assert all(word for word in meant(token))


def test_pictures_speak_too() -> None:
    assert is_opt_out("🛑🛑🛑")
    assert read("🖕").intent is Intent.UNCLEAR
    assert read("👍").intent is Intent.NONE


@pytest.mark.parametrize(
    "body",
    [
        "If you text me again I will call my lawyer", "Deactivate text notifications for this number", "consent revoked",
        "I never want to hear from you again", "no longer wish to be part of this", "Dejen de estar fregando con sus mensajes",
        "que me den de baja", "fichez-moi la paix", "je veux plus recevoir vos trucs", "take me off this list period",
    ],
)  # fmt: skip
def test_classes_of_meaning_opt_out(body: str) -> None:
    assert is_opt_out(body)


@pytest.mark.parametrize(
    "body",
    [
        "I need to cancel my appointment with Dr. Patel", "please stop the autopay on my card",
        "add me back, I unsubscribed by mistake",
        "drop me off at the store", "¿me borraron de la lista de espera?", "Pourquoi vous m'envoyez plus les offres",
        "Can I opt out of the insurance on the rental", "how do I stop my dog from chewing",
    ],
)  # fmt: skip
def test_other_things_bother_nobody(body: str) -> None:
    assert read(body).intent is Intent.NONE

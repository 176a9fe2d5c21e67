"""Standard words, in the wordings people really use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.words import first_word, is_help, is_opt_in, is_opt_out, words

STOPS = [
    "STOP", "stop", "Stop.", "STOP!!!", " stop ", "\nSTOP\n", "“STOP”", "'stop'", "(stop)", "*STOP*", "STOP🛑", "stop?",
    "STOP -", "-stop-", "_stop_", "S.T.O.P.", "s t o p", "ＳＴＯＰ", "ST\u200bOP", "\u202aSTOP\u202c", "STOP STOP STOP",
    "stop please", "please stop", "Pls stop", "hey stop", "STOP TEXTING ME", "stop sending me this crap", "Stop it",
    "Please stop texting me now", "stop messages", "STOP all", "STOPALL", "stop it, thanks", "stop now!!", "STOPP",
    "UNSUBSCRIBE", "unsubscribe me from this list", "Please unsubscribe", "unsub", "CANCEL", "cancel my subscription",
    "END", "QUIT", "quit texting me", "REVOKE", "OPT OUT", "opt-out", "OPTOUT", "Opt - out", "opt me out please",
    "remove me", "Please remove me from your list", "remove my number", "take me off your list", "leave me alone",
    "don't text me", "Don’t text me again", "Do not text me", "please do not contact me", "no more texts please",
    "ARRET", "arrêt", "arre\u0302t", "BAJA", "ALTO", "STOP\nSent from my iPhone", "stop\r\n-- \r\nBob, Sales",
]  # fmt: skip
CHATTER = [
    "", "   ", "👍", "…", "\x00", "-", "What time do you stop?", "stop by at 5?", "I'll stop by later", "Don't stop",
    "end of the road", "The END is near", "cancel my order", "Can I cancel the table at 8?", "quit smoking with us",
    "nonstop", "STOPWATCH", "stopped", "bus stop", "unstoppable", "remove the olives", "take me to the river",
    "opt for the red one", "text me", "see you at the end", "I never opted out of anything", "please",
    "stop me if you have heard this one before my friend", "Thanks!\nSTOP by any time", "START", "HELP", "YES",
]  # fmt: skip


@pytest.mark.parametrize("body", STOPS)
def test_any_reasonable_wording_opts_out(body: str) -> None:
    assert is_opt_out(body)
    assert not is_opt_in(body)
    assert not is_help(body)


@pytest.mark.parametrize("body", CHATTER)
def test_chatter_opts_nobody_out(body: str) -> None:
    assert not is_opt_out(body)


@pytest.mark.parametrize("body", ["START", "start", "Start!", "YES", " yes. ", "UNSTOP", "Opt-in", "SUBSCRIBE"])
def test_words_that_opt_in(body: str) -> None:
    assert is_opt_in(body)
    assert not is_opt_out(body)


@pytest.mark.parametrize("body", ["yes please", "start when?", "Yes STOP", "I subscribe to that", "yesterday", ""])
def test_more_than_the_word_does_not_opt_in(body: str) -> None:
    assert not is_opt_in(body)


@pytest.mark.parametrize("body", ["HELP", "help", "Help?", "INFO", "info!", "Hilfe", "ayuda", "(aide)"])
def test_words_that_ask_for_help(body: str) -> None:
    assert is_help(body)
    assert not is_opt_out(body)


@pytest.mark.parametrize("body", ["help me move on Sunday", "can you help", "information", "STOP help", ""])
def test_more_than_the_word_does_not_ask_for_help(body: str) -> None:
    assert not is_help(body)


def test_the_first_word_is_what_keywords_are_found_by() -> None:
    assert first_word("  “Join” the club") == "JOIN"
    assert first_word("👍") == ""
    assert words("Don’t—really, don't!") == ["DONT", "REALLY", "DONT"]


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading(body: str) -> None:
    assert sum((is_opt_out(body), is_opt_in(body), is_help(body))) <= 1

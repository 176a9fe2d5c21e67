"""Standard words, in the wordings people really use."""

from __future__ import annotations

import pytest

from messaging.wording import (
    OPT_OUT_AT,
    REVIEW_AT,
    Intent,
    first_word,
    fold,
    is_help,
    is_no,
    is_opt_in,
    is_opt_out,
    is_yes,
    read,
    words,
)

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
STANDARD = [
    "ALTO", "alto.", "¡Baja!", "PARAR", "cancelar", "No más", "NO MAS", "no mas por favor", "ARRÊT", "arret svp", "Désabonner",
    "stop la pub", "STOP SMS", "stpo", "Sotp", "STOPPPP", "stooop", "St0p", "unsubcribe", "UNSUSCRIBE", "no more", "Stop all",
    "s.t.o.p", "🛑 stop 🛑", "opt out pls", "Stop\n--\nMarie Curtis, Realtor\n(512) 555-0134", "STOP STOP STOP",
]  # fmt: skip
UNCLEAR = [
    "stop sending these at night?", "remove the second ticket", "cancel my order", "how do I stop this?", "cancel it",
    "can I cancel tomorrow's booking", "Wrong number", "Reply STOP to unsubscribe", "maybe I should unsubscribe lol",
    "¿Cómo me doy de baja?", "Número equivocado", "Comment me désabonner ?", "Annulez ma commande",
]  # fmt: skip
NEITHER = [
    "Don't stop", "bus stop", "can't stop laughing", "one-stop shop", "I'll stop by at 5", "stop by the shop?",
    "please don't unsubscribe me", "Why did you stop texting me?", "no paren, me encantan", "N'arrêtez pas !", "l'arrêt de bus",
]  # fmt: skip
QUOTED = [
    "Liked “Summer sale! Reply STOP to opt out”", 'Loved "Doors at 7. Text STOP to end, HELP for help"',
    "> Reply STOP to unsubscribe\nIs this for hardcovers too?", "Me gustó “Oferta! Responda STOP para cancelar”",
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
    assert fold("Arre\u0302t, niño ＳＴＯＰ") == "ARRET, NINO STOP"


@pytest.mark.parametrize("body", STANDARD)
def test_standard_words_of_three_languages_opt_out(body: str) -> None:
    assert read(body).score >= 100
    assert is_opt_out(body)


@pytest.mark.parametrize("body", UNCLEAR)
def test_what_may_be_an_opt_out_is_for_a_person_to_see(body: str) -> None:
    reading = read(body)
    assert reading.intent is Intent.UNCLEAR
    assert REVIEW_AT <= reading.score < OPT_OUT_AT


@pytest.mark.parametrize("body", NEITHER)
def test_what_is_no_opt_out_bothers_nobody(body: str) -> None:
    assert read(body).intent is Intent.NONE


@pytest.mark.parametrize("body", QUOTED)
def test_our_own_words_repeated_ask_for_nothing(body: str) -> None:
    assert read(body).intent is Intent.NONE


def test_words_beside_a_quotation_count() -> None:
    assert is_opt_out("> Summer sale! Reply STOP to opt out\nSTOP")
    assert is_opt_out('It says "Reply STOP to end", so stop texting me')


def test_a_but_parts_two_wishes() -> None:
    assert is_opt_out("Don't cancel my order but stop texting me")
    assert not is_opt_out("Stop by on Monday but don't cancel my order")


@pytest.mark.parametrize(
    "body", ["yes", "Yes!", "Y", "yeah", "Sí", "si", "OUI", "ok", "Okay!", "Confirm", "yes please", "I do, yes"]
)
def test_words_that_say_yes(body: str) -> None:
    assert is_yes(body)
    assert not is_no(body)


@pytest.mark.parametrize(
    "body",
    ["", "yes but stop", "Yes STOP", "yesterday", "is that a yes?", "no", "👍", "ok when do you open", "y " * 40],
)
def test_more_than_yes_confirms_nothing(body: str) -> None:
    assert not is_yes(body)


@pytest.mark.parametrize("body", ["no", "No.", "NOPE", "no thanks", "Non merci", "no gracias"])
def test_words_that_say_no(body: str) -> None:
    assert is_no(body)
    assert not is_yes(body)


def test_the_reason_is_written_for_people() -> None:
    assert read("Stop.").why == "Asks to stop (100 points, clear from 60): the standard word STOP +100."
    why = read("stop sending these at night?").why
    assert why.startswith("May ask to stop (")
    assert "asks to stop messages +70, only at times -60" in why
    assert read("See you there").why == "Does not ask to stop (0 points, looked at from 25)."

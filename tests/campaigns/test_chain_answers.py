"""Answers as people write them."""

from __future__ import annotations

import datetime as dt

import pytest

from campaigns.services.chains.answers import read_answer
from campaigns.services.chains.plan import Choice, Step

TODAY = dt.date(2026, 11, 23)  # a Monday
MEALS = (Choice("Chicken", ("poulet",)), Choice("Fish", ("salmon", "poisson")), Choice("Vegetarian", ("veggie",)))


def read(text: str, kind: str, *, region: str = "US", low: str = "", high: str = "") -> str:
    step = Step("q", kind="ask", answer_kind=kind, choices=MEALS, minimum=low, maximum=high)
    return read_answer(text, step, region=region, today=TODAY).value


@pytest.mark.parametrize(
    "text", ["y", "Yes!", "YEAH", "yep", "si", "Sí, claro", "oui", "ok", "👍", "👍🏽", "of course"]
)
def test_yes_in_many_words(text: str) -> None:
    assert read(text, "yes_no") == "yes"


@pytest.mark.parametrize("text", ["n", "No.", "nope", "non", "No thanks", "I can't", "👎", "never"])
def test_no_in_many_words(text: str) -> None:
    assert read(text, "yes_no") == "no"


@pytest.mark.parametrize("text", ["maybe", "not sure", "yes and no", "what?", "", "...", "3"])
def test_neither_yes_nor_no_is_asked_again(text: str) -> None:
    assert read(text, "yes_no") == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", "2"),
        ("two", "2"),
        ("Dos!", "2"),
        ("there will be 4 of us", "4"),
        ("2.50", "2.5"),
        ("1,200", "1200"),
        ("ten", "10"),
        ("2 or 3", ""),
        ("many", ""),
        ("4th", ""),
        ("1.2.3.4", ""),
    ],
)
def test_numbers(text: str, value: str) -> None:
    assert read(text, "number") == value


@pytest.mark.parametrize(("text", "value"), [("1", "1"), ("9", "9"), ("0", ""), ("10", ""), ("-1", "")])
def test_numbers_keep_their_bounds(text: str, value: str) -> None:
    assert read(text, "number", low="1", high="9") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("chicken", "Chicken"),
        ("2", "Fish"),
        ("two", "Fish"),
        ("Option 3", "Vegetarian"),
        ("the salmon, please", "Fish"),
        ("POULET", "Chicken"),
        ("veg", "Vegetarian"),
        ("fish or chicken", ""),
        ("not the fish", ""),
        ("4", ""),
        ("pizza", ""),
    ],
)
def test_choices(text: str, value: str) -> None:
    assert read(text, "choice") == value


@pytest.mark.parametrize(
    ("text", "region", "value"),
    [
        ("2027-03-14", "US", "2027-03-14"),
        ("3/4/2027", "US", "2027-03-04"),
        ("3/4/2027", "GB", "2027-04-03"),
        ("25/12/2026", "US", "2026-12-25"),
        ("14 March 2027", "GB", "2027-03-14"),
        ("March 14th, 2027", "US", "2027-03-14"),
        ("le 1er mai", "FR", "2027-05-01"),
        ("14 de marzo", "ES", "2027-03-14"),
        ("12/1", "US", "2026-12-01"),
        ("11/1", "US", "2027-11-01"),
        ("tomorrow", "US", "2026-11-24"),
        ("next Friday", "US", "2026-11-27"),
        ("Monday", "US", "2026-11-30"),
        ("31 April", "US", ""),
        ("3/4 or 3/5", "US", ""),
        ("soon", "US", ""),
    ],
)
def test_dates(text: str, region: str, value: str) -> None:
    assert read(text, "date", region=region) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Ann@Example.com", "ann@example.com"),
        ("it's ann@example.com.", "ann@example.com"),
        ("<ann@example.com>", "ann@example.com"),
        ("ann@example", ""),
        ("ann@a.com or ann@b.com", ""),
        ("ann at example.com", ""),
    ],
)
def test_email_addresses(text: str, value: str) -> None:
    assert read(text, "email") == value


def test_free_text_keeps_its_length() -> None:
    assert read("fine", "text", low="2", high="5") == "fine"
    assert read("f", "text", low="2", high="5") == ""
    assert read("splendid", "text", low="2", high="5") == ""


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(
            ("yes_no", text)
            for text in (
                "I don't know",
                "don't know yet",
                "can't wait!",
                "Wont miss it",
                "Right now I am driving",
                "ok who is this",
                "no idea",
                "No problem",
                "yes if my wife can",
                "si puedo voy",
                "Not coming",
                "You know, 👍 or 👎",
            )
        ),
        *(
            ("choice", text)
            for text in (
                "both",
                "Is there any fish?",
                "fish was bad last time",
                "fish allergy",
                "nothing with fish",
                "I'll take 2",
                "un momento por favor",
                "the",
            )
        ),
        *(
            ("number", text)
            for text in (
                "one of us cannot come",
                "nobody else",
                "un momento por favor",
                "1 moment",
                "I have 2 questions",
                "me and 2 kids",
                "at least 3",
                "4 pm",
                "not 4",
                "seven hundred",
                "call me at 5",
            )
        ),
        *(
            ("date", text)
            for text in (
                "I sat down",
                "the sun is out",
                "not Friday",
                "not on 14 March",
                "2027-03-14 or 2027-03-15",
                "may 2 or 3 people come",
                "the day after tomorrow",
                "before Friday",
                "Friday next week",
                "Saturday 14 March 2027",
                "March 14 or 15",
            )
        ),
        ("email", "not ann@example.com"),
    ],
)
def test_what_may_mean_something_else_is_asked_again(kind: str, text: str) -> None:
    assert read(text, kind) == ""


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("yes_no", "Yes I will be there", "yes"),
        ("yes_no", "Yes! What time?", "yes"),
        ("yes_no", "Yes, about 5 of us", "yes"),
        ("yes_no", "see you there 👍", "yes"),
        ("yes_no", "ok thanks", "yes"),
        ("yes_no", "No, sorry, you were right", "no"),
        ("yes_no", "Sorry can't make it", "no"),
        ("yes_no", "no we are away", "no"),
        ("choice", "I'll have the fish", "Fish"),
        ("choice", "2 please", "Fish"),
        ("number", "just one", "1"),
        ("number", "none", "0"),
        ("number", "3 suitcases", "3"),
        ("number", "4 people in total, thanks", "4"),
        ("date", "14 March at 5pm", "2027-03-14"),
        ("date", "Sunday, 14 March 2027", "2027-03-14"),
        ("date", "on Friday please", "2026-11-27"),
        ("email", "my mail is ann@example.com, thanks", "ann@example.com"),
    ],
)
def test_words_that_change_nothing_may_stand_around_an_answer(kind: str, text: str, value: str) -> None:
    assert read(text, kind) == value


def test_choices_that_are_numbers_or_letters_or_begin_alike_are_told_apart() -> None:
    def choose(text: str, *choices: Choice) -> str:
        return read_answer(
            text, Step("q", kind="ask", answer_kind="choice", choices=choices), region="US", today=TODAY
        ).value

    sizes = (Choice("5"), Choice("10"), Choice("3"))
    assert (choose("3", *sizes), choose("2", *sizes)) == ("3", "")
    assert choose("Very good, thanks", Choice("Good"), Choice("Very good")) == "Very good"
    planets = (Choice("Mars", ("a",)), Choice("Venus", ("b",)))
    assert (choose("A", *planets), choose("I need a minute", *planets)) == ("Mars", "")
    times = (Choice("10:00"), Choice("10:30"))
    assert (choose("10:30", *times), choose("10:00 please", *times)) == ("10:30", "10:00")

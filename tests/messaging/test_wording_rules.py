"""The rules of wording, one by one, and all of them on any text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.wording import Intent, is_help, is_no, is_opt_in, is_opt_out, is_yes, read, reading, words
from messaging.wording.reading import matching_rules
from messaging.wording.rule import DOUBTFUL, Rule
from messaging.wording.rules import RULES
from messaging.wording.standard import OPT_OUT
from messaging.wording.text import MOST_CHARACTERS, MOST_LETTERS, shorten, tokens

#: Repeats without an upper bound that may stand in a rule: letters and digits of one word, whose number is bounded.
_WITHIN_A_WORD = re.compile(r"\\[wd][*+]")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}: {rule.example}")
def test_each_rule_matches_its_example(rule: Rule) -> None:
    assert rule.label in {matched.label for matched in matching_rules(rule.example)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}: {rule.example}")
def test_no_rule_can_run_on(rule: Rule) -> None:
    """It looks at a place of the text and a bounded number of words behind it: time grows with the length alone."""
    pattern = _WITHIN_A_WORD.sub("", rule.pattern().pattern)
    assert not re.search(r"(?<!\\)[*+]|\{\d*,\}", pattern)


def test_rules_are_named_for_people_and_weighed() -> None:
    for rule in RULES:
        assert rule.name
        assert rule.weight
        assert rule.floor == 0 or (rule.weight < 0 and rule.floor == DOUBTFUL)
        assert len(rule.label) <= 60


def test_a_reading_cannot_be_changed() -> None:
    stop = read("STOP")
    with pytest.raises(FrozenInstanceError):
        stop.score = 0  # type: ignore[misc]  # that is what is tried


def test_a_rule_counts_once_however_often_it_matches() -> None:
    once = read("There is too much spam here")
    assert read("There is too much spam here. " * 5).score == once.score


def test_a_doubt_leaves_enough_for_a_person_to_look() -> None:
    assert read("How do I unsubscribe from these texts, how can I stop it?").intent is Intent.UNCLEAR


def test_long_texts_are_read_by_their_beginning_and_end() -> None:
    filler = "The seats were lovely and we had a very good evening. " * 100
    assert len(shorten(filler)) <= MOST_CHARACTERS + 1
    assert is_opt_out(f"{filler}Please take me off your list.")
    assert is_opt_out(f"Please take me off your list. {filler}")
    assert max(map(len, tokens("x" * MOST_CHARACTERS))) == MOST_LETTERS


def test_no_more_of_a_text_is_looked_at_than_its_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def noting(function: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
        def noted(body: str) -> list[str]:
            seen.append(len(body))
            return function(body)

        return noted

    monkeypatch.setattr(reading, "words", noting(words))
    monkeypatch.setattr(reading, "tokens", noting(tokens))
    for text in ("do not ", "stop texting me, ", '"', ">", "é", "\n"):
        read(text * 100_000)
    assert max(seen) == MOST_CHARACTERS + 1


@given(st.text(max_size=400))
def test_no_text_breaks_the_reading(body: str) -> None:
    assert len(read(body).why) <= 200
    assert sum((is_opt_out(body), is_opt_in(body), is_help(body))) <= 1
    assert not (is_yes(body) and (is_no(body) or is_opt_out(body)))


_PIECES = sorted({word for rule in RULES for word in (*rule.begins.split(), *rule.example.split())})


@given(st.lists(st.sampled_from(_PIECES), max_size=30).map(" ".join))
def test_no_mixture_of_its_own_words_breaks_the_reading(body: str) -> None:
    found = read(body)
    assert len(found.why) <= 200
    assert len(set(found.rules)) == len(found.rules)


@given(
    st.sampled_from(sorted(OPT_OUT)),
    st.sampled_from([str.upper, str.lower, str.title]),
    st.text("'\"“”«».!?…,;:()[] \n\t🛑🙏", max_size=6),
    st.text("'\"“”«».!?…,;:()[] \n\t🛑🙏", max_size=6),
)
def test_case_and_punctuation_do_not_matter(word: str, case: type[str], before: str, after: str) -> None:
    assert is_opt_out(f"{before}{case(word)}{after}")

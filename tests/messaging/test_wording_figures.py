"""How well messages are understood: the labelled set, and the figures that docs/opt-outs.md publishes."""

from __future__ import annotations

import json
import re
import sys

import pytest

from broadcast.core.config import BASE_DIR
from messaging.wording import read
from tests import opt_outs
from tests.opt_outs import Case, cases, hardest, part, report

#: Least shares: of what is read so, how much is right; of what is so, how much is read so.
PRECISION_OPT_OUT = 0.98
PRECISION_REVIEW = 0.9
PRECISION_NONE = 0.97
RECALL_OPT_OUT = 0.98
RECALL_REVIEW = 0.92
RECALL_NONE = 0.95


def test_the_set_is_large_hard_and_in_three_languages() -> None:
    figures = report(cases())
    assert figures["messages"] >= 360
    assert figures["hard"] * 2 >= figures["messages"]
    assert set(figures["languages"]) == {"en", "es", "fr"}
    assert min(figures["languages"].values()) >= 100
    assert len({case.text for case in cases()}) == figures["messages"]


def test_a_third_of_the_first_round_is_held_out() -> None:
    first = [case for case in cases() if case.round == 1]
    assert sum(case.is_held_out for case in first) / len(first) == pytest.approx(1 / 3, abs=0.01)
    assert not any(case.is_held_out for case in cases() if case.round > 1)


@pytest.mark.parametrize("name", ["tuning", "held-out"])
def test_no_clear_opt_out_is_missed(name: str) -> None:
    assert [case.text for case in part(name) if case.is_missed_opt_out] == []


@pytest.mark.parametrize("name", ["tuning", "held-out"])
def test_messages_are_understood(name: str) -> None:
    classes = report(part(name))["classes"]
    assert classes["opt_out"]["precision"] >= PRECISION_OPT_OUT
    assert classes["opt_out"]["recall"] >= RECALL_OPT_OUT
    assert classes["review"]["precision"] >= PRECISION_REVIEW
    assert classes["review"]["recall"] >= RECALL_REVIEW
    assert classes["none"]["precision"] >= PRECISION_NONE
    assert classes["none"]["recall"] >= RECALL_NONE
    for label in ("help", "opt_in"):
        assert classes[label]["precision"] == classes[label]["recall"] == 1


def test_figures_are_counted_by_label_and_reading() -> None:
    def case(label: str, text: str) -> Case:
        return Case(text, label, "en", is_hard=False, is_held_out=False, round=1, reading=read(text))

    told = report(
        [case("opt_out", "STOP"), case("opt_out", "See you there"), case("none", "stop"), case("none", "Thanks")]
    )
    assert told["confusion"]["opt_out"] == {"opt_out": 1, "review": 0, "none": 1, "help": 0, "opt_in": 0}
    assert told["classes"]["opt_out"] == {"messages": 2, "precision": 0.5, "recall": 0.5}
    assert told["missed_opt_outs"] == 1


def test_the_command_prints_the_table_and_the_hardest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["opt_outs", "--json"])
    assert opt_outs.main() == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["all"]["messages"] == len(cases())
    assert len(printed["hardest"]) == len(hardest(cases())) == 10


def test_the_published_figures_are_those_of_today() -> None:
    page = (BASE_DIR / "docs" / "opt-outs.md").read_text(encoding="utf-8")
    for name in ("tuning", "held-out", "all"):
        figures = report(part(name))
        row = re.search(rf"^\| {name} \| (\d+) \| (\d+) \| (\d+) \|", page, re.MULTILINE)
        assert row is not None
        assert [int(value) for value in row.groups()] == [
            figures["messages"],
            figures["hard"],
            figures["right"],
        ]

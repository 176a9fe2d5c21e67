"""The machine of text chains: what a turn says and does, and what holds whatever happens."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.models.chain_values import RunState
from campaigns.services.chains import machine
from campaigns.services.chains.machine import (
    Answered,
    Event,
    Join,
    LimitReached,
    Position,
    Reminder,
    Save,
    Start,
    TimeOut,
)
from campaigns.services.chains.plan import Branch, Choice, Plan, Step, plan_from_json

TODAY = dt.date(2026, 11, 23)


def play(plan: Plan, *events: Event, person: dict[str, str] | None = None) -> list[machine.Turn]:
    turns, position = [], Position()
    for event in events:
        turns.append(machine.advance(plan, position, event, person=person or {}, today=TODAY))
        position = turns[-1].position
    return turns


def chain(*steps: Step) -> Plan:
    return Plan("Test", 1, "US", steps)


GUESTS = Step("guests", "ask", "How many?", answer_kind="number", retry_text="A number, please.", most_tries=2)


def test_texts_of_one_turn_are_one_message() -> None:
    plan = chain(Step("hello", "send", "Hello {{ first_name }}!"), GUESTS, Step("bye", "end", "{{ guests }} it is."))
    begun, ended = play(plan, Start(), Answered("three"), person={"first_name": "Ada"})
    assert begun.text == "Hello Ada!\nHow many?"
    assert begun.position.step == "guests"
    assert ended.text == "3 it is."
    assert (ended.position.state, ended.position.step) == ("finished", "")


def test_a_second_try_is_friendly_and_the_last_one_ends_with_a_person() -> None:
    _, again, given_up = play(chain(GUESTS), Start(), Answered("lots"), Answered("loads"))
    assert (again.text, again.position.tries, again.position.state) == ("A number, please.", 1, "running")
    assert given_up.position.state == "handed_over"


def test_the_last_try_may_lead_elsewhere() -> None:
    plan = chain(
        Step("guests", "ask", "How many?", answer_kind="number", most_tries=1, then_to="bye"), Step("bye", "end", "Bye")
    )
    assert play(plan, Start(), Answered("lots"))[-1].text == "Bye"


def test_answers_are_saved_scored_and_branched_on() -> None:
    plan = chain(
        Step("mark", "ask", "1 to 5?", answer_kind="number", weights={"*": 2}, save_to="mark"),
        Step(
            "sort",
            "branch",
            branches=(Branch("score", "at_least", "8", "good"), Branch("score", "otherwise", "", "bad")),
        ),
        Step("good", "join", "Great", list_id=7, list_name="Fans", goes_to="end"),
        Step("bad", "hand_over", "Sorry"),
    )
    good, bad = play(plan, Start(), Answered("4"))[-1], play(plan, Start(), Answered("3"))[-1]
    assert Save("mark", "4") in good.effects
    assert Join("good", 7, "Fans") in good.effects
    assert (good.text, good.position.state, good.position.score) == ("Great", "finished", 8)
    assert (bad.text, bad.position.state, bad.position.score) == ("Sorry", "handed_over", 6)


def test_a_loop_without_a_question_ends_as_failed() -> None:
    plan = chain(Step("a", "send", "A"), Step("b", "send", "B", goes_to="a"))
    turn = play(plan, Start())[0]
    assert turn.position.state == "failed"
    assert "circles" in turn.position.reason


def test_reminder_then_time_out() -> None:
    step = Step("q", "ask", "Well?", reminder_minutes=30, reminder_text="Still there?", timeout_minutes=60)
    asked, reminded, again, over = play(chain(step), Start(), Reminder(), Reminder(), TimeOut())
    assert asked.wakes_in_minutes == 30
    assert (reminded.text, reminded.wakes_in_minutes) == ("Still there?", 30)
    assert again.text == "", "one reminder a question"
    assert over.position.state == "timed_out"


def test_a_time_out_may_lead_elsewhere() -> None:
    plan = chain(Step("q", "ask", "Well?", timeout_minutes=60, timeout_to="bye"), Step("bye", "end", "Too late"))
    assert play(plan, Start(), TimeOut())[-1].text == "Too late"


def test_three_texts_in_a_row_without_an_answer_are_enough() -> None:
    """Given a question whose time-out leads to itself, when nobody ever answers, then three texts more are all they get."""
    plan = chain(Step("q", "ask", "Well?", timeout_minutes=1, timeout_to="q"))
    turns = play(plan, Start(), *[TimeOut()] * 50)
    assert [turn.text for turn in turns if turn.text] == ["Well?"] * 4
    assert turns[-1].position.state == "timed_out"
    assert "without an answer" in turns[-1].position.reason
    # Whoever writes, whatever it is, is there.
    plan = chain(Step("q", "ask", "Well?", answer_kind="number", most_tries=9, timeout_minutes=1, timeout_to="q"))
    turns = play(plan, Start(), *[TimeOut()] * 3, Answered("hm"), *[TimeOut()] * 3)
    assert turns[-1].position.is_running


def test_reminders_count_too_and_a_hand_over_is_still_made() -> None:
    first = Step("a", "ask", "A?", reminder_minutes=1, reminder_text="A!", timeout_minutes=5, timeout_to="b")
    second = Step("b", "ask", "B?", reminder_minutes=1, reminder_text="B!", timeout_minutes=5, timeout_to="c")
    third = Step("c", "ask", "C?", reminder_minutes=1, reminder_text="C!", timeout_minutes=5, timeout_to="d")
    person = Step("d", "hand_over", "Somebody will write.")
    silence = (Reminder(), TimeOut(), Reminder(), TimeOut())
    assert [turn.text for turn in play(chain(first, second, third, person), Start(), *silence)] == [
        *("A?", "A!", "B?", "B!"),
        "",
    ]
    handed_over = play(chain(first, replace(second, timeout_to="d"), person), Start(), *silence)[-1]
    assert (handed_over.text, handed_over.position.state) == ("Somebody will write.", "handed_over")


def test_points_are_found_however_they_are_written() -> None:
    asked = Step("q", "ask", "?", answer_kind="yes_no", weights={"Yes": 5})
    assert play(chain(asked), Start(), Answered("yep"))[-1].position.score == 5
    meal = Step("q", "ask", "?", answer_kind="choice", choices=(Choice("Café"), Choice("Tea")), weights={"cafe": 3})
    assert play(chain(meal), Start(), Answered("café"))[-1].position.score == 3
    mark = Step("q", "ask", "?", answer_kind="number", weights={"2.0": 7, "*": 1})
    assert [play(chain(mark), Start(), Answered(said))[-1].position.score for said in ("2", "3")] == [7, 3]


def test_only_their_own_word_is_a_wish_to_join() -> None:
    def joins(*events: Event) -> list[bool]:
        asked = Step(
            "q", "ask", "Join?", answer_kind="yes_no", most_tries=1, then_to="j", timeout_minutes=5, timeout_to="j"
        )
        turn = play(chain(asked, Step("j", "join", list_id=7, list_name="Fans")), Start(), *events)[-1]
        return [effect.is_their_word for effect in turn.effects if isinstance(effect, Join)]

    assert (joins(Answered("yes")), joins(Answered("who is this?")), joins(TimeOut())) == ([True], [False], [False])


@pytest.mark.parametrize("event", [Answered("3"), Reminder(), TimeOut(), LimitReached(), Start()])
def test_what_has_ended_stays_so(event: Event) -> None:
    position = Position(state="finished", answers={"guests": "2"})
    turn = machine.advance(chain(GUESTS), position, event, person={}, today=TODAY)
    assert (turn.position, turn.text, turn.effects, turn.wakes_in_minutes) == (position, "", (), None)


LABELS = ("a", "b", "c", "d", "e")
targets = st.sampled_from((*LABELS, "", "end", "nowhere"))
branches = st.builds(
    Branch,
    st.sampled_from(("answer", "score", "a")),
    st.sampled_from(("is", "is_not", "at_least", "at_most", "contains", "otherwise")),
    st.sampled_from(("yes", "3", "", "2026-12-01")),
    st.sampled_from((*LABELS, "end", "nowhere")),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Chains, good and bad."""
    steps = [
        Step(
            label,
            draw(st.sampled_from(("send", "ask", "ask", "ask", "branch", "join", "hand_over", "end"))),
            draw(st.sampled_from(("", "Hi {{ first_name }}", "{{ score }}", "{% if %}", "x" * 900))),
            goes_to=draw(targets),
            answer_kind=draw(st.sampled_from(("text", "choice", "yes_no", "number", "email", "date"))),
            choices=(Choice("yes"), Choice("3", ("three",))),
            most_tries=draw(st.integers(1, 3)),
            then_to=draw(targets),
            weights=draw(st.sampled_from(({}, {"*": 9999}, {"yes": 2}))),
            list_id=draw(st.sampled_from((None, 1))),
            timeout_minutes=draw(st.sampled_from((None, 5, 60))),
            timeout_to=draw(targets),
            reminder_minutes=draw(st.sampled_from((None, 5, 30))),
            reminder_text="Still there?",
            branches=tuple(draw(st.lists(branches, max_size=3))),
        )
        for label in LABELS[: draw(st.integers(0, len(LABELS)))]
    ]
    return chain(*steps)


said = st.one_of(
    st.sampled_from(("yes", "no", "3", "three", "tomorrow", "ann@example.com", "9" * 400, "-" + "9" * 30)),
    st.text(max_size=20),
)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Answered, said), st.just(Reminder()), st.just(TimeOut()), st.just(Start()), st.just(LimitReached())
)


@settings(max_examples=150, deadline=None)
@given(plan=plans(), following=st.lists(events, max_size=12))
def test_invariants_hold_for_any_chain_and_any_events(plan: Plan, following: list[Event]) -> None:
    assert plan_from_json(plan.to_json()) == plan
    before = Position()
    for event in (Start(), *following):
        turn = machine.advance(plan, before, event, person={}, today=TODAY)
        now = turn.position
        assert turn == machine.advance(plan, Position(**asdict(before)), event, person={}, today=TODAY)
        waiting = plan.find(now.step)
        assert now.is_running == (waiting is not None and waiting.kind == "ask")
        assert now.state in RunState.values
        assert len(turn.text) <= machine.MAX_MESSAGE_CHARACTERS
        assert sum(getattr(effect, "kind", "") == "moved" for effect in turn.effects) <= machine.MOVES_PER_TURN
        assert abs(now.score) <= machine.MAX_SCORE
        answered = [plan.find(label) for label in now.answers]
        assert {step.kind for step in answered if step} <= {"ask"}
        assert before.is_running or now == before
        if waiting:
            assert now.tries < waiting.most_tries
            assert now.unanswered <= machine.MAX_UNANSWERED
        assert turn.wakes_in_minutes is None or (now.is_running and turn.wakes_in_minutes > 0)
        before = now

"""The state machine of a text chain. Pure: it looks at values and yields values, and the same ones give the same.

A turn begins with an event (start, an answer, a reminder, a time-out, the longest run) and ends where a question waits or the
run ends. What is said on the way is joined into one message.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from broadcast.core.merge import TemplateError, render_template
from campaigns.models.chain_values import END_LABEL, LAST_ANSWER, SCORE, AnswerKind, EventKind, RunState, StepKind
from campaigns.services.chains.answers import hint, read_answer
from campaigns.services.chains.conditions import holds, same
from campaigns.services.chains.plan import Plan, Step

#: Steps in one turn; more is a loop without a question.
MOVES_PER_TURN = 25
#: What carriers take in one message.
MAX_MESSAGE_CHARACTERS = 1600
#: Texts in a row that nobody answers; after them nothing is asked or repeated.
MAX_UNANSWERED = 3
#: Largest score either way: what the database holds with ease.
MAX_SCORE = 1_000_000


@dataclass(frozen=True, slots=True)
class Start:
    """The run begins."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The person wrote."""

    text: str


@dataclass(frozen=True, slots=True)
class Reminder:
    """They have not answered for the minutes of the reminder."""


@dataclass(frozen=True, slots=True)
class TimeOut:
    """They have not answered for the minutes of the time-out."""


@dataclass(frozen=True, slots=True)
class LimitReached:
    """The run has taken as long as it may."""


Event = Start | Answered | Reminder | TimeOut | LimitReached


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands.

    Args:
        state: a value of ``RunState``.
        step: label of the question that waits; empty once it has ended.
        tries: answers to it that were not understood.
        reminded: whether its reminder was sent.
        answers: by label of the question.
        last_answer: the last one.
        score: points so far.
        reason: why it ended, for a person.
        unanswered: texts of reminders and time-outs since they wrote last.
    """

    state: str = RunState.RUNNING.value
    step: str = ""
    tries: int = 0
    reminded: bool = False
    answers: Mapping[str, str] = field(default_factory=dict)
    last_answer: str = ""
    score: int = 0
    reason: str = ""
    unanswered: int = 0

    @property
    def is_running(self) -> bool:
        """Whether it may still move."""
        return self.state == RunState.RUNNING


@dataclass(frozen=True, slots=True)
class Save:
    """Keep a value in a field of the subscriber."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Join:
    """Put the person on a list, if they may be.

    Args:
        step: label of the step.
        list_id: the list.
        list_name: its name when the chain was saved.
        is_their_word: whether the turn began with words of theirs that were understood: only they show a consent.
    """

    step: str
    list_id: int
    list_name: str
    is_their_word: bool = True


@dataclass(frozen=True, slots=True)
class HandOver:
    """Have a person go on.

    Args:
        staff_id: who attends to it; None: whoever does already.
    """

    staff_id: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the record; see ``EventKind``."""

    kind: str
    step: str
    text: str = ""


Effect = Save | Join | HandOver | Note


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn did.

    Args:
        position: where the run stands now.
        text: the one message to send; empty for none.
        effects: in their order.
        wakes_in_minutes: when the reminder or the time-out is due; None when neither is.
    """

    position: Position
    text: str = ""
    effects: tuple[Effect, ...] = ()
    wakes_in_minutes: int | None = None


def advance(plan: Plan, position: Position, event: Event, *, person: Mapping[str, Any], today: dt.date) -> Turn:
    """Play one turn.

    Args:
        plan: the chain.
        position: where the run stands.
        event: what happened; without effect once the run has ended, or when it is none of the step's.
        person: what is known of them: merge fields.
        today: the date in the account's zone.
    """
    if not position.is_running:
        return Turn(position)
    play = _Play(plan, position, person)
    match event:
        case Start():
            if position.step:
                return Turn(position, wakes_in_minutes=_wakes_in(plan, position))
            play.move(plan.steps[0].label if plan.steps else END_LABEL)
        case LimitReached():
            play.end(RunState.TIMED_OUT, "It took as long as a run may take.")
        case _:
            step = plan.find(position.step)
            if step is None or step.kind != StepKind.ASK:
                play.end(RunState.FAILED, f"There is no question “{position.step}” to go on from.")
            else:
                play.at_question(step, event, today)
    return play.turn()


def wake_event(plan: Plan, position: Position) -> Reminder | TimeOut | None:
    """What is due next at the question that waits."""
    step = plan.find(position.step)
    if step is None or not position.is_running:
        return None
    if _reminds(step) and not position.reminded:
        return Reminder()
    return TimeOut() if step.timeout_minutes else None


def _reminds(step: Step) -> bool:
    minutes, timeout = step.reminder_minutes, step.timeout_minutes
    return bool(minutes and step.reminder_text and (not timeout or minutes < timeout))


def _wakes_in(plan: Plan, position: Position) -> int | None:
    step = plan.find(position.step)
    if step is None or not position.is_running:
        return None
    if not _reminds(step):
        return step.timeout_minutes
    if not position.reminded:
        return step.reminder_minutes
    return step.timeout_minutes - (step.reminder_minutes or 0) if step.timeout_minutes else None


class _Play:
    """One turn while it is played."""

    def __init__(self, plan: Plan, position: Position, person: Mapping[str, Any]) -> None:
        self.plan = plan
        self.position = position
        self.person = person
        self.texts: list[str] = []
        self.effects: list[Effect] = []
        self.moves = 0
        self.is_their_word = True

    def turn(self) -> Turn:
        text = "\n".join(self.texts)
        if len(text) > MAX_MESSAGE_CHARACTERS:
            text = f"{text[: MAX_MESSAGE_CHARACTERS - 1]}…"
        return Turn(self.position, text, tuple(self.effects), _wakes_in(self.plan, self.position))

    def at_question(self, step: Step, event: Event, today: dt.date) -> None:
        match event:
            case Answered(text):
                self.position = replace(self.position, unanswered=0)
                self._answer(step, text, today)
            case Reminder() if _reminds(step) and not self.position.reminded:
                self.position = replace(self.position, reminded=True)
                if self.position.unanswered < MAX_UNANSWERED:
                    self.note(EventKind.REMINDED, step)
                    self.say(step, step.reminder_text)
            case TimeOut() if step.timeout_minutes:
                self.note(EventKind.TIMED_OUT, step)
                self.is_their_word = False
                if step.timeout_to:
                    self.move(step.timeout_to)
                else:
                    self.end(RunState.TIMED_OUT, f"No answer to “{step.label}” in time.")
        if self.texts and not isinstance(event, Answered):
            self.position = replace(self.position, unanswered=self.position.unanswered + 1)

    def _answer(self, step: Step, text: str, today: dt.date) -> None:
        answer = read_answer(text, step, region=self.plan.region, today=today)
        if answer.value:
            self.note(EventKind.ANSWERED, step, answer.value)
            self._keep(step, answer.value)
            self._leave(step)
            return
        self.note(EventKind.NOT_UNDERSTOOD, step, answer.problem)
        self.position = replace(self.position, tries=self.position.tries + 1, reminded=False)
        if self.position.tries < step.most_tries:
            self.say(step, step.retry_text or hint(step))
        elif step.then_to:
            self.is_their_word = False
            self.move(step.then_to)
        else:
            self.hand_over(step, f"“{step.label}” was not understood {step.most_tries} times.")

    def _keep(self, step: Step, value: str) -> None:
        points = _points(step, value)
        score = max(-MAX_SCORE, min(MAX_SCORE, self.position.score + points))
        answers = {**self.position.answers, step.label: value}
        self.position = replace(self.position, answers=answers, last_answer=value, score=score)
        if points:
            self.note(EventKind.SCORED, step, f"{points:+d}, {score} in all")
        if step.save_to:
            self.effects.append(Save(step.save_to, value))
            # Texts of the same turn know it already.
            self.person = {**self.person, step.save_to: value}
            self.note(EventKind.SAVED, step, f"{step.save_to} = {value}")

    def _leave(self, step: Step) -> None:
        for branch in step.branches:
            if holds(branch, self.position.answers, self.position.last_answer, self.position.score):
                self.move(branch.goes_to)
                return
        self.move(self.plan.after(step))

    def move(self, label: str) -> None:
        """Go on from step to step until one waits or the run ends."""
        self.moves += 1
        if label == END_LABEL:
            self.end(RunState.FINISHED, "It came to its end.")
            return
        step = self.plan.find(label)
        if step is None:
            self.end(RunState.FAILED, f"There is no step “{label}”. Look at the chain's checks.")
            return
        if self.moves > MOVES_PER_TURN:
            self.end(
                RunState.FAILED, f"More than {MOVES_PER_TURN} steps without a question: the chain goes in circles."
            )
            return
        if step.kind == StepKind.ASK and self.position.unanswered >= MAX_UNANSWERED:
            self.end(RunState.TIMED_OUT, f"{MAX_UNANSWERED} texts in a row without an answer: nothing more is asked.")
            return
        self.note(EventKind.MOVED, step)
        self.say(step, step.text)
        if not self.position.is_running:
            return
        match step.kind:
            case StepKind.ASK:
                self.position = replace(self.position, step=step.label, tries=0, reminded=False)
            case StepKind.HAND_OVER:
                self.hand_over(step, f"The chain handed over at “{step.label}”.")
            case StepKind.END:
                self.end(RunState.FINISHED, f"It came to its end “{step.label}”.")
            case _:
                if step.kind == StepKind.JOIN and step.list_id is not None:
                    self.effects.append(Join(step.label, step.list_id, step.list_name, self.is_their_word))
                self._leave(step)

    def say(self, step: Step, template: str) -> None:
        """Add a text to the turn's message."""
        if not template:
            return
        values = {**self.person, **self.position.answers, SCORE: str(self.position.score)}
        values[LAST_ANSWER] = self.position.last_answer
        try:
            text = render_template(template, values)
        except TemplateError as error:
            self.end(RunState.FAILED, f"The text of “{step.label}” cannot be made: {error}")
            return
        if text:
            self.texts.append(text)

    def hand_over(self, step: Step, reason: str) -> None:
        """End the run where a person goes on."""
        self.effects.append(HandOver(step.staff_id))
        self.end(RunState.HANDED_OVER, reason)

    def end(self, state: str, reason: str) -> None:
        """End the run."""
        self.position = replace(self.position, state=str(state), step="", tries=0, reminded=False, reason=reason[:255])
        self.effects.append(Note(EventKind.ENDED, "", reason))

    def note(self, kind: str, step: Step, text: str = "") -> None:
        """Add to the record."""
        self.effects.append(Note(kind, step.label, text))


def _points(step: Step, value: str) -> int:
    """Points of an answer: its own, however it is written, else for each unit of a number."""
    for answer, points in step.weights.items():
        if same(value, answer):
            return points
    if step.answer_kind == AnswerKind.NUMBER and "*" in step.weights:
        # A number may have more digits than a score can hold.
        number = max(Decimal(-MAX_SCORE), min(Decimal(MAX_SCORE), Decimal(value)))
        return int(number * step.weights["*"])
    return 0

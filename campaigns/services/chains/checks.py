"""What is wrong with a chain, before anybody is asked anything. An active chain has none of the errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from broadcast.core.merge import check_template
from campaigns.models.chain_values import END_LABEL, LAST_ANSWER, SCORE, AnswerKind, Operator, StepKind
from campaigns.services.chains.checks_questions import question_errors
from campaigns.services.chains.conditions import compares, number_of
from campaigns.services.chains.machine import MAX_MESSAGE_CHARACTERS
from campaigns.services.chains.plan import Branch, Plan, Step


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Args:
        is_error: False for what only deserves a look.
        step: label of the step, empty for the chain as a whole.
        text: what is wrong and what to do about it.
    """

    is_error: bool
    step: str
    text: str

    def __str__(self) -> str:
        return f"{self.step}: {self.text}" if self.step else self.text


def check_plan(plan: Plan, *, fields: tuple[str, ...]) -> list[Finding]:
    """Everything that is wrong with a chain, errors first.

    Args:
        plan: the chain.
        fields: names of the account's merge fields.
    """
    if not plan.steps:
        return [Finding(True, "", "It has no steps: add the first one.")]
    findings = [finding for step in plan.steps for finding in _check_step(plan, step, fields)]
    findings += _check_flow(plan)
    return sorted(findings, key=lambda finding: not finding.is_error)


def exits(plan: Plan, step: Step) -> list[tuple[str, str]]:
    """Where a step may lead: (label, under which condition); the condition is empty for the way it usually goes."""
    if step.kind in (StepKind.END, StepKind.HAND_OVER):
        return []
    ways = [(branch.goes_to, describe(branch)) for branch in step.branches]
    if not step.always_branches:
        ways.append((plan.after(step), "otherwise" if step.branches else ""))
    if step.kind == StepKind.ASK:
        if step.timeout_minutes and step.timeout_to:
            ways.append((step.timeout_to, f"no answer for {step.timeout_minutes} min"))
        if step.then_to:
            ways.append((step.then_to, "not understood"))
    return ways


def describe(branch: Branch) -> str:
    """A condition in words."""
    if branch.operator == Operator.OTHERWISE:
        return "otherwise"
    subject = "" if branch.subject == LAST_ANSWER else f"{branch.subject} "
    relation = Operator(branch.operator).label if branch.operator in Operator.values else branch.operator
    return f"{subject}{relation} {branch.value}".removeprefix("is ")


def _check_step(plan: Plan, step: Step, fields: tuple[str, ...]) -> Iterator[Finding]:
    def error(text: str) -> Finding:
        return Finding(True, step.label, text)

    if step.kind in (StepKind.SEND, StepKind.ASK) and not step.text.strip():
        yield error("It has no text: write what the person is to read.")
    if step.kind == StepKind.JOIN and step.list_id is None:
        yield error("It puts nobody on a list: choose the list.")
    if step.kind == StepKind.BRANCH and not step.branches:
        yield error("It has no branches: add some, for example “answer is yes -> thanks”.")
    for target, _ in exits(plan, step):
        if target != END_LABEL and plan.find(target) is None:
            yield error(f"It leads to “{target}”, which is no step. Use one of the labels, or end.")
    yield from _check_texts(plan, step, fields)
    if step.kind == StepKind.ASK:
        for text in question_errors(step, fields=fields, limit_minutes=plan.limit_minutes):
            yield error(text)
    yield from _check_branches(plan, step)


def _check_texts(plan: Plan, step: Step, fields: tuple[str, ...]) -> Iterator[Finding]:
    labels = [other.label for other in plan.steps if other.kind == StepKind.ASK]
    known = (*fields, *labels, SCORE, LAST_ANSWER)
    for name, text in (("text", step.text), ("second try", step.retry_text), ("reminder", step.reminder_text)):
        for problem in check_template(text, known) if text else ():
            yield Finding(True, step.label, f"In its {name}: {problem}")
        if len(text) > MAX_MESSAGE_CHARACTERS // 2:
            yield Finding(False, step.label, f"Its {name} is long: {len(text)} characters cost many segments.")


def _check_branches(plan: Plan, step: Step) -> Iterator[Finding]:
    for index, branch in enumerate(step.branches):
        if branch.subject not in (LAST_ANSWER, SCORE) and branch.operator != Operator.OTHERWISE:
            asked = plan.find(branch.subject)
            if asked is None or asked.kind != StepKind.ASK:
                yield Finding(True, step.label, f"A branch looks at “{branch.subject}”, which is no question.")
        if branch.operator == Operator.OTHERWISE and index < len(step.branches) - 1:
            yield Finding(
                True, step.label, "“otherwise” must be the last of its branches: those after it are never taken."
            )
    if len({branch.subject for branch in step.branches if branch.operator != Operator.OTHERWISE}) == 1:
        yield from _check_cover(plan, step)


def _check_cover(plan: Plan, step: Step) -> Iterator[Finding]:
    """Play every answer there can be: which branches hold for it."""
    tested = [branch for branch in step.branches if branch.operator != Operator.OTHERWISE]
    taken: set[int] = set()
    uncovered: list[str] = []
    overlaps: set[tuple[str, str]] = set()
    values = _possible(plan, step, tested)
    for value in values:
        holding = [index for index, branch in enumerate(tested) if compares(value, branch.operator, branch.value)]
        if not holding:
            uncovered.append(value)
        taken.update(holding[:1])
        overlaps.update((describe(tested[holding[0]]), describe(tested[other])) for other in holding[1:])
    for index, branch in enumerate(tested):
        if values and index not in taken:
            yield Finding(True, step.label, f"The branch “{describe(branch)}” is never taken: remove or change it.")
    for first, second in sorted(overlaps):
        yield Finding(False, step.label, f"Both “{first}” and “{second}” can hold; the first one is taken.")
    if uncovered and step.kind == StepKind.BRANCH and not step.always_branches and not step.goes_to:
        example = ", ".join(uncovered[:3])
        yield Finding(
            True,
            step.label,
            f"No branch holds for {example}: add “otherwise -> …”, or say where it goes to.",
        )


def _possible(plan: Plan, step: Step, tested: list[Branch]) -> list[str]:
    """Answers that show which branches hold: all of them, or for a number the bounds and what is beside them."""
    subject = tested[0].subject
    asked = step if subject == LAST_ANSWER and step.kind == StepKind.ASK else plan.find(subject)
    if subject == LAST_ANSWER and asked is None:
        # Of the questions before a branch any may have been the last: only a single kind can be told.
        before = [other for other in plan.steps[: plan.steps.index(step)] if other.kind == StepKind.ASK]
        asked = before[-1] if before else None
    if subject == SCORE or (asked and asked.answer_kind == AnswerKind.NUMBER):
        low = number_of(asked.minimum) if asked and asked.minimum else None
        high = number_of(asked.maximum) if asked and asked.maximum else None
        bounds = {number for branch in tested if (number := number_of(branch.value)) is not None}
        around = {bound + change for bound in bounds for change in (-1, 0, 1)}
        around |= {bound for bound in (low, high) if bound is not None}
        inside = [n for n in around if (low is None or n >= low) and (high is None or n <= high)]
        return [f"{number.normalize():f}" for number in sorted(inside)]
    if asked is None:
        return []
    if asked.answer_kind == AnswerKind.CHOICE:
        return [choice.value for choice in asked.choices]
    return ["yes", "no"] if asked.answer_kind == AnswerKind.YES_NO else []


def _check_flow(plan: Plan) -> Iterator[Finding]:
    ways = {step.label: [target for target, _ in exits(plan, step)] for step in plan.steps}
    reached = _reach(ways, plan.steps[0].label)
    ending = {
        step.label
        for step in plan.steps
        if END_LABEL in ways[step.label] or step.kind in (StepKind.END, StepKind.HAND_OVER)
    }
    for step in plan.steps:
        if step.label not in reached:
            yield Finding(True, step.label, "Nothing leads to it: lead a step to it, or remove it.")
        elif not (_reach(ways, step.label) & ending):
            yield Finding(True, step.label, "Nobody gets out from here: lead one of the steps after it to an end.")
    # What leads back to itself without a word of theirs never stops: steps by themselves, questions by their time-outs.
    quick = {step.label: _time_out(step) if step.kind == StepKind.ASK else ways[step.label] for step in plan.steps}
    for step in plan.steps:
        if any(step.label in _reach(quick, target) for target in quick[step.label]):
            how = "without an answer, by time-outs" if step.kind == StepKind.ASK else "without a question"
            yield Finding(True, step.label, f"It leads back to itself {how}: people would be flooded.")
    yield from _check_joins(plan, ways)
    if not any(step.kind == StepKind.ASK for step in plan.steps):
        yield Finding(False, "", "It asks nothing: a campaign or a keyword's reply would do.")


def _time_out(step: Step) -> list[str]:
    return [step.timeout_to] if step.timeout_minutes and step.timeout_to else []


def _check_joins(plan: Plan, ways: dict[str, list[str]]) -> Iterator[Finding]:
    """Lists are joined by an answer, and a list that asks for a YES has the last word."""
    # As far as a turn goes that begins with something else than an answer.
    onward = {step.label: [] if step.kind == StepKind.ASK else ways[step.label] for step in plan.steps}
    joins = {step.label: step for step in plan.steps if step.kind == StepKind.JOIN}
    for step in plan.steps:
        if step.kind != StepKind.ASK:
            continue
        for why, target in (
            ("a time-out", "".join(_time_out(step))),
            ("an answer that is not understood", step.then_to),
        ):
            for label in sorted(_reach(onward, target) & joins.keys()):
                text = (
                    f"From {why} it goes to “{label}”, which puts them on a list: ask them first, that is no consent."
                )
                yield Finding(True, step.label, text)
    for label, step in joins.items():
        after = [other for other in _reach(onward, label) if (found := plan.find(other)) and found.kind == StepKind.ASK]
        if step.list_asks and after:
            text = (
                f"“{step.list_name}” asks for a YES, and “{sorted(after)[0]}” is asked at the same moment: a YES or NO can be "
                "taken for the other's. Put people on the list at the end."
            )
            yield Finding(False, label, text)


def _reach(ways: dict[str, list[str]], start: str) -> set[str]:
    """Labels that can be reached, the start included."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        label = waiting.pop()
        if label in ways and label not in found:
            found.add(label)
            waiting += ways[label]
    return found

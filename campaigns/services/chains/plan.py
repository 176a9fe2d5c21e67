"""A chain as plain values: what a run keeps of it, and all that the machine, the checks and the drawing look at."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from campaigns.models import Chain
from campaigns.models.chain_values import END_LABEL, AnswerKind, Operator, StepKind

#: Reading direction of numbers in dates, and the language of nothing else.
DEFAULT_REGION = "US"


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer that is offered.

    Args:
        value: as it is kept.
        words: other ways to say it.
    """

    value: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """A condition and where it leads; see ``campaigns.models.ChainBranch``."""

    subject: str
    operator: str
    value: str
    goes_to: str


@dataclass(frozen=True, slots=True)
class Step:
    """A step; see ``campaigns.models.ChainStep`` for what each value means."""

    label: str
    kind: str = StepKind.SEND.value
    text: str = ""
    goes_to: str = ""
    answer_kind: str = AnswerKind.TEXT.value
    choices: tuple[Choice, ...] = ()
    minimum: str = ""
    maximum: str = ""
    retry_text: str = ""
    most_tries: int = 3
    then_to: str = ""
    save_to: str = ""
    weights: dict[str, int] = field(default_factory=dict)
    list_id: int | None = None
    list_name: str = ""
    list_asks: bool = False
    staff_id: int | None = None
    timeout_minutes: int | None = None
    timeout_to: str = ""
    reminder_minutes: int | None = None
    reminder_text: str = ""
    branches: tuple[Branch, ...] = ()

    @property
    def always_branches(self) -> bool:
        """Whether one of its branches always holds."""
        return any(branch.operator == Operator.OTHERWISE for branch in self.branches)


@dataclass(frozen=True, slots=True)
class Plan:
    """A chain.

    Args:
        name: the chain's.
        version: the chain's, when this was made.
        region: two-letter country, for dates.
        steps: in their order; the first one begins.
        limit_minutes: the longest run; None: not known.
    """

    name: str
    version: int
    region: str = DEFAULT_REGION
    steps: tuple[Step, ...] = ()
    limit_minutes: int | None = None

    def find(self, label: str) -> Step | None:
        """The step of this label."""
        return next((step for step in self.steps if step.label == label), None)

    def after(self, step: Step) -> str:
        """Label of what follows a step without a branch: what it goes to, else the next one, else the end."""
        if step.goes_to:
            return step.goes_to
        index = self.steps.index(step) + 1
        return self.steps[index].label if index < len(self.steps) else END_LABEL

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def plan_from_json(values: dict[str, Any]) -> Plan:
    """The plan that ``Plan.to_json`` wrote."""
    steps = tuple(
        Step(
            **{
                **step,
                "choices": tuple(Choice(choice["value"], tuple(choice["words"])) for choice in step["choices"]),
                "branches": tuple(Branch(**branch) for branch in step["branches"]),
            }
        )
        for step in values["steps"]
    )
    return Plan(values["name"], values["version"], values["region"], steps, values.get("limit_minutes"))


def plan_of(chain: Chain) -> Plan:
    """A chain as it stands in the database."""
    rows = chain.steps.select_related("list").prefetch_related("branches").order_by("position", "id")
    steps = tuple(
        Step(
            label=row.label,
            kind=row.kind,
            text=row.text,
            goes_to=row.goes_to,
            answer_kind=row.answer_kind,
            choices=tuple(
                Choice(str(choice.get("value", "")), tuple(str(word) for word in choice.get("words", ())))
                for choice in row.choices
            ),
            minimum=row.minimum,
            maximum=row.maximum,
            retry_text=row.retry_text,
            most_tries=row.most_tries,
            then_to=row.then_to,
            save_to=row.save_to,
            weights={str(answer): int(points) for answer, points in row.weights.items()},
            list_id=row.list_id,
            list_name=row.list.name if row.list else "",
            list_asks=row.list is not None and row.list.double_opt_in,
            staff_id=row.assign_to_id,
            timeout_minutes=row.timeout_minutes,
            timeout_to=row.timeout_to,
            reminder_minutes=row.reminder_minutes,
            reminder_text=row.reminder_text,
            branches=tuple(
                Branch(branch.subject, branch.operator, branch.value, branch.goes_to) for branch in row.branches.all()
            ),
        )
        for row in rows
    )
    return Plan(chain.name, chain.version, chain.account.default_region, steps, chain.run_limit_hours * 60)

"""What is found in a chain before anybody is asked anything, and the templates and pictures."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from campaigns.models import Chain
from campaigns.services.chains.checks import check_plan
from campaigns.services.chains.drawing import draw
from campaigns.services.chains.lifecycle import ChainNotReady, activate, archive, check_chain, note_change
from campaigns.services.chains.notation import NotationError, parse_branches, parse_choices, parse_points
from campaigns.services.chains.plan import Branch, Choice, Plan, Step, plan_of
from campaigns.services.chains.rehearsal import RehearsalLost, begin, go_on
from campaigns.services.chains.templates import TEMPLATES, create_from_template
from tests.factories import AccountFactory, ChainFactory

FIELDS = ("first_name", "email", "number")
ASK = Step("q", "ask", "Yes or no?", answer_kind="yes_no")
BYE = Step("bye", "end", "Bye")


def errors(*steps: Step) -> list[str]:
    return [str(finding) for finding in check_plan(Plan("T", 1, "US", steps), fields=FIELDS) if finding.is_error]


def test_a_good_chain_has_no_findings() -> None:
    assert check_plan(Plan("T", 1, "US", (ASK, BYE)), fields=FIELDS) == []


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ((), "no steps"),
        ((Step("q", "ask", answer_kind="yes_no"), BYE), "q: It has no text"),
        ((Step("q", "ask", "Hi {{ frist_name }}"), BYE), "no merge field “frist_name”"),
        ((Step("q", "ask", "Well?", goes_to="nowhere"), BYE), "“nowhere”, which is no step"),
        ((Step("q", "ask", "Well?", goes_to="end"), BYE), "bye: Nothing leads to it"),
        (
            (Step("a", "send", "A"), Step("b", "send", "B", goes_to="a")),
            "a: It leads back to itself without a question",
        ),
        ((ASK, Step("r", "ask", "Again?", goes_to="q")), "q: Nobody gets out from here"),
        ((Step("j", "join"), ASK), "choose the list"),
        ((Step("q", "ask", "Which?", answer_kind="choice"),), "at least two choices"),
        (
            (Step("q", "ask", "?", answer_kind="choice", choices=(Choice("A", ("x",)), Choice("B", ("X!",)))),),
            "“x” means both A and B",
        ),
        ((Step("q", "ask", "?", answer_kind="number", minimum="5", maximum="3"),), "No answer fits"),
        ((Step("q", "ask", "?", save_to="shoe_size"),), "no field of a subscriber"),
        (
            (Step("q", "ask", "?", reminder_minutes=9, reminder_text="!", timeout_minutes=9),),
            "no earlier than its time-out",
        ),
        ((ASK, Step("b", "branch", branches=(Branch("answer", "is", "yes", "bye"),)), BYE), "No branch holds for no"),
        (
            (ASK, Step("b", "branch", branches=(Branch("answer", "is", "perhaps", "bye"),), goes_to="end"), BYE),
            "The branch “perhaps” is never taken",
        ),
        (
            (
                Step("q", "ask", "?", answer_kind="number", minimum="1", maximum="9"),
                Step("b", "branch", branches=(Branch("q", "at_most", "3", "bye"), Branch("q", "at_least", "5", "bye"))),
                BYE,
            ),
            "No branch holds for 4",
        ),
        (
            (
                Step(
                    "q",
                    "ask",
                    "?",
                    branches=(Branch("answer", "otherwise", "", "bye"), Branch("answer", "is", "a", "bye")),
                ),
                BYE,
            ),
            "must be the last",
        ),
    ],
)
def test_errors_are_found(steps: tuple[Step, ...], text: str) -> None:
    assert any(text in error for error in errors(*steps)), errors(*steps)


def test_branches_that_overlap_are_pointed_out() -> None:
    branches = (Branch("score", "at_least", "5", "bye"), Branch("score", "at_least", "8", "bye"))
    plan = Plan("T", 1, "US", (ASK, Step("b", "branch", branches=branches, goes_to="end"), BYE))
    assert any("is never taken" in str(finding) for finding in check_plan(plan, fields=FIELDS))
    plan = Plan("T", 1, "US", (ASK, Step("b", "branch", branches=branches[::-1], goes_to="end"), BYE))
    found = check_plan(plan, fields=FIELDS)
    assert [(finding.is_error, "can hold" in finding.text) for finding in found] == [(False, True)]


@pytest.mark.django_db
@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_each_template_can_be_activated_as_it_is(template: str) -> None:
    chain = create_from_template(account=AccountFactory(), template=template, name="New", user=None)
    assert check_chain(chain) == []
    activate(chain_id=chain.pk)
    picture = ElementTree.fromstring(draw(plan_of(chain)))  # noqa: S314  made by us
    boxes = picture.findall(".//{http://www.w3.org/2000/svg}g")
    assert len(boxes) == chain.steps.count() + 1
    assert all(step.label in "".join(picture.itertext()) for step in chain.steps.all())


@pytest.mark.django_db
def test_names_and_texts_cannot_break_the_picture() -> None:
    steps = ({"label": "q", "kind": "ask", "text": "</text><script>alert(1)</script>"},)
    chain = ChainFactory(name="<b>&", steps=steps)
    assert "<script" not in draw(plan_of(chain))


@pytest.mark.django_db
def test_a_chain_with_errors_is_not_active() -> None:
    chain = ChainFactory(state="draft", steps=())
    with pytest.raises(ChainNotReady, match="no steps"):
        activate(chain_id=chain.pk)
    active = ChainFactory()
    assert not note_change(chain_id=active.pk)
    active.steps.all().delete()
    assert note_change(chain_id=active.pk)
    assert Chain.objects.get(pk=active.pk).state == "draft"
    archive(chain_id=active.pk)
    with pytest.raises(ChainNotReady, match="archived already"):
        archive(chain_id=active.pk)


@pytest.mark.django_db
def test_a_rehearsal_goes_on_only_from_its_own_signed_state() -> None:
    chain, other = ChainFactory(), ChainFactory()
    scene = begin(chain=chain)
    assert go_on(chain=chain, token=scene.token, event="answer", text="3").text == "Thanks, 3 it is."
    for lost in ({"chain": other}, {"token": scene.token[:-2] + "xx"}, {"event": "explode"}):
        with pytest.raises(RehearsalLost, match="Start again"):
            go_on(**{"chain": chain, "token": scene.token, "event": "answer", "text": "3", **lost})  # type: ignore[arg-type]


def test_lines_become_choices_points_and_branches() -> None:
    assert parse_choices("Fish: salmon, pescado\n\nMeat") == [
        {"value": "Fish", "words": ["salmon", "pescado"]},
        {"value": "Meat", "words": []},
    ]
    assert parse_points("yes = 2\n* = -1") == {"yes": 2, "*": -1}
    assert parse_branches(
        "answer is yes -> thanks\nscore at least 5 -> good\nguests is not 2 → two\notherwise -> bye"
    ) == [
        ("answer", "is", "yes", "thanks"),
        ("score", "at_least", "5", "good"),
        ("guests", "is_not", "2", "two"),
        ("answer", "otherwise", "", "bye"),
    ]
    for parse, line in ((parse_points, "yes"), (parse_branches, "yes -> thanks")):
        with pytest.raises(NotationError, match="yes"):
            parse(line)

"""What is found in a chain before anybody is asked anything, and the templates and pictures."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from campaigns.models import Chain
from campaigns.services.chains.checks import check_plan, exits
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
JOIN = Step("join", "join", list_id=1, list_name="Fans")
MEAL = Step("q", "ask", "?", answer_kind="choice", choices=(Choice("Chicken"), Choice("Fish", ("salmon",))))


def errors(*steps: Step) -> list[str]:
    plan = Plan("T", 1, "US", steps, limit_minutes=120)
    return [str(finding) for finding in check_plan(plan, fields=FIELDS) if finding.is_error]


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
        (
            (replace(ASK, timeout_minutes=1, timeout_to="q"), BYE),
            "q: It leads back to itself without an answer, by time-outs",
        ),
        (
            (replace(ASK, timeout_minutes=1, timeout_to="s", goes_to="end"), Step("s", "send", "Hello?", goes_to="q")),
            "q: It leads back to itself without an answer, by time-outs",
        ),
        (
            (replace(ASK, timeout_minutes=60, timeout_to="s"), Step("s", "send", "Late."), JOIN, BYE),
            "q: From a time-out it goes to “join”",
        ),
        ((replace(ASK, then_to="join"), JOIN, BYE), "q: From an answer that is not understood it goes to “join”"),
        ((replace(ASK, weights={"maybe": 5}), BYE), "points for “maybe”, which is never its answer"),
        ((replace(ASK, weights={"yes": 5, "YES": 3}), BYE), "points for “YES” twice"),
        ((replace(MEAL, weights={"fsh": 3}), BYE), "points for “fsh”, which is never"),
        ((replace(MEAL, weights={"salmon": 3}), BYE), "points for “salmon”, which is never"),
        (
            (Step("q", "ask", "?", answer_kind="number", maximum="5", weights={"6": 1}), BYE),
            "points for “6”, which is never",
        ),
        ((Step("q", "ask", "?", weights={"*": 1}), BYE), "points for “*”, which is never"),
        ((replace(MEAL, choices=(Choice("10", ("00",)), Choice("10", ("30",)))), BYE), "“10” is there more than once"),
        ((Step("q", "ask", "?", save_to="email"), BYE), "saves any answer as the e-mail address"),
        ((replace(ASK, timeout_minutes=120), BYE), "Its time-out never comes: the chain's longest run of 2 hours"),
        ((replace(ASK, reminder_minutes=150, reminder_text="!"), BYE), "Its reminder never comes"),
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


def test_good_points_joins_and_time_outs_have_no_errors() -> None:
    weighed = replace(ASK, weights={"Yes": 5, "no": 0}, timeout_minutes=60, timeout_to="bye")
    assert errors(weighed, JOIN, replace(MEAL, label="meal", weights={"FISH": 1}), BYE) == []
    asked_again = replace(ASK, label="again", timeout_minutes=60)
    assert errors(replace(ASK, timeout_minutes=60, timeout_to="again"), asked_again, JOIN, BYE) == []
    marks = Step("mark", "ask", "?", answer_kind="number", minimum="1", maximum="5", weights={"1.0": 1, "*": 2})
    address = Step("mail", "ask", "?", answer_kind="email", save_to="email")
    assert errors(marks, address, BYE) == []


def test_a_question_beside_a_lists_own_is_pointed_out() -> None:
    def hints(*steps: Step) -> list[str]:
        return [str(finding) for finding in check_plan(Plan("T", 1, "US", steps), fields=FIELDS)]

    asking = replace(JOIN, list_asks=True)
    city = Step("city", "ask", "Your city?")
    assert any("join: “Fans” asks for a YES, and “city”" in text for text in hints(ASK, asking, city))
    assert hints(ASK, JOIN, city) == []
    assert hints(ASK, city, asking) == []


@pytest.mark.django_db
@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_each_template_can_be_activated_as_it_is(template: str) -> None:
    chain = create_from_template(account=AccountFactory(), template=template, name="New", user=None)
    assert check_chain(chain) == []
    activate(chain_id=chain.pk)
    picture = ElementTree.fromstring(draw(plan_of(chain)))  # noqa: S314  made by us
    boxes = picture.findall(".//{http://www.w3.org/2000/svg}g")
    leads_to_end = any(target == "end" for step in plan_of(chain).steps for target, _ in exits(plan_of(chain), step))
    assert len(boxes) == chain.steps.count() + leads_to_end
    assert all(step.label in "".join(picture.itertext()) for step in chain.steps.all())


@pytest.mark.django_db
def test_the_picture_has_an_end_only_where_a_way_leads_to_it() -> None:
    ends_itself = ChainFactory(steps=({"label": "bye", "kind": "end", "text": "Bye."},))
    runs_out = ChainFactory(steps=({"label": "hello", "kind": "send", "text": "Hello."},))
    assert ">end</text>" not in draw(plan_of(ends_itself))
    assert ">end</text>" in draw(plan_of(runs_out))


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
            go_on(**{"chain": chain, "token": scene.token, "event": "answer", "text": "3", **lost})  # type: ignore[arg-type]  # one of them is another


def test_lines_become_choices_points_and_branches() -> None:
    assert parse_choices("Fish: salmon, pescado\n\nMeat") == [
        {"value": "Fish", "words": ["salmon", "pescado"]},
        {"value": "Meat", "words": []},
    ]
    assert parse_choices("10:00\n10:30: half past ten\nLate:") == [
        {"value": "10:00", "words": []},
        {"value": "10:30", "words": ["half past ten"]},
        {"value": "Late", "words": []},
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
    with pytest.raises(NotationError, match="at most 60 characters"):
        parse_branches(f"answer is {'x' * 61} -> bye")
    assert parse_branches(f"answer is {'x' * 60} -> bye")[0][2] == "x" * 60
    for parse, line in ((parse_points, "yes"), (parse_branches, "yes -> thanks")):
        with pytest.raises(NotationError, match="yes"):
            parse(line)

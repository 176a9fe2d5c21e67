"""The loop guard and running chains: a long chain is no loop, and no chain makes one possible."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from campaigns.models import ChainRun
from campaigns.services.chains.runs import start
from messaging.models import InboundMessage, Message, PhoneNumber
from messaging.services.loops import LOOP_MESSAGES
from tests.factories import AccountFactory, ChainFactory, PhoneNumberFactory
from tests.messaging import hooks
from tests.messaging.hooks import reply_to

PERSON = "+14155552671"
QUESTIONS = 14

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> PhoneNumber:
    """A number whose account answers everything."""
    account = AccountFactory.create(name="Harbour Lights", default_reply="We are closed.")
    return PhoneNumberFactory.create(account=account)


def receive(line: PhoneNumber, body: str) -> InboundMessage:
    return hooks.receive(line, body, PERSON, at=timezone.now().timestamp())


def begin(line: PhoneNumber, *steps: dict[str, Any]) -> ChainRun:
    chain = ChainFactory.create(account=line.account, steps=steps)
    return start(chain=chain, number=line, person=PERSON, how="test").run


def question(index: int, kind: str) -> dict[str, Any]:
    return {"label": f"q{index}", "kind": "ask", "text": f"Question {index}?", "answer_kind": kind, "most_tries": 99}


@pytest.mark.parametrize(("kind", "answer"), [("number", "4"), ("yes_no", "YES"), ("text", "fine")])
def test_a_long_chain_that_is_answered_briskly_comes_to_its_end(line: PhoneNumber, kind: str, answer: str) -> None:
    """Given more questions than the guard has messages, when all are answered at once, then every answer is kept."""
    run = begin(line, *(question(index, kind) for index in range(QUESTIONS)))
    messages = [receive(line, answer) for _ in range(QUESTIONS)]
    run.refresh_from_db()
    assert 2 * QUESTIONS > LOOP_MESSAGES
    assert {message.handler for message in messages} == {"chain"}
    assert (run.state, len(run.answers)) == ("finished", QUESTIONS)
    # It is over: what comes now is as much a loop as ever.
    assert receive(line, "Thanks!").handler == "loop_guard"


def test_what_a_chain_does_not_understand_counts(line: PhoneNumber) -> None:
    begin(line, question(0, "number"))
    messages = [receive(line, "We are away.") for _ in range(LOOP_MESSAGES)]
    assert messages[-1].handler == "loop_guard"
    assert Message.objects.count() < LOOP_MESSAGES
    # A person who has been looked for is still heard.
    assert receive(line, "4").handler == "chain"


def test_a_chain_in_circles_with_a_machine_falls_silent(line: PhoneNumber) -> None:
    """Given a chain that takes any text and asks again, when a machine answers it, then it ends like any loop."""
    begin(line, {**question(0, "text"), "goes_to": "q1"}, {**question(1, "text"), "goes_to": "q0"})
    messages = [receive(line, "We are away.") for _ in range(2 * LOOP_MESSAGES)]
    assert messages[-1].handler == "loop_guard"
    assert Message.objects.count() < LOOP_MESSAGES


def test_help_in_a_chain_is_not_answered_for_ever(line: PhoneNumber) -> None:
    begin(line, question(0, "text"))
    messages = [receive(line, "HELP") for _ in range(LOOP_MESSAGES)]
    assert messages[0].handler == "help"
    assert (messages[-1].handler, reply_to(messages[-1])) == ("loop_guard", None)


def test_a_chain_with_somebody_else_lets_nothing_through(line: PhoneNumber) -> None:
    chain = ChainFactory.create(account=line.account, steps=(question(0, "text"),))
    start(chain=chain, number=line, person="+14155552672", how="test")
    messages = [receive(line, "We are away.") for _ in range(LOOP_MESSAGES)]
    assert messages[-1].handler == "loop_guard"

"""Runs of text chains through the real inbound stream and router: what is answered and what is kept."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from campaigns.models import Chain, ChainEvent, ChainRun, Subscriber, Subscription
from campaigns.services.chains import runs
from campaigns.services.chains.lifecycle import note_change
from campaigns.services.chains.runs import ChainError, start, wake_due
from messaging.models import Message, PhoneNumber
from messaging.services.suppressions import suppress
from tests.factories import (
    AccountFactory,
    ChainFactory,
    CustomFieldFactory,
    InboundMessageFactory,
    PhoneNumberFactory,
    SubscriberListFactory,
    SuppressionFactory,
)
from tests.messaging.hooks import receive, reply_to
from tests.threads import at_once

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line(db: None) -> PhoneNumber:
    """A number of Harbour Lights."""
    return PhoneNumberFactory(account=AccountFactory(name="Harbour Lights"))


def begin(line: PhoneNumber, **values: object) -> ChainRun:
    return start(chain=ChainFactory(account=line.account, **values), number=line, person=PERSON, how="test").run


def sent() -> list[str]:
    return list(Message.objects.order_by("id").values_list("body", flat=True))


def kinds(run: ChainRun) -> list[str]:
    return list(run.events.order_by("id").values_list("kind", flat=True))


def test_an_exchange_of_many_turns_is_understood_answered_and_kept(line: PhoneNumber) -> None:
    fans = SubscriberListFactory(account=line.account, name="Gala")
    CustomFieldFactory(account=line.account, key="meal")
    steps = (
        {
            "label": "coming",
            "kind": "ask",
            "text": "Gala on 12 December: will you come?",
            "answer_kind": "yes_no",
            "retry_text": "YES or NO is enough.",
            "weights": {"yes": 1},
            "branches": (("answer", "is", "no", "pity"),),
        },
        {"label": "name", "kind": "ask", "text": "Lovely! Your first name?", "save_to": "first_name"},
        {
            "label": "guests",
            "kind": "ask",
            "text": "Thanks, {{ first_name }}. How many of you?",
            "answer_kind": "number",
            "minimum": "1",
            "maximum": "6",
            "weights": {"*": 2},
        },
        {
            "label": "meal",
            "kind": "ask",
            "text": "1 Chicken, 2 Fish",
            "answer_kind": "choice",
            "choices": [{"value": "Chicken", "words": []}, {"value": "Fish", "words": ["salmon"]}],
            "save_to": "meal",
        },
        {"label": "mail", "kind": "ask", "text": "Your e-mail?", "answer_kind": "email", "save_to": "email"},
        {"label": "arrives", "kind": "ask", "text": "Which day do you arrive?", "answer_kind": "date"},
        {"label": "join", "kind": "join", "list": fans},
        {"label": "bye", "kind": "end", "text": "{{ guests }} guests, {{ meal }}, {{ arrives }}, {{ score }} points."},
        {"label": "pity", "kind": "end", "text": "What a pity."},
    )
    run = begin(line, steps=steps)
    said = [
        "perhaps",
        "Yeah!",
        "Zoë",
        "seven hundred",
        "three",
        "the salmon please",
        "zoe@example",
        "Zoe@Example.com",
        "12/11/2026",
    ]
    answers = [receive(line, text) for text in said]

    assert [reply_to(message) for message in answers] == [
        "YES or NO is enough.",
        "Lovely! Your first name?",
        "Thanks, Zoë. How many of you?",
        "Please answer with a number from 1 to 6, for example 1.",
        "1 Chicken, 2 Fish",
        "Your e-mail?",
        "Please answer with an e-mail address, for example ann@example.com.",
        "Which day do you arrive?",
        "3 guests, Fish, 2026-12-11, 7 points.",
    ]
    assert {message.handler for message in answers} == {"chain"}
    assert "goes on at “name”" in answers[1].decision
    run.refresh_from_db()
    assert (run.state, run.score) == ("finished", 7)
    assert run.answers == {
        "coming": "yes",
        "name": "Zoë",
        "guests": "3",
        "meal": "Fish",
        "mail": "zoe@example.com",
        "arrives": "2026-12-11",
    }
    person = Subscriber.objects.get(account=line.account, number=PERSON)
    assert (person.first_name, person.email, person.fields) == ("Zoë", "zoe@example.com", {"meal": "Fish"})
    assert Subscription.objects.live().filter(list=fans, subscriber=person).exists()
    assert kinds(run).count("answered") == 6
    assert kinds(run).count("not_understood") == 3
    assert kinds(run).count("said") == 10
    assert run.events.filter(kind="answered", inbound=answers[4], text="three → 3").exists()
    # It has ended: the next message is nobody's.
    assert receive(line, "Thanks!").handler == "inbox"


def test_a_new_start_replaces_what_runs_with_a_record(line: PhoneNumber) -> None:
    first = begin(line)
    second = begin(line)
    first.refresh_from_db()
    assert (first.state, first.wakes_at) == ("replaced", None)
    assert str(second.chain) in first.events.latest("id").text
    assert ChainRun.objects.get(state="running") == second
    with pytest.raises(IntegrityError):
        ChainRun.objects.filter(pk=first.pk).update(state="running")


def test_the_same_person_may_be_in_two_chains_on_two_numbers(line: PhoneNumber) -> None:
    begin(line)
    begin(PhoneNumberFactory(account=line.account))
    assert ChainRun.objects.filter(state="running").count() == 2


def test_editing_a_chain_does_not_touch_what_runs(line: PhoneNumber) -> None:
    run = begin(line)
    run.chain.steps.all().delete()
    note_change(chain_id=run.chain_id)
    assert reply_to(receive(line, "2")) == "Thanks, 2 it is."
    assert Chain.objects.get().state == "draft"


def test_an_inbound_start_leaves_the_answer_to_its_caller(line: PhoneNumber) -> None:
    inbound = InboundMessageFactory(number=line, sender=PERSON, body="RSVP")
    started = start(
        chain=ChainFactory(account=line.account), number=line, person=PERSON, how="keyword", inbound=inbound
    )
    assert started.reply == "How many?"
    assert sent() == []


def test_an_opt_out_ends_it(line: PhoneNumber) -> None:
    run = begin(line)
    receive(line, "STOP")
    run.refresh_from_db()
    assert (run.state, run.wakes_at) == ("opted_out", None)
    receive(line, "2")
    run.refresh_from_db()
    assert run.answers == {}


def test_a_doubt_about_an_opt_out_holds_the_reminder_back(line: PhoneNumber) -> None:
    begin(line)
    suppress(account_id=line.account_id, recipient=PERSON, reason="review")
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=31), tick=False):
        assert wake_due() == 0
    assert sent() == ["How many?"]


def test_reminder_and_time_out_come_once_each(line: PhoneNumber) -> None:
    run = begin(line)
    now = timezone.now()
    assert wake_due() == 0
    with time_machine.travel(now + dt.timedelta(minutes=31), tick=False):
        assert (wake_due(), wake_due()) == (1, 0)
    assert sent() == ["How many?", "Still there?"]
    with time_machine.travel(now + dt.timedelta(minutes=62), tick=False):
        assert (wake_due(), wake_due()) == (1, 0)
    run.refresh_from_db()
    assert run.state == "timed_out"
    assert run.events.get(kind="said", text="Still there?").message_id == Message.objects.latest("id").pk


def test_two_sweepers_have_one_effect(line: PhoneNumber) -> None:
    begin(line)
    # One clock for all: by the real one the time-out that follows the reminder would be due at once.
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=31), tick=False):
        at_once(*[wake_due] * 4)
    assert sent() == ["How many?", "Still there?"]
    assert ChainRun.objects.get().state == "running"


def test_a_sweeper_that_looked_before_another_one_moved_the_run_does_nothing(line: PhoneNumber) -> None:
    run = begin(line)
    later = timezone.now() + dt.timedelta(minutes=31)
    assert [runs._wake(run.pk, run.wakes_at, later) for _ in range(2)] == [True, False]
    assert (ChainRun.objects.get().state, sent()) == ("running", ["How many?", "Still there?"])


def test_two_starts_at_once_leave_one_running(line: PhoneNumber) -> None:
    chain = ChainFactory(account=line.account)
    at_once(*[lambda: start(chain=chain, number=line, person=PERSON, how="test")] * 4)
    assert list(ChainRun.objects.order_by("id").values_list("state", flat=True)) == [*["replaced"] * 3, "running"]


def test_the_longest_run_ends_it_without_a_word(line: PhoneNumber) -> None:
    steps = ({"label": "q", "kind": "ask", "text": "Well?"},)
    run = begin(line, steps=steps, run_limit_hours=2)
    with time_machine.travel(timezone.now() + dt.timedelta(hours=3), tick=False):
        assert wake_due() == 1
    run.refresh_from_db()
    assert (run.state, sent()) == ("timed_out", ["Well?"])


@pytest.mark.parametrize("case", ["draft", "archived", "suppressed", "stranger", "disabled", "suspended"])
def test_what_cannot_be_started_says_why(line: PhoneNumber, case: str) -> None:
    chain = ChainFactory(account=line.account, state=case if case in ("draft", "archived") else "active")
    if case == "suppressed":
        SuppressionFactory(account=line.account, recipient=PERSON)
    elif case == "stranger":
        line = PhoneNumberFactory()
    elif case == "disabled":
        line.state = "disabled"
    elif case == "suspended":
        type(line.account).objects.update(status="suspended")
    with pytest.raises(ChainError):
        start(chain=chain, number=line, person=PERSON, how="test")
    assert not ChainRun.objects.exists()
    assert not ChainEvent.objects.exists()

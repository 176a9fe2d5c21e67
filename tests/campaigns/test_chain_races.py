"""Answers to a chain that come at the same moment in two processes."""

from __future__ import annotations

import datetime as dt
import threading
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.utils import timezone

from campaigns.models import ChainRun, Subscriber
from campaigns.services.chains import runs
from campaigns.services.chains.runs import start, stop
from integrations.sms.events import InboundSms
from messaging.inbound import router
from messaging.models import InboundMessage, Message, PhoneNumber
from tests.factories import AccountFactory, ChainFactory, PhoneNumberFactory, StaffFactory, SubscriberFactory
from tests.threads import at_once

PERSON = "+14155552671"
ROUNDS = 5

STEPS = (
    {"label": "first", "kind": "ask", "text": "First word?", "save_to": "first_name"},
    {"label": "second", "kind": "ask", "text": "Second word?", "save_to": "last_name"},
    {"label": "bye", "kind": "end", "text": "{{ first }} {{ second }}"},
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> PhoneNumber:
    """A number of Harbour Lights."""
    return PhoneNumberFactory.create(account=AccountFactory.create(name="Harbour Lights"))


def route(line: PhoneNumber, body: str) -> None:
    """One message, as a recorder of its own routes it."""
    sms = InboundSms(provider_id=f"SM{body}", sender=PERSON, recipient=line.number, body=body)
    router.receive(gateway_id=line.gateway_id, sms=sms, received_at=timezone.now())


def begin(line: PhoneNumber) -> ChainRun:
    chain = ChainFactory.create(account=line.account, steps=STEPS)
    return start(chain=chain, number=line, person=PERSON, how="test").run


@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_two_answers_at_once_are_judged_at_one_step_each(line: PhoneNumber, attempt: int) -> None:
    """Given a question, when two answers to it come at once, then one answers it and the other the question after it."""
    SubscriberFactory.create(account=line.account, number=PERSON)
    run = begin(line)
    at_once(lambda: route(line, f"north{attempt}"), lambda: route(line, f"south{attempt}"))

    run.refresh_from_db()
    assert run.state == "finished"
    assert sorted(run.answers.values()) == [f"north{attempt}", f"south{attempt}"]
    answered = list(run.events.filter(kind="answered").order_by("id").values_list("step", flat=True))
    assert answered == ["first", "second"]
    assert len(set(run.events.filter(kind="answered").values_list("inbound_id", flat=True))) == 2
    assert [handler for (handler,) in InboundMessage.objects.values_list("handler")] == ["chain", "chain"]
    person = Subscriber.objects.get()
    assert [person.first_name, person.last_name] == [run.answers["first"], run.answers["second"]]
    said = list(Message.objects.order_by("id").values_list("body", flat=True))
    assert said[1:] == ["Second word?", f"{person.first_name} {person.last_name}"]


def test_the_second_waits_until_the_first_has_moved_the_run(line: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an answer that is being played, when another comes, then it is not played before the first is stored."""
    begin(line)
    entered, order, play = threading.Event(), [], runs._play

    def slow(run: ChainRun, event: object, **options: object) -> object:
        step = run.step
        order.append(step)
        if step == "first" and not entered.is_set():
            entered.set()
            # The other one now has every chance to read the run as it still is.
            second.join(1.0)
        return play(run, event, **options)  # type: ignore[arg-type]  # handed on as they came

    def late() -> None:
        entered.wait(10)
        try:
            route(line, "south")
        finally:
            connections.close_all()

    monkeypatch.setattr(runs, "_play", slow)
    second = threading.Thread(target=late)
    second.start()
    route(line, "north")
    second.join(60)
    assert order == ["first", "second"]
    assert ChainRun.objects.get().answers == {"first": "north", "second": "south"}


@pytest.mark.parametrize("attempt", range(ROUNDS))
@pytest.mark.parametrize("hours", ["day", "night"])
def test_an_answer_and_a_sweeper_at_once_agree(line: PhoneNumber, attempt: int, hours: str) -> None:
    """Given a time-out that is due, when the answer comes at the same moment, then one of them moves the run, never both."""
    later = timezone.now() + dt.timedelta(minutes=61)
    there = later.astimezone(ZoneInfo("America/Los_Angeles"))
    if hours == "night":
        spread = dt.timedelta(hours=2)
        line.account.quiet_start, line.account.quiet_end = (there - spread).time(), (there + spread).time()
        line.account.save()
    asked = {**STEPS[0], "timeout_minutes": 60, "timeout_to": "late"}
    chain = ChainFactory.create(
        account=line.account, steps=(asked, STEPS[2], {"label": "late", "kind": "end", "text": "Too late."})
    )
    run = start(chain=chain, number=line, person=PERSON, how="test").run
    at_once(lambda: route(line, f"north{attempt}"), lambda: runs.wake_due(now=later))
    run.refresh_from_db()
    assert (run.state, run.wakes_at) == ("finished", None)
    said = list(Message.objects.order_by("id").values_list("body", flat=True))[1:]
    took_answer = InboundMessage.objects.get().handler == "chain"
    assert took_answer or hours == "day"
    assert said == ([f"north{attempt}"] if took_answer else ["Too late."])


@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_an_answer_and_an_end_by_staff_at_once_agree(line: PhoneNumber, attempt: int) -> None:
    run, staff = begin(line), StaffFactory.create()
    at_once(lambda: route(line, f"north{attempt}"), lambda: stop(run_id=run.pk, by=staff))
    run.refresh_from_db()
    assert (run.state, run.wakes_at) == ("stopped", None)
    was_first = InboundMessage.objects.get().handler == "chain"
    assert run.answers == ({"first": f"north{attempt}"} if was_first else {})
    assert run.events.latest("id").kind == "ended"

"""Text chains among the other parts: keywords start them, double opt-in and the ledger hold, people go on where they stop."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from campaigns.models import Chain, ChainRun, ConsentEvent, Keyword, KeywordAction, Subscriber, SubscriberList
from campaigns.services.chains.runs import ChainError, start, stop, wake_due
from campaigns.services.contacts import set_value
from campaigns.services.double_opt_in import join
from messaging.models import Conversation, ConversationNote, Message, PhoneNumber
from tests.campaigns.test_double_opt_in import API
from tests.factories import (
    AccountFactory,
    ChainFactory,
    KeywordActionFactory,
    KeywordFactory,
    PhoneNumberFactory,
    StaffFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SuppressionFactory,
)
from tests.messaging.hooks import receive, reply_to

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)

ASK_FIRST: tuple[dict[str, Any], ...] = (
    {"label": "coming", "kind": "ask", "text": "Will you come?", "answer_kind": "yes_no", "most_tries": 2},
    {"label": "bye", "kind": "end", "text": "You said {{ coming }}."},
)


@pytest.fixture
def line() -> PhoneNumber:
    """A number of Harbour Lights."""
    return PhoneNumberFactory.create(account=AccountFactory.create(name="Harbour Lights"))


def starting_keyword(line: PhoneNumber, chain: Chain, **values: Any) -> Keyword:
    keyword = KeywordFactory.create(number=line, words="rsvp", name="RSVP", **values)
    KeywordActionFactory.create(keyword=keyword, kind="chain", chain=chain)
    return keyword


def joining_steps(list_: SubscriberList) -> tuple[dict[str, Any], ...]:
    return (
        {"label": "name", "kind": "ask", "text": "Your first name?", "save_to": "first_name"},
        {"label": "join", "kind": "join", "list": list_},
        {"label": "bye", "kind": "end", "text": "Bye, {{ first_name }}."},
    )


def begin(line: PhoneNumber, **values: Any) -> ChainRun:
    return start(chain=ChainFactory.create(account=line.account, **values), number=line, person=PERSON, how="test").run


def sent() -> list[str]:
    return list(Message.objects.order_by("id").values_list("body", flat=True))


def test_a_keyword_answers_first_and_then_starts_its_chain_in_a_message_of_its_own(line: PhoneNumber) -> None:
    chain = ChainFactory.create(account=line.account, name="Gala")
    starting_keyword(line, chain, reply="Welcome!")
    message = receive(line, "RSVP please")
    assert sent() == ["Welcome!", "How many?"]
    assert reply_to(message) == "Welcome!"
    assert message.decision == "Keyword “RSVP”: starts the text chain “Gala”."
    run = ChainRun.objects.get()
    assert (run.state, run.step, run.how) == ("running", "guests", "keyword RSVP")
    assert run.events.get(kind="started").inbound == message
    assert reply_to(receive(line, "four")) == "Thanks, 4 it is."
    assert not Conversation.objects.get().is_unread


def test_a_keyword_without_a_reply_answers_with_the_chain(line: PhoneNumber) -> None:
    starting_keyword(line, ChainFactory.create(account=line.account))
    assert reply_to(receive(line, "rsvp")) == "How many?"
    assert sent() == ["How many?"]


def test_the_chain_takes_the_keyword_of_who_is_in_it_as_an_answer(line: PhoneNumber) -> None:
    starting_keyword(line, ChainFactory.create(account=line.account))
    receive(line, "rsvp")
    again = receive(line, "rsvp")
    assert (again.handler, reply_to(again)) == ("chain", "A number, please.")
    assert ChainRun.objects.count() == 1


def test_staff_replace_what_runs_with_a_record(line: PhoneNumber) -> None:
    first = begin(line)
    second = start(chain=ChainFactory.create(account=line.account), number=line, person=PERSON, how="staff: Ann").run
    first.refresh_from_db()
    assert (first.state, str(second.chain) in first.state_reason) == ("replaced", True)
    assert first.events.latest("id").kind == "ended"


@pytest.mark.parametrize("state", ["draft", "archived"])
def test_a_chain_that_is_not_active_is_named_and_the_message_waits(line: PhoneNumber, state: str) -> None:
    starting_keyword(line, ChainFactory.create(account=line.account, name="Gala", state=state), reply="Welcome!")
    message = receive(line, "rsvp")
    assert sent() == ["Welcome!"]
    assert f"failed: “Gala” is {state}: activate it on its page" in message.decision
    assert Conversation.objects.get().is_unread
    assert not ChainRun.objects.exists()


def test_another_accounts_chain_is_not_started(line: PhoneNumber) -> None:
    starting_keyword(line, ChainFactory.create())
    assert "does not belong to" in receive(line, "rsvp").decision
    assert not ChainRun.objects.exists()


def test_an_action_whose_chain_is_missing_says_so(line: PhoneNumber) -> None:
    keyword = KeywordFactory.create(number=line, words="rsvp")
    KeywordAction.objects.create(keyword=keyword, kind="chain")
    assert "the text chain to start is gone" in receive(line, "rsvp").decision


def test_a_chain_puts_on_a_list_with_their_words_in_the_ledger(line: PhoneNumber) -> None:
    fans = SubscriberListFactory.create(account=line.account, name="Fans")
    run = begin(line, name="Welcome", steps=joining_steps(fans))
    message = receive(line, "Zoë")
    event = ConsentEvent.objects.get()
    assert (event.action, event.how, event.source) == ("given", "chain", "text chain Welcome")
    assert (event.wording, event.inbound_id, event.list_name) == ("Zoë", message.pk, "Fans")
    assert fans.subscriptions.live().get().source == "text chain Welcome"
    assert run.events.get(kind="joined").text == "joined “Fans”"


def test_a_list_with_double_opt_in_is_joined_after_their_yes(line: PhoneNumber) -> None:
    fans = SubscriberListFactory.create(account=line.account, name="Fans", double_opt_in=True)
    run = begin(line, steps=joining_steps(fans))
    receive(line, "Zoë")
    assert list(fans.subscriptions.values_list("state", flat=True)) == ["pending"]
    assert [text for text in sent() if "reply YES" in text] == [Message.objects.get(body__contains="reply YES").body]
    assert run.events.get(kind="joined").text == "asked to confirm “Fans”"
    assert receive(line, "yes").handler == "double_opt_in"
    assert fans.subscriptions.live().count() == 1
    assert list(ConsentEvent.objects.order_by("id").values_list("action", "how")) == [
        ("requested", "chain"),
        ("confirmed", "message"),
    ]


def test_who_has_said_nothing_joins_nothing(line: PhoneNumber) -> None:
    fans = SubscriberListFactory.create(account=line.account, name="Fans")
    run = begin(line, steps=({"label": "join", "kind": "join", "list": fans}, *ASK_FIRST))
    assert "no answer of theirs led there" in run.events.get(kind="not_joined").text
    assert not fans.subscriptions.exists()
    assert not ConsentEvent.objects.exists()


@pytest.mark.parametrize("way", ["time-out", "not understood"])
def test_silence_and_what_nobody_understood_are_no_consent(line: PhoneNumber, way: str) -> None:
    """Given a chain that goes on to a list without an answer, when it does, then they are on no list and it is on record."""
    fans = SubscriberListFactory.create(account=line.account, name="Fans")
    asked = {**ASK_FIRST[0], "timeout_minutes": 60, "timeout_to": "join", "then_to": "join"}
    run = begin(line, steps=(asked, {"label": "join", "kind": "join", "list": fans}, ASK_FIRST[1]))
    receive(line, "who is this?")
    if way == "time-out":
        with time_machine.travel(timezone.now() + dt.timedelta(minutes=61), tick=False):
            assert wake_due() == 1
    else:
        receive(line, "hello?")
    assert "no answer of theirs led there" in run.events.get(kind="not_joined").text
    assert not fans.subscriptions.exists()
    assert not ConsentEvent.objects.exists()


def joining_then_asking(list_: SubscriberList, **question: Any) -> tuple[dict[str, Any], ...]:
    return (
        {"label": "name", "kind": "ask", "text": "Your first name?"},
        {"label": "join", "kind": "join", "list": list_},
        {"label": "next", "kind": "ask", "text": "And now?", **question},
    )


COLOURS = [{"value": "Yes, red", "words": ["yes"]}, {"value": "Blue", "words": []}]


@pytest.mark.parametrize(
    ("question", "handler"),
    [
        ({}, "double_opt_in"),
        ({"answer_kind": "number"}, "double_opt_in"),
        ({"answer_kind": "choice", "choices": [{"value": "Red", "words": []}, COLOURS[1]]}, "double_opt_in"),
        ({"answer_kind": "yes_no"}, "chain"),
        ({"answer_kind": "choice", "choices": COLOURS}, "chain"),
    ],
)
def test_a_yes_after_a_join_is_the_lists_unless_the_question_wants_one(
    line: PhoneNumber, question: dict[str, Any], handler: str
) -> None:
    fans = SubscriberListFactory.create(account=line.account, name="Fans", double_opt_in=True)
    run = begin(line, steps=joining_then_asking(fans, **question))
    receive(line, "Zoë")
    assert receive(line, "YES").handler == handler
    run.refresh_from_db()
    assert fans.subscriptions.live().exists() == (handler == "double_opt_in")
    assert ("next" in run.answers) == (handler == "chain")


def test_more_than_a_plain_yes_answers_the_chain_and_the_list_waits(line: PhoneNumber) -> None:
    fans = SubscriberListFactory.create(account=line.account, name="Fans", double_opt_in=True)
    run = begin(line, steps=joining_then_asking(fans))
    receive(line, "Zoë")
    assert receive(line, "Lyon").handler == "chain"
    run.refresh_from_db()
    assert run.answers["next"] == "Lyon"
    assert receive(line, "yes").handler == "double_opt_in"


def test_a_no_to_a_free_question_is_the_chains_when_the_list_asked_before_it_began(line: PhoneNumber) -> None:
    fans = SubscriberListFactory.create(account=line.account, double_opt_in=True)
    ada = SubscriberFactory.create(account=line.account, number=PERSON)
    join(subscriber=ada, lists=[fans], origin=API, number=line)
    run = begin(line, steps=({"label": "allergies", "kind": "ask", "text": "Any allergies?"},))
    assert receive(line, "No").handler == "chain"
    run.refresh_from_db()
    assert run.answers == {"allergies": "No"}


def test_a_list_that_is_gone_or_strange_is_said_and_the_chain_goes_on(line: PhoneNumber) -> None:
    strange = SubscriberListFactory.create(name="Strange")
    begin(line, steps=joining_steps(strange))
    message = receive(line, "Zoë")
    assert reply_to(message) == "Bye, Zoë."
    assert "Did not join “Strange”: the list is gone." in message.decision
    assert Conversation.objects.get().is_unread
    assert not strange.subscriptions.exists()


def test_values_are_kept_by_one_service_in_row_and_object(line: PhoneNumber) -> None:
    person = SubscriberFactory.create(account=line.account, fields={"city": "Lyon"})
    stale = Subscriber.objects.get(pk=person.pk)
    set_value(subscriber=person, field="meal", value="Fish")
    set_value(subscriber=stale, field="city", value="x" * 600)
    set_value(subscriber=stale, field="last_name", value="y" * 100)
    person.refresh_from_db()
    assert person.fields == stale.fields == {"city": "x" * 500, "meal": "Fish"}
    assert person.last_name == stale.last_name == "y" * 80


def handing_over(staff: Any = None) -> tuple[dict[str, Any], ...]:
    return (
        {"label": "mark", "kind": "ask", "text": "1 to 5?", "answer_kind": "number", "weights": {"*": 1}},
        {"label": "sorry", "kind": "hand_over", "text": "Somebody will write.", "assign_to": staff},
    )


def test_a_hand_over_opens_the_conversation_for_the_named_person_and_says_why(line: PhoneNumber) -> None:
    staff = StaffFactory.create(role="Support")
    begin(line, name="Survey", steps=handing_over(staff))
    message = receive(line, "2")
    made = Conversation.objects.get()
    assert (made.state, made.unread_count, made.assigned_to) == ("open", 1, staff)
    note = ConversationNote.objects.get().body
    assert note.startswith("The text chain “Survey” hands over to a person. The chain handed over at “sorry”.")
    assert "mark: 2" in note
    assert "Score: 2" in note
    assert "handed over at “sorry”" in message.decision
    assert reply_to(message) == "Somebody will write."


def test_without_a_name_the_assignment_stays(line: PhoneNumber) -> None:
    receive(line, "Hello?")
    staff = StaffFactory.create()
    Conversation.objects.update(assigned_to=staff, unread_count=0, is_unread=False, state="closed")
    begin(line, steps=handing_over())
    receive(line, "2")
    made = Conversation.objects.get()
    assert (made.state, made.unread_count, made.assigned_to) == ("open", 1, staff)


def test_a_time_out_can_hand_over_too(line: PhoneNumber) -> None:
    steps = (
        {"label": "mark", "kind": "ask", "text": "1 to 5?", "timeout_minutes": 60, "timeout_to": "person"},
        {"label": "person", "kind": "hand_over", "text": ""},
    )
    begin(line, steps=steps)
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=61), tick=False):
        assert wake_due() == 1
    made = Conversation.objects.get()
    assert (made.state, made.unread_count) == ("open", 1)
    assert "hands over" in made.last_excerpt


def test_an_answer_nobody_understands_goes_to_the_named_person(line: PhoneNumber) -> None:
    staff = StaffFactory.create()
    begin(line, steps=({**ASK_FIRST[0], "assign_to": staff}, ASK_FIRST[1]))
    receive(line, "hm")
    assert not Conversation.objects.get().is_unread
    receive(line, "hmm")
    made = Conversation.objects.get()
    assert (made.is_unread, made.assigned_to) == (True, staff)


def test_a_chain_that_fails_leaves_the_message_to_a_person(line: PhoneNumber) -> None:
    begin(line, steps=({"label": "q", "kind": "ask", "text": "Well?", "goes_to": "nowhere"},))
    message = receive(line, "fine")
    assert "There is no step “nowhere”" in message.decision
    assert Conversation.objects.get().is_unread


def test_staff_end_what_runs_once_and_it_is_on_record(line: PhoneNumber) -> None:
    run, staff = begin(line), StaffFactory.create(first_name="Maria", last_name="Ruiz")
    stop(run_id=run.pk, by=staff)
    run.refresh_from_db()
    assert (run.state, run.wakes_at, run.state_reason) == ("stopped", None, "Ended by Maria Ruiz.")
    with pytest.raises(ChainError, match="ended already"):
        stop(run_id=run.pk, by=staff)
    assert receive(line, "3").handler == "inbox"


@pytest.mark.parametrize("last", ["chain", "opt-in"])
def test_of_two_questions_the_one_asked_last_is_answered(line: PhoneNumber, last: str) -> None:
    fans = SubscriberListFactory.create(account=line.account, double_opt_in=True)
    ada = SubscriberFactory.create(account=line.account, number=PERSON)

    def opt_in() -> None:
        join(subscriber=ada, lists=[fans], origin=API, number=line)

    def chain() -> None:
        begin(line, steps=ASK_FIRST)

    first, second = (opt_in, chain) if last == "chain" else (chain, opt_in)
    first()
    second()
    message = receive(line, "YES")
    assert message.handler == ("chain" if last == "chain" else "double_opt_in")
    assert fans.subscriptions.live().exists() == (last == "opt-in")
    assert ChainRun.objects.get().state == ("finished" if last == "chain" else "running")
    # Then it is the other one's turn.
    assert receive(line, "YES").handler == ("double_opt_in" if last == "chain" else "chain")
    assert fans.subscriptions.live().exists()


def test_a_yes_that_the_chain_cannot_take_confirms(line: PhoneNumber) -> None:
    fans = SubscriberListFactory.create(account=line.account, double_opt_in=True)
    ada = SubscriberFactory.create(account=line.account, number=PERSON)
    join(subscriber=ada, lists=[fans], origin=API, number=line)
    begin(line)
    assert receive(line, "yes").handler == "double_opt_in"
    assert ChainRun.objects.get().tries == 0


def test_the_suppressed_are_put_on_no_list_by_a_chain(line: PhoneNumber) -> None:
    fans = SubscriberListFactory.create(account=line.account, name="Fans")
    run = begin(line, steps=joining_steps(fans))
    # As a bulk import of suppressions leaves it: without the signal that ends the run.
    SuppressionFactory.create(account=line.account, recipient=PERSON, reason="staff")
    message = receive(line, "Zoë")
    assert run.events.get(kind="not_joined").text.startswith("did not join “Fans”: they are suppressed")
    assert "Not answered: they are suppressed." in message.decision
    assert not fans.subscriptions.exists()

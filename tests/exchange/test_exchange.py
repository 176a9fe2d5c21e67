"""A person and an account, from the first word to STOP, on real parts.

The simulator calls the webhook process over HTTP, which appends to the stream; the recorder's router reads it; what is answered
leaves through the sender's HTTP requests and is read back from the simulator.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from campaigns.models import Chain, ChainRun, ConsentEvent, Keyword, Subscriber, SubscriberList
from campaigns.services.chains.templates import set_steps
from integrations.simulator.process import SimulatorProcess
from messaging.jobs import inbound
from messaging.models import Conversation, InboundMessage, Message, PhoneNumber
from messaging.services.conversations import reply
from tests.exchange import FILE_VARIABLE
from tests.exchange.table import Observer, Turn, table
from tests.factories import CustomFieldFactory, KeywordActionFactory, StaffFactory, SubscriberListFactory
from tests.fixtures import gateway as gateway
from tests.fixtures import number as number
from tests.fixtures import simulator as simulator
from tests.fixtures import simulator_process as simulator_process
from tests.fixtures import webhook_process as webhook_process
from tests.messaging.tools import FAST, send_all, wait_for

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


class Exchange:
    """Both sides of it.

    Args:
        simulator: the person's carrier.
        number: ours.
    """

    def __init__(self, simulator: SimulatorProcess, number: PhoneNumber) -> None:
        self.simulator, self.number = simulator, number
        self.observer = Observer(number, PERSON)
        self.turns: list[Turn] = []
        self._arrived: set[str] = set()

    def they_write(self, text: str) -> Turn:
        """One turn of theirs, until its answers have arrived."""
        done = self.simulator.inbound(sender=PERSON, recipient=self.number.number, body=text)
        assert done["answered"]
        wait_for(inbound.drain, "the message to come out of the stream")
        message = InboundMessage.objects.latest("id")
        assert message.body == text
        return self._end(text, message)

    def staff_write(self, text: str, user: Any) -> Turn:
        """A reply by hand."""
        reply(conversation_id=Conversation.objects.get(person=PERSON).pk, body=text, user=user)
        return self._end(f"({user} answers by hand)", None)

    def _end(self, said: str, message: InboundMessage | None) -> Turn:
        send_all(self.number)
        turn = self.observer.look(Turn(said, message, self._new_texts()))
        self.turns.append(turn)
        return turn

    def _new_texts(self) -> list[str]:
        """What the simulator took since the last look, in its order."""
        response = httpx.get(
            f"{self.simulator.url}/2010-04-01/Accounts/{FAST.account_sid}/Messages.json",
            params={"To": PERSON, "PageSize": 100},
            auth=(FAST.account_sid, FAST.auth_token),
            trust_env=False,
        )
        # The list begins with the newest.
        rows = [row for row in reversed(response.json()["messages"]) if row["sid"] not in self._arrived]
        self._arrived |= {row["sid"] for row in rows}
        return [row["body"] for row in rows]


def gala(number: PhoneNumber, staff: Any) -> SubscriberList:
    """What Harbour Lights has set up: a keyword that starts a chain, which ends with a list and a person."""
    account = number.account
    account.name = "Harbour Lights"
    account.save()
    CustomFieldFactory.create(account=account, key="meal")
    friends = SubscriberListFactory.create(account=account, name="Friends of the Gala", double_opt_in=True)
    chain = Chain.objects.create(account=account, name="Gala", state="active")
    set_steps(
        chain=chain,
        steps=(
            {
                "label": "coming",
                "kind": "ask",
                "text": "Gala on 12 December: will you come?",
                "answer_kind": "yes_no",
                "retry_text": "YES or NO is enough.",
                "weights": {"yes": 1},
            },
            {"label": "name", "kind": "ask", "text": "Lovely! Your first name?", "save_to": "first_name"},
            {
                "label": "meal",
                "kind": "ask",
                "text": "Thanks, {{ first_name }}. 1 Chicken, 2 Fish?",
                "answer_kind": "choice",
                "choices": [{"value": "Chicken", "words": []}, {"value": "Fish", "words": ["salmon"]}],
                "save_to": "meal",
            },
            {"label": "mail", "kind": "ask", "text": "Your e-mail?", "answer_kind": "email", "save_to": "email"},
            {"label": "join", "kind": "join", "list": friends},
            {
                "label": "parking",
                "kind": "ask",
                "text": "Do you need parking? YES or NO",
                "answer_kind": "yes_no",
                "branches": (("answer", "is", "yes", "person"),),
            },
            {"label": "bye", "kind": "end", "text": "See you, {{ first_name }}!"},
            {
                "label": "person",
                "kind": "hand_over",
                "text": "{{ meal }} it is. Maria will write about parking.",
                "assign_to": staff,
            },
        ),
    )
    keyword = Keyword.objects.create(
        account=account, name="RSVP", words="rsvp", reply="Harbour Lights: good to hear from you!"
    )
    KeywordActionFactory.create(keyword=keyword, kind="chain", chain=chain)
    return friends


def test_an_exchange_from_the_first_word_to_stop(
    simulator: SimulatorProcess, number: PhoneNumber, webhook_process: subprocess.Popen[bytes]
) -> None:
    maria = StaffFactory.create(first_name="Maria", last_name="Ruiz", role="Support")
    friends = gala(number, maria)
    exchange = Exchange(simulator, number)
    try:
        _play(exchange, friends, maria)
    finally:
        if file := os.environ.get(FILE_VARIABLE):
            Path(file).write_text(table(exchange.turns))


def _play(exchange: Exchange, friends: SubscriberList, maria: Any) -> None:
    asked_to_confirm = "Harbour Lights: reply YES to get our messages of “Friends of the Gala”."
    for said, handler, answers in (
        ("RSVP!", "keyword", ["Harbour Lights: good to hear from you!", "Gala on 12 December: will you come?"]),
        ("perhaps", "chain", ["YES or NO is enough."]),
        ("Yeah!", "chain", ["Lovely! Your first name?"]),
        ("Zoë", "chain", ["Thanks, Zoë. 1 Chicken, 2 Fish?"]),
        ("the salmon please", "chain", ["Your e-mail?"]),
        ("Zoe@Example.com", "chain", [asked_to_confirm, "Do you need parking? YES or NO"]),
        # The chain asked after the list did.
        ("yes", "chain", ["Fish it is. Maria will write about parking."]),
        ("YES", "double_opt_in", ["Harbour Lights: thank you, you will get “Friends of the Gala”."]),
    ):
        turn = exchange.they_write(said)
        assert turn.handler == handler, said
        # Two texts of one turn leave in this order, on connections of their own: the carrier may see them change places.
        arrived = sorted(turn.answers)
        assert len(arrived) == len(answers), said
        assert all(text.startswith(begin) for text, begin in zip(arrived, sorted(answers), strict=True)), said
        queued = Message.objects.order_by("-id").values_list("body", flat=True)[: len(answers)]
        assert all(text.startswith(begin) for text, begin in zip(queued, reversed(answers), strict=True)), said
        if said == "yes":
            made = Conversation.objects.get()
            assert (made.state, made.unread_count, made.assigned_to) == ("open", 1, maria)
            assert any("hands over to a person" in line for line in turn.kept)

    person, run = Subscriber.objects.get(), ChainRun.objects.get()
    assert (person.first_name, person.email, person.fields) == ("Zoë", "zoe@example.com", {"meal": "Fish"})
    assert (run.state, run.score, run.how) == ("handed_over", 1, "keyword RSVP")
    assert friends.subscriptions.live().get().subscriber == person

    assert exchange.staff_write("Parking is at the quay.", maria).answers == ["Parking is at the quay."]
    exchange.they_write("STOP")

    assert not friends.subscriptions.live().exists()
    ledger = list(ConsentEvent.objects.order_by("id").values_list("action", "how", "list_name", "source"))
    assert ledger[:2] == [
        ("requested", "chain", "Friends of the Gala", "text chain Gala"),
        ("confirmed", "message", "Friends of the Gala", "double opt-in"),
    ]
    assert {event[0] for event in ledger[2:]} == {"withdrawn"}
    assert ConsentEvent.objects.get(action="requested").wording == "Zoe@Example.com"
    # Nothing that was written down is missing at the carrier, and nothing came twice.
    arrived = [text for turn in exchange.turns for text in turn.answers]
    assert sorted(arrived) == sorted(Message.objects.values_list("body", flat=True))

"""The loop guard: machines that answer each other fall silent; what people ask about their consent is done all the same."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from accounts.models import Account
from messaging.models import InboundMessage, Message, OptOutReview, PhoneNumber, Suppression
from messaging.services.loops import LOOP_MESSAGES, LOOP_MINUTES, is_talking_in_circles
from tests.factories import InboundMessageFactory, MessageFactory
from tests.messaging import hooks
from tests.messaging.hooks import reply_to

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


def talk(line: PhoneNumber, count: int, *, minutes_ago: float = 1, person: str = PERSON) -> None:
    """Half of the messages from the person, half to them."""
    at = timezone.now() - dt.timedelta(minutes=minutes_ago)
    for index in range(count):
        if index % 2:
            MessageFactory.create(number=line, account=line.account, recipient=person, created_at=at)
        else:
            InboundMessageFactory.create(number=line, sender=person, received_at=at)


def receive(line: PhoneNumber, body: str) -> InboundMessage:
    """A message of the person, now."""
    return hooks.receive(line, body, PERSON, at=timezone.now().timestamp())


@pytest.fixture
def answering(line: PhoneNumber) -> PhoneNumber:
    """A number whose account answers everything."""
    Account.objects.filter(pk=line.account_id).update(default_reply="We are closed.")
    return line


def test_twenty_messages_in_five_minutes_end_automatic_answers(answering: PhoneNumber) -> None:
    talk(answering, LOOP_MESSAGES)
    message = receive(answering, "We are away. This is an automatic answer.")
    assert reply_to(message) is None
    assert message.handler == "loop_guard"
    assert "no automatic answer" in message.decision


def test_one_message_fewer_is_answered(answering: PhoneNumber) -> None:
    talk(answering, LOOP_MESSAGES - 1)
    assert reply_to(receive(answering, "hello")) == "We are closed."


def test_older_messages_and_those_of_others_do_not_count(answering: PhoneNumber) -> None:
    talk(answering, LOOP_MESSAGES, minutes_ago=LOOP_MINUTES + 1)
    talk(answering, LOOP_MESSAGES, person="+14155552672")
    assert reply_to(receive(answering, "hello")) == "We are closed."


def test_an_opt_out_in_a_loop_is_honoured_without_a_word(answering: PhoneNumber) -> None:
    talk(answering, LOOP_MESSAGES)
    message = receive(answering, "STOP")
    assert Suppression.objects.get().reason == "opt_out"
    assert reply_to(message) is None
    assert message.handler == "opt_out"
    assert "no automatic answer" in message.decision
    talk(answering, LOOP_MESSAGES)
    receive(answering, "START")
    assert not Suppression.objects.active().exists()


def test_what_may_be_an_opt_out_in_a_loop_is_still_reviewed(answering: PhoneNumber) -> None:
    talk(answering, LOOP_MESSAGES)
    receive(answering, "stop sending these at night?")
    assert OptOutReview.objects.get().recipient == PERSON


def test_help_in_a_loop_is_not_answered(answering: PhoneNumber) -> None:
    talk(answering, LOOP_MESSAGES)
    message = receive(answering, "HELP")
    assert (message.handler, reply_to(message)) == ("loop_guard", None)


def test_a_long_history_is_looked_at_from_its_end(line: PhoneNumber) -> None:
    talk(line, LOOP_MESSAGES, minutes_ago=1)
    newest = InboundMessage.objects.order_by("-id").first()
    assert newest is not None
    assert is_talking_in_circles(line.account_id, PERSON, timezone.now())
    assert not is_talking_in_circles(line.account_id, PERSON, timezone.now(), but=newest.pk)
    Message.objects.update(created_at=timezone.now() - dt.timedelta(hours=1))
    assert not is_talking_in_circles(line.account_id, PERSON, timezone.now())

"""Conversations: nothing that waits for a person disappears, and no reply goes out twice or fails in silence."""

from __future__ import annotations

import datetime as dt
import importlib
import uuid
from collections.abc import Callable

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from messaging.engine import claims, keys, records
from messaging.engine.records import Record
from messaging.models import Conversation, Message, PhoneNumber, Suppression
from messaging.services.conversations import ConversationRefused, ThreadChanged, close, note_inbound, reply
from messaging.services.suppressions import suppress
from messaging.services.threads import newest
from tests.factories import BatchFactory, InboundMessageFactory, MessageFactory, StaffFactory
from tests.messaging.hooks import receive

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


def conversation() -> Conversation:
    return Conversation.objects.get()


def test_what_nobody_has_seen_is_not_closed_away(line: PhoneNumber) -> None:
    receive(line, "Hello")
    pk, seen = conversation().pk, newest(conversation())
    receive(line, "wait, my order is wrong!!")
    with pytest.raises(ThreadChanged, match=r"has written again\. It was not closed"):
        close(conversation_id=pk, seen=seen)
    assert (conversation().state, conversation().unread_count) == ("open", 2)
    close(conversation_id=pk, seen=newest(conversation()))
    assert (conversation().state, conversation().unread_count) == ("closed", 0)


def test_the_same_box_sent_again_is_one_message(line: PhoneNumber) -> None:
    receive(line, "Is it on?")
    pk, seen, key, user = conversation().pk, newest(conversation()), uuid.uuid4(), StaffFactory.create()
    first = reply(conversation_id=pk, body="Yes.", user=user, seen=seen, composer_key=key)
    # The answer was lost; the page has seen its own reply meanwhile, or has not.
    for known in (seen, newest(conversation())):
        assert reply(conversation_id=pk, body="Yes.\r\n", user=user, seen=known, composer_key=key) == first
    assert Message.objects.count() == 1
    with pytest.raises(ThreadChanged, match="has gone out after all"):
        reply(conversation_id=pk, body="Yes, at 2.", user=user, seen=newest(conversation()), composer_key=key)
    reply(conversation_id=pk, body="Yes.", user=user, composer_key=uuid.uuid4())
    assert Message.objects.count() == 2, "the same text from another box is another message"


def test_a_box_of_another_conversation_sends_nothing(line: PhoneNumber) -> None:
    receive(line, "Is it on?")
    key, user = uuid.uuid4(), StaffFactory.create()
    reply(conversation_id=conversation().pk, body="Yes.", user=user, composer_key=key)
    receive(line, "And for me?", "+14155550199")
    other = Conversation.objects.get(person="+14155550199")
    with pytest.raises(ConversationRefused, match="out of date"):
        reply(conversation_id=other.pk, body="Yes.", user=user, composer_key=key)
    assert Message.objects.count() == 1


def answered(line: PhoneNumber) -> Message:
    """A reply that waits to be sent, in a conversation that is read and closed."""
    receive(line, "Is it on?")
    message = reply(conversation_id=conversation().pk, body="Yes.", user=StaffFactory.create())
    close(conversation_id=conversation().pk)
    return message


def claimed(message: Message) -> Message:
    claims.claim(queue_name=keys.single_queue(message.number_id), ids=[message.pk], token="t")
    return message


def reported(state: str) -> Callable[[Message], object]:
    def work(message: Message) -> object:
        at = timezone.now()
        record = Record(message.pk, message.number.gateway_id, state, at, reason="30005", reason_text="No such phone")
        return records.write([record])

    return work


def expired(message: Message) -> object:
    return claims.expire_singles(before=timezone.now() + dt.timedelta(seconds=1))


def suppressed_at_the_claim(message: Message) -> object:
    suppress(account_id=message.account_id, recipient=PERSON, reason=Suppression.Reason.OPT_OUT)
    return claimed(message)


def suppressed_while_sending(message: Message) -> object:
    claimed(message)
    suppress(account_id=message.account_id, recipient=PERSON, reason=Suppression.Reason.OPT_OUT)
    return claims.suppress_claimed(ids=[message.pk], token="t")


def failed_before_it_left(message: Message) -> object:
    return claims.fail(problems={claimed(message).pk: ("text", "It has no text.")}, token="t")


def never_settled(message: Message) -> object:
    claims.mark_unknown(ids=[claimed(message).pk], token="t", text="?")
    now = timezone.now() + dt.timedelta(days=5)
    return records.settle_overdue(before=now, now=now)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (reported("failed"), "Not sent: No such phone"),
        (reported("undelivered"), "Not delivered: No such phone"),
        (expired, "Not sent: It had not left by its latest time."),
        (suppressed_at_the_claim, "Not sent: Suppressed after the launch."),
        (suppressed_while_sending, "Not sent: Suppressed while it was being sent."),
        (failed_before_it_left, "Not sent: It has no text."),
        (never_settled, "May not have arrived: It may or may not have left"),
    ],
)
def test_a_reply_that_does_not_arrive_opens_its_conversation_again(
    line: PhoneNumber, work: Callable[[Message], object], said: str
) -> None:
    work(answered(line))
    now = conversation()
    assert (now.state, now.unread_count, now.is_unread) == ("open", 1, True)
    assert now.trouble.startswith(said)
    assert len(now.trouble) <= 120
    Suppression.objects.all().delete()
    reply(conversation_id=now.pk, body="Yes, again.", user=StaffFactory.create())
    assert (conversation().trouble, conversation().unread_count) == ("", 0)


def test_a_repeated_report_counts_once(line: PhoneNumber) -> None:
    message = answered(line)
    for _ in range(3):
        reported("failed")(message)
    assert conversation().unread_count == 1


@pytest.mark.parametrize("state", ["accepted", "delivered"])
def test_a_reply_that_arrives_opens_nothing(line: PhoneNumber, state: str) -> None:
    reported(state)(answered(line))
    assert (conversation().state, conversation().unread_count, conversation().trouble) == ("closed", 0, "")


def test_what_machines_and_campaigns_send_opens_nothing_and_asks_nothing(line: PhoneNumber) -> None:
    answered(line)
    sent = [
        MessageFactory.create(batch=BatchFactory.create(number=line), recipient=PERSON, state="accepted"),
        MessageFactory.create(batch=None, number=line, recipient=PERSON, body="Automatic", state="accepted"),
    ]
    with CaptureQueriesContext(connection) as queries:
        records.write([Record(one.pk, line.gateway_id, "failed", timezone.now()) for one in sent])
    assert Message.objects.filter(state="failed").count() == 2
    assert (conversation().state, conversation().unread_count) == ("closed", 0)
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) <= 3, "the update, in a transaction"


@pytest.mark.parametrize("waits", [True, False])
def test_an_inbound_message_costs_a_known_conversation_one_statement(line: PhoneNumber, waits: bool) -> None:
    receive(line, "Hello")
    message = InboundMessageFactory.create(number=line, sender=PERSON, body="And now?")
    with CaptureQueriesContext(connection) as queries:
        note_inbound(message=message, waits=waits)
    assert len(queries) == 1
    assert (conversation().last_excerpt, conversation().unread_count) == ("And now?", 1 + waits)
    assert conversation().last_inbound_at == message.received_at


def test_an_older_message_changes_no_time(line: PhoneNumber) -> None:
    now = timezone.now()
    for body, at in (("Newer", now), ("Older", now - dt.timedelta(hours=1))):
        note_inbound(
            message=InboundMessageFactory.create(number=line, sender=PERSON, body=body, received_at=at), waits=True
        )
    made = conversation()
    assert (made.last_excerpt, made.last_message_at, made.last_inbound_at, made.unread_count) == ("Newer", now, now, 2)


def test_a_question_of_before_that_a_help_followed_still_waits(line: PhoneNumber) -> None:
    migration = importlib.import_module("messaging.migrations.0005_inbox")
    now = timezone.now()
    for body, handler, days in (
        ("Long ago", "inbox", 60),
        ("When do you open?", "inbox", 3),
        ("Hello?", "default_reply", 2),
        ("HELP", "help", 1),
    ):
        InboundMessageFactory.create(
            number=line, sender=PERSON, body=body, handler=handler, received_at=now - dt.timedelta(days=days)
        )
    migration.build_conversations(apps, None)
    assert (conversation().state, conversation().unread_count) == ("open", 2)
    assert conversation().last_excerpt == "HELP"

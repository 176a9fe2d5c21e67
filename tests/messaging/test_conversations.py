"""Conversations: what opens them, what a reply needs, and that nobody's words are lost or sent twice."""

from __future__ import annotations

import datetime as dt
import importlib
from functools import partial

import pytest
from django.apps import apps
from django.utils import timezone

from accounts.models import Account, User
from messaging.inbound import router
from messaging.models import CannedReply, Conversation, InboundMessage, Message, PhoneNumber, Suppression
from messaging.services.canned import CannedRefused, fill_canned
from messaging.services.conversations import (
    ConversationRefused,
    ThreadChanged,
    add_note,
    assign,
    close,
    hand_over,
    mark_read,
    mark_unread,
    reopen,
    reply,
)
from messaging.services.threads import newest, read_thread, version_of
from tests.factories import (
    BatchFactory,
    CannedReplyFactory,
    ConversationFactory,
    InboundMessageFactory,
    MessageFactory,
    PhoneNumberFactory,
    StaffFactory,
    SubscriberFactory,
    SuppressionFactory,
    UserFactory,
)
from tests.messaging.hooks import USUAL_TIME, receive, reply_to
from tests.threads import at_once

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


def conversation() -> Conversation:
    return Conversation.objects.get()


def maria() -> User:
    return StaffFactory.create(first_name="Maria", last_name="Ruiz")


def test_a_message_that_waits_opens_a_conversation_and_is_unread(line: PhoneNumber) -> None:
    receive(line, "Is the matinee\n still on?")
    made = conversation()
    assert (made.account, made.number, made.person) == (line.account, line, PERSON)
    assert (made.state, made.unread_count, made.is_unread) == ("open", 1, True)
    assert (made.last_excerpt, made.last_direction) == ("Is the matinee still on?", "in")
    receive(line, "Hello?", at=USUAL_TIME + 60)
    assert (conversation().unread_count, conversation().last_excerpt) == (2, "Hello?")


@pytest.mark.parametrize("words", ["STOP", "HELP"])
def test_what_a_machine_answers_is_kept_and_opens_nothing(line: PhoneNumber, words: str) -> None:
    receive(line, words)
    assert (conversation().state, conversation().unread_count) == ("closed", 0)
    assert conversation().last_excerpt == words
    kinds = [item.kind for item in read_thread(conversation()).items]
    assert kinds == ["theirs", "automatic"]


def test_a_default_reply_does_not_hide_what_nobody_understood(line: PhoneNumber) -> None:
    line.account.default_reply = "Thanks, we will see to it."
    line.account.save()
    receive(line, "My seat is broken")
    assert (conversation().state, conversation().unread_count) == ("open", 1)


def test_an_answer_that_could_not_leave_waits_for_a_person(line: PhoneNumber) -> None:
    line.state = PhoneNumber.State.DISABLED
    line.save()
    receive(line, "HELP")
    assert (conversation().state, conversation().unread_count) == ("open", 1)


def test_a_closed_conversation_opens_again_when_they_write(line: PhoneNumber) -> None:
    receive(line, "Hello")
    close(conversation_id=conversation().pk)
    assert (conversation().state, conversation().unread_count) == ("closed", 0)
    receive(line, "HELP")
    assert conversation().state == "closed", "a machine answered"
    receive(line, "Are you there?")
    assert (conversation().state, conversation().unread_count) == ("open", 1)


def test_conversation_and_message_are_stored_together_or_not_at_all(
    line: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(**_: object) -> None:
        raise RuntimeError("The power went out.")

    monkeypatch.setattr(router, "note_inbound", faulty)
    with pytest.raises(InboundMessage.DoesNotExist):
        receive(line, "Hello")
    assert not InboundMessage.objects.exists()


def test_an_older_message_that_was_replayed_does_not_become_the_last(line: PhoneNumber) -> None:
    receive(line, "Newer", at=USUAL_TIME)
    receive(line, "Older", at=USUAL_TIME - 3600)
    assert (conversation().last_excerpt, conversation().unread_count) == ("Newer", 2)
    assert [item.text for item in read_thread(conversation()).items] == ["Older", "Newer"]


def test_a_reply_is_queued_read_and_signed(line: PhoneNumber) -> None:
    asked = receive(line, "Is it on?")
    user = maria()
    sent = reply(conversation_id=conversation().pk, body=" Yes, at 2 pm. \r\nBring a coat.\n", user=user)
    assert (sent.state, sent.kind, sent.author, sent.in_reply_to) == ("queued", "reply", user, asked)
    assert (sent.recipient, sent.number, sent.body) == (PERSON, line, "Yes, at 2 pm. \nBring a coat.")
    assert (conversation().unread_count, conversation().last_direction) == (0, "out")
    assert conversation().last_excerpt == "Yes, at 2 pm. Bring a coat."
    again = reply(conversation_id=conversation().pk, body="Or two.", user=user)
    assert again.in_reply_to is None, "one answer each"


def test_who_answers_second_sees_the_first_answer_before_anything_is_sent(line: PhoneNumber) -> None:
    receive(line, "Is it on?")
    pk, seen = conversation().pk, newest(conversation())
    reply(conversation_id=pk, body="Yes.", user=maria(), seen=seen)
    with pytest.raises(ThreadChanged, match="Maria Ruiz has answered"):
        reply(conversation_id=pk, body="No.", user=StaffFactory.create(), seen=seen)
    assert [message.body for message in Message.objects.all()] == ["Yes."]
    reply(conversation_id=pk, body="No.", user=StaffFactory.create(), seen=newest(conversation()))
    assert Message.objects.count() == 2


def test_of_two_replies_in_the_same_moment_one_is_sent(line: PhoneNumber) -> None:
    receive(line, "Is it on?")
    pk, seen = conversation().pk, newest(conversation())
    users, refused = [maria(), StaffFactory.create()], []

    def answer(user: User) -> None:
        try:
            reply(conversation_id=pk, body="Yes.", user=user, seen=seen)
        except ThreadChanged as error:
            refused.append(error)

    at_once(*(partial(answer, user) for user in users))
    assert (Message.objects.count(), len(refused)) == (1, 1)


def test_a_message_that_came_while_writing_is_shown_first(line: PhoneNumber) -> None:
    receive(line, "Is it on?")
    seen = newest(conversation())
    receive(line, "Never mind")
    with pytest.raises(ThreadChanged, match="has written again"):
        reply(conversation_id=conversation().pk, body="Yes.", user=maria(), seen=seen)
    assert not Message.objects.exists()


def test_a_campaign_in_between_holds_no_reply_up(line: PhoneNumber) -> None:
    receive(line, "Is it on?")
    seen = newest(conversation())
    MessageFactory.create(batch=BatchFactory.create(number=line), recipient=PERSON)
    reply(conversation_id=conversation().pk, body="Yes.", user=maria(), seen=seen)


def test_nothing_is_sent_to_the_suppressed(line: PhoneNumber) -> None:
    receive(line, "STOP")
    sent = Message.objects.count()
    with pytest.raises(ConversationRefused, match=r"is suppressed \(opted out, .*until they write START"):
        reply(conversation_id=conversation().pk, body="But why?", user=maria())
    assert Message.objects.count() == sent


def test_who_may_have_opted_out_can_be_asked(line: PhoneNumber) -> None:
    receive(line, "cancel my order")
    assert Suppression.objects.active().get().reason == "review"
    reply(conversation_id=conversation().pk, body="Which order?", user=maria())


@pytest.mark.parametrize(
    ("what", "field", "value", "said"),
    [
        ("account", "status", "suspended", "is suspended: nothing is sent for it. Activate the account"),
        ("number", "state", "released", "was released .* Write to them from another number"),
        ("number", "state", "disabled", "is disabled: enable it"),
        ("gateway", "is_enabled", False, "gateway .* is disabled: enable it"),
    ],
)
def test_what_does_not_send_says_what_to_do(line: PhoneNumber, what: str, field: str, value: object, said: str) -> None:
    receive(line, "Hello")
    target = {"account": line.account, "number": line, "gateway": line.gateway}[what]
    type(target)._default_manager.filter(pk=target.pk).update(**{field: value})
    with pytest.raises(ConversationRefused, match=said):
        reply(conversation_id=conversation().pk, body="Hi", user=maria())
    assert not Message.objects.exists()


@pytest.mark.parametrize(("body", "said"), [(" \n", "no text"), ("x" * 1601, "1601 characters")])
def test_a_reply_has_text_and_not_too_much_of_it(line: PhoneNumber, body: str, said: str) -> None:
    receive(line, "Hello")
    with pytest.raises(ConversationRefused, match=said):
        reply(conversation_id=conversation().pk, body=body, user=maria())


def test_reading_leaves_what_came_meanwhile_unread(line: PhoneNumber) -> None:
    looked_at = receive(line, "One")
    later = receive(line, "Two")
    pk = conversation().pk
    assert not mark_read(conversation_id=pk, inbound_id=looked_at.pk)
    assert conversation().unread_count == 2
    assert mark_read(conversation_id=pk, inbound_id=later.pk)
    assert (conversation().unread_count, conversation().is_unread) == (0, False)
    mark_unread(conversation_id=pk)
    assert (conversation().unread_count, conversation().is_unread) == (1, True)


def test_assigning_and_closing(line: PhoneNumber) -> None:
    receive(line, "Hello")
    pk, user = conversation().pk, maria()
    assign(conversation_id=pk, to=user)
    assert conversation().assigned_to == user
    assign(conversation_id=pk, to=None)
    assert conversation().assigned_to is None
    with pytest.raises(ConversationRefused, match="not on the staff"):
        assign(conversation_id=pk, to=UserFactory.create())
    close(conversation_id=pk)
    reopen(conversation_id=pk)
    assert conversation().state == "open"
    with pytest.raises(ConversationRefused, match="not here any more"):
        close(conversation_id=pk + 1)


def test_a_machine_hands_over_to_a_person(line: PhoneNumber) -> None:
    staff = maria()
    made = hand_over(number=line, person=PERSON, why="The survey ended badly.", to_id=staff.pk)
    assert (made.state, made.unread_count, made.account, made.assigned_to) == ("open", 1, line.account, staff)
    assert [item.text for item in read_thread(made).items] == ["The survey ended badly."]
    type(staff).objects.filter(pk=staff.pk).update(is_active=False)
    Conversation.objects.update(assigned_to=None)
    assert hand_over(number=line, person=PERSON, why="Again.", to_id=staff.pk).assigned_to is None


def test_a_thread_holds_everything_of_this_person_and_number_and_nothing_else(line: PhoneNumber) -> None:
    now = timezone.now()
    batch = BatchFactory.create(number=line, label="Autumn")
    MessageFactory.create(
        batch=batch, recipient=PERSON, context={"first_name": "Ann"}, created_at=now - dt.timedelta(days=1)
    )
    receive(line, "HELP", at=now.timestamp() - 60)
    add_note(conversation_id=conversation().pk, body="Be kind.", user=maria())
    InboundMessageFactory.create(sender=PERSON, body="To another account")
    other = PhoneNumberFactory.create(account=line.account)
    InboundMessageFactory.create(number=other, sender=PERSON, body="To another number")
    InboundMessageFactory.create(number=line, body="From somebody else")
    items = read_thread(conversation()).items
    assert [(item.kind, item.text) for item in items[:2]] == [("campaign", "Hello Ann"), ("theirs", "HELP")]
    assert len(items) == 4
    assert {item.kind for item in items[2:]} == {"automatic", "note"}
    assert next(item.why for item in items if item.kind == "automatic") == "Asked for help."


def test_a_long_thread_leaves_no_gap(line: PhoneNumber) -> None:
    made, now = ConversationFactory.create(number=line, person=PERSON), timezone.now()
    for minute in range(6):
        InboundMessageFactory.create(
            number=line, sender=PERSON, body=f"in {minute}", received_at=now - dt.timedelta(minutes=minute)
        )
    old = MessageFactory.create(
        batch=None, number=line, recipient=PERSON, body="old", created_at=now - dt.timedelta(days=1)
    )
    thread = read_thread(made, length=6)
    assert (thread.is_all, thread.items[0].message) == (True, old)
    short = read_thread(made, length=3)
    assert not short.is_all
    assert "old" not in [item.text for item in short.items]


def test_the_version_changes_with_what_is_shown_and_only_then(line: PhoneNumber) -> None:
    receive(line, "Hello")
    seen = [version_of(conversation())]
    assert version_of(conversation()) == seen[0]
    message = reply(conversation_id=conversation().pk, body="Hi", user=maria())
    seen.append(version_of(conversation()))
    Message.objects.filter(pk=message.pk).update(state="delivered")
    seen.append(version_of(conversation()))
    add_note(conversation_id=conversation().pk, body="Be kind.", user=maria())
    seen.append(version_of(conversation()))
    SuppressionFactory.create(account=line.account, recipient=PERSON)
    seen.append(version_of(conversation()))
    close(conversation_id=conversation().pk)
    seen.append(version_of(conversation()))
    assert len(set(seen)) == len(seen)


def test_canned_replies_are_filled_in_for_the_person(line: PhoneNumber) -> None:
    SubscriberFactory.create(account=line.account, number=PERSON, first_name="Ann")
    made = ConversationFactory.create(number=line, person=PERSON)
    own = CannedReplyFactory.create(account=line.account, text="Hi {{ first_name }}!")
    everybody = CannedReplyFactory.create(account=None, text="Bye {{ first_name }}!")
    strangers = CannedReplyFactory.create(text="Not yours")
    assert fill_canned(canned_id=own.pk, conversation_id=made.pk) == "Hi Ann!"
    assert fill_canned(canned_id=everybody.pk, conversation_id=made.pk) == "Bye Ann!"
    with pytest.raises(CannedRefused, match="not here any more"):
        fill_canned(canned_id=strangers.pk, conversation_id=made.pk)
    CannedReply.objects.filter(pk=own.pk).update(text="{{ first_name")
    with pytest.raises(CannedRefused, match="cannot be filled in"):
        fill_canned(canned_id=own.pk, conversation_id=made.pk)


def test_messages_from_before_become_conversations(line: PhoneNumber) -> None:
    migration = importlib.import_module("messaging.migrations.0005_inbox")
    now = timezone.now()
    long_ago = now - dt.timedelta(days=60)
    InboundMessageFactory.create(number=line, sender="+14155550101", body="Old", received_at=long_ago, handler="inbox")
    InboundMessageFactory.create(number=line, sender="+14155550101", body="New", received_at=now, handler="inbox")
    InboundMessageFactory.create(number=line, sender="+14155550102", received_at=long_ago, handler="inbox")
    InboundMessageFactory.create(number=line, sender="+14155550103", body="STOP", received_at=now, handler="opt_out")
    InboundMessageFactory.create(number=None, account=None, gateway=line.gateway, recipient="1", sender="+14155550104")
    ConversationFactory.create(number=line, person="+14155550102", last_excerpt="Kept")
    for _ in range(2):
        migration.build_conversations(apps, None)
    rows = Conversation.objects.order_by("person").values_list("person", "state", "unread_count", "last_excerpt")
    assert list(rows) == [
        ("+14155550101", "open", 1, "New"),
        ("+14155550102", "open", 0, "Kept"),
        ("+14155550103", "closed", 0, "STOP"),
    ]


def test_only_members_see_an_accounts_conversations(line: PhoneNumber) -> None:
    ConversationFactory.create()
    mine = ConversationFactory.create(number=line)
    client = UserFactory.create()
    assert not Conversation.objects.for_user(client).exists()
    line.account.memberships.create(user=client)
    assert list(Conversation.objects.for_user(client)) == [mine]
    assert Conversation.objects.for_user(StaffFactory.create()).count() == 2


def test_no_machine_talks_in_between_while_somebody_of_us_does(line: PhoneNumber) -> None:
    Account.objects.filter(pk=line.account_id).update(default_reply="We are closed.")
    first = receive(line, "Is there parking?")
    assert reply_to(first) == "We are closed."
    reply(conversation_id=conversation().pk, body="Yes, at the pier.", user=maria())
    thanks = receive(line, "Great, thanks!")
    assert reply_to(thanks) is None
    assert "Somebody of us answered them lately" in thanks.decision
    assert conversation().is_unread
    Message.objects.filter(author__isnull=False).update(created_at=timezone.now() - dt.timedelta(hours=13))
    assert reply_to(receive(line, "And on Sunday?")) == "We are closed."

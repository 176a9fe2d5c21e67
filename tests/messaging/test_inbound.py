"""Routing of inbound messages: opt-outs first, one effect each, nothing half done, nothing lost."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import OperationalError, connections

from accounts.models import Account
from broadcast.core.redis import get_redis
from campaigns.models import Subscription
from messaging.engine import keys
from messaging.inbound import router
from messaging.inbound.context import Decision, Inbound
from messaging.jobs import inbound
from messaging.models import InboundMessage, Message, PhoneNumber, RejectedWebhook, Suppression
from tests.factories import (
    MessageFactory,
    PhoneNumberFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SubscriptionFactory,
    SuppressionFactory,
)
from tests.messaging.hooks import put_inbound, sms_fields, stored

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> PhoneNumber:
    """A number of an account."""
    return PhoneNumberFactory.create(account__name="Blue Door Books")


def receive(line: PhoneNumber, body: str, sender: str = PERSON, **extra: str) -> InboundMessage:
    """One message, from the stream to its row."""
    put_inbound(line.gateway, sms_fields(sender=sender, recipient=line.number, body=body, **extra))
    inbound.drain()
    assert not stored(keys.INBOUND)
    return InboundMessage.objects.latest("id")


def reply_to(message: InboundMessage) -> str | None:
    """The answer's text, None without one."""
    answer = Message.objects.filter(in_reply_to=message).first()
    return answer.body if answer else None


def change(line: PhoneNumber, **values: Any) -> None:
    Account.objects.filter(pk=line.account_id).update(**values)


# Opt-out


@pytest.mark.parametrize("body", ["STOP", "stop please", "Unsubscribe me", "OPT-OUT", "don't text me", "END.", "arrêt"])
def test_an_opt_out_suppresses_at_once_and_is_confirmed_once(line: PhoneNumber, body: str) -> None:
    first, second = receive(line, body), receive(line, body)
    suppression = Suppression.objects.get()
    assert (suppression.recipient, suppression.reason, suppression.note) == (PERSON, "opt_out", body)
    assert get_redis().zscore(keys.STOPS, keys.stop_of_account(line.account_id, PERSON))
    answer = reply_to(first) or ""
    assert answer.startswith("Blue Door Books: you are unsubscribed")
    assert reply_to(second) is None
    assert (first.handler, second.handler) == ("opt_out", "opt_out")
    assert "one confirmation" in second.decision


def test_the_confirmation_is_the_accounts_own_and_goes_to_the_suppressed(line: PhoneNumber) -> None:
    change(line, opt_out_text="Bye from the Books.")
    answer = Message.objects.get(in_reply_to=receive(line, "STOP"))
    assert (answer.body, answer.kind, answer.state) == ("Bye from the Books.", "service", "queued")


def test_an_opt_out_holds_for_its_account_only(line: PhoneNumber) -> None:
    other = PhoneNumberFactory.create(gateway=line.gateway)
    receive(line, "STOP")
    assert not Suppression.objects.filter(account=other.account).exists()
    assert get_redis().zscore(keys.STOPS, keys.stop_of_account(other.account_id, PERSON)) is None


def test_an_opt_out_ends_every_subscription_and_an_opt_in_restores_just_those(line: PhoneNumber) -> None:
    person = SubscriberFactory.create(account=line.account, number=PERSON)
    lists = SubscriberListFactory.create_batch(3, account=line.account)
    for item in lists:
        SubscriptionFactory.create(list=item, subscriber=person)
    # Staff had taken them off one list; that is not theirs to undo.
    Subscription.objects.filter(list=lists[2]).update(state="unsubscribed", ended_by="staff")
    stranger = SubscriptionFactory.create(subscriber__number=PERSON)
    receive(line, "STOP")
    ours = Subscription.objects.filter(subscriber=person)
    assert set(ours.values_list("state", "ended_by")) == {("unsubscribed", "opt_out"), ("unsubscribed", "staff")}
    assert Subscription.objects.get(pk=stranger.pk).state == "subscribed"
    receive(line, "START")
    assert dict(ours.values_list("list", "state")) == {
        lists[0].pk: "subscribed",
        lists[1].pk: "subscribed",
        lists[2].pk: "unsubscribed",
    }


def test_an_opt_out_counts_with_the_last_message_they_had(line: PhoneNumber) -> None:
    states = ("delivered", "failed", "queued")
    messages = [MessageFactory.create(batch__number=line, recipient=PERSON, state=state) for state in states]
    receive(line, "STOP")
    assert Suppression.objects.get().message_id == messages[0].pk


def test_an_opt_out_takes_the_place_of_an_unreachable_number(line: PhoneNumber) -> None:
    """Else it would be forgotten the moment somebody lifts the other reason."""
    SuppressionFactory.create(account=line.account, recipient=PERSON, reason="bad_number", note="Unreachable.")
    message = receive(line, "STOP")
    assert reply_to(message)
    assert Suppression.objects.values_list("reason", "note").get() == ("opt_out", "STOP")


def test_what_staff_suppressed_stays_staffs_and_tells_of_the_opt_out(line: PhoneNumber) -> None:
    subscription = SubscriptionFactory.create(
        list__account=line.account, subscriber=SubscriberFactory.create(account=line.account, number=PERSON)
    )
    SuppressionFactory.create(account=line.account, recipient=PERSON, reason="staff", note="Asked by post.")
    for _ in range(2):
        assert reply_to(receive(line, "STOP")) is None
    suppression = Suppression.objects.get()
    assert (suppression.reason, suppression.note) == ("staff", "Asked by post. They opted out too: STOP")
    subscription.refresh_from_db()
    assert subscription.state == "unsubscribed"
    message = receive(line, "START")
    assert "stays suppressed: suppressed by staff" in message.decision
    assert reply_to(message) is None
    assert Suppression.objects.active().exists()


# Opt-in


def test_an_opt_in_lifts_the_opt_out_with_its_marks(line: PhoneNumber) -> None:
    receive(line, "STOP")
    get_redis().zadd(keys.STOPS, {keys.stop_of_number(line.number, PERSON): 1})
    message = receive(line, "Start!")
    assert (reply_to(message) or "").startswith("Blue Door Books: welcome back")
    suppression = Suppression.objects.get()
    assert suppression.lifted_at is not None
    assert suppression.lifted_note == "Start!"
    assert not get_redis().exists(keys.STOPS)
    # They may go again, and that is confirmed again.
    assert reply_to(receive(line, "STOP"))
    assert Suppression.objects.active().count() == 1


@pytest.mark.parametrize("body", ["YES", "START", "UNSTOP"])
def test_an_opt_in_of_somebody_who_never_opted_out_is_a_message_like_any_other(line: PhoneNumber, body: str) -> None:
    change(line, default_reply="We are closed.")
    message = receive(line, body)
    assert (message.handler, reply_to(message)) == ("default_reply", "We are closed.")


# Help


def test_help_tells_who_we_are_and_how_to_stop_even_to_the_suppressed(line: PhoneNumber) -> None:
    receive(line, "STOP")
    text = reply_to(receive(line, "Help?")) or ""
    assert text.startswith("Blue Door Books")
    assert "STOP" in text
    assert Message.objects.latest("id").state == "queued"


def test_help_is_the_accounts_own_text(line: PhoneNumber) -> None:
    change(line, help_text="Ask at the desk.", default_reply="never")
    assert reply_to(receive(line, "INFO")) == "Ask at the desk."


# What the provider has done already


@pytest.mark.parametrize(("body", "word"), [("STOP", "STOP"), ("adios", "STOP"), ("HELP", "HELP"), ("qué", "HELP")])
def test_what_the_provider_has_answered_is_not_answered_again(line: PhoneNumber, body: str, word: str) -> None:
    change(line, default_reply="never")
    message = receive(line, body, OptOutType=word)
    assert reply_to(message) is None
    assert "provider" in message.decision
    assert Suppression.objects.active().exists() is (word == "STOP")


def test_an_opt_in_with_a_word_of_the_providers_settings_holds_here_too(line: PhoneNumber) -> None:
    receive(line, "adios", OptOutType="STOP")
    message = receive(line, "hola", OptOutType="START")
    assert reply_to(message) is None
    assert not Suppression.objects.active().exists()


# Anything else


def test_the_default_reply_is_made_for_the_person(line: PhoneNumber) -> None:
    change(line, default_reply='Hi {{ first_name | default: "there" }} of {{ city }}, we are closed.')
    SubscriberFactory.create(account=line.account, number=PERSON, first_name="Zoë", fields={"city": "Lyon", "n": 3})
    SubscriberFactory.create(number=PERSON, first_name="Somebody else's")
    assert reply_to(receive(line, "Are you open?")) == "Hi Zoë of Lyon, we are closed."
    assert reply_to(receive(line, "Are you open?", "+14155552672")) == "Hi there of , we are closed."


@pytest.mark.parametrize(
    ("template", "handler", "why"),
    [
        ("", "inbox", "waits in the inbox"),
        ("{{ nothing }}", "default_reply", "empty for this person"),
        ("{% if %}", "default_reply", "cannot be made"),
    ],
)
def test_without_a_default_reply_a_message_waits(line: PhoneNumber, template: str, handler: str, why: str) -> None:
    change(line, default_reply=template)
    message = receive(line, "Are you open?")
    assert reply_to(message) is None
    assert (message.state, message.handler) == ("handled", handler)
    assert why in message.decision


def test_the_suppressed_get_no_default_reply(line: PhoneNumber) -> None:
    change(line, default_reply="We are closed.")
    SuppressionFactory.create(account=line.account, recipient=PERSON)
    message = receive(line, "Are you open?")
    assert Message.objects.values_list("state", "reason").get() == ("suppressed", "opt_out")
    assert message.decision.endswith("Not answered: they are suppressed.")


@pytest.mark.parametrize("state", ["disabled", "pending"])
def test_a_number_that_does_not_send_does_not_answer_and_still_hears(line: PhoneNumber, state: str) -> None:
    PhoneNumber.objects.filter(pk=line.pk).update(state=state)
    message = receive(line, "STOP")
    assert Suppression.objects.active().exists()
    assert reply_to(message) is None
    assert "Not answered" in message.decision


def test_a_suspended_account_does_not_answer_and_still_hears(line: PhoneNumber) -> None:
    change(line, status="suspended")
    message = receive(line, "STOP")
    assert Suppression.objects.active().exists()
    assert reply_to(message) is None
    assert message.decision.endswith("Not answered: Blue Door Books is suspended.")


def test_a_message_with_nothing_but_a_picture_is_kept(line: PhoneNumber) -> None:
    url = "https://api.example.com/media/ME1"
    message = receive(line, "", NumMedia="1", MediaUrl0=url, MediaContentType0="image/jpeg")
    assert message.media == [[url, "image/jpeg"]]
    assert (message.handler, message.decision) == ("inbox", "Without text: it waits in the inbox.")


def test_what_comes_to_a_number_that_is_not_ours_is_kept(line: PhoneNumber) -> None:
    put_inbound(line.gateway, sms_fields(sender=PERSON, recipient="+14155550000", body="STOP"))
    PhoneNumber.objects.filter(pk=line.pk).update(state="released")
    put_inbound(line.gateway, sms_fields(sender=PERSON, recipient=line.number, body="hello"))
    inbound.drain()
    assert list(InboundMessage.objects.values_list("state", "account")) == [("unrouted", None)] * 2
    assert not Message.objects.exists()


def test_a_number_of_another_gateway_is_not_ours(line: PhoneNumber) -> None:
    other = PhoneNumberFactory.create()
    put_inbound(other.gateway, sms_fields(sender=PERSON, recipient=line.number, body="STOP"))
    inbound.drain()
    assert InboundMessage.objects.get().state == "unrouted"
    assert not Suppression.objects.exists()


# What cannot be read


def test_nul_characters_are_taken_out(line: PhoneNumber) -> None:
    message = receive(line, "ST\x00OP", NumMedia="1", MediaUrl0="https://x.example/\x00a", MediaContentType0="a\x00/b")
    assert (message.body, message.handler) == ("STOP", "opt_out")
    assert message.media == [["https://x.example/a", "a/b"]]


def test_what_is_not_understood_is_kept_for_staff(line: PhoneNumber) -> None:
    put_inbound(line.gateway, body="Foo=bar%00")
    put_inbound(line.gateway, body="\xff\xfe")
    inbound.drain()
    kept = list(RejectedWebhook.objects.order_by("id"))
    assert [(webhook.kind, webhook.gateway) for webhook in kept] == [("inbound", line.gateway)] * 2
    assert "has no" in kept[0].error
    assert not stored(keys.INBOUND)


def test_one_message_that_cannot_be_routed_holds_up_nobody(line: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(found: Inbound) -> Decision | None:
        if "poison" in found.message.body:
            raise ZeroDivisionError("a fault of ours")
        return None

    monkeypatch.setattr(router, "_handlers", [("faulty", faulty), *router._handlers])
    bodies = ("poison", "after it")
    put_inbound(line.gateway, *(sms_fields(sender=PERSON, recipient=line.number, body=body) for body in bodies))
    inbound.drain()
    assert InboundMessage.objects.get().body == "after it"
    assert "a fault of ours" in RejectedWebhook.objects.get().error
    assert not stored(keys.INBOUND)


def test_a_sender_that_is_no_number_is_kept_and_holds_up_nobody(line: PhoneNumber) -> None:
    """PostgreSQL refuses what is too long for its column, SQLite does not; either way nothing is lost or stuck."""
    long = sms_fields(sender="whatsapp:+14155552671000", recipient=line.number, body="hello")
    put_inbound(line.gateway, long, sms_fields(sender=PERSON, recipient=line.number, body="next"))
    inbound.drain()
    assert InboundMessage.objects.filter(body="next").exists()
    assert InboundMessage.objects.filter(body="hello").exists() != RejectedWebhook.objects.exists()
    assert not stored(keys.INBOUND)


# Once each


def test_a_repeat_has_one_row_and_one_reply(line: PhoneNumber) -> None:
    change(line, default_reply="We are closed.")
    fields = sms_fields(sender=PERSON, recipient=line.number, body="Are you open?")
    put_inbound(line.gateway, fields, fields)
    put_inbound(line.gateway, fields)
    inbound.drain()
    assert InboundMessage.objects.count() == 1
    assert Message.objects.count() == 1


def test_two_drains_at_once_route_each_message_once(line: PhoneNumber) -> None:
    change(line, default_reply="We are closed.")
    people = [f"+1415555{index:04d}" for index in range(20)]
    for person in people:
        for body in ("STOP", "hello"):
            put_inbound(line.gateway, sms_fields(sender=person, recipient=line.number, body=body))
    together = threading.Barrier(3)
    errors: list[BaseException] = []

    def drain() -> None:
        together.wait()
        try:
            while inbound.drain():
                continue
        except BaseException as error:
            errors.append(error)
            raise
        finally:
            connections.close_all()

    threads = [threading.Thread(target=drain) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert InboundMessage.objects.filter(state="handled").count() == 40
    assert Suppression.objects.count() == 20
    assert Message.objects.filter(kind="service").count() == 20
    assert not RejectedWebhook.objects.exists()


def test_a_routing_that_is_interrupted_leaves_nothing_half_done(
    line: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = SubscriberFactory.create(account=line.account, number=PERSON)
    subscription = SubscriptionFactory.create(list__account=line.account, subscriber=person)
    put_inbound(line.gateway, sms_fields(sender=PERSON, recipient=line.number, body="STOP"))

    def interrupted(**_: object) -> None:
        raise OperationalError("the connection is gone")

    with monkeypatch.context() as patch:
        patch.setattr(router, "submit", interrupted)
        with pytest.raises(OperationalError):
            inbound.drain()
    subscription.refresh_from_db()
    assert subscription.state == "subscribed"
    for model in (InboundMessage, Suppression, Message, RejectedWebhook):
        assert not model.objects.exists()
    # It is still there, and is routed as if nothing had been.
    assert inbound.drain() == 1
    subscription.refresh_from_db()
    assert (subscription.state, subscription.ended_by) == ("unsubscribed", "opt_out")
    assert Message.objects.get().kind == "service"


def test_a_handler_of_a_layer_above_has_its_named_place(line: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "_handlers", list(router._handlers))
    router.register("keyword", lambda _: Decision("A keyword.", "You are in."), before="default_reply")
    router.register("keyword", lambda _: None, before="opt_out")
    assert [name for name, _ in router._handlers] == ["opt_out", "help", "opt_in", "keyword", "default_reply", "inbox"]
    assert reply_to(receive(line, "JOIN")) == "You are in."
    assert receive(line, "STOP").handler == "opt_out"
    with pytest.raises(LookupError, match="no inbound handler “nowhere”"):
        router.register("other", lambda _: None, before="nowhere")

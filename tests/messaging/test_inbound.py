"""Routing of inbound messages: one effect each, nothing half done, nothing lost."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import OperationalError, connections

from accounts.models import Account
from messaging.engine import keys
from messaging.inbound import router
from messaging.inbound.context import Decision, Inbound
from messaging.jobs import inbound
from messaging.models import InboundMessage, Message, PhoneNumber, RejectedWebhook, Suppression
from messaging.wording import reading
from messaging.wording import text as wording_text
from tests.factories import (
    PhoneNumberFactory,
    SubscriberFactory,
    SubscriptionFactory,
    SuppressionFactory,
)
from tests.messaging.hooks import put_inbound, receive, reply_to, sms_fields, stored

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


def change(line: PhoneNumber, **values: Any) -> None:
    Account.objects.filter(pk=line.account_id).update(**values)


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
    kept = InboundMessage.objects.all()
    assert [(message.state, message.account) for message in kept] == [("unrouted", None)] * 2
    assert not Message.objects.exists()


def test_a_number_of_another_gateway_is_not_ours(line: PhoneNumber) -> None:
    other = PhoneNumberFactory.create()
    put_inbound(other.gateway, sms_fields(sender=PERSON, recipient=line.number, body="STOP"))
    inbound.drain()
    assert InboundMessage.objects.get().state == "unrouted"
    assert not Suppression.objects.exists()


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
    own = [entry for entry in router._handlers if entry[0] not in ("double_opt_in", "chain", "keyword")]
    monkeypatch.setattr(router, "_handlers", own)
    router.register("keyword", lambda _: Decision("A keyword.", "You are in."), before="default_reply")
    router.register("keyword", lambda _: None, before="opt_out")
    assert [name for name, _ in router._handlers] == [
        *("loop_guard", "opt_out", "help", "opt_in", "unclear_opt_out", "keyword", "default_reply", "inbox")
    ]
    assert reply_to(receive(line, "JOIN")) == "You are in."
    assert receive(line, "STOP").handler == "opt_out"
    with pytest.raises(LookupError, match="no inbound handler “nowhere”"):
        router.register("other", lambda _: None, before="nowhere")


@pytest.mark.parametrize("body", ["Are you open on Sunday?", "yes please", "stop sending these at night?"])
def test_a_message_is_read_once_for_all_handlers(line: PhoneNumber, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    read: list[str] = []

    def words(text: str) -> list[str]:
        read.append(text)
        return wording_text.words(text)

    monkeypatch.setattr(reading, "words", words)
    receive(line, body)
    assert read == [body]

"""What staff do to somebody, beside what the person asked for: neither undoes the other, and no consent is invented."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connections, transaction

from campaigns.models import ConsentEvent, OptInRequest, Subscriber, Subscription
from campaigns.services.consent import How, Origin, Standing, history, present_state
from campaigns.services.consent.subscriptions import save_subscriber, save_subscriptions
from campaigns.services.double_opt_in import answer, join, leave
from messaging.models import Message, OptOutReview, PhoneNumber, Suppression
from messaging.services.reviews import decide_keep
from messaging.services.suppressions import lift, suppress
from tests.factories import (
    InboundMessageFactory,
    PhoneNumberFactory,
    StaffFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SubscriptionFactory,
)
from tests.messaging.hooks import receive

pytestmark = pytest.mark.django_db(transaction=True)

PERSON = "+14155552671"
NEW = "+14155559999"


@pytest.fixture
def line() -> PhoneNumber:
    """A number of Blue Door Books."""
    return PhoneNumberFactory.create(account__name="Blue Door Books")


@pytest.fixture
def reader(line: PhoneNumber) -> Subscriber:
    """A person on a list."""
    subscriber = SubscriberFactory.create(account=line.account, number=PERSON)
    SubscriptionFactory.create(list=SubscriberListFactory(account=line.account, name="News"), subscriber=subscriber)
    return subscriber


def actions(number: str = PERSON, **where: Any) -> list[tuple[str, str]]:
    events = ConsentEvent.objects.filter(number=number, **where).order_by("id")
    return list(events.values_list("action", "list_name"))


def test_an_opt_out_survives_that_staff_lift_what_they_did(line: PhoneNumber, reader: Subscriber) -> None:
    user = StaffFactory.create()
    person: dict[str, Any] = {"account_id": line.account_id, "recipient": PERSON}
    suppress(**person, reason="staff", note="A competitor", user=user)
    receive(line, "STOP")
    receive(line, "Please stop")

    assert lift(**person, user=user)

    left = Suppression.objects.active().get(**person)
    assert (left.reason, left.note) == ("opt_out", "STOP")
    assert not Subscription.objects.live().exists()
    assert present_state(history(line.account_id, PERSON))[None] is Standing.WITHDRAWN
    assert "restored" not in {action for action, _ in actions()}

    receive(line, "START")
    assert not Suppression.objects.active().exists()
    assert Subscription.objects.live().count() == 1
    assert actions()[-2:] == [("restored", ""), ("restored", "News")]


def test_staff_may_lift_the_opt_out_that_is_left_as_well(line: PhoneNumber, reader: Subscriber) -> None:
    person: dict[str, Any] = {"account_id": line.account_id, "recipient": PERSON}
    suppress(**person, reason="staff")
    receive(line, "STOP")
    assert [lift(**person), lift(**person), lift(**person)] == [True, True, False]
    assert Subscription.objects.live().count() == 1


def test_what_staff_alone_did_is_lifted_in_one_go(line: PhoneNumber, reader: Subscriber) -> None:
    person: dict[str, Any] = {"account_id": line.account_id, "recipient": PERSON}
    suppress(**person, reason="staff")
    lift(**person)
    assert not Suppression.objects.active().exists()
    assert actions() == [("withdrawn", ""), ("restored", "")]


@pytest.mark.parametrize("reason", ["review", "bad_number"])
def test_lifting_what_is_no_withdrawal_gives_nothing(line: PhoneNumber, reason: str) -> None:
    person: dict[str, Any] = {"account_id": line.account_id, "recipient": PERSON}
    suppress(**person, reason=reason)
    lift(**person)
    assert actions() == []


def test_a_start_under_review_gives_nothing_that_was_not_taken(line: PhoneNumber) -> None:
    receive(line, "cancel my order")
    receive(line, "START")
    assert OptOutReview.objects.get().state == "kept"
    assert actions() == []


def test_keeping_a_review_gives_nothing(line: PhoneNumber, reader: Subscriber) -> None:
    receive(line, "cancel my order")
    decide_keep(review_id=OptOutReview.objects.get().pk, user=StaffFactory.create())
    assert actions() == []
    assert Subscription.objects.live().count() == 1


def test_a_new_number_is_asked_though_the_old_one_was_and_its_yes_names_that_question(
    line: PhoneNumber, reader: Subscriber
) -> None:
    club = SubscriberListFactory.create(account=line.account, name="Club", double_opt_in=True)
    join(subscriber=reader, lists=[club], origin=Origin(how=How.STAFF), number=line)
    receive(line, "YES")
    reader.number = NEW

    joined = save_subscriber(subscriber=reader, user=StaffFactory.create())

    assert "asked to confirm “Club”" in [str(one) for one in joined]
    asked = Message.objects.get(recipient=NEW, body__contains="reply YES")
    assert OptInRequest.objects.get(recipient=NEW).message == asked
    receive(line, "YES", sender=NEW)
    assert reader.subscriptions.get(list=club).state == "subscribed"
    assert ConsentEvent.objects.get(number=NEW, action="confirmed").message_id == asked.pk


def test_staff_put_nobody_back_on_a_list_who_opted_out(line: PhoneNumber, reader: Subscriber) -> None:
    receive(line, "STOP")
    news = reader.subscriptions.select_related("list", "subscriber").get()
    news.state = "subscribed"
    other = Subscription(list=SubscriberListFactory.create(account=line.account, name="Events"), subscriber=reader)

    joined = save_subscriptions(changed=[news, other], user=StaffFactory.create())

    assert [str(one) for one in joined] == [
        f"did not join “{name}”: they are suppressed (opted out)" for name in ("News", "Events")
    ]
    assert not Subscription.objects.live().exists()
    assert "given" not in {action for action, _ in actions()}


def at_the_same_time(first: Any, second: Any) -> None:
    """``second`` begins while ``first`` is done and not committed yet."""

    def run() -> None:
        try:
            second()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        first()
        thread.start()
        thread.join(timeout=0.5)
        assert thread.is_alive(), "it waits for the other to be over"
    thread.join(timeout=20)
    assert not thread.is_alive()


@pytest.mark.parametrize("way", ["leave", "opt_out"])
def test_a_yes_while_somebody_leaves_confirms_nothing(line: PhoneNumber, way: str) -> None:
    ada = SubscriberFactory.create(account=line.account, number=PERSON)
    club = SubscriberListFactory.create(account=line.account, name="Club", double_opt_in=True)
    join(subscriber=ada, lists=[club], origin=Origin(how=How.API), number=line)
    yes = InboundMessageFactory.create(number=line, sender=PERSON, body="yes")

    def gone() -> None:
        if way == "leave":
            leave(subscriber=ada, list_=club, ended_by="staff", origin=Origin(how=How.STAFF))
        else:
            suppress(account_id=line.account_id, recipient=PERSON, reason="opt_out")

    at_the_same_time(gone, lambda: answer(message=yes, number=line, yes=True))

    assert club.subscriptions.get().state == "unsubscribed"
    assert actions(list_name="Club") == [("requested", "Club"), ("withdrawn", "Club")]
    assert OptInRequest.objects.get().state == "declined"


def test_who_joins_while_an_opt_out_is_entered_is_on_no_list(line: PhoneNumber, reader: Subscriber) -> None:
    events = SubscriberListFactory.create(account=line.account, name="Events")
    origin = Origin(how=How.API)
    at_the_same_time(
        lambda: suppress(account_id=line.account_id, recipient=PERSON, reason="opt_out"),
        lambda: join(subscriber=reader, lists=[events], origin=origin),
    )
    assert not Subscription.objects.live().exists()
    assert actions(list_name="Events") == []

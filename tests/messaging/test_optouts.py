"""STOP, START and HELP: heard at once, answered once."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Account
from broadcast.core.redis import get_redis
from campaigns.models import Subscription
from messaging.engine import keys
from messaging.models import Message, PhoneNumber, Suppression
from tests.factories import (
    MessageFactory,
    PhoneNumberFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SubscriptionFactory,
    SuppressionFactory,
)
from tests.messaging.hooks import receive, reply_to

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


def change(line: PhoneNumber, **values: Any) -> None:
    Account.objects.filter(pk=line.account_id).update(**values)


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
    assert "stays suppressed by staff" in message.decision
    assert reply_to(message) is None
    assert Suppression.objects.active().exists()


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


def test_help_tells_who_we_are_and_how_to_stop_even_to_the_suppressed(line: PhoneNumber) -> None:
    receive(line, "STOP")
    text = reply_to(receive(line, "Help?")) or ""
    assert text.startswith("Blue Door Books")
    assert "STOP" in text
    assert Message.objects.latest("id").state == "queued"


def test_help_is_the_accounts_own_text(line: PhoneNumber) -> None:
    change(line, help_text="Ask at the desk.", default_reply="never")
    assert reply_to(receive(line, "INFO")) == "Ask at the desk."


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

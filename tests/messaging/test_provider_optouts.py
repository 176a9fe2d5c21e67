"""Opt-outs that a provider tells of by a code: they hold here too, at once and without a word of ours."""

from __future__ import annotations

import time

import pytest

from broadcast.core.redis import get_redis
from campaigns.models import ConsentEvent
from integrations.sms.errors import SendError
from integrations.sms.providers.infobip.codes import SEND_ERRORS
from integrations.sms.providers.twilio.codes import delivery_error
from messaging.engine import keys
from messaging.models import Message, PhoneNumber, Suppression
from tests.factories import MessageFactory, SubscriberFactory, SubscriptionFactory
from tests.messaging.hooks import receive, reply_to
from tests.messaging.test_holds import claim, queued
from tests.messaging.test_recording import put_result, put_status
from tests.messaging.tools import drain

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


def sent(line: PhoneNumber, state: str = "accepted") -> Message:
    """A campaign's message to the person that has left."""
    return MessageFactory.create(
        batch__account=line.account, number=line, account=line.account, recipient=PERSON, state=state
    )


def ledger(line: PhoneNumber) -> list[tuple[str, str, str, int | None]]:
    """The account's events in the ledger, oldest first."""
    events = ConsentEvent.objects.filter(account=line.account, list_id=None).order_by("id")
    return list(events.values_list("action", "how", "wording", "message_id"))


@pytest.mark.parametrize("error", [delivery_error("21610", ""), SEND_ERRORS[14]], ids=["Twilio", "Infobip"])
def test_a_refusal_for_an_opt_out_is_kept_in_the_ledger_and_not_confirmed(line: PhoneNumber, error: SendError) -> None:
    message = sent(line, "sending")
    put_result(message, error)
    drain()
    suppression = Suppression.objects.active().get()
    assert (suppression.reason, suppression.message) == ("provider_opt_out", message)
    assert ledger(line) == [("withdrawn", "provider", error.text, message.pk)]
    assert not Message.objects.exclude(pk=message.pk).exists()


def test_the_rest_of_a_running_campaign_does_not_reach_them(line: PhoneNumber) -> None:
    first, second = sent(line), queued(line)
    put_status(line.gateway_id, "undelivered", message_id=first.pk, ErrorCode="21610")
    drain()
    assert get_redis().zscore(keys.STOPS, keys.stop_of_account(line.account_id, PERSON))
    assert (claim(second), second.reason) == ("suppressed", "provider_opt_out")


def test_an_opt_out_that_the_provider_told_of_is_not_confirmed_when_they_write_stop(line: PhoneNumber) -> None:
    put_status(line.gateway_id, "undelivered", message_id=sent(line).pk, ErrorCode="21610")
    drain()
    message = receive(line, "STOP")
    assert reply_to(message) is None
    assert "one confirmation" in message.decision
    assert Suppression.objects.get().reason == "provider_opt_out"


def test_their_start_undoes_it_with_their_words_in_the_ledger(line: PhoneNumber) -> None:
    person = SubscriberFactory.create(account=line.account, number=PERSON)
    subscription = SubscriptionFactory.create(list__account=line.account, subscriber=person)
    put_status(line.gateway_id, "undelivered", message_id=sent(line).pk, ErrorCode="21610")
    drain()
    subscription.refresh_from_db()
    assert subscription.state == "unsubscribed"
    message = receive(line, "Start please", at=time.time())
    assert (reply_to(message) or "").startswith("Blue Door Books: welcome back")
    assert not Suppression.objects.active().exists()
    subscription.refresh_from_db()
    assert subscription.state == "subscribed"
    assert ledger(line)[1:] == [("restored", "message", "Start please", None)]
    assert ConsentEvent.objects.filter(action="restored", inbound_id=message.pk).count() == 2
    assert claim(queued(line)) == "sending"


@pytest.mark.parametrize("code", ["21610", "21614"])
def test_a_late_report_from_before_their_start_does_not_suppress_them_again(line: PhoneNumber, code: str) -> None:
    message, late = sent(line), sent(line)
    put_status(line.gateway_id, "undelivered", message_id=message.pk, ErrorCode="21610")
    drain()
    put_status(line.gateway_id, "undelivered", message_id=late.pk, ErrorCode=code, sid="SM2")
    receive(line, "START")
    drain()
    late.refresh_from_db()
    assert late.state == "undelivered"
    assert not Suppression.objects.active().exists()
    # One from after it counts again.
    put_status(line.gateway_id, "undelivered", message_id=sent(line).pk, ErrorCode="21610", sid="SM3")
    drain()
    assert Suppression.objects.active().exists()

"""START: what it undoes, what it does not, and what a mere YES is worth. And STOP at the same time as another."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connections

from campaigns.models import ConsentEvent
from integrations.sms.events import InboundSms
from messaging.inbound import router
from messaging.inbound.context import Decision, Inbound
from messaging.models import Conversation, InboundMessage, Message, OptOutReview, PhoneNumber, Suppression
from tests.factories import SuppressionFactory
from tests.messaging.hooks import USUAL_TIME, receive, reply_to

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


def active() -> list[str]:
    """Reasons of suppressions that hold."""
    return list(Suppression.objects.active().values_list("reason", flat=True))


@pytest.mark.parametrize("body", ["START", "YES"])
def test_what_staff_suppressed_is_not_undone_and_a_person_looks_at_the_wish(line: PhoneNumber, body: str) -> None:
    SuppressionFactory.create(account=line.account, recipient=PERSON, reason="staff")
    message = receive(line, body)
    assert active() == ["staff"]
    assert reply_to(message) is None
    assert not ConsentEvent.objects.exists()
    assert Conversation.objects.get().is_unread
    assert ("stays suppressed by staff" in message.decision) is (body == "START")


def test_a_number_out_of_reach_that_writes_start_is_in_reach_again(line: PhoneNumber) -> None:
    SuppressionFactory.create(account=line.account, recipient=PERSON, reason="bad_number")
    message = receive(line, "START")
    assert active() == []
    assert (reply_to(message) or "").startswith("Blue Door Books: welcome back")


def test_yes_to_whether_to_stop_does_not_bring_them_back(line: PhoneNumber) -> None:
    receive(line, "stop sending these at night?")
    message = receive(line, "Yes")
    assert active() == ["review"]
    assert OptOutReview.objects.get().state == "pending"
    assert (message.handler, reply_to(message)) == ("inbox", None)
    assert Conversation.objects.get().is_unread


def test_yes_undoes_an_opt_out_as_providers_have_it(line: PhoneNumber) -> None:
    receive(line, "STOP")
    assert receive(line, "YES").handler == "opt_in"
    assert active() == []


def test_a_start_from_before_the_opt_out_does_not_undo_it(line: PhoneNumber) -> None:
    """A webhook that was late, or that staff replayed days later."""
    receive(line, "STOP", at=USUAL_TIME)
    message = receive(line, "START", at=USUAL_TIME - 60)
    assert active() == ["opt_out"]
    assert reply_to(message) is None
    assert "opted out again after it" in message.decision
    assert receive(line, "START", at=USUAL_TIME + 60).handler == "opt_in"
    assert active() == []


def test_a_start_that_the_provider_has_answered_is_not_answered_again(line: PhoneNumber) -> None:
    receive(line, "STOP", OptOutType="STOP")
    message = receive(line, "START", OptOutType="START")
    assert active() == []
    assert not Message.objects.exists()
    assert "the provider has confirmed it already" in message.decision


@pytest.mark.parametrize("before", ["nothing", "review", "bad_number"])
def test_of_two_stops_at_once_one_is_confirmed(line: PhoneNumber, before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if before != "nothing":
        SuppressionFactory.create(account=line.account, recipient=PERSON, reason=before)
    together = threading.Barrier(2)
    decide = router._decide

    def decide_together(inbound: Inbound) -> tuple[str, Decision]:
        # Both have their message stored and neither knows of the other. SQLite lets one in at a time.
        if connections["default"].vendor == "postgresql":
            together.wait(timeout=20)
        return decide(inbound)

    monkeypatch.setattr(router, "_decide", decide_together)
    errors: list[BaseException] = []

    def stop(provider_id: str) -> None:
        sms = InboundSms(provider_id, PERSON, line.number, "STOP")
        try:
            router.receive(gateway_id=line.gateway_id, sms=sms, received_at=received_at)
        except BaseException as error:
            errors.append(error)
            raise
        finally:
            connections.close_all()

    received_at = dt.datetime.fromtimestamp(USUAL_TIME, dt.UTC)
    threads = [threading.Thread(target=stop, args=(f"SM{n}",)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert active() == ["opt_out"]
    assert InboundMessage.objects.filter(handler="opt_out").count() == 2
    assert Message.objects.count() == 1
    assert ConsentEvent.objects.filter(list_id=None, action="withdrawn").count() == 1

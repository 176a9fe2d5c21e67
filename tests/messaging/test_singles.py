"""Single messages: they go before campaigns and never to whom they must not."""

from __future__ import annotations

import subprocess
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Account
from broadcast.core.redis import get_redis
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys
from messaging.jobs import inbound
from messaging.models import Message, PhoneNumber, Suppression
from messaging.services.singles import submit
from messaging.services.suppressions import lift, suppress
from tests.factories import InboundMessageFactory, PhoneNumberFactory, SuppressionFactory
from tests.messaging.hooks import put_inbound, sms_fields
from tests.messaging.tools import drain, make_batch, recipients, send_all, wait_for

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_message_to_the_suppressed_is_kept_and_never_queued() -> None:
    number = PhoneNumberFactory.create()
    SuppressionFactory.create(account=number.account, recipient=PERSON, reason="staff")
    message = submit(account=number.account, number=number, recipient=PERSON, body="Hello")
    assert (message.state, message.reason) == ("suppressed", "staff")
    assert not get_redis().exists(keys.queue(number.gateway_id, keys.single_queue(number.pk)))


def test_another_accounts_suppression_is_not_ours() -> None:
    number = PhoneNumberFactory.create()
    SuppressionFactory.create(recipient=PERSON)
    assert submit(account=number.account, number=number, recipient=PERSON, body="Hello").state == "queued"


def test_a_message_of_a_transaction_that_fails_never_leaves() -> None:
    number = PhoneNumberFactory.create()
    with transaction.atomic():
        submit(account=number.account, number=number, recipient=PERSON, body="Hello")
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    assert not get_redis().exists(keys.queue(number.gateway_id, keys.single_queue(number.pk)))


def test_one_answer_to_each_inbound_message() -> None:
    question = InboundMessageFactory.create()
    number = question.number
    assert number is not None
    answer = partial(submit, account=number.account, number=number, recipient=PERSON, in_reply_to=question)
    answer(body="One")
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        answer(body="Two")
    assert Message.objects.count() == 1


def test_who_opts_out_after_the_message_was_queued_is_not_sent_to(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    message = submit(account=number.account, number=number, recipient=PERSON, body="Hello")
    suppress(account_id=number.account_id, recipient=PERSON, reason=Suppression.Reason.OPT_OUT)
    send_all(number)
    message.refresh_from_db()
    assert (message.state, message.reason) == ("suppressed", "opt_out")
    assert simulator.stats()["messages_taken"] == 0


def test_who_is_lifted_can_be_sent_to_again(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    suppress(account_id=number.account_id, recipient=PERSON, reason=Suppression.Reason.STAFF)
    assert not suppress(account_id=number.account_id, recipient=PERSON, reason=Suppression.Reason.OPT_OUT)
    assert lift(account_id=number.account_id, recipient=PERSON, note="A mistake.")
    assert lift(account_id=number.account_id, recipient=PERSON, note="They asked for it."), "their own opt-out is left"
    assert not lift(account_id=number.account_id, recipient=PERSON)
    message = submit(account=number.account, number=number, recipient=PERSON, body="Hello")
    send_all(number)
    message.refresh_from_db()
    assert message.state == "accepted"


def test_replies_leave_before_campaigns(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    """The campaign was queued first, and is long."""
    batch = make_batch(number, recipients(1500))
    replies = [
        submit(account=number.account, number=number, recipient=f"+1415555{index:04d}", body="An answer.")
        for index in range(5)
    ]
    send_all(number)
    last_reply = Message.objects.filter(pk__in=[r.pk for r in replies]).latest("accepted_at").accepted_at
    earlier = Message.objects.filter(batch=batch, accepted_at__lt=last_reply).count()
    # What is in flight together is accepted in any order; no more than that may come before.
    assert earlier <= 80
    assert Message.objects.filter(batch=batch, state="accepted").count() == 1500


def test_an_answer_reaches_the_person(
    simulator: SimulatorProcess, number: PhoneNumber, webhook_process: subprocess.Popen[bytes]
) -> None:
    """From a person's telephone through the webhook process, the router and the sender back to it."""
    Account.objects.filter(pk=number.account_id).update(default_reply="We are closed, {{ number }}.")
    simulator.inbound(sender=PERSON, recipient=number.number, body="Are you open?")
    assert inbound.drain() == 1
    send_all(number)
    stats = simulator.stats(recipients=True)
    assert list(stats["by_recipient"]) == [PERSON]
    assert stats["messages_taken"] == 1
    wait_for(_delivered, "the delivery status")
    simulator.inbound(sender=PERSON, recipient=number.number, body="STOP")
    inbound.drain()
    send_all(number)
    stats = simulator.stats()
    assert (stats["stop_confirmations"], stats["sent_after_stop"]) == (1, 0)


def _delivered() -> bool:
    drain()
    return Message.objects.get().state == "delivered"


def test_a_reply_is_not_sent_while_the_account_is_suspended(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    put_inbound(number.gateway, sms_fields(sender=PERSON, recipient=number.number, body="HELP"))
    inbound.drain()
    Account.objects.filter(pk=number.account_id).update(status="suspended")
    send_all(number)
    assert Message.objects.get().state == "queued"
    assert simulator.stats()["messages_taken"] == 0

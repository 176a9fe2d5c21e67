"""Messages to numbers that are not ours any more, or at another gateway: kept, not answered, and opt-outs still count."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

import orjson
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from broadcast.core.redis import get_redis
from messaging.engine import keys
from messaging.jobs import inbound
from messaging.models import Conversation, InboundMessage, Message, PhoneNumber, Suppression
from messaging.states import MessageState
from tests.factories import (
    AccountFactory,
    BatchFactory,
    GatewayFactory,
    MessageFactory,
    PhoneNumberFactory,
    StaffFactory,
    SubscriberFactory,
    SubscriptionFactory,
)
from tests.integrations.twilio_payloads import FORM
from tests.messaging.hooks import put_inbound, sms_fields, status_fields
from tests.messaging.tools import drain, recipients

PERSON = "+14155552671"
NOW = timezone.now().timestamp()

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def released() -> PhoneNumber:
    """A number that Blue Door Books released ten days ago, and that would answer anything if it still were theirs."""
    line: PhoneNumber = PhoneNumberFactory.create(
        account__name="Blue Door Books", account__default_reply="We are closed.", number="24365"
    )
    release(line, days=10)
    return line


def release(line: PhoneNumber, *, days: float) -> None:
    """Say that a number was released some days ago."""
    then = timezone.now() - dt.timedelta(days=days)
    PhoneNumber.objects.filter(pk=line.pk).update(state="released", released_at=then)
    line.refresh_from_db()


def hear(line: PhoneNumber, body: str, **extra: str) -> InboundMessage:
    """One message that comes now, through the gateway that the number is or was at."""
    put_inbound(line.gateway, sms_fields(sender=PERSON, recipient=line.number, body=body, **extra), at=NOW)
    inbound.drain()
    return InboundMessage.objects.latest("id")


def suppressed() -> list[str]:
    """Names of the accounts that may not send to the person."""
    return list(Suppression.objects.active().filter(recipient=PERSON).values_list("account__name", flat=True))


@pytest.mark.parametrize("words", ["STOP", "please stop texting me"])
def test_an_opt_out_counts_for_who_had_the_number_last(released: PhoneNumber, words: str) -> None:
    subscription = SubscriptionFactory.create(
        subscriber=SubscriberFactory.create(account=released.account, number=PERSON)
    )
    message = hear(released, words)
    assert suppressed() == ["Blue Door Books"]
    assert (message.state, message.handler, message.account) == ("handled", "opt_out", released.account)
    assert "not confirmed" in message.decision
    assert "was released by Blue Door Books on" in message.decision
    subscription.refresh_from_db()
    assert subscription.state == "unsubscribed"
    suppression = Suppression.objects.get()
    assert (suppression.reason, suppression.note) == ("opt_out", words)
    assert not Message.objects.exists(), "nobody is answered from a number that is not ours"
    assert not Conversation.objects.exists()


def test_what_the_provider_took_for_an_opt_out_counts(released: PhoneNumber) -> None:
    hear(released, "adios", OptOutType="STOP")
    assert suppressed() == ["Blue Door Books"]


@pytest.mark.parametrize(("days", "counts"), [(89, True), (91, False)])
def test_an_opt_out_counts_for_ninety_days(released: PhoneNumber, days: int, counts: bool) -> None:
    release(released, days=days)
    message = hear(released, "STOP")
    assert bool(suppressed()) is counts
    if not counts:
        assert (message.state, message.account) == ("unrouted", None)
        assert "may be an opt-out" in message.decision


@pytest.mark.parametrize(("days", "counts"), [(89, True), (91, False)])
def test_a_number_that_was_released_before_that_was_recorded_counts_from_its_last_change(
    released: PhoneNumber, days: int, counts: bool
) -> None:
    then = timezone.now() - dt.timedelta(days=days)
    PhoneNumber.objects.filter(pk=released.pk).update(released_at=None, updated_at=then)
    hear(released, "STOP")
    assert bool(suppressed()) is counts


def test_a_number_that_another_account_has_now_is_theirs_alone(released: PhoneNumber) -> None:
    new = PhoneNumberFactory.create(gateway=released.gateway, number=released.number, account__name="Acme")
    message = hear(new, "STOP")
    assert suppressed() == ["Acme"]
    assert message.number == new


def test_the_last_of_several_accounts_counts(released: PhoneNumber) -> None:
    last = PhoneNumberFactory.create(gateway=released.gateway, number=released.number, account__name="Acme")
    release(last, days=1)
    hear(last, "STOP")
    assert suppressed() == ["Acme"]


def test_the_same_number_at_another_gateway_is_another(released: PhoneNumber) -> None:
    """A short code of another country, say: who had it there has nothing to do with this."""
    elsewhere = PhoneNumberFactory.create(gateway=GatewayFactory.create(), number="24365")
    release(elsewhere, days=1)
    hear(released, "STOP")
    assert suppressed() == ["Blue Door Books"]


def test_a_number_that_moved_to_another_gateway_is_named_with_both(released: PhoneNumber) -> None:
    PhoneNumber.objects.update(number="+14155550100")
    released.refresh_from_db()
    other = PhoneNumberFactory.create(gateway=GatewayFactory.create(name="Infobip UK"), number=released.number)
    message = hear(released, "Are you open?")
    assert (message.state, message.account, message.number) == ("unrouted", None, None)
    assert f"belongs to {other.account} at the gateway “Infobip UK”" in message.decision
    assert f"came in at “{released.gateway}”" in message.decision
    assert not Conversation.objects.exists()
    hear(released, "STOP")
    assert suppressed() == [other.account.name], "it is theirs now, whatever way the message takes"


def test_a_short_code_at_another_gateway_may_be_of_another_country(released: PhoneNumber) -> None:
    other = PhoneNumberFactory.create(gateway=GatewayFactory.create(), number="24365")
    message = hear(released, "STOP")
    assert suppressed() == []
    assert message.decision.startswith("It may be an opt-out")
    PhoneNumber.objects.filter(pk=other.pk).update(account=released.account)
    hear(released, "STOP")
    assert suppressed() == ["Blue Door Books"], "it has moved within the account"


@pytest.mark.parametrize("words", ["Are you open?", "HELP", "START", "YES", "stop by later maybe"])
def test_anything_else_is_kept_for_staff(released: PhoneNumber, words: str) -> None:
    message = hear(released, words)
    assert (message.state, message.account, message.number, message.body) == ("unrouted", None, None, words)
    assert "was released by Blue Door Books" in message.decision
    assert "Kept for staff, not answered" in message.decision
    assert not Message.objects.exists()
    assert not Conversation.objects.exists()
    assert suppressed() == []


def test_start_does_not_undo_an_opt_out(released: PhoneNumber) -> None:
    hear(released, "STOP")
    hear(released, "START")
    assert suppressed() == ["Blue Door Books"]


def test_a_repeated_webhook_has_one_effect(released: PhoneNumber) -> None:
    for _ in range(2):
        hear(released, "STOP", MessageSid="SM" + "1" * 32)
    assert InboundMessage.objects.count() == 1
    assert "Opted out of Blue Door Books; " in InboundMessage.objects.get().decision
    assert "before" in hear(released, "STOP").decision


def test_what_was_queued_elsewhere_in_the_account_does_not_leave(released: PhoneNumber) -> None:
    other = PhoneNumberFactory.create(account=released.account)
    batch = BatchFactory.create(number=other)
    MessageFactory.create(batch=batch, recipient=PERSON)
    hear(released, "STOP")
    assert suppressed() == [released.account.name]
    assert Suppression.objects.active().filter(account=batch.account, recipient=PERSON).exists()


def test_a_number_that_nobody_had_says_so() -> None:
    line = PhoneNumberFactory.build(gateway=GatewayFactory.create(), number="55555")
    message = hear(line, "STOP")
    assert (message.state, message.account) == ("unrouted", None)
    assert "There is no such number at this gateway." in message.decision
    assert suppressed() == []


def test_delivery_reports_of_a_released_number_are_recorded(released: PhoneNumber) -> None:
    batch = BatchFactory.create(number=released)
    (person,) = recipients(1)
    message = MessageFactory.create(
        batch=batch, recipient=person, state=MessageState.ACCEPTED, provider_id="SM1", accepted_at=timezone.now()
    )
    body = urlencode(status_fields("SM1", "delivered"))
    event = {"g": released.gateway_id, "u": "http://hooks.test/", "h": dict(FORM), "b": body, "m": message.pk, "t": NOW}
    get_redis().xadd(keys.STATUSES, {keys.FIELD: orjson.dumps([event])})
    drain()
    message.refresh_from_db()
    assert message.state == MessageState.DELIVERED


def test_staff_read_why_on_the_first_page(released: PhoneNumber) -> None:
    message = hear(released, "Are you open?")
    client = Client()
    client.force_login(StaffFactory(role="Operator"))
    page = client.get(reverse("admin:index")).content.decode()
    assert "was released by Blue Door Books" in page
    detail = client.get(reverse("admin:messaging_inboundmessage_change", args=[message.pk])).content.decode()
    assert "Kept for staff, not answered" in detail


def test_a_number_that_is_leaving_still_hears_and_does_not_answer() -> None:
    line = PhoneNumberFactory.create(account=AccountFactory.create(default_reply="We are closed."), state="disabled")
    message = hear(line, "STOP")
    assert suppressed() == [line.account.name]
    assert "Not answered" in message.decision
    assert not Message.objects.exists()

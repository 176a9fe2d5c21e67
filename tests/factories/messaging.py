"""The transport's objects."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from messaging.models import (
    Alert,
    Batch,
    CannedReply,
    Conversation,
    InboundMessage,
    Message,
    PhoneNumber,
    RejectedWebhook,
    Route,
    SenderPool,
    Suppression,
)
from messaging.services.pools import set_numbers
from tests.factories.accounts import AccountFactory
from tests.factories.base import ModelFactory, factory, number_at
from tests.factories.integrations import GatewayFactory


class PhoneNumberFactory(ModelFactory[PhoneNumber]):
    """An active short code: its pace is in no test's way."""

    class Meta:
        model = PhoneNumber

    account = factory.SubFactory(AccountFactory)
    gateway = factory.SubFactory(GatewayFactory)
    number = factory.Sequence(lambda n: f"{60_000 + n}")
    kind = "short_code"


class SenderPoolFactory(ModelFactory[SenderPool]):
    """A pool of two active numbers; ``numbers=[…]`` says which."""

    class Meta:
        model = SenderPool
        skip_postgeneration_save = True

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Pool {n}")

    @factory.post_generation  # type: ignore[untyped-decorator]  # factory-boy has no types
    def numbers(self: SenderPool, create: bool, numbers: Iterable[PhoneNumber] | None) -> None:
        """Give it its numbers."""
        if not create:
            return
        if numbers is None:
            numbers = PhoneNumberFactory.create_batch(2, account=self.account, gateway=GatewayFactory())
        set_numbers(pool_id=self.pk, number_ids=[number.pk for number in numbers])
        self.refresh_from_db()


class RouteFactory(ModelFactory[Route]):
    """A route for everywhere, from a number, without a second one; ``second_number=…`` gives it one."""

    class Meta:
        model = Route

    number = factory.SubFactory(PhoneNumberFactory)
    account = factory.SelfAttribute("number.account")


class AlertFactory(ModelFactory[Alert]):
    """An open alert about a batch."""

    class Meta:
        model = Alert

    kind = "rejections"
    batch = factory.SubFactory("tests.factories.messaging.BatchFactory")
    text = "The provider refused 30 of the last 100 messages. Find out why; then resume it, or cancel it."
    created_at = factory.LazyFunction(timezone.now)


class BatchFactory(ModelFactory[Batch]):
    """A batch that is sending."""

    class Meta:
        model = Batch

    number = factory.SubFactory(PhoneNumberFactory)
    account = factory.SelfAttribute("number.account")
    gateway = factory.SelfAttribute("number.gateway")
    label = factory.Sequence(lambda n: f"Batch {n}")
    template = "Hello {{ first_name }}"
    state = "sending"
    respects_quiet_hours = False
    launched_at = factory.LazyFunction(timezone.now)


class MessageFactory(ModelFactory[Message]):
    """A queued message of a batch."""

    class Meta:
        model = Message

    batch = factory.SubFactory(BatchFactory)
    number = factory.SelfAttribute("batch.number")
    account = factory.SelfAttribute("number.account")
    recipient = factory.Sequence(number_at)
    context = factory.LazyFunction(lambda: {"first_name": "Ada"})
    segments = 1
    created_at = factory.LazyFunction(timezone.now)
    changed_at = factory.SelfAttribute("created_at")


class SuppressionFactory(ModelFactory[Suppression]):
    """An opt-out in force."""

    class Meta:
        model = Suppression

    account = factory.SubFactory(AccountFactory)
    recipient = factory.Sequence(number_at)
    reason = "opt_out"


class InboundMessageFactory(ModelFactory[InboundMessage]):
    """A message that waits in the inbox."""

    class Meta:
        model = InboundMessage

    number = factory.SubFactory(PhoneNumberFactory)
    account = factory.SelfAttribute("number.account")
    gateway = factory.SelfAttribute("number.gateway")
    provider_id = factory.Sequence(lambda n: f"SMf{n:031d}")
    sender = factory.Sequence(number_at)
    recipient = factory.SelfAttribute("number.number")
    body = "Is this still on?"
    received_at = factory.LazyFunction(timezone.now)


class ConversationFactory(ModelFactory[Conversation]):
    """An open conversation that somebody has read."""

    class Meta:
        model = Conversation

    number = factory.SubFactory(PhoneNumberFactory)
    account = factory.SelfAttribute("number.account")
    person = factory.Sequence(number_at)
    last_excerpt = "Is this still on?"
    is_unread = factory.LazyAttribute(lambda made: made.unread_count > 0)
    unread_count = 0


class CannedReplyFactory(ModelFactory[CannedReply]):
    """A canned reply of an account."""

    class Meta:
        model = CannedReply

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Reply {n}")
    text = "Hi {{ first_name }}, we open at 10."


class RejectedWebhookFactory(ModelFactory[RejectedWebhook]):
    """A webhook that nobody understood."""

    class Meta:
        model = RejectedWebhook

    gateway = factory.SubFactory(GatewayFactory)
    kind = "status"
    body = "Foo=bar"
    error = "It has no MessageSid."
    received_at = factory.LazyFunction(timezone.now)

"""Subscribers, lists and campaigns."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from campaigns.models import (
    CallEndpoint,
    Campaign,
    ConsentEvent,
    CustomField,
    Keyword,
    KeywordAction,
    OptOutRequest,
    Subscriber,
    SubscriberImport,
    SubscriberList,
    Subscription,
    Tag,
)
from tests.factories.accounts import AccountFactory, StaffFactory
from tests.factories.base import ModelFactory, factory, number_at
from tests.factories.messaging import PhoneNumberFactory


class CustomFieldFactory(ModelFactory[CustomField]):
    """A field ``city``."""

    class Meta:
        model = CustomField

    account = factory.SubFactory(AccountFactory)
    key = "city"
    label = factory.LazyAttribute(lambda field: field.key.capitalize())


class SubscriberFactory(ModelFactory[Subscriber]):
    """A person on no list."""

    class Meta:
        model = Subscriber

    account = factory.SubFactory(AccountFactory)
    number = factory.Sequence(number_at)
    first_name = factory.Sequence(lambda n: f"First{n}")
    last_name = factory.Sequence(lambda n: f"Last{n}")


class SubscriberListFactory(ModelFactory[SubscriberList]):
    """A list; ``people=3`` puts three new subscribers on it, ``people=[…]`` those."""

    class Meta:
        model = SubscriberList
        skip_postgeneration_save = True

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"List {n}")

    @factory.post_generation  # type: ignore[untyped-decorator]  # factory-boy has no types
    def people(self: SubscriberList, create: bool, who: int | Iterable[Subscriber] | None) -> None:
        """Fill the list."""
        if not create or who is None:
            return
        if isinstance(who, int):
            who = SubscriberFactory.create_batch(who, account=self.account)
        for subscriber in who:
            SubscriptionFactory(list=self, subscriber=subscriber)


class SubscriptionFactory(ModelFactory[Subscription]):
    """A new subscriber's place on a list."""

    class Meta:
        model = Subscription

    list = factory.SubFactory(SubscriberListFactory)
    subscriber = factory.SubFactory(SubscriberFactory, account=factory.SelfAttribute("..list.account"))


class SubscriberImportFactory(ModelFactory[SubscriberImport]):
    """The record of an import with one refused row."""

    class Meta:
        model = SubscriberImport

    list = factory.SubFactory(SubscriberListFactory)
    file_name = "people.csv"
    encoding = "utf-8"
    delimiter = ","
    rows_read = 3
    rows_new = 2
    rows_invalid = 1
    rejected = factory.LazyFunction(lambda: [{"row": 3, "reason": "Not a number.", "values": ["x"]}])


class ConsentEventFactory(ModelFactory[ConsentEvent]):
    """Somebody opted out of everything of an account."""

    class Meta:
        model = ConsentEvent

    account = factory.SubFactory(AccountFactory)
    number = factory.Sequence(number_at)
    action = "withdrawn"
    how = "message"
    wording = "STOP"
    at = factory.LazyFunction(timezone.now)


class OptOutRequestFactory(ModelFactory[OptOutRequest]):
    """An e-mail from somebody whose number is not known yet."""

    class Meta:
        model = OptOutRequest

    account = factory.SubFactory(AccountFactory)
    who = factory.Sequence(lambda n: f"person{n}@example.com")
    channel = "email"
    received_at = factory.LazyFunction(timezone.now)
    words = "Please take me off your list."
    entered_by = factory.SubFactory(StaffFactory)


class CampaignFactory(ModelFactory[Campaign]):
    """A draft; ``lists=[…]`` says whom it goes to, else a new list of two people."""

    class Meta:
        model = Campaign
        skip_postgeneration_save = True

    number = factory.SubFactory(PhoneNumberFactory)
    account = factory.SelfAttribute("number.account")
    name = factory.Sequence(lambda n: f"Campaign {n}")
    body = 'Hi {{ first_name | default: "there" }}, we open at 9.'

    @factory.post_generation  # type: ignore[untyped-decorator]  # factory-boy has no types
    def lists(self: Campaign, create: bool, lists: Iterable[SubscriberList] | None) -> None:
        """Give it its audience."""
        if not create:
            return
        if lists is None:
            lists = [SubscriberListFactory(account=self.account, people=2)]
        for audience in lists:
            self.campaign_lists.create(list=audience)


class TagFactory(ModelFactory[Tag]):
    """A tag that nobody has."""

    class Meta:
        model = Tag

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"tag{n}")


class KeywordFactory(ModelFactory[Keyword]):
    """A keyword ``PIZZA`` on every number; ``number=…`` puts it on one, in that number's account."""

    class Meta:
        model = Keyword

    account = factory.LazyAttribute(lambda keyword: keyword.number.account if keyword.number else AccountFactory())
    number = None
    name = factory.Sequence(lambda n: f"Keyword {n}")
    words = "pizza"


class KeywordActionFactory(ModelFactory[KeywordAction]):
    """An action of a keyword that ends a place on a new list of its account; ``kind`` and what that uses make it another."""

    class Meta:
        model = KeywordAction

    keyword = factory.SubFactory(KeywordFactory)
    kind = "leave"
    list = factory.Maybe(
        factory.LazyAttribute(lambda action: action.kind == "leave"),
        factory.SubFactory(SubscriberListFactory, account=factory.SelfAttribute("..keyword.account")),
        None,
    )


class CallEndpointFactory(ModelFactory[CallEndpoint]):
    """An endpoint where nobody listens."""

    class Meta:
        model = CallEndpoint

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Endpoint {n}")
    url = "https://hooks.example.com/keyword"
    secret = "whsec_of_the_factory"

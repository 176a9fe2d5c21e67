"""Whatever people and staff do, the ledger alone says how everybody's consent stands."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from campaigns.models import Subscriber, SubscriberList, Subscription
from campaigns.services.consent import Standing, history, present_state
from campaigns.services.consent.following import CONSENT_REASONS
from campaigns.services.consent.requests import enter_request
from campaigns.services.consent.subscriptions import delete_subscribers, save_subscriptions
from campaigns.services.imports import import_file
from messaging.models import OptOutReview, PhoneNumber, Suppression
from messaging.services.reviews import decide_keep, decide_opt_out
from messaging.services.suppressions import lift, suppress
from tests.factories import PhoneNumberFactory, StaffFactory, SubscriberListFactory
from tests.messaging.hooks import receive

pytestmark = pytest.mark.django_db

PERSON = "+14155552671"
REASONS = ("opt_out", "provider_opt_out", "bad_number", "staff")
LISTS = st.integers(0, 1)
ACTIONS = st.one_of(
    st.tuples(st.just("text"), st.sampled_from(("STOP", "START", "cancel my order", "hello"))),
    st.tuples(st.just("suppress"), st.sampled_from(REASONS)),
    st.tuples(st.just("lift"), st.none()),
    st.tuples(st.just("import"), LISTS),
    st.tuples(st.just("join"), LISTS),
    st.tuples(st.just("leave"), LISTS),
    st.tuples(st.just("remove"), LISTS),
    st.tuples(st.just("review"), st.booleans()),
    st.tuples(st.just("request"), st.none()),
    st.tuples(st.just("delete"), st.none()),
)


class World:
    """An account with a number, two lists and one person."""

    def __init__(self) -> None:
        self.line: PhoneNumber = PhoneNumberFactory.create()
        self.account = self.line.account
        self.user: User = StaffFactory.create()
        self.lists: list[SubscriberList] = SubscriberListFactory.create_batch(2, account=self.account)

    def do(self, action: str, value: Any) -> None:
        """One thing that somebody does."""
        person: dict[str, Any] = {"account_id": self.account.pk, "recipient": PERSON}
        match action:
            case "text":
                receive(self.line, value)
            case "suppress":
                suppress(**person, reason=value, how="provider")
            case "lift":
                lift(**person, user=self.user)
            case "import":
                file = io.BytesIO(f"number\n{PERSON}\n".encode())
                import_file(list_=self.lists[value], file=file, name="people.csv")
            case "join":
                self._save(value, Subscription.State.SUBSCRIBED)
            case "leave":
                self._save(value, Subscription.State.UNSUBSCRIBED)
            case "remove":
                gone = Subscription.objects.filter(list=self.lists[value]).select_related("list", "subscriber")
                save_subscriptions(changed=[], removed=gone, user=self.user)
            case "review":
                for review in OptOutReview.objects.filter(account=self.account, state="pending"):
                    (decide_opt_out if value else decide_keep)(review_id=review.pk, user=self.user)
            case "request":
                message = receive(self.line, "hello")
                enter_request(
                    account=self.account,
                    who="Ada",
                    channel="letter",
                    received_at=message.received_at,
                    words="No more texts.",
                    number=PERSON,
                    user=self.user,
                )
            case "delete":
                delete_subscribers(subscribers=Subscriber.objects.filter(account=self.account), user=self.user)

    def _save(self, n: int, state: str) -> None:
        subscriber, _ = Subscriber.objects.get_or_create(account=self.account, number=PERSON)
        subscription = Subscription.objects.filter(list=self.lists[n], subscriber=subscriber).first()
        subscription = subscription or Subscription(list=self.lists[n], subscriber=subscriber)
        subscription.state = state
        save_subscriptions(changed=[subscription], user=self.user)

    def check(self) -> None:
        """The ledger says what the rows say."""
        state = present_state(history(self.account.pk, PERSON))
        withdrawn = Suppression.objects.active().filter(account=self.account, reason__in=CONSENT_REASONS).exists()
        assert (state.get(None) is Standing.WITHDRAWN) == withdrawn
        live = Subscription.objects.live().filter(subscriber__account=self.account)
        on = {list_id for list_id, standing in state.items() if list_id and standing is Standing.GIVEN}
        assert on == set(live.values_list("list_id", flat=True))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(st.lists(ACTIONS, min_size=1, max_size=12))
def test_the_ledger_alone_says_how_consent_stands(db: None, actions: list[tuple[str, Any]]) -> None:
    world = World()
    for action, value in actions:
        world.do(action, value)
        world.check()

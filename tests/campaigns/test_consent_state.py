"""Whatever people and staff do, the ledger alone says how everybody's consent stands."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import User
from campaigns.models import Subscriber, SubscriberList, Subscription
from campaigns.services.consent import Standing, history, present_state
from campaigns.services.consent.following import CONSENT_REASONS
from campaigns.services.consent.requests import enter_request
from campaigns.services.consent.subscriptions import delete_subscribers, save_subscriber, save_subscriptions
from campaigns.services.double_opt_in import ask_list, choose_to_ask
from campaigns.services.imports import import_file
from messaging.models import OptOutReview, PhoneNumber, Suppression
from messaging.services.reviews import decide_keep, decide_opt_out
from messaging.services.suppressions import lift, suppress
from tests.factories import (
    ChainFactory,
    KeywordActionFactory,
    KeywordFactory,
    PhoneNumberFactory,
    StaffFactory,
    SubscriberListFactory,
)
from tests.messaging.hooks import receive

pytestmark = pytest.mark.django_db

PERSON = "+14155552671"
OTHER = "+14155552672"
REASONS = ("opt_out", "provider_opt_out", "bad_number", "staff")
WORDS = ("STOP", "START", "YES", "NO", "cancel my order", "hello", "in0", "in1", "out0", "out1")
STANDINGS = {"subscribed": Standing.GIVEN, "pending": Standing.PENDING, "unsubscribed": Standing.WITHDRAWN}
#: The second list asks for a YES, until somebody switches that over.
LISTS = st.integers(0, 1)
NUMBERS = st.sampled_from((PERSON, PERSON, OTHER))
ACTIONS = st.one_of(
    st.tuples(st.just("text"), st.tuples(NUMBERS, st.sampled_from(WORDS))),
    st.tuples(st.just("suppress"), st.tuples(NUMBERS, st.sampled_from(REASONS))),
    st.tuples(st.just("lift"), NUMBERS),
    st.tuples(st.just("import"), st.tuples(NUMBERS, LISTS)),
    st.tuples(st.just("save"), st.tuples(LISTS, st.sampled_from(("subscribed", "pending", "unsubscribed")))),
    st.tuples(st.just("move"), LISTS),
    st.tuples(st.just("remove"), LISTS),
    st.tuples(st.just("chain"), LISTS),
    st.tuples(st.just("number"), st.none()),
    st.tuples(st.just("switch"), LISTS),
    st.tuples(st.just("ask"), st.none()),
    st.tuples(st.just("review"), st.booleans()),
    st.tuples(st.just("request"), NUMBERS),
    st.tuples(st.just("delete"), st.none()),
)


class World:
    """An account with a number, a plain list, one with double opt-in, words to join and leave them, and people."""

    def __init__(self) -> None:
        self.line: PhoneNumber = PhoneNumberFactory.create()
        self.account = self.line.account
        self.user: User = StaffFactory.create()
        self.lists: list[SubscriberList] = [
            SubscriberListFactory.create(account=self.account, double_opt_in=double) for double in (False, True)
        ]
        for n, list_ in enumerate(self.lists):
            for word, kind in ((f"in{n}", "join"), (f"out{n}", "leave")):
                keyword = KeywordFactory.create(account=self.account, words=word)
                KeywordActionFactory.create(keyword=keyword, kind=kind, list=list_)
            steps = (
                {"label": "name", "kind": "ask", "text": "Your name?"},
                {"label": "join", "kind": "join", "list": list_},
            )
            chain = ChainFactory.create(account=self.account, steps=steps)
            keyword = KeywordFactory.create(account=self.account, words=f"talk{n}")
            KeywordActionFactory.create(keyword=keyword, kind="chain", chain=chain)

    def do(self, action: str, value: Any) -> None:
        """One thing that somebody does."""
        account_id = self.account.pk
        match action, value:
            case "text", (number, words):
                receive(self.line, words, sender=number)
            case "suppress", (number, reason):
                suppress(account_id=account_id, recipient=number, reason=reason, how="provider")
            case "lift", number:
                lift(account_id=account_id, recipient=number, user=self.user)
            case "import", (number, n):
                file = io.BytesIO(f"number\n{number}\n".encode())
                import_file(list_=self._list(n), file=file, name="people.csv")
            case "save", (n, state):
                self._save(n, state)
            case "move", n:
                self._move(n)
            case "remove", n:
                gone = Subscription.objects.filter(list=self._list(n)).select_related("list", "subscriber")
                save_subscriptions(changed=[], removed=gone, user=self.user)
            case "chain", n:
                for words in (f"talk{n}", "Ada"):
                    receive(self.line, words, sender=PERSON)
            case "number", None:
                self._change_number()
            case "switch", n:
                list_ = self._list(n)
                list_.double_opt_in = not list_.double_opt_in
                list_.save()
            case "ask", None:
                for list_ in filter(lambda one: one.double_opt_in, map(self._list, range(2))):
                    choose_to_ask(list_=list_)
                    ask_list(list_id=list_.pk)
            case "review", opted_out:
                for review in OptOutReview.objects.filter(account=self.account, state="pending"):
                    (decide_opt_out if opted_out else decide_keep)(review_id=review.pk, user=self.user)
            case "request", number:
                message = receive(self.line, "hello")
                enter_request(
                    account=self.account,
                    who="Ada",
                    channel="letter",
                    received_at=message.received_at,
                    words="No more texts.",
                    number=number,
                    user=self.user,
                )
            case "delete", None:
                delete_subscribers(subscribers=Subscriber.objects.filter(account=self.account), user=self.user)
            case _:
                raise AssertionError(f"Nobody does {action} with {value}.")

    def _list(self, n: int) -> SubscriberList:
        return SubscriberList.objects.select_related("account").get(pk=self.lists[n].pk)

    def _save(self, n: int, state: str) -> None:
        """As the subscriber's page does, which refuses to have people wait where nobody asks."""
        list_ = self._list(n)
        if state == "pending" and not list_.double_opt_in:
            return
        subscriber, _ = Subscriber.objects.get_or_create(account=self.account, number=PERSON)
        subscription = Subscription.objects.filter(list=list_, subscriber=subscriber).first()
        subscription = subscription or Subscription(list=list_, subscriber=subscriber)
        subscription.list, subscription.state = list_, state
        save_subscriptions(changed=[subscription], user=self.user)

    def _move(self, n: int) -> None:
        source, target = self._list(n), self._list(1 - n)
        for subscription in Subscription.objects.filter(list=source, subscriber__account=self.account):
            taken = Subscription.objects.filter(list=target, subscriber=subscription.subscriber).exists()
            if taken or (subscription.state == "pending" and not target.double_opt_in):
                continue
            subscription.list = target
            save_subscriptions(changed=[subscription], user=self.user)

    def _change_number(self) -> None:
        there = {person.number: person for person in Subscriber.objects.filter(account=self.account)}
        if len(there) == 1:
            ((number, person),) = there.items()
            person.number = OTHER if number == PERSON else PERSON
            save_subscriber(subscriber=person, user=self.user)

    def check(self) -> None:
        """The ledger says what the rows say."""
        for number in (PERSON, OTHER):
            state = present_state(history(self.account.pk, number))
            suppressed = Suppression.objects.active().filter(account=self.account, recipient=number)
            withdrawn = suppressed.filter(reason__in=CONSENT_REASONS).exists()
            assert (state.pop(None, None) is Standing.WITHDRAWN) == withdrawn
            theirs = Subscription.objects.filter(subscriber__account=self.account, subscriber__number=number)
            places = {list_id: STANDINGS[place] for list_id, place in theirs.values_list("list_id", "state")}
            gone = Standing.WITHDRAWN
            for list_ in self.lists:
                assert state.get(list_.pk, gone) is places.get(list_.pk, gone), (number, list_.double_opt_in)


#: Each turn that a random life may miss, once.
EVERY_TURN: list[tuple[str, Any]] = [
    *(("import", (PERSON, 0)), ("import", (OTHER, 1)), ("text", (PERSON, "in1")), ("text", (PERSON, "YES"))),
    *(("save", (1, "pending")), ("save", (1, "unsubscribed")), ("text", (PERSON, "STOP")), ("text", (PERSON, "START"))),
    *(("delete", None), ("import", (PERSON, 1)), ("text", (PERSON, "in1")), ("text", (PERSON, "NO")), ("chain", 0)),
    *(("move", 0), ("text", (PERSON, "YES")), ("number", None), ("text", (OTHER, "YES")), ("remove", 1), ("chain", 1)),
    *(("number", None), ("text", (PERSON, "cancel my order")), ("suppress", (PERSON, "staff")), ("review", False)),
    *(("lift", PERSON), ("text", (PERSON, "cancel my order")), ("review", True), ("request", PERSON)),
]


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
@example(EVERY_TURN)
@given(st.lists(ACTIONS, min_size=6, max_size=16))
def test_the_ledger_alone_says_how_consent_stands(db: None, actions: list[tuple[str, Any]]) -> None:
    world = World()
    for action, value in actions:
        world.do(action, value)
        world.check()

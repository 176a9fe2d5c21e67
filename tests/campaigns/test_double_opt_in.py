"""Double opt-in: pending until they say YES, asked once, never the suppressed."""

from __future__ import annotations

import datetime as dt
import io
import threading
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from accounts.models import Account
from campaigns.models import OptInRequest, SubscriberList, Subscription
from campaigns.services.audience import measure, members
from campaigns.services.consent import How, Origin, history
from campaigns.services.double_opt_in import answer, ask_list, choose_to_ask, join, leave, remind
from campaigns.services.imports import import_file
from messaging.models import Conversation, InboundMessage, Message, PhoneNumber, Suppression
from tests.factories import (
    CampaignFactory,
    InboundMessageFactory,
    KeywordActionFactory,
    KeywordFactory,
    PhoneNumberFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SubscriptionFactory,
    SuppressionFactory,
)
from tests.messaging.hooks import receive, reply_to

PERSON = "+14155552671"
API = Origin(how=How.API, source="API")
NOON = dt.datetime(2026, 3, 2, 17, tzinfo=dt.UTC)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> PhoneNumber:
    """A number of Blue Door Books."""
    return PhoneNumberFactory.create(account__name="Blue Door Books")


@pytest.fixture
def news(line: PhoneNumber) -> SubscriberList:
    """A list that asks first, joined by the word NEWS."""
    return asking_list(line, "News")


def asking_list(line: PhoneNumber, name: str, **values: Any) -> SubscriberList:
    list_ = SubscriberListFactory.create(account=line.account, name=name, double_opt_in=True, **values)
    keyword = KeywordFactory.create(number=line, words=name)
    KeywordActionFactory.create(keyword=keyword, kind="join", list=list_)
    return list_


def state_of(list_: SubscriberList) -> str:
    return list_.subscriptions.get().state


def texts() -> list[str]:
    return list(Message.objects.order_by("id").values_list("body", flat=True))


def test_a_keyword_asks_and_a_yes_confirms_with_the_wording_kept(line: PhoneNumber, news: SubscriberList) -> None:
    SubscriberList.objects.filter(pk=news.pk).update(
        opt_in_request='{{ first_name | default: "Hello" }}, is it YES?', opt_in_confirmed="Welcome!"
    )
    message = receive(line, "News")
    assert message.decision.endswith("asked to confirm “News”.")
    assert state_of(news) == "pending"
    assert texts() == ["Hello, is it YES?"]

    confirmed = receive(line, "Yes, please!")

    assert (confirmed.handler, confirmed.decision) == ("double_opt_in", "Confirmed “News”.")
    assert reply_to(confirmed) == "Welcome!"
    assert state_of(news) == "subscribed"
    request = OptInRequest.objects.get()
    assert (request.state, request.wording, request.answer, request.answer_text) == (
        "confirmed",
        "Hello, is it YES?",
        confirmed,
        "Yes, please!",
    )


def test_a_yes_whose_answer_cannot_be_made_waits_for_a_person(line: PhoneNumber, news: SubscriberList) -> None:
    receive(line, "News")
    SubscriberList.objects.filter(pk=news.pk).update(opt_in_confirmed="{{ first_name")
    confirmed = receive(line, "Yes")
    assert confirmed.decision.startswith("Confirmed “News”. The answer cannot be made")
    assert state_of(news) == "subscribed"
    assert Conversation.objects.get().is_unread


def test_a_no_declines_and_a_later_yes_is_about_nothing(line: PhoneNumber, news: SubscriberList) -> None:
    receive(line, "news")
    assert receive(line, "no thanks").handler == "double_opt_in"
    assert state_of(news) == "unsubscribed"
    assert receive(line, "YES").handler == "inbox"
    assert state_of(news) == "unsubscribed"


def test_an_opt_out_ends_what_was_pending_and_start_does_not_confirm_it(
    line: PhoneNumber, news: SubscriberList
) -> None:
    receive(line, "news")
    receive(line, "STOP")
    assert state_of(news) == "unsubscribed"
    receive(line, "YES")
    assert not Suppression.objects.active().exists()
    assert state_of(news) == "unsubscribed"
    assert OptInRequest.objects.get().state == "declined"


def test_the_pending_are_no_audience(line: PhoneNumber, news: SubscriberList) -> None:
    campaign = CampaignFactory.create(number=line, lists=[news])
    SubscriberListFactory.create(account=line.account)
    receive(line, "news")
    size = measure(campaign)
    assert (size.people, size.recipients, size.pending) == (0, 0, 1)
    assert not list(members(campaign))
    sizes: Any = SubscriberList.objects.with_sizes().get(pk=news.pk)
    assert (sizes.size, sizes.pending) == (0, 1)
    receive(line, "yes")
    size = measure(campaign)
    assert (size.people, size.recipients, size.pending) == (1, 1, 0)


def test_nobody_is_asked_twice_within_30_days(line: PhoneNumber, news: SubscriberList) -> None:
    with time_machine.travel(NOON, tick=True) as clock:
        receive(line, "news")
        receive(line, "news")
        assert len(texts()) == 1
        receive(line, "no")
        asked = len(texts())
        # They come back of their own will: not asked again, but their YES counts.
        message = receive(line, "news")
        assert "asked before" in message.decision
        assert len(texts()) == asked
        assert state_of(news) == "pending"
        assert receive(line, "yes").handler == "double_opt_in"
        assert state_of(news) == "subscribed"
        assert sorted(OptInRequest.objects.values_list("state", flat=True)) == ["confirmed", "declined"]

        leave(subscriber=news.subscribers.get(), list_=news, ended_by="staff", origin=API)
        clock.shift(dt.timedelta(days=31))
        assert receive(line, "news").decision.endswith("asked to confirm “News”.")


def test_a_yes_confirms_what_was_asked_last_and_only_that(line: PhoneNumber, news: SubscriberList) -> None:
    first, second = asking_list(line, "Sport"), SubscriberListFactory.create(account=line.account, double_opt_in=True)
    sport = first.account.keywords.get(words="Sport")
    KeywordActionFactory.create(keyword=sport, kind="join", list=second)
    receive(line, "news")
    receive(line, "sport")
    receive(line, "ok")
    assert [state_of(list_) for list_ in (news, first, second)] == ["pending", "subscribed", "subscribed"]
    receive(line, "ok")
    assert state_of(news) == "subscribed"


def test_a_yes_to_another_number_or_from_another_person_confirms_nothing(
    line: PhoneNumber, news: SubscriberList
) -> None:
    receive(line, "news")
    other = PhoneNumberFactory.create(account=line.account, gateway=line.gateway)
    receive(other, "yes")
    receive(line, "yes", "+14155552672")
    assert state_of(news) == "pending"


def test_a_yes_after_30_days_is_no_answer(line: PhoneNumber, news: SubscriberList) -> None:
    with time_machine.travel(NOON, tick=True) as clock:
        receive(line, "news")
        clock.shift(dt.timedelta(days=31))
        receive(line, "yes")
    assert state_of(news) == "pending"


@pytest.mark.parametrize("reason", ["opt_out", "review", "staff"])
def test_the_suppressed_are_not_asked(line: PhoneNumber, news: SubscriberList, reason: str) -> None:
    ada = SubscriberFactory.create(account=line.account)
    SuppressionFactory.create(account=line.account, recipient=ada.number, reason=reason)
    join(subscriber=ada, lists=[news], origin=API)
    Subscription.objects.get_or_create(list=news, subscriber=ada, defaults={"state": "pending"})
    choose_to_ask(list_=news)
    ask_list(list_id=news.pk)
    assert not Message.objects.exists()
    assert not OptInRequest.objects.exists()


def test_staff_ask_the_pending_of_an_import_once(line: PhoneNumber, news: SubscriberList) -> None:
    people = SubscriberFactory.create_batch(3, account=line.account)
    for person in people:
        news.subscriptions.create(subscriber=person, state="pending")
    assert ask_list(list_id=news.pk)
    assert not texts()
    assert choose_to_ask(list_=news) == 3
    assert ask_list(list_id=news.pk)
    assert choose_to_ask(list_=news) == 0
    assert ask_list(list_id=news.pk)
    assert Message.objects.count() == 3
    assert SubscriberList.objects.get(pk=news.pk).ask_joined_until is None


def test_asking_waits_for_the_end_of_quiet_hours(line: PhoneNumber, news: SubscriberList) -> None:
    # By the recipient's clock, in California: the account is in New York.
    Account.objects.filter(pk=line.account_id).update(quiet_start="09:00", quiet_end="10:00")
    ada = SubscriberFactory.create(account=line.account, number=PERSON)
    news.subscriptions.create(subscriber=ada, state="pending")
    with time_machine.travel(NOON, tick=True) as clock:
        Subscription.objects.update(created_at=timezone.now())
        choose_to_ask(list_=news)
        assert not ask_list(list_id=news.pk)
        assert not texts()
        clock.shift(dt.timedelta(hours=1, minutes=1))
        assert ask_list(list_id=news.pk)
    assert len(texts()) == 1


def test_reminders_are_off_until_a_list_wants_them_and_come_once(line: PhoneNumber, news: SubscriberList) -> None:
    with time_machine.travel(NOON, tick=True) as clock:
        receive(line, "news")
        clock.shift(dt.timedelta(days=3))
        assert remind() == 0
        SubscriberList.objects.update(reminder_hours=80, reminder_text="Still there?")
        assert remind() == 0
        clock.shift(dt.timedelta(hours=9))
        assert remind() == 1
        assert remind() == 0
        assert texts()[-1] == "Still there?"
        assert OptInRequest.objects.get().reminder_wording == "Still there?"
        receive(line, "yes")
    assert state_of(news) == "subscribed"


def test_who_was_suppressed_meanwhile_is_not_reminded(line: PhoneNumber, news: SubscriberList) -> None:
    with time_machine.travel(NOON, tick=True) as clock:
        receive(line, "news")
        SuppressionFactory.create(account=line.account, recipient=PERSON, reason="staff")
        SubscriberList.objects.update(reminder_hours=1)
        clock.shift(dt.timedelta(hours=2))
        assert remind() == 0


def test_two_answers_at_once_settle_it_once(line: PhoneNumber, news: SubscriberList) -> None:
    receive(line, "news")
    messages = [InboundMessageFactory.create(number=line, sender=PERSON, body=body) for body in ("yes", "no")]
    barrier = threading.Barrier(2)
    results: list[bool] = []

    def settle(index: int) -> None:
        try:
            barrier.wait()
            results.append(answer(message=messages[index], number=line, yes=index == 0) is not None)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=settle, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, True]
    request = OptInRequest.objects.get()
    assert state_of(news) == {"confirmed": "subscribed", "declined": "unsubscribed"}[request.state]


def test_two_joins_at_once_ask_once(line: PhoneNumber, news: SubscriberList) -> None:
    ada = SubscriberFactory.create(account=line.account)
    barrier = threading.Barrier(2)

    def enter() -> None:
        try:
            barrier.wait()
            join(subscriber=ada, lists=[news], origin=API)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=enter) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Message.objects.count() == 1
    assert OptInRequest.objects.count() == 1


def test_another_accounts_list_is_refused(line: PhoneNumber) -> None:
    with pytest.raises(ValueError, match="another account"):
        join(
            subscriber=SubscriberFactory.create(account=line.account),
            lists=[SubscriberListFactory.create()],
            origin=API,
        )


def test_a_plain_list_is_joined_at_once(line: PhoneNumber) -> None:
    plain = SubscriberListFactory.create(account=line.account)
    ada = SubscriberFactory.create(account=line.account)
    assert [str(joined) for joined in join(subscriber=ada, lists=[plain], origin=API)] == [f"joined “{plain}”"]
    assert state_of(plain) == "subscribed"
    assert not texts()


def test_without_a_number_they_are_pending_and_the_reason_is_said() -> None:
    list_ = SubscriberListFactory.create(double_opt_in=True)
    ada = SubscriberFactory.create(account=list_.account)
    joined = join(subscriber=ada, lists=[list_], origin=API)[0]
    assert joined.outcome == "not_asked"
    assert "no active number" in str(joined)
    assert state_of(list_) == "pending"


def test_an_import_makes_people_pending_and_asks_nobody(line: PhoneNumber, news: SubscriberList) -> None:
    known = SubscriptionFactory.create(list=news)
    file = io.BytesIO(f"Phone\n{known.subscriber.number}\n+14155550198\n".encode())
    import_file(list_=news, file=file, name="people.csv")
    states = dict(news.subscriptions.values_list("subscriber__number", "state"))
    assert states == {known.subscriber.number: "subscribed", "+14155550198": "pending"}
    assert not texts()


def test_a_text_that_cannot_be_made_leaves_them_pending(line: PhoneNumber, news: SubscriberList) -> None:
    SubscriberList.objects.update(opt_in_request="{% if %}")
    message = receive(line, "news")
    assert "cannot be made" in message.decision
    assert state_of(news) == "pending"
    assert not texts()


def test_the_ledger_has_the_question_and_the_answer(line: PhoneNumber) -> None:
    """Given an asked person, when they say yes and later leave, then each step is on record with its words."""
    news = SubscriberListFactory.create(account=line.account, name="News", double_opt_in=True)
    ada = SubscriberFactory.create(account=line.account, number=PERSON)
    join(subscriber=ada, lists=[news], origin=Origin(how=How.API, source="shop"), number=line)
    receive(line, "Yes!")
    leave(subscriber=ada, list_=news, ended_by="keyword", origin=API)

    asked, confirmed, left = history(line.account.pk, PERSON)

    assert (asked.action, asked.how, asked.source, asked.list_name) == ("requested", "api", "shop", "News")
    assert (confirmed.action, confirmed.how) == ("confirmed", "message")
    assert confirmed.wording.endswith("Answered: Yes!")
    assert "reply YES" in confirmed.wording
    said = InboundMessage.objects.get(sender=PERSON)
    assert (confirmed.inbound_id, confirmed.at) == (said.pk, said.received_at)
    assert confirmed.message_id == Message.objects.get(body__contains="reply YES").pk
    assert (left.action, left.how) == ("withdrawn", "api")

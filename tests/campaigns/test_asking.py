"""Asking a list's pending people: can be stopped, and leaves nobody out without saying so."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Account
from campaigns.models import SubscriberList
from campaigns.services import double_opt_in
from campaigns.services.double_opt_in import CannotAsk, ask_list, asking, choose_to_ask, stop_asking
from messaging.models import Message, PhoneNumber
from tests.factories import PhoneNumberFactory, SubscriberFactory, SubscriberListFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> PhoneNumber:
    """An active number."""
    return PhoneNumberFactory.create()


@pytest.fixture
def news(line: PhoneNumber) -> SubscriberList:
    """A list that asks, with three who wait."""
    list_ = SubscriberListFactory.create(account=line.account, double_opt_in=True)
    for person in SubscriberFactory.create_batch(3, account=line.account):
        list_.subscriptions.create(subscriber=person, state="pending")
    return list_


def test_switching_double_opt_in_off_ends_the_asking(news: SubscriberList) -> None:
    choose_to_ask(list_=news)
    SubscriberList.objects.update(double_opt_in=False)
    assert ask_list(list_id=news.pk)
    assert not Message.objects.exists()
    news.refresh_from_db()
    assert (news.ask_joined_until, news.ask_problem[:20]) == (None, "Double opt-in is off")


def during_the_first(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Do something once the first person was asked."""
    ask = asking.ask

    def asked(**kwargs: Any) -> str:
        why_not = ask(**kwargs)
        act()
        return why_not

    monkeypatch.setattr(asking, "ask", asked)


def test_staff_stop_it_while_it_goes_on(news: SubscriberList, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_to_ask(list_=news)
    during_the_first(monkeypatch, lambda: stop_asking(list_=news))
    ask_list(list_id=news.pk)
    assert Message.objects.count() == 1
    assert ask_list(list_id=news.pk)
    assert Message.objects.count() == 1
    with pytest.raises(CannotAsk, match="nothing to stop"):
        stop_asking(list_=news)


def test_an_account_that_is_suspended_meanwhile_stops_it(news: SubscriberList, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_to_ask(list_=news)
    during_the_first(monkeypatch, lambda: Account.objects.update(status=Account.Status.SUSPENDED))
    assert not ask_list(list_id=news.pk)
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("spoil", "mend", "why"),
    [
        (
            lambda: PhoneNumber.objects.update(state=PhoneNumber.State.DISABLED),
            lambda: PhoneNumber.objects.update(state=PhoneNumber.State.ACTIVE),
            "no active number",
        ),
        (
            lambda: Account.objects.update(status=Account.Status.SUSPENDED),
            lambda: Account.objects.update(status=Account.Status.ACTIVE),
            "is suspended",
        ),
        (
            lambda: SubscriberList.objects.update(opt_in_request="{% if %}"),
            lambda: SubscriberList.objects.update(opt_in_request=""),
            "cannot be made",
        ),
    ],
)
def test_what_is_in_the_way_is_said_and_waited_for(news: SubscriberList, spoil: Any, mend: Any, why: str) -> None:
    choose_to_ask(list_=news)
    spoil()
    assert not ask_list(list_id=news.pk)
    news.refresh_from_db()
    assert news.ask_joined_until is not None
    assert why in news.ask_problem
    with pytest.raises(CannotAsk, match=why):
        choose_to_ask(list_=SubscriberList.objects.get())
    mend()
    assert ask_list(list_id=news.pk)
    news.refresh_from_db()
    assert news.ask_joined_until is None
    assert not news.ask_problem
    assert Message.objects.count() == 3


def test_whom_it_leaves_out_is_counted(news: SubscriberList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ask", lambda **_: "their text cannot be made")
    choose_to_ask(list_=news)
    assert double_opt_in.ask_list(list_id=news.pk)
    news.refresh_from_db()
    assert news.ask_problem == "3 could not be asked: their text cannot be made."

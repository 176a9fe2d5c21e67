"""Keywords: which one a message is about, and what is done then."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Keyword, Subscriber
from campaigns.services.keywords import ActionContext, ActionKind, find, register_kind, registry
from campaigns.services.keywords.checks import clashes, phrase_problems, standard_word_warnings
from campaigns.services.keywords.matching import Match, folded_words, matching_phrase, phrases_of
from messaging.models import Conversation, PhoneNumber
from tests.factories import (
    CustomFieldFactory,
    KeywordActionFactory,
    KeywordFactory,
    PhoneNumberFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SuppressionFactory,
    TagFactory,
)
from tests.messaging.hooks import receive, reply_to

PERSON = "+14155552671"
ACCENTS = "\u0301\u0300\u0308\u0302\u0327"
PUNCTUATION = " .,!?;:()\"'…¡¿*“”\n\t"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> PhoneNumber:
    """A number of Blue Door Books."""
    return PhoneNumberFactory.create(account__name="Blue Door Books")


@st.composite
def spellings(draw: st.DrawFn, word: str) -> str:
    """A word with any capitals, with accents on any letter, composed or not, between any punctuation."""
    letters = [
        draw(st.sampled_from((letter.lower(), letter.upper()))) + draw(st.text(ACCENTS, max_size=2)) for letter in word
    ]
    composed = draw(st.booleans())
    before, after = draw(st.text(PUNCTUATION, max_size=4)), draw(st.text(PUNCTUATION, max_size=4))
    return before + unicodedata.normalize("NFC" if composed else "NFD", "".join(letters)) + after


@given(st.data(), st.sampled_from(["pizza", "café", "rsvp2026", "uno"]))
def test_a_word_matches_in_any_case_with_any_accents_and_punctuation(data: st.DataObject, word: str) -> None:
    body = data.draw(spellings(word))
    for where in Keyword.Where.values:
        assert matching_phrase(Keyword(words=word, where=where), folded_words(body)), (where, body)


@given(st.lists(st.sampled_from(["one", "two", "Três", "fo-ur"]), min_size=1, max_size=4), st.sampled_from(PUNCTUATION))
def test_a_phrase_matches_whatever_stands_between_its_words(words: list[str], between: str) -> None:
    keyword = Keyword(words=" ".join(words), where="whole")
    said = f" {between} ".join(words).upper()
    assert matching_phrase(keyword, folded_words(said))


@pytest.mark.parametrize(
    ("where", "body", "matches"),
    [
        ("first", "Pizza tonight", True),
        ("first", "I want pizza", False),
        ("first", "pizzas", False),
        ("whole", "PIZZA!", True),
        ("whole", "pizza please", False),
        ("anywhere", "I want pizza, now", True),
        ("anywhere", "pizzeria", False),
        ("anywhere", "👍", False),
    ],
)
def test_words_must_stand_where_the_keyword_says(line: PhoneNumber, where: str, body: str, matches: bool) -> None:
    KeywordFactory.create(number=line, words="pizza", where=where)
    found = find(account_id=line.account_id, number_id=line.pk, body=body, moment=timezone.now())
    assert (found is not None) is matches


@pytest.mark.parametrize(
    ("words", "body", "rest"),
    [
        ("pizza", "Pizza: extra Käse, bitte!", "extra Käse, bitte"),
        ("pizza night", "PIZZA-NIGHT  at 8", "at 8"),
        ("café", "cafe\u0301 crème", "crème"),
        ("don't", "Don’t ask", "ask"),
        ("pizza", "pizza", ""),
    ],
)
def test_the_rest_is_what_follows_as_it_was_written(words: str, body: str, rest: str) -> None:
    assert Match(Keyword(words=words), phrases_of(words)[0]).rest(body) == rest


def test_of_several_the_priority_then_the_number_then_the_length_decides(line: PhoneNumber) -> None:
    account = line.account

    def winner() -> str:
        match = find(account_id=account.pk, number_id=line.pk, body="pizza night tonight", moment=timezone.now())
        return match.keyword.name if match else ""

    KeywordFactory.create(account=account, name="oldest", words="pizza")
    KeywordFactory.create(account=account, name="twin", words="pizza")
    assert winner() == "oldest"
    KeywordFactory.create(account=account, name="longer", words="pizza\npizza night")
    assert winner() == "longer"
    KeywordFactory.create(number=line, name="own", words="pizza")
    assert winner() == "own"
    KeywordFactory.create(account=account, name="first", words="pizza", priority=1)
    assert winner() == "first"


def test_disabled_future_past_and_foreign_keywords_are_silent(line: PhoneNumber) -> None:
    now = timezone.now()
    hour = dt.timedelta(hours=1)
    KeywordFactory.create(number=line, is_enabled=False)
    KeywordFactory.create(number=line, active_from=now + hour)
    KeywordFactory.create(number=line, active_until=now)
    KeywordFactory.create(number=PhoneNumberFactory.create(account=line.account))
    KeywordFactory.create(words="pizza")
    assert find(account_id=line.account_id, number_id=line.pk, body="pizza", moment=now) is None
    KeywordFactory.create(number=line, active_from=now, active_until=now + hour)
    assert find(account_id=line.account_id, number_id=line.pk, body="pizza", moment=now)


def test_everything_is_done_in_order_and_said(line: PhoneNumber) -> None:
    account = line.account
    keyword = KeywordFactory.create(number=line, name="Pizza", reply="Hello {{ first_name }}, {{ topping }} it is.")
    news, old = (
        SubscriberListFactory.create(account=account, name="News"),
        SubscriberListFactory.create(account=account),
    )
    vip, cold = TagFactory.create(account=account, name="vip"), TagFactory.create(account=account, name="cold")
    topping = CustomFieldFactory.create(account=account, key="topping")
    ada = SubscriberFactory.create(account=account, number=PERSON, first_name="Ada", fields={"city": "Lyon"})
    ada.tags.add(cold)
    old.subscriptions.create(subscriber=ada)
    actions: list[tuple[str, dict[str, Any]]] = [
        ("join", {"list": news}),
        ("leave", {"list": old}),
        ("add_tag", {"tag": vip}),
        ("remove_tag", {"tag": cold}),
        ("set_field", {"field": topping}),
    ]
    for position, (kind, what) in enumerate(actions):
        KeywordActionFactory.create(keyword=keyword, position=position, kind=kind, **what)

    message = receive(line, "Pizza: Olives")

    ada.refresh_from_db()
    assert reply_to(message) == "Hello Ada, Olives it is."
    assert message.handler == "keyword"
    assert message.decision == (
        f"Keyword “Pizza”: joined “News”; left “{old}”; tagged “vip”; tag “cold” removed; “Topping” set."
    )
    assert ada.fields == {"city": "Lyon", "topping": "Olives"}
    assert [tag.name for tag in ada.tags.all()] == ["vip"]
    assert dict(ada.subscriptions.values_list("list__name", "state")) == {
        "News": "subscribed",
        old.name: "unsubscribed",
    }
    keyword.refresh_from_db()
    assert keyword.times_matched == 1
    assert keyword.last_matched_at is not None


def test_a_stranger_who_joins_becomes_a_subscriber_of_that_account_only(line: PhoneNumber) -> None:
    SubscriberFactory.create(number=PERSON)
    keyword = KeywordFactory.create(number=line)
    news = SubscriberListFactory.create(account=line.account)
    KeywordActionFactory.create(keyword=keyword, kind="join", list=news)
    receive(line, "pizza")
    receive(line, "pizza")
    assert Subscriber.objects.filter(account=line.account, number=PERSON).count() == 1
    assert news.subscriptions.live().count() == 1
    assert news.subscriptions.get().source == f"keyword {keyword.name}"


def test_who_has_opted_out_joins_nothing(line: PhoneNumber) -> None:
    keyword = KeywordFactory.create(number=line)
    news = SubscriberListFactory.create(account=line.account, name="News")
    KeywordActionFactory.create(keyword=keyword, kind="join", list=news)
    SuppressionFactory.create(account=line.account, recipient=PERSON)
    message = receive(line, "pizza")
    assert not news.subscriptions.exists()
    assert "did not join “News”: they are suppressed (opted out" in message.decision


def test_a_list_of_another_account_is_refused(line: PhoneNumber) -> None:
    keyword = KeywordFactory.create(number=line)
    foreign = SubscriberListFactory.create()
    KeywordActionFactory.create(keyword=keyword, kind="join", list=foreign)
    decision = receive(line, "pizza").decision
    assert f"“{foreign}” is another account's list" in decision
    assert not foreign.subscriptions.exists()


@pytest.mark.parametrize(
    ("body", "handler"), [("STOP", "opt_out"), ("HELP", "help"), ("stop pizza?", "unclear_opt_out")]
)
def test_consent_comes_before_any_keyword(line: PhoneNumber, body: str, handler: str) -> None:
    KeywordFactory.create(number=line, words=f"{body}\nstop pizza", reply="Never", priority=9)
    message = receive(line, body)
    assert message.handler == handler


def test_another_module_adds_a_kind(line: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))

    def perform(context: ActionContext, action: object) -> str:
        return f"rang the bell for {context.rest}"

    register_kind(ActionKind("bell", "Ring a bell", perform))
    KeywordActionFactory.create(keyword=KeywordFactory.create(number=line, name="Bell"), kind="bell")
    assert receive(line, "pizza table 4").decision == "Keyword “Bell”: rang the bell for table 4."


def test_an_action_that_nothing_can_do_stops_no_other(line: PhoneNumber) -> None:
    keyword = KeywordFactory.create(number=line, name="Pizza", reply="Yes")
    KeywordActionFactory.create(keyword=keyword, kind="gone", position=0)
    KeywordActionFactory.create(
        keyword=keyword, kind="add_tag", tag=TagFactory.create(account=line.account), position=1
    )
    message = receive(line, "pizza")
    assert message.decision.startswith("Keyword “Pizza”: cannot do “gone”; tagged")
    assert reply_to(message) == "Yes"
    assert Conversation.objects.get().is_unread, "somebody has to see to what was not done"


def test_what_a_keyword_should_have_answered_and_did_not_waits_for_a_person(line: PhoneNumber) -> None:
    keyword = KeywordFactory.create(number=line, name="Pizza", reply="Yes")
    receive(line, "pizza")
    assert Conversation.objects.get().unread_count == 0, "it was answered"
    for count, broken in enumerate(("{{ first_name", "{{ nobody_has_it }}"), start=1):
        Keyword.objects.filter(pk=keyword.pk).update(reply=broken)
        assert reply_to(receive(line, "pizza")) is None
        assert Conversation.objects.get().unread_count == count
    Keyword.objects.filter(pk=keyword.pk).update(reply="")
    KeywordActionFactory.create(keyword=keyword, kind="join", list=None)
    receive(line, "pizza")
    assert Conversation.objects.get().unread_count == 3, "the list is gone"


def test_the_same_word_at_the_same_priority_is_a_clash_where_numbers_and_times_overlap(line: PhoneNumber) -> None:
    now = timezone.now()
    week = dt.timedelta(days=7)
    first = KeywordFactory.create(number=line, words="Pizza\nPasta", active_until=now + week)

    def wanted(**values: object) -> Keyword:
        return Keyword(**{"account": line.account, "number": None, "words": "PÏZZA!", **values})

    assert "“pizza”: the keyword" in clashes(wanted())[0]
    assert clashes(wanted(number=line))
    assert not clashes(wanted(priority=1))
    assert not clashes(wanted(words="pizza night"))
    assert not clashes(wanted(number=PhoneNumberFactory.create(account=line.account)))
    assert not clashes(wanted(active_from=now + week))
    assert not clashes(wanted(is_enabled=False))
    assert not clashes(first)


def test_words_that_cannot_match_and_words_that_are_taken_are_named() -> None:
    assert phrase_problems("pizza\n\n👍\nPIZZA") == [
        "Line 3: “👍” has no letter or digit, so nothing can match it.",
        "Line 4: “PIZZA” is the same as line 1. Remove one.",
    ]
    assert phrase_problems(" \n") == ["Write at least one word."]
    warnings = standard_word_warnings("Stop\npizza\ninfo\nYES")
    assert [warning.split("”")[0] for warning in warnings] == ["“Stop", "“info", "“YES"]

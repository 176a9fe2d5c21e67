"""The inbox's search, filters and counts: what they find, what they say they left out, and what the page carries along."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.services import contacts
from messaging.models import Conversation, ConversationNote, Message
from messaging.services import inbox, searching
from messaging.services.threads import newest
from tests.console.test_campaigns import page_of
from tests.console.test_inbox import LIST, listed, says, url
from tests.factories import BatchFactory, MessageFactory, StaffFactory, SubscriberFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("view", ["open", "unread", "mine", "unassigned", "closed"])
def test_a_search_looks_in_all_views(operator: Client, view: str) -> None:
    closed, waiting = says("Is the matinee on?"), says("The matinee, please")
    Conversation.objects.filter(pk=closed.pk).update(state="closed", unread_count=0, is_unread=False)
    assert set(listed(operator, q="matinee", view=view)) == {closed.pk, waiting.pk}
    assert listed(operator, q="matinee", view=view, account=closed.account_id) == [closed.pk]
    page = page_of(operator.get(reverse(LIST), {"q": "matinee", "view": view}))
    assert "Found in all views" in page
    assert 'aria-current="true"' not in page, "no view is chosen while one searches"
    views = re.search(r'<nav class="inbox-views"[\s\S]+?</nav>', page)
    assert views is not None
    assert "q=matinee" not in views[0], "a view is the way out of the search"


def test_words_of_messages_beyond_the_newest_are_not_searched_and_the_page_says_so(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MESSAGES_SEARCHED", 2)
    old, middle, new = says("an elephant"), says("an elephant"), says("an elephant")
    for index in range(3):
        body = "a giraffe" if index else "a zebra"
        MessageFactory.create(kind="reply", batch=None, number=old.number, recipient=old.person, body=body)
    assert listed(operator, q="elephant") == [new.pk, middle.pk]
    assert listed(operator, q="zebra") == []
    assert listed(operator, q="giraffe") == [old.pk]
    page = page_of(operator.get(reverse(LIST), {"q": "zebra"}))
    assert "Not searched: words of older messages. A number finds anybody." in page
    # Of one account, the newest are its own; and a number always finds.
    assert listed(operator, q="elephant", account=old.account_id) == [old.pk]
    assert listed(operator, q=old.person) == [old.pk]


def test_nothing_is_said_to_be_left_out_when_nothing_is(operator: Client) -> None:
    says("an elephant")
    assert "Not searched" not in page_of(operator.get(reverse(LIST), {"q": "elephant"}))


def test_many_matches_are_the_newest_ones(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_MATCHES", 1)
    says("an elephant")
    new = says("an elephant")
    assert listed(operator, q="elephant") == [new.pk]
    assert "words of older messages" in page_of(operator.get(reverse(LIST), {"q": "elephant"}))


def test_names_beyond_the_newest_people_are_not_searched_and_the_page_says_so(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts, "PEOPLE_SEARCHED", 1)
    old, new = says(), says()
    for made in (old, new):
        SubscriberFactory.create(account=made.account, number=made.person, first_name="Ann", last_name="Lee")
    assert listed(operator, q="ann lee") == [new.pk]
    assert "names of people added long ago" in page_of(operator.get(reverse(LIST), {"q": "ann lee"}))


def test_a_campaigns_words_are_not_searched(operator: Client) -> None:
    made = says()
    MessageFactory.create(batch=BatchFactory.create(number=made.number), recipient=made.person, body="an elephant")
    assert listed(operator, q="elephant") == []


@pytest.mark.parametrize("field", ["account", "number"])
@pytest.mark.parametrize("value", [1_234_567, 10**17, 9_999_999_999_999_999_999])
def test_a_filter_that_nothing_is_of_shows_nothing(operator: Client, field: str, value: int) -> None:
    made = says()
    expected = [made.pk] if value > 2**63 else []
    assert listed(operator, **{field: value}) == expected, "what is no id at all is left out"


def test_counts_stop_at_99(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [inbox.MOST_COUNTED, inbox.count_unread(Conversation.objects.all())] == [99, "0"]
    made = says()
    rows = [
        Conversation(account=made.account, number=made.number, person=f"+1415{n:07}", unread_count=1, is_unread=True)
        for n in range(100)
    ]
    Conversation.objects.bulk_create(rows[:98])
    assert inbox.count_unread(Conversation.objects.all()) == "99"
    page = page_of(operator.get("/admin/"))
    assert re.search(r"Conversations[\s\S]{0,900}?>\s*99\s*</span>", page)
    Conversation.objects.bulk_create(rows[98:])
    page = page_of(operator.get(reverse(LIST)))
    assert 'data-unread="99+"' in page
    assert re.search(r"Conversations[\s\S]{0,900}?>\s*99\+\s*</span>", page)


def test_nothing_is_counted_for_who_may_not_see_it(client: Client) -> None:
    client.force_login(StaffFactory.create())
    with CaptureQueriesContext(connection) as queries:
        client.get("/admin/")
    assert not [query["sql"] for query in queries if 'FROM "messaging_conversation"' in query["sql"]]


@pytest.mark.parametrize("said", [None, "", "Note"])
def test_only_what_is_to_be_sent_is_sent(operator: Client, said: str | None) -> None:
    made = says()
    data = {"text": "She sounds upset.", "seen": str(newest(made))} | ({} if said is None else {"as": said})
    answer = operator.post(url("write", made), data).content.decode()
    assert "Nothing was sent: press Send, or Keep as note." in answer
    assert ">She sounds upset.</textarea>" in answer
    assert not Message.objects.exists()
    assert not ConversationNote.objects.exists()


def test_pressing_again_after_a_lost_answer_sends_once(operator: Client) -> None:
    made = says()
    page = page_of(operator.get(url("change", made)))
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key is not None
    uuid.UUID(key[1])
    data = {"text": "Yes.", "as": "reply", "seen": str(newest(made)), "key": key[1]}
    answers = [operator.post(url("write", made), data).content.decode() for _ in range(2)]
    assert Message.objects.count() == 1
    for answer in answers:
        assert "Queued: it leaves in a moment." in answer
        assert key[1] not in answer, "the next text is another message"
    # A page that carries no key, or nonsense, is still guarded by what it has seen.
    operator.post(url("write", made), {**data, "key": "x", "seen": str(newest(made))})
    assert Message.objects.count() == 2


def test_a_close_that_has_not_seen_everything_stays_at_the_conversation(operator: Client) -> None:
    made = says()
    seen = str(newest(made))
    says("wait, my order is wrong!!", number=made.number, sender=made.person)
    for posted in ({"seen": seen}, {}):
        response = operator.post(url("move", made, "closed"), posted, follow=True)
        assert response.redirect_chain[-1][0] == url("change", made)
        assert "has written again. It was not closed" in page_of(response)
        assert Conversation.objects.get().is_open
    close = re.search(r'<input type="hidden" form="inbox-close" name="seen" value="([^"]+)"', page_of(response))
    assert close is not None
    operator.post(url("move", made, "closed"), {"seen": close[1]})
    assert not Conversation.objects.get().is_open


def test_a_long_thread_stays_long_and_keeps_the_way_back(operator: Client) -> None:
    made = says("Message 0")
    for index in range(1, 60):
        says(f"Message {index}", number=made.number, sender=made.person)
    where = url("change", made) + "?view=unread&q=message"
    page = operator.get(where)
    earlier = page.context["earlier_url"]
    assert earlier == "?view=unread&q=message&messages=200"
    assert "Message 0<" not in page_of(page)
    longer = operator.get(url("change", made) + earlier)
    assert "Message 0<" in page_of(longer)
    post = re.search(r'hx-post="([^"]+)"', page_of(longer))
    assert post is not None
    data = {"text": "Yes.", "as": "reply", "seen": str(newest(made))}
    answer = operator.post(post[1].replace("&amp;", "&"), data)
    assert "Message 0<" in answer.content.decode()
    assert "view=unread" in answer.context["thread_url"]


def test_a_reply_that_did_not_arrive_says_why_in_the_list(operator: Client, as_role: Callable[[str], Client]) -> None:
    made = says()
    poll = operator.get(reverse(LIST)).context["list_url"]
    Conversation.objects.filter(pk=made.pk).update(trouble="Not delivered: No such phone")
    assert "Not delivered: No such phone" in page_of(operator.get(poll))

"""The inbox in the console: who sees what, what can be done, and what a page costs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from messaging.models import Conversation, ConversationNote, Message
from messaging.services.conversations import note_inbound
from messaging.services.threads import newest
from tests.console.test_campaigns import page_of
from tests.factories import (
    CannedReplyFactory,
    ConversationFactory,
    InboundMessageFactory,
    PhoneNumberFactory,
    StaffFactory,
    SubscriberFactory,
    SuppressionFactory,
)

pytestmark = pytest.mark.django_db

LIST = "admin:messaging_conversation_changelist"


def says(body: str = "Is it on?", **fields: Any) -> Conversation:
    """Somebody writes, and it waits."""
    message = InboundMessageFactory.create(body=body, handler="inbox", **fields)
    note_inbound(message=message, waits=True)
    return Conversation.objects.get(number=message.number, person=message.sender)


def url(name: str, made: Conversation, *args: Any) -> str:
    return reverse(f"admin:messaging_conversation_{name}", args=[made.pk, *args])


def listed(client: Client, **query: Any) -> list[int]:
    response = client.get(reverse(LIST), query)
    assert response.status_code == 200
    return [row["conversation"].pk for row in response.context["rows"]]


def write(client: Client, made: Conversation, text: str, *, seen: str | None = None, to: str = "reply") -> str:
    response = client.post(
        url("write", made), {"text": text, "as": to, "seen": str(newest(made)) if seen is None else seen}
    )
    assert response.status_code == 200
    return response.content.decode()


def test_unread_come_first_then_the_newest(operator: Client) -> None:
    read, older, newer = says(), says(), says()
    Conversation.objects.filter(pk=read.pk).update(unread_count=0, is_unread=False)
    assert listed(operator) == [newer.pk, older.pk, read.pk]


def test_views_show_what_they_say() -> None:
    client, user = Client(), StaffFactory.create(role="Support")
    client.force_login(user)
    mine, read, closed, waiting = says(), says(), says(), says()
    Conversation.objects.filter(pk=mine.pk).update(assigned_to=user)
    Conversation.objects.filter(pk=read.pk).update(unread_count=0, is_unread=False)
    Conversation.objects.filter(pk=closed.pk).update(state="closed", unread_count=0, is_unread=False)
    assert set(listed(client)) == {mine.pk, read.pk, waiting.pk}
    assert set(listed(client, view="unread")) == {mine.pk, waiting.pk}
    assert listed(client, view="mine") == [mine.pk]
    assert set(listed(client, view="unassigned")) == {read.pk, waiting.pk}
    assert listed(client, view="closed") == [closed.pk]
    assert listed(client, account=waiting.account_id) == [waiting.pk]
    assert listed(client, number=read.number_id) == [read.pk]


@pytest.mark.parametrize("words", ["(415) 555-2671", "5552671", "ann lee", "MATINEE", "at the side"])
def test_search_finds_by_number_name_and_words_also_what_is_closed(operator: Client, words: str) -> None:
    found = says("Is the matinee on?", sender="+14155552671")
    says("Another", sender="+14155550199")
    SubscriberFactory.create(account=found.account, number="+14155552671", first_name="Ann", last_name="Lee")
    # The same name and number at another account is another person.
    SubscriberFactory.create(number="+14155550199", first_name="Ann", last_name="Lee")
    write(operator, found, "There is a ramp at the side door.")
    Conversation.objects.filter(pk=found.pk).update(state="closed")
    assert listed(operator, q=words) == [found.pk]
    assert listed(operator, q="nothing like it") == []


def test_an_address_that_means_nothing_shows_the_usual_list(operator: Client) -> None:
    made = says()
    assert listed(operator, view="x", account="-1", number="9e9", rows="²", q="\x00") == [made.pk]


@pytest.mark.parametrize(("role", "may"), [("Operator", True), ("Support", True), ("Read-only", False)])
def test_who_may_answer(as_role: Callable[[str], Client], role: str, may: bool) -> None:
    made, client = says(), as_role(role)
    page = page_of(client.get(url("change", made)))
    assert ("Keep as note" in page) == may
    assert client.get(url("thread", made)).status_code == 200
    for name, args, data in (
        ("write", (), {"text": "Hi", "as": "reply", "seen": str(newest(made))}),
        ("read", (), {}),
        ("assign", (), {"to": ""}),
        ("move", ("closed",), {"seen": str(newest(made))}),
    ):
        status = client.post(url(name, made, *args), data).status_code
        assert (status != 403) == may, name
    assert Message.objects.exists() == may
    assert (Conversation.objects.get().state == "closed") == may


def test_strangers_and_staff_without_a_role_see_nothing(client: Client) -> None:
    made = says()
    assert client.get(url("change", made)).status_code == 302
    client.force_login(StaffFactory.create())
    for where in (
        reverse(LIST),
        url("change", made),
        url("thread", made),
        reverse("admin:messaging_conversation_list"),
    ):
        assert client.get(where).status_code == 403


@pytest.mark.parametrize("name", ["write", "read", "assign"])
def test_nothing_is_changed_by_opening_an_address(operator: Client, name: str) -> None:
    made = says()
    assert operator.get(url(name, made)).status_code == 405
    assert operator.get(url("move", made, "closed")).status_code == 405
    operator.get(url("change", made))
    assert Conversation.objects.get().is_unread, "a browser that fetches links ahead has read nothing"


def test_a_reply_answers_with_the_thread_and_an_empty_box(operator: Client) -> None:
    made = says()
    answer = write(operator, made, "Yes, at 2 pm.")
    assert re.search(r"<textarea[^>]*></textarea>", answer)
    assert 'hx-swap-oob="outerHTML"' in answer
    assert "Yes, at 2 pm." in answer
    author = Message.objects.get().author
    assert author is not None
    assert str(author) in answer


def test_a_refused_text_stays_in_the_box(operator: Client) -> None:
    made = says()
    SuppressionFactory.create(account=made.account, recipient=made.person)
    answer = write(operator, made, "Are you <sure>?")
    assert "is suppressed" in answer
    assert re.search(r"<textarea[^>]*>Are you &lt;sure&gt;\?</textarea>", answer)
    assert not Message.objects.exists()


def test_an_answer_in_between_is_shown_and_the_text_kept(operator: Client, as_role: Callable[[str], Client]) -> None:
    made = says()
    seen = str(newest(made))
    write(as_role("Support"), made, "Yes.", seen=seen)
    answer = write(operator, made, "No.", seen=seen)
    assert "has answered" in answer
    assert ">No.</textarea>" in answer
    assert "<p>Yes.</p>" in answer, "the thread beside it shows what was answered"
    assert Message.objects.count() == 1


def test_a_note_is_kept_and_not_sent(operator: Client) -> None:
    made = says()
    SuppressionFactory.create(account=made.account, recipient=made.person)
    answer = write(operator, made, "Call her.", to="note")
    assert ConversationNote.objects.get().body == "Call her."
    assert "is-note" in answer
    assert not Message.objects.exists()


def test_parts_say_nothing_until_something_changes(operator: Client) -> None:
    made = says()
    page = operator.get(url("change", made))
    thread, rows = page.context["thread_url"], page.context["list_url"]
    assert operator.get(thread).status_code == 204
    assert operator.get(rows).status_code == 204
    says("Hello?", number=made.number, sender=made.person)
    assert "Hello?" in page_of(operator.get(thread))
    assert "Hello?" in page_of(operator.get(rows))


def test_media_are_links_that_tell_the_provider_nothing(operator: Client) -> None:
    made = says("", media=[["https://media.example.com/1", "image/jpeg"], ["javascript:alert(1)", "text/html"]])
    for page in (
        page_of(operator.get(url("change", made))),
        page_of(operator.get(reverse("admin:messaging_inboundmessage_change", args=[newest(made).inbound_id]))),
    ):
        link = re.search(r'<a[^>]*href="https://media\.example\.com/1"[^>]*>', page)
        assert link is not None
        for part in ('target="_blank"', 'rel="noopener noreferrer"', 'referrerpolicy="no-referrer"'):
            assert part in link[0]
        assert 'href="javascript' not in page


def test_what_they_write_is_text(operator: Client) -> None:
    made = says("<script>alert(1)</script>")
    assert "<script>alert(1)" not in page_of(operator.get(url("change", made)))


def test_canned_replies_of_the_account_and_of_all_are_offered(operator: Client) -> None:
    made = says(sender="+14155552671")
    SubscriberFactory.create(account=made.account, number=made.person, first_name="Ann")
    own = CannedReplyFactory.create(account=made.account, name="Hours")
    CannedReplyFactory.create(account=None, name="Thanks")
    strangers = CannedReplyFactory.create(name="Not theirs")
    page = page_of(operator.get(url("change", made)))
    assert "Hours" in page
    assert "Thanks" in page
    assert "Not theirs" not in page
    assert operator.get(url("canned", made, own.pk)).json() == {"text": "Hi Ann, we open at 10."}
    assert operator.get(url("canned", made, strangers.pk)).status_code == 422


def test_a_canned_reply_with_a_mistake_is_refused(operator: Client) -> None:
    response = operator.post(
        reverse("admin:messaging_cannedreply_add"), {"name": "Hours", "account": "", "text": "Hi {{ first_name"}
    )
    assert response.status_code == 200
    assert "Line 1" in page_of(response)


def test_what_is_known_of_them_stands_beside(operator: Client) -> None:
    made = says(sender="+14155552671")
    SubscriberFactory.create(account=made.account, number=made.person, first_name="Ann", fields={"seat": "Row F"})
    SuppressionFactory.create(account=made.account, recipient=made.person, note="Stop it")
    page = page_of(operator.get(url("change", made)))
    for said in ("Ann", "Row F", "On no list.", "Opted out", "“Stop it”"):
        assert said in page


def test_the_sidebar_counts_what_is_unread(operator: Client) -> None:
    says()
    says()
    made = says()
    Conversation.objects.filter(pk=made.pk).update(unread_count=0, is_unread=False)
    page = page_of(operator.get("/admin/"))
    assert re.search(r"Conversations[\s\S]{0,900}?>\s*2\s*</span>", page)


def cost(client: Client, where: str, status: int = 200) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(where).status_code == status
    return len(queries)


def test_the_list_costs_the_same_for_more_rows(operator: Client) -> None:
    says()
    operator.get(reverse(LIST))
    few = cost(operator, reverse(LIST))
    for _ in range(8):
        made = says()
        SubscriberFactory.create(account=made.account, number=made.person)
    assert cost(operator, reverse(LIST)) == few
    assert cost(operator, reverse("admin:messaging_conversation_list")) <= 7


def test_the_thread_costs_the_same_for_more_messages(operator: Client) -> None:
    made = says()
    where = url("change", made)
    write(operator, made, "Hi")
    write(operator, made, "A note", to="note")
    few = cost(operator, where)
    for _ in range(6):
        says(number=made.number, sender=made.person)
        write(operator, made, "Hi")
        write(operator, made, "A note", to="note")
    assert cost(operator, where) == few
    # Four of them are who is logged in and what they may do.
    unchanged = operator.get(where).context["thread_url"]
    assert cost(operator, unchanged, status=204) <= 10
    assert cost(operator, url("thread", made)) <= 21


def test_numbers_of_another_account_are_not_offered_as_filters(operator: Client) -> None:
    made = says()
    PhoneNumberFactory.create(label="Somebody else's")
    page = page_of(operator.get(reverse(LIST), {"account": made.account_id}))
    assert str(made.number) in page
    assert "Somebody else" not in page


def test_closing_goes_back_to_the_list_one_came_from(operator: Client) -> None:
    made = ConversationFactory.create(unread_count=1)
    response = operator.post(url("move", made, "closed") + "?view=unread")
    assert response.headers["Location"] == reverse(LIST) + "?view=unread"
    made.refresh_from_db()
    assert (made.state, made.unread_count) == ("closed", 0)
    operator.post(url("move", made, "open"))
    made.refresh_from_db()
    assert made.state == "open"

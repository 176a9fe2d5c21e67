"""The review queue: its list, its two buttons, the first page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from messaging.models import OptOutReview, Suppression
from messaging.services.reviews import ask
from messaging.wording import read
from tests.console.test_campaigns import page_of
from tests.factories import ConversationFactory, InboundMessageFactory

pytestmark = pytest.mark.django_db

LIST = "admin:messaging_optoutreview_changelist"


def review(body: str = "cancel my order") -> OptOutReview:
    return ask(inbound=InboundMessageFactory.create(body=body), reading=read(body))


def decide(client: Client, target: OptOutReview, decision: str) -> int:
    return client.post(reverse("admin:messaging_optoutreview_decide", args=[target.pk, decision])).status_code


def test_the_oldest_comes_first_with_why_and_two_buttons(operator: Client) -> None:
    decided = review()
    decide(operator, decided, "keep")
    old, new = review(), review("how do I stop this?")
    response = operator.get(reverse(LIST))
    assert list(response.context["cl"].result_list) == [old, new, decided]
    page = page_of(response)
    assert "ends something +30" in page
    assert f"Opt {old.recipient} out" in page
    assert f"Keep {old.recipient}" in page


@pytest.mark.parametrize(("decision", "reasons"), [("opt-out", ["opt_out"]), ("keep", [])])
def test_one_click_decides(operator: Client, decision: str, reasons: list[str]) -> None:
    target = review()
    assert decide(operator, target, decision) == 302
    assert decide(operator, target, decision) == 302
    assert list(Suppression.objects.active().values_list("reason", flat=True)) == reasons
    assert operator.get(reverse("admin:messaging_optoutreview_decide", args=[target.pk, decision])).status_code == 405


@pytest.mark.parametrize(("role", "status"), [("Support", 302), ("Read-only", 403)])
def test_who_may_decide(as_role: Callable[[str], Client], role: str, status: int) -> None:
    target = review()
    assert decide(as_role(role), target, "opt-out") == status
    target.refresh_from_db()
    assert (target.state == "opted_out") == (status == 302)


def test_nothing_is_decided_for_many_at_once(operator: Client) -> None:
    """Each decision may send a confirmation."""
    target = review()
    operator.post(reverse(LIST), {"action": "opt_out_all", "_selected_action": [target.pk], "index": 0})
    target.refresh_from_db()
    assert target.state == "pending"
    assert "_selected_action" not in page_of(operator.get(reverse(LIST)))


def test_it_stands_on_top_of_the_first_page(operator: Client) -> None:
    review()
    review()
    page = page_of(operator.get(reverse("admin:index")))
    assert "2 people may have opted out; the oldest has waited for" in page
    assert page.index("people may have opted out") < page.index("Needs attention")


def test_it_stands_above_the_first_steps_and_comes_with_each_update(operator: Client) -> None:
    assert "may have opted out" not in page_of(operator.get("/admin/live/"))
    review()
    page = page_of(operator.get("/admin/"))
    note = page.index("One person may have opted out")
    assert note < page.index("First steps")
    assert note < page.index("New campaign")
    update = page_of(operator.get("/admin/live/"))
    assert 'id="dashboard-reviews" hx-swap-oob="true"' in update
    assert update.count("One person may have opted out") == page.count("One person may have opted out") == 1


def test_a_review_leads_to_its_conversation(operator: Client) -> None:
    target = review()
    talk = ConversationFactory.create(number=target.inbound.number, person=target.recipient)
    assert reverse("admin:messaging_conversation_change", args=[talk.pk]) in page_of(operator.get(reverse(LIST)))


def test_an_empty_list_says_whether_anything_was_looked_for(operator: Client) -> None:
    page, searched = (page_of(operator.get(reverse(LIST), query)) for query in ({}, {"q": "nobody"}))
    assert "Nothing here yet" in page
    assert "Show all" not in page
    assert "Nothing found" in searched
    assert "Show all" in searched


def test_the_first_page_does_not_say_that_nothing_waits(operator: Client) -> None:
    assert "Nothing waits for you." in page_of(operator.get(reverse("admin:index")))
    review()
    assert "Nothing waits for you." not in page_of(operator.get(reverse("admin:index")))

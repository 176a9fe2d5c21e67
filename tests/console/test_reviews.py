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
from tests.factories import InboundMessageFactory

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


def test_many_are_decided_at_once(operator: Client) -> None:
    targets = [review(), review()]
    data = {"action": "keep_all", "_selected_action": [target.pk for target in targets]}
    operator.post(reverse(LIST), data)
    assert set(OptOutReview.objects.values_list("state", flat=True)) == {"kept"}


def test_it_stands_on_top_of_the_first_page(operator: Client) -> None:
    review()
    review()
    page = page_of(operator.get(reverse("admin:index")))
    assert "2 people may have opted out; the oldest has waited for" in page
    assert page.index("people may have opted out") < page.index("Needs attention")

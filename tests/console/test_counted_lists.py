"""Figures are counted where they are shown; numbers are found by an index; failures and asking are in sight."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.models import OutgoingCall, StaffNotice, SubscriberList, Subscription
from messaging.models import Suppression
from messaging.services.suppressions import suppress
from tests.console.test_campaigns import page_of
from tests.console.test_people import inline
from tests.factories import (
    CallEndpointFactory,
    ConsentEventFactory,
    InboundMessageFactory,
    PhoneNumberFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SubscriptionFactory,
    TagFactory,
)
from tests.messaging.hooks import receive

pytestmark = pytest.mark.django_db

COUNTED = ("campaigns_subscription", "campaigns_subscriber_tags", "campaigns_outgoingcall")


def counting(browser: Client, url: str, **data: Any) -> list[str]:
    """Statements of a page that read what is counted."""
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(url, data).status_code == 200
    return [
        query["sql"] for query in queries.captured_queries if any(f'"{table}"' in query["sql"] for table in COUNTED)
    ]


def test_lists_tags_and_endpoints_show_their_figures(operator: Client) -> None:
    audience = SubscriberListFactory.create(people=3)
    SubscriptionFactory.create(list=audience, state="unsubscribed")
    tag = TagFactory.create(account=audience.account)
    tag.subscribers.add(*audience.subscribers.all())
    endpoint = CallEndpointFactory.create()
    for state in ("failed", "delivered"):
        OutgoingCall.objects.create(endpoint=endpoint, payload={}, state=state)
    for name, figures in (("subscriberlist", (3, 0)), ("tag", (4,)), ("callendpoint", (2, 1))):
        page = page_of(operator.get(reverse(f"admin:campaigns_{name}_changelist"), {"o": "-3"}))
        for figure in figures:
            assert f'class="text-link">{figure}</a>' in page


@pytest.mark.parametrize(("name", "rows"), [("subscriberlist", 1), ("tag", 1), ("callendpoint", 1)])
def test_only_the_rows_of_the_list_count(operator: Client, name: str, rows: int) -> None:
    SubscriberListFactory.create(people=1)
    TagFactory.create()
    CallEndpointFactory.create()
    found = counting(operator, reverse(f"admin:campaigns_{name}_changelist"))
    assert len(found) == rows, "one statement for the rows, none for how many there are"
    assert " GROUP BY " in found[0]
    assert ' JOIN "campaigns_subscription"' not in found[0]


@pytest.mark.parametrize(("field", "model"), [("lists", "campaign"), ("tags", "subscriber")])
def test_a_choice_while_somebody_types_counts_nothing(operator: Client, field: str, model: str) -> None:
    SubscriberListFactory.create(name="News", people=1)
    TagFactory.create(name="News")
    found = counting(
        operator,
        reverse("admin:autocomplete"),
        term="New",
        app_label="campaigns",
        model_name="campaignlist" if model == "campaign" else model,
        field_name="list" if model == "campaign" else field,
    )
    assert found == []


def test_a_whole_number_is_looked_up_as_it_is(operator: Client) -> None:
    event = ConsentEventFactory.create(number="+14155552671")
    ConsentEventFactory.create(number="+141555526719")
    url = reverse("admin:campaigns_consentevent_changelist")
    with CaptureQueriesContext(connection) as queries:
        page = page_of(operator.get(url, {"q": "+1 (415) 555-2671"}))
    assert "+14155552671<" in page
    assert "+141555526719" not in page
    assert not any("LIKE" in query["sql"] and "consentevent" in query["sql"] for query in queries.captured_queries)
    assert "+141555526719" in page_of(operator.get(url, {"q": "5552671"}))
    subscriber = SubscriberFactory.create(account=event.account, number=event.number)
    person = page_of(operator.get(reverse("admin:campaigns_subscriber_change", args=[subscriber.pk])))
    assert "q=%2B14155552671" in person


def test_the_first_page_tells_of_what_failed_to_who_may_see_it(
    as_role: Callable[[str], Client], operator: Client
) -> None:
    endpoint = CallEndpointFactory.create(name="CRM")
    OutgoingCall.objects.create(endpoint=endpoint, payload={}, state="failed")
    inbound = InboundMessageFactory.create()
    for state in ("failed", "failed", "sent"):
        StaffNotice.objects.create(account=endpoint.account, inbound=inbound, subject="S", body="", state=state)
    page = page_of(operator.get(reverse("admin:index")))
    assert "One webhook call of the last 3 days failed for good: CRM." in page
    assert "2 mails to staff of the last 3 days could not be sent." in page
    for model in (OutgoingCall, StaffNotice):
        model._default_manager.update(updated_at=timezone.now() - dt.timedelta(days=4))
    page = page_of(operator.get(reverse("admin:index")))
    assert "failed for good" not in page
    assert "could not be sent" not in page


def test_a_failed_mail_is_tried_again_by_who_may(as_role: Callable[[str], Client]) -> None:
    inbound = InboundMessageFactory.create()
    assert inbound.account is not None
    notice = StaffNotice.objects.create(
        account=inbound.account, inbound=inbound, subject="Pizza", body="", addresses=["a@example.com"], state="failed"
    )
    url = reverse("admin:campaigns_staffnotice_send_mail_again", args=[notice.pk])
    assert as_role("Read-only").post(url).status_code == 403
    assert "a@example.com" in page_of(as_role("Read-only").get(reverse("admin:campaigns_staffnotice_changelist")))
    as_role("Operator").post(url)
    notice.refresh_from_db()
    assert notice.state == "waiting"


def test_a_lists_page_says_what_is_in_the_way_of_asking_and_stops_it(operator: Client) -> None:
    number = PhoneNumberFactory.create()
    club = SubscriberListFactory.create(account=number.account, double_opt_in=True)
    page_url = reverse("admin:campaigns_subscriberlist_change", args=[club.pk])
    assert "Stop asking" not in page_of(operator.get(page_url))
    SubscriberList.objects.update(ask_joined_until=timezone.now(), ask_problem="It has no active number.")
    page = page_of(operator.get(page_url))
    assert "Stands still: It has no active number." in page
    assert "Stop asking" in page
    url = reverse("admin:campaigns_subscriberlist_stop_asking", args=[club.pk])
    operator.get(url)
    assert SubscriberList.objects.get().ask_joined_until is not None
    operator.post(url)
    assert SubscriberList.objects.get().ask_joined_until is None


def test_staff_are_told_that_an_opt_out_stays(operator: Client) -> None:
    line = PhoneNumberFactory.create()
    suppress(account_id=line.account_id, recipient="+14155552671", reason="staff")
    receive(line, "STOP")
    suppression = Suppression.objects.get()
    url = reverse("admin:messaging_suppression_lift", args=[suppression.pk])
    assert "That opt-out stays in force" in page_of(operator.get(url))
    page = page_of(operator.post(url, {"note": "A mistake"}, follow=True))
    assert "had opted out too: that stays" in page
    assert Suppression.objects.active().get().reason == "opt_out"


def test_staff_cannot_put_somebody_on_a_list_who_opted_out(operator: Client) -> None:
    line = PhoneNumberFactory.create()
    reader = SubscriptionFactory.create(list__account=line.account, subscriber__account=line.account).subscriber
    receive(line, "STOP", sender=reader.number)
    place = Subscription.objects.get()
    row = {"id": place.pk, "subscriber": reader.pk, "list": place.list_id, "state": "subscribed"}
    form = {"number": reader.number, **inline("subscriptions", row)}
    page = page_of(operator.post(reverse("admin:campaigns_subscriber_change", args=[reader.pk]), form))
    assert "they are suppressed (opted out)" in page
    place.refresh_from_db()
    assert place.state == "unsubscribed"

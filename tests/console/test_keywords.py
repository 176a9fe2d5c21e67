"""Keywords, tags, webhooks and double opt-in in the console."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import CallEndpoint, Keyword, KeywordAction, OptInRequest, OutgoingCall, SubscriberList
from messaging.models import Message
from tests.factories import (
    AccountFactory,
    CallEndpointFactory,
    CustomFieldFactory,
    KeywordActionFactory,
    KeywordFactory,
    PhoneNumberFactory,
    StaffFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SubscriptionFactory,
    TagFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    """Somebody who may do all everyday work."""
    client = Client()
    client.force_login(StaffFactory.create(role="Operator"))
    return client


def page(model: str, *args: Any) -> str:
    return reverse(f"admin:campaigns_{model}_{'change' if args else 'add'}", args=args)


def keyword_form(**values: Any) -> dict[str, Any]:
    return {
        "name": "Pizza",
        "words": "pizza",
        "where": "first",
        "priority": "0",
        "is_enabled": "on",
        "reply": "Hi",
        "actions-TOTAL_FORMS": "0",
        "actions-INITIAL_FORMS": "0",
        **values,
    }


def action_form(index: int = 0, **values: Any) -> dict[str, Any]:
    return {"actions-TOTAL_FORMS": str(index + 1)} | {
        f"actions-{index}-{name}": value for name, value in values.items()
    }


def errors_of(response: Any) -> str:
    adminform = response.context["adminform"].form
    inlines = [form.errors for inline in response.context["inline_admin_formsets"] for form in inline.formset.forms]
    return f"{adminform.errors} {inlines}"


def test_a_keyword_is_made_and_leads_to_its_actions(operator: Client) -> None:
    line = PhoneNumberFactory.create()
    data = keyword_form(account=line.account_id, number=line.pk, words="Pizza\nSTOP")
    response = operator.post(page("keyword"), data, follow=True)
    keyword = Keyword.objects.get()
    assert response.redirect_chain[-1][0] == page("keyword", keyword.pk)
    assert "“STOP” is an opt-out" in response.content.decode()


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"reply": "Hi {{ frist_name }}"}, "Line 1, column 7"),
        ({"words": "👍"}, "no letter or digit"),
        ({"words": "PÏZZA!"}, "has it too"),
    ],
)
def test_a_keyword_that_cannot_work_is_refused_with_the_reason(
    operator: Client, values: dict[str, str], error: str
) -> None:
    other = KeywordFactory.create(name="Other")
    response = operator.post(page("keyword"), keyword_form(account=other.account_id, **{"words": "pasta", **values}))
    assert error in errors_of(response)
    assert Keyword.objects.count() == 1


def test_another_accounts_number_is_refused(operator: Client) -> None:
    keyword = KeywordFactory.create()
    foreign = PhoneNumberFactory.create()
    response = operator.post(page("keyword", keyword.pk), keyword_form(number=foreign.pk))
    assert "belongs to another account" in errors_of(response)


def test_an_action_keeps_only_what_its_kind_uses(operator: Client) -> None:
    keyword = KeywordFactory.create()
    tag = TagFactory.create(account=keyword.account)
    data = keyword_form() | action_form(kind="add_tag", tag=tag.pk, emails="not an address", value="x", position="0")
    assert operator.post(page("keyword", keyword.pk), data).status_code == 302
    action = KeywordAction.objects.get()
    assert (action.kind, action.tag, action.emails, action.value) == ("add_tag", tag, "", "")


def test_an_action_without_what_it_needs_or_with_another_accounts_things_is_refused(operator: Client) -> None:
    keyword = KeywordFactory.create()
    foreign = {
        "join": {"list": SubscriberListFactory.create().pk},
        "add_tag": {"tag": TagFactory.create().pk},
        "set_field": {"field": CustomFieldFactory.create().pk},
        "call": {"endpoint": CallEndpointFactory.create().pk},
    }
    for kind, what in foreign.items():
        data = keyword_form() | action_form(kind=kind, position="0", **what)
        assert "not one of the available choices" in errors_of(operator.post(page("keyword", keyword.pk), data))
    for kind in (*foreign, "leave", "remove_tag", "notify"):
        data = keyword_form() | action_form(kind=kind, position="0")
        assert "needs this" in errors_of(operator.post(page("keyword", keyword.pk), data))
    data = keyword_form() | action_form(kind="notify", position="0", emails="a@example.com, nobody")
    assert "“nobody” is not an e-mail address" in errors_of(operator.post(page("keyword", keyword.pk), data))
    assert not KeywordAction.objects.exists()


def test_a_secret_goes_in_and_is_never_shown(operator: Client) -> None:
    account = KeywordFactory.create().account
    data = {"name": "CRM", "account": account.pk, "url": "https://crm.example.com/", "is_enabled": "on"}
    assert "at least 16" in errors_of(operator.post(page("callendpoint"), data | {"new_secret": "short"}))
    assert "private network" in errors_of(
        operator.post(page("callendpoint"), data | {"new_secret": "x" * 20, "url": "https://10.0.0.1/"})
    )
    assert operator.post(page("callendpoint"), data | {"new_secret": "hush hush hush hush"}).status_code == 302
    endpoint = CallEndpoint.objects.get()
    assert endpoint.secret == "hush hush hush hush"
    assert "hush" not in operator.get(page("callendpoint", endpoint.pk)).content.decode()
    assert operator.post(page("callendpoint", endpoint.pk), data | {"name": "New"}).status_code == 302
    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.secret) == ("New", "hush hush hush hush")


def test_a_failed_call_is_tried_again_after_a_question(operator: Client) -> None:
    call = OutgoingCall.objects.create(endpoint=CallEndpointFactory.create(), payload={}, state="failed")
    url = reverse("admin:campaigns_outgoingcall_try_call_again", args=[call.pk])
    assert operator.get(url).status_code == 200
    assert OutgoingCall.objects.get().state == "failed"
    support = Client()
    support.force_login(StaffFactory.create(role="Support"))
    assert support.post(url).status_code == 403
    operator.post(url)
    assert OutgoingCall.objects.get().state == "waiting"


def test_people_are_tagged_with_their_accounts_tags_and_found_by_them(operator: Client) -> None:
    person, other = SubscriberFactory.create(), SubscriberFactory.create()
    tag, foreign = TagFactory.create(account=person.account, name="vip"), TagFactory.create()
    data = {"number": person.number, "subscriptions-TOTAL_FORMS": "0", "subscriptions-INITIAL_FORMS": "0"}
    response = operator.post(page("subscriber", person.pk), data | {"tags": [foreign.pk]})
    assert "tag of another account" in errors_of(response)
    assert operator.post(page("subscriber", person.pk), data | {"tags": [tag.pk]}).status_code == 302
    shown = operator.get(reverse("admin:campaigns_subscriber_changelist"), {"tags__id__exact": tag.pk}).content.decode()
    assert "vip" in shown
    assert person.number in shown
    assert other.number not in shown


@pytest.mark.parametrize("before", [None, "pending", "unsubscribed"])
def test_staff_cannot_skip_the_question(operator: Client, before: str | None) -> None:
    line = PhoneNumberFactory.create()
    list_ = SubscriberListFactory.create(account=line.account, double_opt_in=True)
    person = SubscriberFactory.create(account=line.account)
    row: dict[str, Any] = {"subscriptions-0-list": list_.pk, "subscriptions-0-state": "subscribed"}
    if before:
        subscription = SubscriptionFactory.create(list=list_, subscriber=person, state=before)
        row["subscriptions-0-id"] = subscription.pk
    forms = {"subscriptions-TOTAL_FORMS": "1", "subscriptions-INITIAL_FORMS": "1" if before else "0"}
    response = operator.post(page("subscriber", person.pk), {"number": person.number, **forms, **row}, follow=True)
    assert "asked to confirm" in response.content.decode()
    assert list_.subscriptions.get().state == "pending"
    assert Message.objects.get().recipient == person.number


def test_wordings_are_checked_with_the_position(operator: Client) -> None:
    list_ = SubscriberListFactory.create()
    data = {"name": "News", "reminder_hours": "0", "opt_in_request": "Hi {{ nobody }}"}
    response = operator.post(page("subscriberlist", list_.pk), data)
    assert "Line 1, column 7" in errors_of(response)


def test_asking_the_pending_is_offered_where_a_list_asks_and_done_on_post(operator: Client) -> None:
    line = PhoneNumberFactory.create()
    asking = SubscriberListFactory.create(account=line.account, double_opt_in=True)
    plain = SubscriberListFactory.create(account=line.account)
    SubscriptionFactory.create(list=asking, state="pending")
    url = reverse("admin:campaigns_subscriberlist_ask_pending", args=[asking.pk])
    assert url in operator.get(page("subscriberlist", asking.pk)).content.decode()
    assert "ask-pending" not in operator.get(page("subscriberlist", plain.pk)).content.decode().replace("_", "-")
    operator.get(url)
    assert SubscriberList.objects.get(pk=asking.pk).ask_joined_until is None
    assert "1 people" in operator.post(url, follow=True).content.decode()
    assert SubscriberList.objects.get(pk=asking.pk).ask_joined_until


def test_lists_take_the_same_queries_however_long_they_are(
    operator: Client, django_assert_max_num_queries: Any
) -> None:
    line = PhoneNumberFactory.create()
    for index in range(8):
        KeywordActionFactory.create(
            keyword=KeywordFactory.create(number=line, words=f"w{index}"),
            kind="join",
            list=SubscriberListFactory.create(account=line.account),
        )
        SubscriberFactory.create(account=line.account).tags.add(TagFactory.create(account=line.account))
        CallEndpointFactory.create(account=line.account)
    for model in ("keyword", "tag", "callendpoint", "outgoingcall", "optinrequest", "subscriber", "subscriberlist"):
        with django_assert_max_num_queries(14):
            assert operator.get(reverse(f"admin:campaigns_{model}_changelist")).status_code == 200


def test_times_are_entered_and_shown_by_the_accounts_clock(operator: Client) -> None:
    account = AccountFactory.create(time_zone="America/New_York")
    keyword = KeywordFactory.create(account=account, name="Pizza")
    change = reverse("admin:campaigns_keyword_change", args=[keyword.pk])
    form: dict[str, Any] = {"name": "Pizza", "words": "pizza", "where": "first", "priority": 0, "is_enabled": "on"}
    form |= {"actions-TOTAL_FORMS": 0, "actions-INITIAL_FORMS": 0, "reply": "", "number": ""}
    times = {"active_from_0": "2126-03-02", "active_from_1": "10:30", "active_until_0": "", "active_until_1": ""}
    assert operator.post(change, {**form, **times}).status_code == 302
    keyword.refresh_from_db()
    assert keyword.active_from == dt.datetime(2126, 3, 2, 15, 30, tzinfo=dt.UTC)
    assert keyword.active_until is None
    page = operator.get(change).content.decode()
    assert 'value="10:30:00"' in page
    assert "In America/New_York. Empty: at once." in page
    listed = operator.get(reverse("admin:campaigns_keyword_changelist")).content.decode()
    assert "From 2 Mar 2126, 10:30 (America/New_York)" in listed
    for wrong in ({"active_from_0": "2026-03-08", "active_from_1": "02:30"}, {"active_from_1": ""}):
        response = operator.post(change, {**form, **times, **wrong})
        assert "does not exist" in response.content.decode() or "Give a date and a time" in response.content.decode()


def test_an_opt_in_request_can_be_opened_from_its_list(operator: Client) -> None:
    line = PhoneNumberFactory.create()
    asks = SubscriberListFactory.create(account=line.account)
    now = timezone.now()
    asked = OptInRequest.objects.create(
        list=asks,
        subscriber=SubscriberFactory.create(account=line.account),
        recipient="+14155552671",
        number=line,
        wording="Reply YES.",
        asked_at=now,
        last_asked_at=now,
    )
    page = operator.get(reverse("admin:campaigns_optinrequest_changelist")).content.decode()
    own = reverse("admin:campaigns_optinrequest_change", args=[asked.pk])
    # A browser makes nothing of a link around another link.
    around = re.findall(rf'<a href="{own}"[^>]*>(.*?)</a>', page, flags=re.DOTALL)
    assert around
    assert not any("<a " in inside for inside in around)

"""Writing and running campaigns in the console."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.admin.campaign_forms import CampaignForm
from campaigns.models import Campaign
from messaging.models import Batch, Message
from tests.console.conftest import client_of
from tests.factories import (
    AccountFactory,
    BatchFactory,
    CampaignFactory,
    CustomFieldFactory,
    MessageFactory,
    PhoneNumberFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SuppressionFactory,
)

pytestmark = pytest.mark.django_db

State = Campaign.State


def url(page: str, campaign: Campaign | None = None) -> str:
    return reverse(f"admin:campaigns_campaign_{page}", args=[campaign.pk] if campaign else [])


def filled(campaign: Campaign, **changes: Any) -> dict[str, Any]:
    """The form as the browser would send it."""
    return {
        "account": campaign.account_id,
        "name": campaign.name,
        "number": campaign.number_id,
        "body": campaign.body,
        "audience": [chosen.pk for chosen in campaign.lists.all()],
        **changes,
    }


def page_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def sending_campaign(**fields: Any) -> Campaign:
    """A campaign with a batch of four messages, two of them delivered."""
    campaign = CampaignFactory(**fields)
    batch = BatchFactory(number=campaign.number, label=campaign.name, source=f"campaign:{campaign.pk}")
    campaign.campaign_lists.update(position=0)
    MessageFactory.create_batch(2, batch=batch, state="delivered", cohort=1)
    MessageFactory.create_batch(2, batch=batch, state="queued", cohort=1)
    Campaign.objects.filter(pk=campaign.pk).update(state=State.SENDING, batch=batch, launched_at=timezone.now())
    campaign.refresh_from_db()
    return campaign


def test_new_campaign_is_a_draft_of_who_wrote_it(operator: Client) -> None:
    model = CampaignFactory.build(number=PhoneNumberFactory())
    audience = SubscriberListFactory(account=model.number.account)
    response = operator.post(
        url("add"),
        {
            "account": model.number.account_id,
            "name": "Autumn",
            "number": model.number.pk,
            "body": "Hello {{ first_name }}",
            "audience": [audience.pk],
        },
    )
    assert response.status_code == 302, response.context["errors"]
    campaign = Campaign.objects.get()
    assert (campaign.state, list(campaign.lists.all())) == (State.DRAFT, [audience])
    assert campaign.created_by is not None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("Hi\n{{ frist_name }}", "Line 2, column 4: There is no merge field “frist_name”."),
        ("Hi {{ first_name ", "Line 1, column"),
        ("{% if first_name %}Hi", "Line 1, column"),
    ],
)
def test_bad_text_is_refused_with_its_position(operator: Client, body: str, message: str) -> None:
    campaign = CampaignFactory()
    response = operator.post(url("change", campaign), filled(campaign, body=body))
    assert response.status_code == 200
    assert any(message in error for error in response.context["adminform"].form.errors["body"])
    campaign.refresh_from_db()
    assert campaign.body != body


def test_text_may_use_the_accounts_own_fields(operator: Client) -> None:
    campaign = CampaignFactory()
    CustomFieldFactory(account=campaign.account, key="seat")
    response = operator.post(url("change", campaign), filled(campaign, body="Seat {{ seat }}"))
    assert response.status_code == 302


def test_another_accounts_number_is_refused(operator: Client) -> None:
    campaign = CampaignFactory()
    stranger = PhoneNumberFactory()
    response = operator.post(url("change", campaign), filled(campaign, number=stranger.pk))
    (error,) = response.context["adminform"].form.errors["number"]
    assert "does not belong to" in error


def test_another_accounts_list_is_refused(operator: Client) -> None:
    campaign = CampaignFactory()
    stranger = SubscriberListFactory()
    response = operator.post(url("change", campaign), filled(campaign, audience=[stranger.pk]))
    (error,) = response.context["adminform"].form.errors["audience"]
    assert stranger.name in error
    assert stranger not in campaign.lists.all()


def test_released_number_is_refused(operator: Client) -> None:
    campaign = CampaignFactory()
    released = PhoneNumberFactory(account=campaign.account, state="released")
    response = operator.post(url("change", campaign), filled(campaign, number=released.pk))
    assert "number" in response.context["adminform"].form.errors


def test_autocompletes_offer_only_the_accounts_own(operator: Client) -> None:
    campaign = CampaignFactory()
    SubscriberListFactory()
    PhoneNumberFactory()
    PhoneNumberFactory(account=campaign.account, state="disabled")
    where: dict[str, Any] = {"app_label": "campaigns", "model_name": "campaign", "account": campaign.account_id}
    lists = operator.get("/admin/autocomplete/", {**where, "field_name": "lists"}).json()["results"]
    numbers = operator.get("/admin/autocomplete/", {**where, "field_name": "number"}).json()["results"]
    assert [row["id"] for row in lists] == [str(chosen.pk) for chosen in campaign.lists.all()]
    assert [row["id"] for row in numbers] == [str(campaign.number_id)]


def test_launched_campaign_cannot_be_edited(operator: Client) -> None:
    campaign = sending_campaign()
    response = operator.post(url("change", campaign), filled(campaign, name="Another name"))
    assert response.status_code == 403
    campaign.refresh_from_db()
    assert campaign.name != "Another name"


def test_campaign_that_was_launched_while_it_was_edited_stays_as_it_is(operator: Client) -> None:
    campaign = CampaignFactory()
    form = CampaignForm(filled(campaign, body="Changed"), instance=Campaign.objects.get(pk=campaign.pk))
    Campaign.objects.filter(pk=campaign.pk).update(state=State.LAUNCHING)
    assert not form.is_valid()
    assert "launched or changed meanwhile" in str(form.non_field_errors())


def test_launch_page_tells_the_truth(operator: Client) -> None:
    account = AccountFactory()
    both = SubscriberFactory.create_batch(3, account=account)
    gone = SubscriberFactory(account=account)
    SuppressionFactory(account=account, recipient=gone.number)
    lists = [
        SubscriberListFactory(account=account, people=[*both, gone]),
        SubscriberListFactory(account=account, people=both),
    ]
    campaign = CampaignFactory(number=PhoneNumberFactory(account=account), lists=lists, body="Hi {{ first_name }}")
    page = page_of(operator.get(url("launch", campaign)))
    assert 'data-recipients="3"' in page
    assert "1 suppressed, 3 repeats: who is on several lists gets it once (7 subscriptions in all)" in page
    assert "1 a message, about 3 in all (GSM-7)" in page
    assert f"Hi {both[0].first_name}" in page


@pytest.mark.parametrize(
    "action", ["launch", "schedule", "unschedule", "pause", "resume", "cancel", "resend", "duplicate"]
)
def test_opening_an_actions_page_does_nothing(operator: Client, action: str) -> None:
    for campaign in (CampaignFactory(), sending_campaign()):
        before = Campaign.objects.filter(pk=campaign.pk).values().get()
        assert operator.get(url(action, campaign)).status_code == 200
        assert Campaign.objects.filter(pk=campaign.pk).values().get() == before
    assert Campaign.objects.count() == 2
    assert operator.put(url(action, campaign)).status_code == 405


@pytest.mark.parametrize("action", ["launch", "schedule", "unschedule", "pause", "resume", "cancel", "resend"])
@pytest.mark.parametrize("role", ["Support", "Read-only"])
def test_only_those_who_may_launch_act(as_role: Callable[[str], Client], role: str, action: str) -> None:
    campaign = sending_campaign()
    client = as_role(role)
    assert client.get(url(action, campaign)).status_code == 403
    assert client.post(url(action, campaign), {"sure": "on"}).status_code == 403
    campaign.refresh_from_db()
    assert campaign.state == State.SENDING


def test_act_needs_the_csrf_token(operator: Client) -> None:
    campaign = CampaignFactory()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    assert strict.post(url("launch", campaign)).status_code == 403
    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT


def test_launching_twice_launches_once(operator: Client) -> None:
    campaign = CampaignFactory()
    first = operator.post(url("launch", campaign), follow=True)
    campaign.refresh_from_db()
    launched = (campaign.state, campaign.launched_at)
    second = operator.post(url("launch", campaign), follow=True)
    campaign.refresh_from_db()
    assert launched[0] == State.LAUNCHING
    assert (campaign.state, campaign.launched_at) == launched
    assert "is being launched" in page_of(first)
    assert "a campaign is launched once" in page_of(second)


def test_launch_of_a_suspended_account_is_blocked(operator: Client) -> None:
    campaign = CampaignFactory(number=PhoneNumberFactory(account=AccountFactory(status="suspended")))
    page = page_of(operator.get(url("launch", campaign)))
    assert "Make the account active first." in page
    assert "Launch now" not in page
    operator.post(url("launch", campaign))
    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT


def test_schedule_takes_the_accounts_clock() -> None:
    campaign = CampaignFactory(number=PhoneNumberFactory(account=AccountFactory(time_zone="Europe/Berlin")))
    with time_machine.travel("2027-03-01 12:00Z", tick=False):
        operator = client_of("Operator")
        page = page_of(operator.get(url("schedule", campaign)))
        operator.post(url("schedule", campaign), {"at_0": "2027-03-02", "at_1": "18:30"})
    assert "Europe/Berlin: it is 13:00 there now" in page
    campaign.refresh_from_db()
    assert campaign.state == State.SCHEDULED
    assert campaign.scheduled_at == dt.datetime(2027, 3, 2, 18, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("day", "time", "reason"),
    [
        ("2027-03-28", "02:30", "does not exist on that day"),
        ("2027-03-01", "12:00", "has passed"),
        ("", "12:00", "This field is required."),
    ],
)
def test_impossible_times_are_refused(day: str, time: str, reason: str) -> None:
    campaign = CampaignFactory(number=PhoneNumberFactory(account=AccountFactory(time_zone="Europe/Berlin")))
    with time_machine.travel("2027-03-01 12:00Z", tick=False):
        operator = client_of("Operator")
        response = operator.post(url("schedule", campaign), {"at_0": day, "at_1": time})
    assert reason in page_of(response)
    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT


@pytest.mark.django_db(transaction=True)
def test_pause_resume_and_cancel(operator: Client) -> None:
    campaign = sending_campaign()
    operator.post(url("pause", campaign))
    campaign.refresh_from_db()
    assert campaign.state == State.PAUSED
    operator.post(url("resume", campaign))
    campaign.refresh_from_db()
    assert campaign.state == State.SENDING
    operator.post(url("cancel", campaign))
    campaign.refresh_from_db()
    assert campaign.state == State.SENDING, "the box was not ticked"
    operator.post(url("cancel", campaign), {"sure": "on"})
    campaign.refresh_from_db()
    assert campaign.state == State.CANCELLED
    assert Message.objects.filter(batch=campaign.batch).counts() == {"delivered": 2, "cancelled": 2}


def test_page_offers_what_the_state_allows(operator: Client) -> None:
    draft, sending = CampaignFactory(), sending_campaign()
    draft_page, sending_page = (
        page_of(operator.get(url("change", draft))),
        page_of(operator.get(url("change", sending))),
    )
    assert url("launch", draft) in draft_page
    assert url("pause", draft) not in draft_page
    assert url("pause", sending) in sending_page
    assert url("launch", sending) not in sending_page
    assert url("resend", sending) not in sending_page
    MessageFactory(batch=sending.batch, state="unknown")
    assert url("resend", sending) not in page_of(operator.get(url("change", sending))), "a report may settle it yet"
    MessageFactory(batch=sending.batch, state="unresolved")
    assert url("resend", sending) in page_of(operator.get(url("change", sending)))


def test_unknown_messages_are_sent_again_when_asked(operator: Client) -> None:
    campaign = sending_campaign()
    unknown = MessageFactory(batch=campaign.batch, state="unresolved", reason="timeout")
    assert "a second time" in page_of(operator.get(url("resend", campaign)))
    operator.post(url("resend", campaign))
    unknown.refresh_from_db()
    assert unknown.state == "queued"


def test_duplicate_is_a_new_draft(operator: Client) -> None:
    campaign = sending_campaign(name="Spring")
    response = operator.post(url("duplicate", campaign))
    copy = Campaign.objects.exclude(pk=campaign.pk).get()
    assert response["Location"] == url("change", copy)
    assert (copy.name, copy.state, copy.batch, copy.body) == ("Spring (copy)", State.DRAFT, None, campaign.body)
    assert set(copy.lists.all()) == set(campaign.lists.all())


def test_progress_is_polled_only_while_it_may_change(operator: Client) -> None:
    campaign = sending_campaign()
    live = page_of(operator.get(url("progress", campaign)))
    assert f'hx-get="{url("progress", campaign)}?shown=sending" hx-trigger="every 2s"' in live
    assert "<html" not in live
    Message.objects.filter(batch=campaign.batch).update(state="delivered")
    Campaign.objects.filter(pk=campaign.pk).update(state=State.FINISHED)
    assert "hx-get" not in page_of(operator.get(url("progress", campaign)))


def test_buttons_are_fetched_anew_once_the_state_is_another(operator: Client) -> None:
    campaign = sending_campaign()
    page_url = f'hx-get="{url("change", campaign)}"'
    assert page_url not in page_of(operator.get(url("progress", campaign), {"shown": "sending"}))
    assert page_url in page_of(operator.get(url("progress", campaign), {"shown": "launching"}))


def test_tiles_lead_to_the_messages_they_count(operator: Client) -> None:
    campaign = sending_campaign()
    for state in ("sending", "accepted", "sent", "no_report", "unresolved"):
        MessageFactory(batch=campaign.batch, state=state)
    page = page_of(operator.get(url("change", campaign)))
    tiles = re.findall(r'href="([^"]+)"><span>([^<]+)</span><strong>([^<]+)<', page)
    assert {label for _link, label, _count in tiles} >= {"Waiting", "No report yet", "Delivered", "Unknown"}
    for link, label, count in tiles:
        changelist = operator.get(html.unescape(link)).context["cl"]
        assert (label, len(changelist.result_list)) == (label, int(count))


def test_page_says_why_it_is_paused_and_what_to_do(operator: Client) -> None:
    campaign = sending_campaign()
    Batch.objects.update(state="paused", pause_code="gateway")
    Campaign.objects.update(state=State.PAUSED, state_reason="20003: Authenticate")
    page = page_of(operator.get(url("change", campaign)))
    assert "20003: Authenticate" in page
    assert "check the gateway&#x27;s credentials" in page


def test_results_by_list_count_everybody_on_each(operator: Client) -> None:
    campaign = sending_campaign()
    page = page_of(operator.get(url("change", campaign)))
    assert "Results by list" in page
    assert f"messaging/message/?batch__id__exact={campaign.batch_id}" in page


def test_read_only_staff_may_not_export(as_role: Callable[[str], Client]) -> None:
    campaign = sending_campaign()
    assert as_role("Read-only").get(url("export", campaign)).status_code == 403
    assert as_role("Operator").get(url("export", campaign)).status_code == 200

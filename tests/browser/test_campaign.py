"""A campaign in a real browser, from the empty form to the last delivery report."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from broadcast.core.redis import get_redis
from campaigns.models import Campaign
from campaigns.services.launch import perform_launch
from messaging.models import Batch, Message
from messaging.services.batches import finish_batch
from tests.factories import (
    AccountFactory,
    CampaignFactory,
    PhoneNumberFactory,
    SenderPoolFactory,
    SubscriberListFactory,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def choose(page: Page, label: str, text: str) -> None:
    """Pick something from an autocomplete."""
    page.locator(f"#id_{label} + .select2").click()
    page.locator(".select2-results__option", has_text=text).click()


def test_campaign_is_written_launched_and_watched(console: Page, live_server: object) -> None:
    account = AccountFactory(name="Harbour Lights")
    number = PhoneNumberFactory(account=account, label="Box office")
    audience = SubscriberListFactory(account=account, name="Members", people=3)
    PhoneNumberFactory(label="Somebody else's")
    SubscriberListFactory(name="Strangers")

    console.get_by_role("link", name="New campaign").click()
    choose(console, "account", "Harbour Lights")
    console.locator("#id_number + .select2").click()
    expect(console.locator(".select2-results__option")).to_have_count(1)
    console.locator(".select2-results__option", has_text="Box office").click()
    console.locator("#id_audience + .select2").click()
    expect(console.locator(".select2-results__option")).to_have_count(1)
    console.locator(".select2-results__option", has_text="Members").click()
    console.locator("#id_name").fill("Autumn season")
    console.locator("#id_body").fill("Hi {{ frist_name }}")
    console.get_by_role("button", name="Save and continue editing").click()

    expect(console.locator("body")).to_contain_text("Line 1, column 7: There is no merge field “frist_name”.")
    expect(console.locator("#id_number + .select2")).to_contain_text("Box office")
    console.locator("#id_body").fill("Hi {{ first_name }}, we open on Friday.")
    console.get_by_role("button", name="Save and continue editing").click()
    campaign = Campaign.objects.get()
    assert (campaign.number, list(campaign.lists.all())) == (number, [audience])

    console.get_by_role("link", name="Launch…").click()
    expect(console.locator("[data-recipients]")).to_have_text("3")
    assert Campaign.objects.get().state == "draft"
    console.get_by_role("button", name="Launch now").click()
    expect(console.locator("body")).to_contain_text("is being launched")
    assert Campaign.objects.get().state == "launching"
    assert get_redis().keys("django_q*"), "the background work was handed over"


def test_progress_moves_without_a_reload_and_then_stops(console: Page, live_server: object) -> None:
    campaign = CampaignFactory()
    Campaign.objects.filter(pk=campaign.pk).update(state="launching")
    perform_launch(campaign.pk)
    campaign.refresh_from_db()
    console.goto(f"{live_server}/admin/campaigns/campaign/{campaign.pk}/change/")
    live = console.locator("#campaign-live")
    expect(live).to_have_attribute("data-state", "sending")
    expect(live).to_contain_text("0 % done")
    console.evaluate("window.sameDocument = true")

    assert campaign.batch is not None
    campaign.batch.messages.update(state="delivered")
    expect(live).to_contain_text("100 % done")
    finish_batch(campaign.batch.pk)
    expect(live).to_have_attribute("data-state", "finished")
    expect(live).not_to_have_attribute("hx-get", re.compile("."))
    expect(console.get_by_role("link", name="Duplicate…")).to_be_visible()
    expect(console.get_by_role("link", name="Pause…")).to_have_count(0)
    expect(console.locator("#campaign-finished")).to_contain_text("(America/New_York)")
    assert console.evaluate("window.sameDocument") is True


def test_pausing_asks_first(console: Page, live_server: object) -> None:
    campaign = CampaignFactory()
    Campaign.objects.filter(pk=campaign.pk).update(state="launching")
    perform_launch(campaign.pk)
    console.goto(f"{live_server}/admin/campaigns/campaign/{campaign.pk}/change/")
    console.get_by_role("link", name="Pause…").click()
    expect(console.get_by_role("button", name="Pause")).to_be_visible()
    assert Campaign.objects.get().state == "sending"
    console.get_by_role("button", name="Pause").click()
    expect(console.locator("#campaign-live")).to_have_attribute("data-state", "paused")
    expect(console.locator("#campaign-live")).to_contain_text("Resume it when it should go on")


def test_canary_goes_on_when_somebody_says_so(console: Page, live_server: object) -> None:
    account = AccountFactory()
    audience = SubscriberListFactory(account=account, people=40)
    campaign = CampaignFactory(number=PhoneNumberFactory(account=account), lists=[audience], canary_percent=10)
    Campaign.objects.filter(pk=campaign.pk).update(state="launching")
    perform_launch(campaign.pk)
    console.goto(f"{live_server}/admin/campaigns/campaign/{campaign.pk}/change/")
    live = console.locator("#campaign-live")
    expect(live).to_contain_text("Only the first few so far")
    live.get_by_role("link", name="Go on now…").click()
    expect(console.locator("body")).to_contain_text("goes to everybody else now")
    assert Batch.objects.get().canary_state == "sending"
    console.get_by_role("button", name="Send to everybody else").click()
    expect(console.locator("body")).to_contain_text("goes to everybody now")
    expect(live).not_to_contain_text("Only the first few so far")
    expect(console.get_by_role("link", name="Go on now…")).to_have_count(0)
    assert Batch.objects.get().canary_state == "passed"


def test_choosing_a_pool_empties_the_number(console: Page, live_server: object) -> None:
    campaign = CampaignFactory()
    SenderPoolFactory(account=campaign.account, name="Club")
    console.goto(f"{live_server}/admin/campaigns/campaign/{campaign.pk}/change/")
    expect(console.locator("#id_number")).not_to_have_value("")
    choose(console, "pool", "Club")
    expect(console.locator("#id_number")).to_have_value("")
    console.get_by_role("button", name="Save and continue editing").click()
    expect(console.locator("#id_pool + .select2")).to_contain_text("Club")
    assert str(Campaign.objects.get().pool) == "Club"


def test_dashboard_shows_what_is_going_out(console: Page, live_server: object) -> None:
    expect(console.locator("#dashboard-live")).to_contain_text("Nothing is going out.")
    campaign = CampaignFactory(name="Spring gala")
    Campaign.objects.filter(pk=campaign.pk).update(state="launching")
    perform_launch(campaign.pk)
    console.goto(f"{live_server}/admin/")
    expect(console.locator("#dashboard-live")).to_contain_text("0 of 2")
    console.evaluate("window.sameDocument = true")
    Message.objects.filter(batch__campaign=campaign).update(state="accepted")
    expect(console.locator("#dashboard-live")).to_contain_text("2 of 2")
    assert console.evaluate("window.sameDocument") is True

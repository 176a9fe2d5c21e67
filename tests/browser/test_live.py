"""Parts that are asked for again and again, while the console fails: they stand as they were, and the page says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Page, Route, expect

from campaigns.models import Campaign
from campaigns.services.launch import perform_launch
from messaging.models import Conversation, PhoneNumber
from messaging.services.batches import finish_batch
from messaging.services.conversations import note_inbound
from tests.factories import CampaignFactory, ChainFactory, InboundMessageFactory, PhoneNumberFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def window(console: Page) -> Iterator[Page]:
    """A window beside the console's: what fails is an error in its console, and is meant to be."""
    page = console.context.new_page()
    yield page
    page.close()


@pytest.fixture
def campaign() -> Campaign:
    """A campaign that is being sent."""
    made = CampaignFactory.create()
    Campaign.objects.filter(pk=made.pk).update(state="launching")
    perform_launch(made.pk)
    made.refresh_from_db()
    return made


@pytest.fixture
def number() -> PhoneNumber:
    """A number with a conversation."""
    made = PhoneNumberFactory.create()
    note_inbound(message=InboundMessageFactory.create(number=made, body="Is it on?", handler="inbox"), waits=True)
    return made


def fails(status: int) -> Callable[[Route], None]:
    """Answers as a console whose database is away (503), or that has a mistake (500)."""
    page = render_to_string(f"{status}.html", {"reads": True, "retry_seconds": 10})
    return lambda route: route.fulfill(status=status, content_type="text/html", body=page)


@pytest.mark.parametrize("status", [500, 503])
def test_a_campaign_stands_as_it_was_while_the_console_fails(
    window: Page, live_server: object, campaign: Campaign, status: int
) -> None:
    window.goto(f"{live_server}/admin/campaigns/campaign/{campaign.pk}/change/")
    live, note = window.locator("#campaign-live"), window.locator("#not-live")
    expect(live).to_contain_text("0 % done")
    expect(note).to_have_count(0)
    window.route("**/progress/**", fails(status))
    expect(note).to_contain_text("Not live: the console does not answer as it should")
    expect(live).to_contain_text("0 % done")
    expect(window.locator("body")).not_to_contain_text("cannot use its database")
    expect(window.locator("body")).not_to_contain_text("a mistake of ours")

    assert campaign.batch is not None
    campaign.batch.messages.update(state="delivered")
    window.unroute("**/progress/**")
    expect(live).to_contain_text("100 % done")
    expect(note).to_have_count(0)


def test_the_buttons_of_a_campaign_follow_though_they_fail_to_come_at_first(
    window: Page, live_server: object, campaign: Campaign
) -> None:
    url = f"{live_server}/admin/campaigns/campaign/{campaign.pk}/change/"
    window.goto(url)
    expect(window.get_by_role("link", name="Pause…")).to_be_visible()
    window.route(url, fails(503), times=1)
    assert campaign.batch is not None
    campaign.batch.messages.update(state="delivered")
    with window.expect_response(url) as failed:
        finish_batch(campaign.batch.pk)
    assert failed.value.status == 503
    expect(window.get_by_role("link", name="Duplicate…")).to_be_visible(timeout=15_000)
    expect(window.get_by_role("link", name="Pause…")).to_have_count(0)


def test_the_dashboard_stands_as_it_was_without_an_answer(
    window: Page, live_server: object, campaign: Campaign
) -> None:
    window.goto(f"{live_server}/admin/")
    window.route("**/admin/live/", lambda route: route.abort())
    expect(window.locator("#not-live")).to_contain_text("how things stood")
    expect(window.locator("#dashboard-live")).to_contain_text(campaign.name)


def test_the_inbox_keeps_the_thread_and_the_text_while_the_console_fails(
    window: Page, live_server: object, number: PhoneNumber
) -> None:
    made = Conversation.objects.get(number=number)
    window.goto(f"{live_server}/admin/messaging/conversation/{made.pk}/change/")
    box, note = window.get_by_label("Text", exact=True), window.locator("#not-live")
    box.fill("Yes, at 2 pm.")
    for part in ("thread", "list"):
        window.route(f"**/{part}/**", fails(503))
    expect(note).to_contain_text("Not live")
    expect(window.locator("#inbox-thread")).to_contain_text("Is it on?")
    expect(window.locator("#inbox-list")).to_contain_text("Is it on?")
    expect(window.locator("body")).not_to_contain_text("cannot use its database")

    window.unroute_all()
    note_inbound(message=InboundMessageFactory.create(number=number, body="Never mind", handler="inbox"), waits=True)
    expect(note).to_have_count(0, timeout=15_000)
    expect(box).to_have_value("Yes, at 2 pm.")


def test_a_rehearsal_says_that_no_answer_came_and_can_begin_again(window: Page, live_server: object) -> None:
    chain = ChainFactory.create(state="draft")
    window.goto(f"{live_server}/admin/campaigns/chain/{chain.pk}/rehearse")
    expect(window.locator(".chain-bubble.is-ours")).to_contain_text("How many?")
    refuse = fails(503)
    window.route("**/*", lambda route: refuse(route) if route.request.method == "POST" else route.fallback(), times=1)
    window.get_by_label("Your answer").fill("2")
    window.get_by_role("button", name="Send").click()
    expect(window.locator(".chain-bubble.is-note")).to_contain_text("The console did not answer")
    expect(window.locator("body")).not_to_contain_text("cannot use its database")
    window.locator("[data-restart]").click()
    expect(window.locator(".chain-bubble.is-ours")).to_contain_text("How many?")

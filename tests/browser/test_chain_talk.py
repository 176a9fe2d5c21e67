"""A chain and a person in one conversation, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import ChainRun, ConsentEvent
from campaigns.services.chains.runs import start
from messaging.models import Conversation, PhoneNumber
from tests.browser.test_chains import shoot
from tests.factories import (
    ChainFactory,
    ConsentEventFactory,
    PhoneNumberFactory,
    StaffFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SubscriptionFactory,
)
from tests.messaging.hooks import receive

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PERSON = "+14155552671"


@pytest.fixture
def talk() -> Conversation:
    """A conversation with Ann, who is on a list and has the chain Gala running."""
    line: PhoneNumber = PhoneNumberFactory.create(account__name="Harbour Lights")
    ann = SubscriberFactory.create(account=line.account, number=PERSON, first_name="Ann", last_name="Lee")
    fans = SubscriberListFactory.create(account=line.account, name="Fans")
    SubscriptionFactory.create(list=fans, subscriber=ann)
    ConsentEventFactory.create(
        account=line.account, number=PERSON, action="given", how="chain", list_id=fans.pk, list_name="Fans"
    )
    receive(line, "Hello, is somebody there?")
    start(chain=ChainFactory.create(account=line.account, name="Gala"), number=line, person=PERSON, how="keyword RSVP")
    return Conversation.objects.get()


def test_a_chain_is_ended_beside_a_text_that_is_being_written(
    console: Page, live_server: object, talk: Conversation
) -> None:
    console.goto(f"{live_server}/admin/messaging/conversation/{talk.pk}/change/")
    notice = console.locator("#chain-notice")
    expect(notice).to_contain_text("The text chain “Gala” runs with them")
    expect(console.locator("#chain-panel")).to_contain_text("waits at guests")
    shoot(console, "conversation-chain")
    box = console.get_by_label("Text", exact=True)
    box.fill("Let me answer that myself:")
    notice.get_by_role("button", name="End the chain").click()
    expect(console.locator("#chain-panel")).to_contain_text("None is running.")
    expect(console.locator("#chain-panel")).to_contain_text("ended by staff")
    expect(notice.get_by_role("button")).to_have_count(0)
    expect(box).to_have_value("Let me answer that myself:")
    shoot(console, "conversation-chain-ended")
    assert ChainRun.objects.get().state == "stopped"


def test_a_chain_is_started_from_a_conversation(console: Page, live_server: object, talk: Conversation) -> None:
    ChainFactory.create(account=talk.account, name="Survey")
    console.goto(f"{live_server}/admin/messaging/conversation/{talk.pk}/change/")
    console.get_by_role("link", name="Start a text chain…").click()
    expect(console.locator("body")).to_contain_text("“Gala” runs with them, and would be replaced.")
    console.locator("#id_chain").select_option(label="Survey")
    shoot(console, "start-chain")
    console.get_by_role("button", name="Start", exact=True).click()
    expect(console.locator("#chain-panel")).to_contain_text("Survey runs, and waits at guests")
    expect(console.locator("#chain-panel")).to_contain_text("replaced by a new start")
    assert list(ChainRun.objects.order_by("id").values_list("state", flat=True)) == ["replaced", "running"]


def test_a_hand_over_is_seen_with_its_reason(console: Page, live_server: object, talk: Conversation) -> None:
    steps = (
        {"label": "mark", "kind": "ask", "text": "1 to 5?", "answer_kind": "number", "weights": {"*": 1}},
        {"label": "sorry", "kind": "hand_over", "text": "Somebody will write.", "assign_to": StaffFactory.create()},
    )
    chain = ChainFactory.create(account=talk.account, name="Survey", steps=steps)
    start(chain=chain, number=talk.number, person=PERSON, how="keyword SURVEY")
    receive(talk.number, "2")
    console.goto(f"{live_server}/admin/messaging/conversation/{talk.pk}/change/")
    expect(console.locator(".inbox-bubble.is-note")).to_contain_text("The chain handed over at “sorry”.")
    expect(console.locator("#chain-notice")).to_have_count(0)
    shoot(console, "hand-over")
    console.set_viewport_size({"width": 390, "height": 844})
    start(chain=chain, number=talk.number, person=PERSON, how="keyword SURVEY")
    expect(console.locator("#chain-notice")).to_contain_text("“Survey” runs with them")
    console.locator("[data-inbox-scroll]").evaluate("box => { box.scrollTop = 0; }")
    expect(console.locator("#chain-notice")).to_be_in_viewport(ratio=1)
    shoot(console, "conversation-chain-390")
    assert console.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    console.set_viewport_size({"width": 1440, "height": 900})
    console.goto(f"{live_server}/admin/campaigns/subscriber/?q=2671")
    console.locator("#result_list a", has_text="2671").first.click()
    expect(console.locator("section[aria-label='Text chains']")).to_contain_text("Handed over to a person")
    shoot(console, "subscriber-runs")
    assert ConsentEvent.objects.exists()

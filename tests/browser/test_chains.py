"""A text chain in a real browser: made from a template, changed, rehearsed, activated."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import Chain, ChainRun
from messaging.models import Message
from tests.browser.test_campaign import choose
from tests.factories import AccountFactory, ChainFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def shoot(page: Page, name: str) -> None:
    """A picture of the page, where somebody asked for it."""
    if directory := os.environ.get("BROADCAST_SHOTS"):
        page.screenshot(path=str(Path(directory) / f"{name}.png"), full_page=True)


def answer(page: Page, text: str, reply: str) -> None:
    page.get_by_label("Your answer").fill(text)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".chain-bubble.is-ours").last).to_contain_text(reply)


def test_a_template_is_changed_rehearsed_and_activated(console: Page, live_server: object) -> None:
    AccountFactory(name="Harbour Lights")
    console.goto(f"{live_server}/admin/campaigns/chain/from-template")
    choose(console, "account", "Harbour Lights")
    console.locator("#id_name").fill("Autumn gala")
    shoot(console, "template")
    console.get_by_role("button", name="Make the draft").click()
    expect(console.locator("body")).to_contain_text("The checks found no errors.")
    expect(console.locator("svg.chain-drawing desc")).to_contain_text("coming")
    chain = Chain.objects.get()
    shoot(console, "builder")

    # A step's form shows what its kind uses, and a mistake is found when it is saved.
    console.locator("#steps-data h3 strong", has_text="guests").click()
    expect(console.locator("#id_steps-1-minimum")).to_be_visible()
    expect(console.locator("#id_steps-1-choices_text")).to_be_hidden()
    console.locator("#id_steps-1-goes_to").fill("nowhere")
    shoot(console, "builder-step")
    console.get_by_role("button", name="Save and continue editing").click()
    expect(console.locator("body")).to_contain_text("It leads to “nowhere”, which is no step.")
    shoot(console, "builder-errors")
    console.locator("#steps-data h3 strong", has_text="guests").click()
    console.locator("#id_steps-1-goes_to").fill("")
    console.get_by_role("button", name="Save and continue editing").click()
    expect(console.locator("body")).to_contain_text("The checks found no errors.")
    assert list(chain.steps.values_list("label", flat=True)) == ["coming", "guests", "meal", "thanks", "pity"]
    assert chain.steps.get(label="coming").branches.count() == 1

    console.goto(f"{live_server}/admin/campaigns/chain/{chain.pk}/rehearse")
    expect(console.locator(".chain-bubble.is-ours")).to_contain_text("Hi Ann!")
    console.get_by_role("button", name="Let the reminder come").click()
    expect(console.locator(".chain-bubble.is-ours").last).to_contain_text("Just a reminder")
    expect(console.get_by_role("button", name="Let the reminder come")).to_be_disabled()
    answer(console, "hmm", "Sorry, I did not get that.")
    answer(console, "yeah", "How many of you")
    answer(console, "four", "What would you like to eat?")
    shoot(console, "rehearsal")
    answer(console, "fish", "4 in all, Fish")
    expect(console.get_by_label("Your answer")).to_be_disabled()
    console.get_by_role("button", name="Start again").click()
    expect(console.locator(".chain-bubble")).to_have_count(1)
    expect(console.get_by_label("Your answer")).to_be_enabled()
    console.get_by_role("button", name="Let the time run out").click()
    expect(console.locator(".chain-bubble").last).to_contain_text("Timed out")
    assert not Message.objects.exists()
    assert not ChainRun.objects.exists()

    console.goto(f"{live_server}/admin/campaigns/chain/{chain.pk}/change/")
    console.get_by_role("link", name="Activate…").click()
    console.get_by_role("button", name="Activate").click()
    expect(console.locator("body")).to_contain_text("is active")
    assert Chain.objects.get().state == "active"


def test_the_rehearsal_fits_a_telephone(console: Page, live_server: object) -> None:

    chain = ChainFactory(state="draft")
    console.set_viewport_size({"width": 390, "height": 844})
    console.goto(f"{live_server}/admin/campaigns/chain/{chain.pk}/rehearse")
    expect(console.locator(".chain-bubble.is-ours")).to_contain_text("How many?")
    answer(console, "2", "Thanks, 2 it is.")
    assert console.evaluate("document.documentElement.scrollWidth") <= 390
    shoot(console, "rehearsal-390")
    console.goto(f"{live_server}/admin/campaigns/chain/{chain.pk}/change/")
    expect(console.locator("svg.chain-drawing")).to_be_visible()
    assert console.evaluate("document.documentElement.scrollWidth") <= 390
    shoot(console, "builder-390")

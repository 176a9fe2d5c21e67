"""Provisioning a number in a real browser: from an account's page to a number that sends, with a stop half-way."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.models import Message, PhoneNumber
from tests.factories import AccountFactory
from tests.fixtures import gateway as gateway
from tests.fixtures import simulator as simulator
from tests.fixtures import simulator_process as simulator_process
from tests.messaging.number_tools import break_numbers, owned, work_off

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_from_an_account_to_a_number_that_sends(
    console: Page, live_server: object, simulator: SimulatorProcess, gateway: Gateway
) -> None:
    """Given an account, when a number is searched, confirmed and its purchase stops half-way, then it is resumed to the end."""
    account = AccountFactory(name="Blue Door Books")
    console.goto(f"{live_server}/admin/accounts/account/{account.pk}/change/")
    console.get_by_role("link", name="Provision a number").click()
    expect(console.get_by_label("Account")).to_have_value(str(account.pk))
    console.get_by_label("Area code").fill("415")
    console.get_by_role("button", name="Search").click()

    offers = console.get_by_role("region", name="Numbers on offer")
    expect(offers).to_contain_text("San Francisco, CA")
    row = offers.locator("tbody tr").first
    number = row.locator("strong").inner_text()
    row.get_by_role("link", name="Choose").click()

    expect(console.get_by_text("Money is spent.")).to_be_visible()
    expect(console.locator(".console-facts")).to_contain_text("Blue Door Books")
    console.get_by_label("Label").fill("Front desk")
    console.get_by_label("Test message to").fill("(415) 555-2671")
    break_numbers(simulator, "buy:lost")
    console.get_by_role("button", name=f"Buy {number}").click()

    half_way = console.get_by_role("region", name="How far it is")
    expect(half_way).to_contain_text("Asked for: it begins in a moment")
    assert owned(gateway, number) == []
    work_off()
    # By itself: nobody loads the page anew.
    expect(half_way).to_contain_text("It is not known whether")
    break_numbers(simulator)
    half_way.get_by_role("link", name="Resume").click()
    expect(console.get_by_text("it is ours already")).to_be_visible()
    console.get_by_role("button", name="Resume").click()
    expect(half_way).to_contain_text("Asked for: it begins in a moment")
    expect(console.get_by_role("link", name="Release…")).to_have_count(0)
    work_off()
    expect(console.get_by_text("it is wired to our webhooks and active.")).to_be_visible()
    expect(console.get_by_role("link", name="Release…")).to_be_visible()
    expect(console.get_by_text(re.compile("Queued to .14155552671"))).to_be_visible()
    assert PhoneNumber.objects.get().state == "active"
    assert Message.objects.get().recipient == "+14155552671"
    assert len(owned(gateway, number)) == 1

    console.get_by_role("link", name="Release").click()
    console.get_by_label("Give it back after").fill("3")
    console.get_by_role("button", name="Release").click()
    expect(console.get_by_text("It leaves on")).to_be_visible()
    console.get_by_role("link", name="Keep", exact=False).first.click()
    console.get_by_role("button", name="Keep").click()
    expect(console.get_by_text("is kept: it is active again")).to_be_visible()

"""What pages say of people who wait for their hours, and of those who have had enough messages."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from campaigns.models import Campaign, Subscriber
from campaigns.services import launch
from messaging.models import Batch, Message
from tests.console.test_campaigns import page_of, url
from tests.factories import (
    AccountFactory,
    CampaignFactory,
    MessageFactory,
    PhoneNumberFactory,
    SubscriberFactory,
    SubscriberListFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)

NEW_YORK = ZoneInfo("America/New_York")
#: Tuesday: New York is open, Texas and California are not.
MORNING = dt.datetime(2026, 3, 3, 9, 0, tzinfo=NEW_YORK)
NIGHT = dt.datetime(2026, 3, 3, 2, 0, tzinfo=NEW_YORK)
PEOPLE = ("+12125550101", "+12125550102", "+12145550103", "+14155550104", "+14155550105", "+14155550106")


@pytest.fixture
def campaign() -> Campaign:
    """A draft to two people in New York, one in Texas and three in California; texts leave from 8 to 21."""
    account = AccountFactory.create(quiet_start="21:00", quiet_end="08:00", keeps_legal_hours=True)
    people = [SubscriberFactory.create(account=account, number=number) for number in PEOPLE]
    lists = [SubscriberListFactory.create(account=account, people=people)]
    return CampaignFactory.create(number=PhoneNumberFactory.create(account=account), lists=lists)


def words(page: str, mark: str) -> str:
    """The text of the part of a page that carries an attribute; empty when there is none."""
    found = re.search(rf"<(\w+)[^>]*\bdata-{mark}\b[^>]*>(.*?)</\1>", page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[2]).split()) if found else ""


def launched(campaign: Campaign) -> Campaign:
    """The same, sending."""
    launch.launch(campaign_id=campaign.pk, user=None)
    launch.perform_launch(campaign.pk)
    campaign.refresh_from_db()
    return campaign


def progress_page(client: Client, campaign: Campaign) -> str:
    """The live part of its page."""
    cache.clear()
    return page_of(client.get(reverse("admin:campaigns_campaign_progress", args=[campaign.pk])))


def test_the_confirmation_says_who_waits_until_when_by_zone(operator: Client, campaign: Campaign) -> None:
    """Texas may be written to from 9 by its own law, California from 8."""
    with time_machine.travel(MORNING, tick=False):
        page = page_of(operator.get(url("launch", campaign)))

    assert words(page, "deferred") == (
        "4 people wait for the hours of their own place, the first until 10:00 (America/New_York), the last until 11:00 "
        "(America/New_York). Tue 3 Mar, 10:00: 1 in Central time Tue 3 Mar, 11:00: 3 in Pacific time"
    )
    assert words(page, "begins") == ""


def test_the_confirmation_says_when_it_begins_if_everybody_sleeps(operator: Client, campaign: Campaign) -> None:
    with time_machine.travel(NIGHT, tick=False):
        page = page_of(operator.get(url("launch", campaign)))

    assert words(page, "begins") == "Nobody may be written to now. It begins by itself at 08:00 (America/New_York)."
    assert words(page, "deferred").startswith("6 people wait for the hours of their own place, the first until 08:00")


def test_nothing_is_said_of_hours_when_all_may_be_written_to(operator: Client, campaign: Campaign) -> None:
    with time_machine.travel(MORNING.replace(hour=13), tick=False):
        page = page_of(operator.get(url("launch", campaign)))

    assert "data-deferred" not in page
    assert "data-begins" not in page
    assert "data-capped" not in page


def test_whoever_never_may_be_written_to_is_told_of(operator: Client, campaign: Campaign) -> None:
    """Given texts from 8 to 9 only, Texas, whose law begins at 9, and people of any zone have no open minute."""
    Account.objects.update(quiet_start="09:00", quiet_end="08:00")
    Subscriber.objects.filter(number="+12125550101").update(number="+18005550101")
    with time_machine.travel(MORNING.replace(hour=8, minute=30), tick=False):
        text = words(page_of(operator.get(url("launch", campaign))), "deferred")

    assert "2 of them have no open hour in the next two weeks: shorten the account" in text
    assert text.endswith("never: 1 in Central time never: 1 in any of 9 time zones")


def test_the_confirmation_counts_who_has_had_enough(operator: Client, campaign: Campaign) -> None:
    Account.objects.update(max_per_week=1)
    noon = MORNING.replace(hour=13)
    with time_machine.travel(noon, tick=False):
        MessageFactory.create(
            batch__number=campaign.number,
            recipient="+12125550101",
            state="delivered",
            claimed_at=noon - dt.timedelta(days=1),
        )
        page = page_of(operator.get(url("launch", campaign)))

    assert words(page, "capped") == (
        "1 person has had as many messages as the account allows, and would be left out now"
    )


def test_the_page_says_who_waits_while_it_runs_and_who_was_left_out_after_it(
    operator: Client, campaign: Campaign
) -> None:
    Account.objects.update(max_per_day=1)
    with time_machine.travel(MORNING, tick=False):
        launched(campaign)
        assert words(progress_page(operator, campaign), "deferred").startswith(
            "4 people wait for the hours of their own place, the first until 10:00 (America/New_York), the last until 11:00"
        )
    with time_machine.travel(MORNING.replace(hour=10, minute=5), tick=False):
        assert words(progress_page(operator, campaign), "deferred") == (
            "3 people wait for the hours of their own place, until 11:00 (America/New_York)."
        )
    with time_machine.travel(MORNING.replace(hour=12), tick=False):
        assert words(progress_page(operator, campaign), "deferred") == ""
        Message.objects.update(state="delivered", claimed_at=timezone.now())
        Message.objects.filter(recipient=PEOPLE[0]).update(state="suppressed", reason="frequency_cap")
        Batch.objects.update(state="finished")
        Campaign.objects.update(state="finished")
        assert words(progress_page(operator, campaign), "capped") == (
            "1 person was left out: they had had as many campaign messages as the account allows (1 a day)."
        )


def test_a_subscribers_zone_is_chosen_from_a_list(operator: Client, campaign: Campaign) -> None:
    person = Subscriber.objects.get(number="+12125550101")
    address = reverse("admin:campaigns_subscriber_change", args=[person.pk])
    lists = {
        f"subscriptions-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
    }
    page = page_of(operator.get(address))
    assert '<option value="" selected>By the number</option>' in page
    assert '<option value="America/Los_Angeles">America/Los Angeles</option>' in page

    operator.post(address, {"number": person.number, "time_zone": "America/Los_Angeles", **lists})
    person.refresh_from_db()
    assert person.time_zone == "America/Los_Angeles"

    refused = page_of(operator.post(address, {"number": person.number, "time_zone": "Mars/Olympus", **lists}))
    assert "“Mars/Olympus” is not a time zone" in refused


def test_who_schedules_is_told_who_will_wait_then(campaign: Campaign, operator: Client) -> None:
    with time_machine.travel(NIGHT, tick=False):
        told = page_of(operator.post(url("schedule", campaign), {"at_0": "2026-03-03", "at_1": "09:00"}, follow=True))
        at_noon = page_of(
            operator.post(url("schedule", campaign), {"at_0": "2026-03-03", "at_1": "12:00"}, follow=True)
        )
    assert "09:00 (America/New_York). 4 people wait for the hours of their own place, the first until 10:00" in told
    assert "wait for the hours" not in at_noon


def test_the_first_page_says_who_waits_for_their_hours_instead_of_guessing_when_all_is_over(
    operator: Client, campaign: Campaign
) -> None:
    with time_machine.travel(MORNING, tick=False):
        launched(campaign)
        cache.clear()
        page = page_of(operator.get("/admin/live/"))
    assert "4 wait for their hours" in page
    assert " s left" not in page

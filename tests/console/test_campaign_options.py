"""Where a campaign leaves from, and its options: latest time, canary, limits."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.test import Client

from campaigns.admin.campaign_options import OPTION_FIELDS
from campaigns.admin.durations import minutes_text, read_minutes
from campaigns.models import Campaign
from tests.console.conftest import client_of
from tests.console.test_campaigns import filled, page_of, sending_campaign, url
from tests.factories import (
    AccountFactory,
    CampaignFactory,
    PhoneNumberFactory,
    SenderPoolFactory,
    SubscriberListFactory,
)

pytestmark = pytest.mark.django_db

CHANGED = {
    "expire_minutes": 90,
    "canary_percent": 2,
    "canary_wait_minutes": 30,
    "max_rejected_percent": 10,
    "max_opt_out_percent": 3,
}


def errors_of(response: Any) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


def options_of(campaign: Campaign) -> dict[str, int]:
    campaign.refresh_from_db()
    return {name: getattr(campaign, name) for name in OPTION_FIELDS}


def options_section(page: str) -> str:
    """What stands before the heading "Options": that it can be unfolded, or nothing of the kind."""
    return page[: page.index("Options </h2>")].rpartition("<fieldset")[2]


def test_pool_takes_the_place_of_the_number(operator: Client) -> None:
    campaign = CampaignFactory()
    pool = SenderPoolFactory(account=campaign.account)
    first = pool.numbers.order_by("number")[0]
    response = operator.post(url("change", campaign), filled(campaign, number="", pool=pool.pk))
    assert response.status_code == 302, errors_of(response)
    campaign.refresh_from_db()
    assert (campaign.pool, campaign.number) == (pool, first)
    form = operator.get(url("change", campaign)).context["adminform"].form
    assert not form["number"].value(), "the number is the pool's, nobody chose it"
    response = operator.post(url("change", campaign), filled(campaign, number=first.pk, pool=""))
    assert response.status_code == 302, errors_of(response)
    campaign.refresh_from_db()
    assert (campaign.pool, campaign.number) == (None, first)


def test_number_and_pool_at_once_are_refused(operator: Client) -> None:
    campaign = CampaignFactory()
    pool = SenderPoolFactory(account=campaign.account)
    (error,) = errors_of(operator.post(url("change", campaign), filled(campaign, pool=pool.pk)))["pool"]
    assert "not both" in error
    campaign.refresh_from_db()
    assert campaign.pool is None


def test_neither_number_nor_pool_is_refused(operator: Client) -> None:
    campaign = CampaignFactory()
    (error,) = errors_of(operator.post(url("change", campaign), filled(campaign, number="")))["number"]
    assert "or a sender pool" in error


def test_another_accounts_pool_is_refused(operator: Client) -> None:
    campaign = CampaignFactory()
    stranger = SenderPoolFactory()
    (error,) = errors_of(operator.post(url("change", campaign), filled(campaign, number="", pool=stranger.pk)))["pool"]
    assert "does not belong to" in error


def test_pool_without_an_active_number_is_refused(operator: Client) -> None:
    campaign = CampaignFactory()
    pool = SenderPoolFactory(account=campaign.account)
    pool.numbers.update(state="disabled")
    (error,) = errors_of(operator.post(url("change", campaign), filled(campaign, number="", pool=pool.pk)))["pool"]
    assert "can send" in error


def test_form_offers_the_accounts_own_pools_that_can_send(operator: Client) -> None:
    account = AccountFactory()
    own, resting = SenderPoolFactory.create_batch(2, account=account)
    resting.numbers.update(state="disabled")
    SenderPoolFactory()
    where: dict[str, Any] = {
        "app_label": "campaigns",
        "model_name": "campaign",
        "field_name": "pool",
        "account": account.pk,
    }
    assert [row["id"] for row in operator.get("/admin/autocomplete/", where).json()["results"]] == [str(own.pk)]


def test_options_are_read_as_people_write_them(operator: Client) -> None:
    campaign = CampaignFactory()
    written = {**CHANGED, "expire_minutes": "1 h 30 min", "canary_wait_minutes": "0:30"}
    response = operator.post(url("change", campaign), filled(campaign, **written))
    assert response.status_code == 302, errors_of(response)
    assert options_of(campaign) == CHANGED
    assert 'value="1 h 30 min"' in page_of(operator.get(url("change", campaign)))


def test_options_left_empty_are_the_usual_ones(operator: Client) -> None:
    campaign = CampaignFactory(**CHANGED)
    response = operator.post(url("change", campaign), filled(campaign, **dict.fromkeys(CHANGED, "")))
    assert response.status_code == 302, errors_of(response)
    assert options_of(campaign) == options_of(CampaignFactory())


def test_never_is_no_latest_time(operator: Client) -> None:
    campaign = CampaignFactory()
    operator.post(url("change", campaign), filled(campaign, expire_minutes="never"))
    assert options_of(campaign)["expire_minutes"] == 0
    assert 'value="never"' in page_of(operator.get(url("change", campaign)))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("expire_minutes", "soon", "is not a length of time"),
        ("expire_minutes", "8 days", "At most 7 days."),
        ("canary_wait_minutes", "-5", "is not a length of time"),
        ("canary_percent", "51", "50"),
        ("max_rejected_percent", "101", "100"),
        ("max_opt_out_percent", "-1", "0"),
    ],
)
def test_impossible_options_are_refused_in_the_open(operator: Client, field: str, value: str, message: str) -> None:
    campaign = CampaignFactory()
    response = operator.post(url("change", campaign), filled(campaign, **{field: value}))
    (error,) = errors_of(response)[field]
    assert message in error
    assert "<details>" not in options_section(page_of(response)), "an error is not folded away"


def test_options_are_folded_until_one_is_changed(operator: Client) -> None:
    assert "<details>" in options_section(page_of(operator.get(url("add"))))
    campaign = CampaignFactory()
    assert "<details>" in options_section(page_of(operator.get(url("change", campaign))))
    Campaign.objects.update(canary_percent=1)
    assert "<details>" not in options_section(page_of(operator.get(url("change", campaign))))


def test_duplicate_copies_pool_and_options(operator: Client) -> None:
    pool = SenderPoolFactory()
    campaign = CampaignFactory(number=pool.numbers.first(), pool=pool, **CHANGED)
    operator.post(url("duplicate", campaign))
    copy = Campaign.objects.exclude(pk=campaign.pk).get()
    assert (copy.pool, options_of(copy)) == (pool, CHANGED)


def test_launch_page_tells_the_options_in_sentences() -> None:
    account = AccountFactory(time_zone="Europe/Berlin")
    audience = SubscriberListFactory(account=account, people=40)
    campaign = CampaignFactory(number=PhoneNumberFactory(account=account), lists=[audience], **CHANGED)
    with time_machine.travel("2027-03-01 12:00Z", tick=False):
        operator = client_of("Operator")
        page = page_of(operator.get(url("launch", campaign)))
        later = page_of(operator.get(url("schedule", campaign)))
    assert (
        "First 2 % (10 people), then a look after 30 min; the others follow unless more than 10 % were refused" in page
    )
    assert "more than 3 % opted out" in page
    assert "Nothing leaves after 14:30 (Europe/Berlin)." in page
    assert "Nothing leaves later than 1 h 30 min after it is due." in later


def test_launch_page_says_when_there_are_too_few_for_a_canary(operator: Client) -> None:
    campaign = CampaignFactory(canary_percent=1)
    assert "No canary: there are so few recipients" in page_of(operator.get(url("launch", campaign)))


def test_launch_page_names_the_pool(operator: Client) -> None:
    pool = SenderPoolFactory(name="Club")
    campaign = CampaignFactory(number=pool.numbers.first(), pool=pool)
    assert "Club, a pool of 2 numbers" in page_of(operator.get(url("launch", campaign)))


def test_record_of_a_launched_campaign_tells_its_options(operator: Client) -> None:
    campaign = sending_campaign(canary_percent=2)
    page = page_of(operator.get(url("change", campaign)))
    assert "First 2 %, then a look after 15 min" in page
    assert 'name="canary_percent"' not in page


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("4 h", 240), ("90", 90), ("1h30min", 90), ("2:05", 125), ("1.5 hours", 90), ("2 days", 2880), ("0", 0)],
)
def test_lengths_of_time_are_understood(text: str, minutes: int) -> None:
    assert read_minutes(text) == minutes


@pytest.mark.parametrize("text", ["", "soon", "4 parsecs", "h", "4 h x", "1 2"])
def test_other_words_are_not(text: str) -> None:
    with pytest.raises(ValueError):
        read_minutes(text)


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0 min"), (15, "15 min"), (240, "4 h"), (1440, "24 h"), (3000, "2 days 2 h")]
)
def test_lengths_of_time_are_written_so_that_they_can_be_read_again(minutes: int, text: str) -> None:
    assert minutes_text(minutes) == text
    assert read_minutes(text) == minutes

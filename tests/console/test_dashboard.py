"""The first page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from broadcast.core import redis as core_redis
from campaigns.models import Campaign
from messaging.engine import keys
from tests.console.test_campaigns import page_of, sending_campaign
from tests.factories import (
    AccountFactory,
    CampaignFactory,
    GatewayFactory,
    InboundMessageFactory,
    MessageFactory,
    RejectedWebhookFactory,
    SuppressionFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def redis_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that refuses connections, for every client the process asks for."""

    def nowhere() -> Any:
        return core_redis.connect("unix:///tmp/there-is-no-redis-here.sock")

    monkeypatch.setattr(core_redis, "get_redis", nowhere)
    monkeypatch.setattr("broadcast.core.cache.get_redis", nowhere)


def test_empty_installation_shows_the_first_steps(operator: Client) -> None:
    page = page_of(operator.get("/admin/"))
    assert "First steps" in page
    assert 'class="is-done"' not in page
    AccountFactory()
    assert page_of(operator.get("/admin/")).count('class="is-done"') == 1


def test_first_steps_are_not_for_those_who_may_not_walk_them(as_role: Callable[[str], Client]) -> None:
    page = page_of(as_role("Read-only").get("/admin/"))
    assert "First steps" not in page
    assert "New campaign" not in page


def test_shows_what_is_going_out(operator: Client) -> None:
    campaign = sending_campaign(name="Spring gala")
    page = page_of(operator.get("/admin/"))
    assert "Spring gala" in page
    assert "2 of 4" in page
    assert 'hx-trigger="every 2s"' in page
    Campaign.objects.filter(pk=campaign.pk).update(state="finished")
    assert 'hx-trigger="every 15s"' in page_of(operator.get("/admin/live/"))


def test_counts_today(operator: Client) -> None:
    campaign = sending_campaign()
    MessageFactory.create_batch(3, batch=campaign.batch, state="delivered", accepted_at=timezone.now())
    MessageFactory(batch=campaign.batch, state="undelivered", accepted_at=timezone.now())
    MessageFactory(batch=campaign.batch, state="failed")
    SuppressionFactory(reason="opt_out")
    SuppressionFactory(reason="staff")
    SuppressionFactory(reason="opt_out", created_at=timezone.now() - dt.timedelta(days=2))
    InboundMessageFactory()
    InboundMessageFactory(received_at=timezone.now() - dt.timedelta(days=2))
    today = operator.get("/admin/").context["today"]
    counts = {item["title"]: item["count"] for item in today}
    assert counts == {"Sent": 4, "Delivered": 3, "Failed": 2, "Opted out": 1, "Replies": 1}
    for item in today:
        assert (item["title"], len(operator.get(item["url"]).context["cl"].result_list)) == (
            item["title"],
            item["count"],
        )


def test_says_what_needs_attention_and_what_to_do(operator: Client) -> None:
    GatewayFactory(name="Main line", stopped_reason="20003: Authenticate")
    failed = CampaignFactory(name="Winter")
    Campaign.objects.filter(pk=failed.pk).update(state="failed", state_reason="The account was suspended.")
    RejectedWebhookFactory()
    InboundMessageFactory(state="unrouted", recipient="+14155550199")
    page = page_of(operator.get("/admin/live/"))
    for text in (
        "Main line",
        "20003: Authenticate",
        "Winter",
        "The account was suspended.",
        "One signed webhook",
        "+14155550199",
    ):
        assert text in page


def test_stays_useful_while_redis_is_away(operator: Client, redis_away: None) -> None:
    sending_campaign(name="Spring gala")
    campaign = Campaign.objects.get()
    assert "Redis is away." in page_of(operator.get(f"/admin/campaigns/campaign/{campaign.pk}/progress/"))
    response = operator.get("/admin/")
    assert response.status_code == 200
    assert "Redis is away." in page_of(response)
    assert "Spring gala" in page_of(response)
    assert "Search is not available while Redis is away" in page_of(operator.get("/admin/search/?s=camp"))


def test_search_finds_pages(operator: Client) -> None:
    assert "/admin/campaigns/campaign/" in page_of(operator.get("/admin/search/?s=campaign"))


def test_sidebar_shows_what_a_role_may_open(as_role: Callable[[str], Client]) -> None:
    support = page_of(as_role("Support").get("/admin/"))
    superuser = page_of(as_role("Superuser").get("/admin/"))
    assert "/admin/campaigns/campaign/" in support
    assert "/admin/auth/group/" not in support
    assert "/admin/auth/group/" in superuser


def test_costs_the_same_whatever_was_sent(operator: Client, django_assert_max_num_queries: Any) -> None:
    campaign = sending_campaign()
    MessageFactory.create_batch(20, batch=campaign.batch, state="delivered", accepted_at=timezone.now())
    # Some for who waits for their hours, asked for again after a while only.
    with django_assert_max_num_queries(30):
        operator.get("/admin/live/")


def test_live_part_reloads_the_page_once_the_session_has_ended(client: Client) -> None:
    response = client.get("/admin/live/", headers={"HX-Request": "true"}, follow=True)
    assert response.headers["HX-Refresh"] == "true"
    assert not response.content


def test_a_wrong_public_address_is_said_with_the_right_one(operator: Client) -> None:
    gateway = GatewayFactory.create(name="Main line")
    core_redis.get_redis().set(keys.wrong_url(gateway.pk), "https://sms.example.org/webhooks/k/inbound", ex=60)
    page = page_of(operator.get("/admin/"))
    assert "Main line" in page
    assert "would match for https://sms.example.org/webhooks/k/inbound" in page
    core_redis.get_redis().delete(keys.wrong_url(gateway.pk))
    assert "would match" not in page_of(operator.get("/admin/"))

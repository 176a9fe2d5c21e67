"""Alerts: their list and pages, the first page, the gateway's page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from broadcast.core import redis as core_redis
from broadcast.core.redis import get_redis
from campaigns.models import Campaign
from messaging.engine import keys
from messaging.models import Alert, Batch
from messaging.services import stalls
from tests.console.test_campaigns import page_of, sending_campaign
from tests.console.test_campaigns import url as campaign_url
from tests.factories import AlertFactory, BatchFactory, GatewayFactory

pytestmark = pytest.mark.django_db


def url(page: str, alert: Alert | None = None) -> str:
    return reverse(f"admin:messaging_alert_{page}", args=[alert.pk] if alert else [])


def gateway_page(gateway: Any) -> str:
    return reverse("admin:integrations_gateway_change", args=[gateway.pk])


def test_open_alerts_come_first(operator: Client) -> None:
    old = AlertFactory()
    over = AlertFactory(resolved_at=timezone.now())
    new = AlertFactory()
    assert list(operator.get(url("changelist")).context["cl"].result_list) == [new, old, over]
    assert list(operator.get(url("changelist"), {"open": "no"}).context["cl"].result_list) == [over]
    assert list(operator.get(url("changelist"), {"open": "yes"}).context["cl"].result_list) == [new, old]


def test_alert_leads_to_where_something_can_be_done(operator: Client) -> None:
    campaign = sending_campaign()
    of_campaign = AlertFactory(batch=campaign.batch)
    of_batch = AlertFactory(batch=BatchFactory(source="api:7"))
    of_gateway = AlertFactory(batch=None, gateway=GatewayFactory(), kind="gateway_down")
    for alert, link in (
        (of_campaign, campaign_url("change", campaign)),
        (of_batch, reverse("admin:messaging_batch_change", args=[of_batch.batch_id])),
        (of_gateway, gateway_page(of_gateway.gateway)),
    ):
        assert f'href="{link}"' in page_of(operator.get(url("change", alert)))
        assert f'href="{link}"' in page_of(operator.get(url("changelist")))


def test_dealing_with_it_asks_first_and_closes_it_once(operator: Client) -> None:
    alert = AlertFactory()
    assert alert.text in page_of(operator.get(url("deal_with", alert)))
    alert.refresh_from_db()
    assert alert.resolved_at is None, "looking at the page does nothing"
    assert "The alert is closed." in page_of(operator.post(url("deal_with", alert), follow=True))
    alert.refresh_from_db()
    assert alert.resolved_at is not None
    assert "Dealt with by Pat" in alert.resolved_note
    closed = (alert.resolved_at, alert.resolved_note)
    assert "It is dealt with" not in page_of(operator.get(url("deal_with", alert)))
    again = page_of(operator.post(url("deal_with", alert), follow=True))
    assert "was closed before" in again
    assert url("deal_with", alert) not in again
    alert.refresh_from_db()
    assert (alert.resolved_at, alert.resolved_note) == closed


@pytest.mark.parametrize("role", ["Support", "Read-only"])
def test_only_operators_close_alerts(as_role: Callable[[str], Client], role: str) -> None:
    alert = AlertFactory()
    client = as_role(role)
    assert alert.text in page_of(client.get(url("change", alert)))
    assert client.post(url("deal_with", alert)).status_code == 403
    assert url("deal_with", alert) not in page_of(client.get("/admin/live/"))
    alert.refresh_from_db()
    assert alert.resolved_at is None


def test_sidebar_counts_open_alerts(operator: Client) -> None:
    def badge() -> str:
        page = page_of(operator.get("/admin/messaging/alert/"))
        return page[page.index("notifications") :][:900]

    assert "min-w-[18px]" not in badge()
    AlertFactory.create_batch(2)
    AlertFactory(resolved_at=timezone.now())
    assert "> 2 </span>" in badge()


def test_first_page_shows_open_alerts_with_links(operator: Client) -> None:
    campaign = sending_campaign(name="Spring gala")
    alert = AlertFactory(batch=campaign.batch, kind="expired", text="12 messages of it expired.")
    page = page_of(operator.get("/admin/live/"))
    assert "12 messages of it expired." in page
    assert campaign_url("change", campaign) in page
    assert url("deal_with", alert) in page
    Alert.objects.update(resolved_at=timezone.now())
    assert "12 messages of it expired." not in page_of(operator.get("/admin/live/"))


def test_first_page_tells_nothing_twice(operator: Client) -> None:
    campaign = sending_campaign(name="Spring gala")
    Account.objects.update(contact="help@example.com")
    Batch.objects.update(state="paused", pause_code="rejections")
    Campaign.objects.update(state="paused", state_reason="30 of the last 100 were refused.")
    gateway = GatewayFactory(stopped_reason="20003: Authenticate")
    AlertFactory(batch=campaign.batch, kind="rejections", text="Spring gala is paused: 30 of 100 refused.")
    AlertFactory(batch=None, gateway=gateway, kind="gateway_stopped", text="The provider refuses the gateway.")
    expired = AlertFactory(batch=campaign.batch, kind="expired", text="12 messages of it expired.")
    down = AlertFactory(batch=None, gateway=gateway, kind="gateway_down", text="It cannot be reached either.")
    shown = [item.text for item in operator.get("/admin/live/").context["attention"]]
    assert shown.count("Paused: 30 of the last 100 were refused.") == 1
    assert {expired.text, down.text} < set(shown)
    assert len(shown) == 4, shown


def test_first_page_tells_of_a_standstill_that_nobody_could_raise(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = sending_campaign(name="Spring gala")
    Account.objects.update(contact="help@example.com")
    monkeypatch.setattr(stalls, "current", lambda _batch: "No sender runs. Start a cluster.")
    shown = [item.text for item in operator.get("/admin/live/").context["attention"]]
    assert shown == ["No sender runs. Start a cluster."]
    AlertFactory(batch=campaign.batch, kind="stalled", text="Stalled: no sender runs.")
    shown = [item.text for item in operator.get("/admin/live/").context["attention"]]
    assert shown == ["Stalled: no sender runs."]


def test_first_page_costs_the_same_for_more_alerts(operator: Client, django_assert_max_num_queries: Any) -> None:
    AlertFactory.create_batch(8)
    AlertFactory(batch=None, gateway=GatewayFactory(), kind="gateway_down")
    with django_assert_max_num_queries(25):
        operator.get("/admin/live/")


def test_gateways_page_tells_that_it_does_not_answer(operator: Client) -> None:
    gateway = GatewayFactory()
    AlertFactory(batch=None, gateway=gateway, kind="gateway_down", text="Nothing answers for two minutes.")
    AlertFactory(batch=None, gateway=gateway, kind="number_stopped", text="The provider refuses 24365.")
    AlertFactory(batch=None, gateway=GatewayFactory(), kind="gateway_down", text="Another one.")
    page = page_of(operator.get(gateway_page(gateway)))
    assert "It has not answered since" not in page
    assert "Nothing answers for two minutes." in page
    now = timezone.now().timestamp()
    circuit = {"since": now - 90, "until": now + 30, "reason": "No connection to 127.0.0.1.", "failures": 3}
    get_redis().hset(keys.circuit(gateway.pk), mapping=circuit)
    page = page_of(operator.get(gateway_page(gateway)))
    assert "It has not answered since" in page
    assert "No connection to 127.0.0.1." in page
    assert ", next at " in page
    assert "Nothing answers for two minutes." not in page, "that is said already"
    assert "The provider refuses 24365." in page
    assert "Another one." not in page


def test_gateways_page_opens_while_redis_is_away(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Any:
        return core_redis.connect("unix:///tmp/there-is-no-redis-here.sock")

    monkeypatch.setattr("messaging.admin.gateways.get_redis", nowhere)
    assert operator.get(gateway_page(GatewayFactory())).status_code == 200

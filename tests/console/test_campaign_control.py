"""Watching over a campaign: its first few, pauses by themselves, standstills, what expired, its numbers."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.models import Campaign
from messaging.models import Batch
from messaging.services import stalls
from tests.console.test_campaigns import page_of, sending_campaign, url
from tests.factories import MessageFactory, PhoneNumberFactory, SenderPoolFactory

pytestmark = pytest.mark.django_db

State = Campaign.State


def canary_campaign(**fields: Any) -> Campaign:
    """A campaign of which three got it first (two took it, one was refused) while the others wait."""
    campaign = sending_campaign(canary_percent=5)
    batch = campaign.batch
    assert batch is not None
    batch.messages.all().delete()
    # The first few are the messages whose id the step divides.
    step, base = 10, 10_000
    for index, state in enumerate(("delivered", "accepted", "undelivered")):
        MessageFactory(pk=base + step * index, batch=batch, state=state, cohort=1)
    for index in range(1, 6):
        MessageFactory(pk=base + index, batch=batch, state="queued", cohort=1)
    values = {"canary_percent": 5, "canary_step": step, "canary_state": "sending", "canary_wait_minutes": 15, **fields}
    Batch.objects.filter(pk=batch.pk).update(**values)
    campaign.refresh_from_db()
    return campaign


def test_page_tells_how_the_first_few_do(operator: Client) -> None:
    campaign = canary_campaign(canary_until=timezone.now() + dt.timedelta(minutes=7))
    page = page_of(operator.get(url("change", campaign)))
    assert "Only the first few so far" in page
    assert "<span>First few</span><strong>3</strong>" in page
    assert "<span>Refused</span><strong>1</strong>" in page
    assert "33.3 %, allowed 20 %" in page
    assert "it is decided whether everybody else follows" in page
    assert url("go_on", campaign) in page
    assert url("cancel", campaign) in page


def test_those_who_may_not_launch_see_no_button(as_role: Callable[[str], Client]) -> None:
    campaign = canary_campaign()
    page = page_of(as_role("Read-only").get(url("change", campaign)))
    assert "Only the first few so far" in page
    assert url("go_on", campaign) not in page


@pytest.mark.parametrize("role", ["Support", "Read-only"])
def test_only_those_who_may_launch_go_on(as_role: Callable[[str], Client], role: str) -> None:
    campaign = canary_campaign()
    client = as_role(role)
    assert client.get(url("go_on", campaign)).status_code == 403
    assert client.post(url("go_on", campaign)).status_code == 403
    assert Batch.objects.get(campaign=campaign).canary_state == "sending"


def test_going_on_asks_first_and_goes_on_once(operator: Client) -> None:
    campaign = canary_campaign()
    asked = page_of(operator.get(url("go_on", campaign)))
    assert "goes to everybody else now" in asked
    assert "<span>Left</span><strong>3</strong>" in asked
    assert Batch.objects.get(campaign=campaign).canary_state == "sending"
    assert "goes to everybody now" in page_of(operator.post(url("go_on", campaign), follow=True))
    assert Batch.objects.get(campaign=campaign).canary_state == "passed"
    again = page_of(operator.post(url("go_on", campaign), follow=True))
    assert "does not wait for its first few any more" in again
    assert url("go_on", campaign) not in again


@pytest.mark.parametrize("state", [State.PAUSED, State.FINISHED, State.CANCELLED])
def test_going_on_is_offered_only_while_the_others_wait(operator: Client, state: str) -> None:
    campaign = canary_campaign(state=state)
    Campaign.objects.update(state=state)
    assert url("go_on", campaign) not in page_of(operator.get(url("change", campaign)))
    page = page_of(operator.get(url("go_on", campaign)))
    assert "does not wait for its first few any more" in page
    assert "Send to everybody else" not in page


def test_buttons_are_fetched_anew_once_the_first_few_have_passed(operator: Client) -> None:
    campaign = canary_campaign()
    page_url = f'hx-get="{url("change", campaign)}"'
    live = page_of(operator.get(url("progress", campaign), {"shown": "sending-canary"}))
    assert "?shown=sending-canary" in live
    assert page_url not in live
    Batch.objects.update(canary_state="passed")
    assert page_url in page_of(operator.get(url("progress", campaign), {"shown": "sending-canary"}))


@pytest.mark.parametrize("code", ["canary", "rejections"])
def test_pause_by_itself_says_why_and_leads_to_who_was_refused(operator: Client, code: str) -> None:
    campaign = canary_campaign(state="paused", pause_code=code, canary_state="failed")
    reason = "The first 3: 1 refused (33 %, allowed 20 %). Find out why; then resume it, or cancel it."
    Campaign.objects.update(state=State.PAUSED, state_reason=reason)
    page = page_of(operator.get(url("change", campaign)))
    assert reason in page
    assert "How the first few did" in page
    link = f"/admin/messaging/message/?batch__id__exact={campaign.batch_id}&state__in=failed,undelivered"
    assert link in html.unescape(page)
    assert len(operator.get(link).context["cl"].result_list) == 1
    assert url("resume", campaign) in page


def test_resuming_after_the_latest_time_says_so_first(operator: Client) -> None:
    campaign = sending_campaign()
    past = timezone.now() - dt.timedelta(hours=1)
    Batch.objects.update(state="paused", pause_code="person", expires_at=past)
    Campaign.objects.update(state=State.PAUSED, state_reason="Paused by Pat.")
    assert "passed while it was paused" in page_of(operator.get(url("change", campaign)))
    assert "passed while it was paused" in page_of(operator.get(url("resume", campaign)))
    Batch.objects.update(expires_at=timezone.now() + dt.timedelta(hours=1))
    assert "passed while it was paused" not in page_of(operator.get(url("resume", campaign)))


def test_page_tells_the_latest_time_by_the_accounts_clock(operator: Client) -> None:
    campaign = sending_campaign()
    until = timezone.now() + dt.timedelta(hours=1)
    Batch.objects.update(expires_at=until)
    local = until.astimezone(campaign.account.zone)
    assert f"Nothing leaves after {local:%H:%M}" in page_of(operator.get(url("change", campaign)))
    Batch.objects.update(expires_at=None)
    assert "Nothing leaves after" not in page_of(operator.get(url("progress", campaign)))


def test_standstill_is_told_with_its_cause(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = sending_campaign()
    monkeypatch.setattr(stalls, "current", lambda _batch: "No sender runs. Start a cluster.")
    page = page_of(operator.get(url("progress", campaign)))
    assert "Nothing moves" in page
    assert "No sender runs. Start a cluster." in page
    Campaign.objects.update(state=State.FINISHED)
    assert "Nothing moves" not in page_of(operator.get(url("progress", campaign)))


def test_expired_messages_are_counted_beside_the_others(operator: Client) -> None:
    campaign = sending_campaign()
    assert "Expired" not in page_of(operator.get(url("change", campaign))).replace("cancelled or expired", "")
    MessageFactory.create_batch(3, batch=campaign.batch, state="expired", cohort=1, reason="expired")
    page = page_of(operator.get(url("change", campaign)))
    assert "<span>Expired</span><strong>3</strong>" in page
    assert '<th class="is-number">Expired</th>' in page
    assert '<td class="is-number">3</td>' in page
    exported = b"".join(operator.get(url("export", campaign))).decode()
    assert exported.count("Expired") == 3


def test_page_tells_what_left_each_number_of_a_pool(operator: Client) -> None:
    pool = SenderPoolFactory(name="Club")
    first, second = pool.numbers.order_by("number")
    campaign = sending_campaign(number=first, pool=pool)
    assert "Results by number" not in page_of(operator.get(url("change", campaign))), "it was not launched with a pool"
    Batch.objects.update(pool=pool, sender_ids=[first.pk, second.pk])
    MessageFactory.create_batch(3, batch=campaign.batch, number=second, state="failed")
    page = page_of(operator.get(url("change", campaign)))
    rows = page[page.index("Results by number") :]
    for number, figures in ((first, (4, 2, 2, 0)), (second, (3, 0, 0, 3))):
        cells = " ".join(f'<td class="is-number">{figure}</td>' for figure in figures)
        assert f"{number}</a></td> {cells}" in rows


def test_list_names_the_pool_it_leaves_from(operator: Client) -> None:
    pool = SenderPoolFactory(name="Club")
    sending_campaign(number=pool.numbers.first(), pool=pool)
    sending_campaign(number=PhoneNumberFactory(label="Box office"))
    page = page_of(operator.get(url("changelist")))
    assert "Club" in page
    assert "Box office" in page


def test_live_part_costs_the_same_for_more_messages(operator: Client, django_assert_max_num_queries: Any) -> None:
    pool = SenderPoolFactory()
    first, second = pool.numbers.order_by("number")
    campaign = canary_campaign(pool=pool, sender_ids=[first.pk, second.pk])
    MessageFactory.create_batch(20, batch=campaign.batch, number=second, state="delivered", cohort=1)
    with django_assert_max_num_queries(25):
        operator.get(url("progress", campaign))

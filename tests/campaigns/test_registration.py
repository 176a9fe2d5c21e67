"""Campaigns from numbers that are not registered: refused with the reason before anything leaves."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable

import pytest
from django.utils import timezone

from campaigns.models import Campaign, Subscription
from campaigns.services import launch
from campaigns.services.launch import LaunchError
from campaigns.services.preview import preview_launch
from messaging.models import Brand, Message, TenDlcCampaign
from messaging.services.registrations import move_registration
from tests.campaigns.test_launch import launched, rows
from tests.factories import (
    CampaignFactory,
    PhoneNumberFactory,
    RegistrationPolicyFactory,
    RouteFactory,
    SenderPoolFactory,
    SubscriptionFactory,
    TenDlcCampaignFactory,
    TenDlcNumberFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign() -> Campaign:
    """From a long code whose 10DLC campaign is in review, of an account that is checked."""
    number = TenDlcNumberFactory.create().number
    TenDlcCampaign.objects.update(state="in_review")
    RegistrationPolicyFactory.create(account=number.account)
    return CampaignFactory.create(account=number.account, number=number)


def subscribe(campaign: Campaign, number: str) -> Subscription:
    """Somebody more on its list."""
    return SubscriptionFactory.create(list=campaign.lists.get(), subscriber__number=number)


def schedule(campaign_id: int) -> Campaign:
    return launch.schedule(campaign_id=campaign_id, at=timezone.now() + dt.timedelta(hours=1), user=None)


def start(campaign_id: int) -> Campaign:
    return launch.launch(campaign_id=campaign_id, user=None)


@pytest.mark.parametrize("act", [start, schedule])
def test_it_is_neither_launched_nor_scheduled(campaign: Campaign, act: Callable[[int], Campaign]) -> None:
    with pytest.raises(LaunchError, match=r"its 10DLC campaign .* is in review, so carriers would refuse .*\(30034\)"):
        act(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.state == "draft"
    assert not rows(campaign)


def test_the_confirmation_says_so_before(campaign: Campaign) -> None:
    assert any("is in review" in problem for problem in preview_launch(campaign).problems)
    TenDlcCampaign.objects.update(state="approved")
    assert preview_launch(campaign).problems == []


def test_what_is_scheduled_fails_when_it_is_withdrawn_before(campaign: Campaign) -> None:
    TenDlcCampaign.objects.update(state="approved")
    schedule(campaign.pk)
    Brand.objects.update(state="suspended")
    with pytest.raises(LaunchError, match="is suspended"):
        launch.launch(campaign_id=campaign.pk, user=None)


def test_what_is_withdrawn_between_launch_and_start_sends_nothing(campaign: Campaign) -> None:
    TenDlcCampaign.objects.update(state="approved")
    launch.launch(campaign_id=campaign.pk, user=None)
    Brand.objects.update(state="suspended")
    launch.perform_launch(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.state == "failed"
    assert "is suspended" in campaign.state_reason
    assert not rows(campaign)


def test_it_is_paused_mid_way_and_resumed_only_when_it_is_registered(campaign: Campaign) -> None:
    TenDlcCampaign.objects.update(state="approved")
    launched(campaign)
    assert campaign.state == "sending"
    brand = Brand.objects.get()
    move_registration(registration=brand, to="suspended", user=None)
    campaign.refresh_from_db()
    assert campaign.state == "paused"
    assert "suspended" in campaign.state_reason
    with pytest.raises(LaunchError, match="has been suspended since"):
        launch.resume(campaign_id=campaign.pk)
    move_registration(registration=brand, to="approved", user=None)
    launch.resume(campaign_id=campaign.pk)
    campaign.refresh_from_db()
    assert campaign.state == "sending"


def test_a_pool_goes_without_a_number_that_may_not_send(campaign: Campaign) -> None:
    """Given a pool of which one number is not registered, when it is launched, then the other sends, and the preview says so."""
    TenDlcCampaign.objects.update(state="approved")
    good = campaign.number
    bad = PhoneNumberFactory.create(account=good.account, gateway=good.gateway, number="+14155552601", kind="local")
    campaign.pool = SenderPoolFactory.create(account=good.account, numbers=[good, bad])
    campaign.save()
    preview = preview_launch(campaign)
    assert preview.problems == []
    assert any("+14155552601 has no 10DLC campaign" in warning for warning in preview.warnings)
    launched(campaign)
    assert campaign.state == "sending"
    assert set(Message.objects.values_list("number_id", flat=True)) == {good.pk}


def test_a_pool_of_which_no_number_may_send_is_refused(campaign: Campaign) -> None:
    bad = PhoneNumberFactory.create(
        account=campaign.account, gateway=campaign.number.gateway, number="+14155552601", kind="local"
    )
    campaign.pool = SenderPoolFactory.create(account=campaign.account, numbers=[campaign.number, bad])
    campaign.save()
    with pytest.raises(LaunchError, match=r"is in review.*\+14155552601 has no 10DLC campaign"):
        launch.launch(campaign_id=campaign.pk, user=None)


def test_routes_that_cover_everybody_let_it_go_although_its_own_number_may_not_send(campaign: Campaign) -> None:
    """Given an own number in review, when a route sends to all, then it goes; when to some, it says how many are left."""
    everybody = preview_launch(campaign).recipients
    french = subscribe(campaign, "+33612345678")
    code = PhoneNumberFactory.create(account=campaign.account)
    RouteFactory.create(account=campaign.account, country="US", number=code)
    (problem,) = preview_launch(campaign).problems
    assert problem.startswith("1 recipient whose country has no route would have no number that may send.")
    assert "is in review" in problem
    with pytest.raises(LaunchError, match="1 recipient whose country has no route"):
        launch.launch(campaign_id=campaign.pk, user=None)
    french.delete()
    assert preview_launch(campaign).problems == []
    launched(campaign)
    assert campaign.state == "sending"
    assert Counter(Message.objects.values_list("number_id", flat=True)) == {code.pk: everybody}


def test_a_country_whose_number_may_not_send_says_how_many_and_why(campaign: Campaign) -> None:
    american, everybody = campaign.number, preview_launch(campaign).recipients
    campaign.number = PhoneNumberFactory.create(account=campaign.account)
    campaign.save()
    RouteFactory.create(account=campaign.account, country="US", number=american)
    (problem,) = preview_launch(campaign).problems
    assert problem.startswith(f"{everybody} recipients in United States would have no number that may send.")
    assert "is in review" in problem


def test_what_routes_cover_at_launch_and_not_at_the_start_sends_nothing(campaign: Campaign) -> None:
    route = RouteFactory.create(
        account=campaign.account, country="US", number=PhoneNumberFactory.create(account=campaign.account)
    )
    launch.launch(campaign_id=campaign.pk, user=None)
    route.delete()
    launch.perform_launch(campaign.pk)
    campaign.refresh_from_db()
    assert (campaign.state, rows(campaign)) == ("failed", [])
    assert "is in review" in campaign.state_reason


def test_the_preview_says_what_leaves_today_and_what_later(campaign: Campaign) -> None:
    TenDlcCampaign.objects.update(state="approved")
    recipients = preview_launch(campaign).recipients
    Brand.objects.update(daily_cap_segments=recipients - 1)
    (budget,) = preview_launch(campaign).budgets
    assert (budget.now, budget.later, budget.days) == (recipients - 1, 1, 1)
    Brand.objects.update(daily_cap_segments=0)
    assert preview_launch(campaign).budgets == []


def test_an_account_that_is_not_checked_launches_as_before() -> None:
    number = PhoneNumberFactory.create(number="+14155552600", kind="local")
    TenDlcCampaignFactory.create(brand__account=number.account, state="rejected")
    campaign = launched(CampaignFactory.create(account=number.account, number=number))
    assert campaign.state == "sending"

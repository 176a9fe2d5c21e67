"""What a campaign hands to its batch: latest time, canary, limits, sender pool; and times that were missed."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Account
from campaigns import tasks
from campaigns.models import Campaign, Subscriber
from campaigns.services import launch
from campaigns.services.composing import OPTIONS, duplicate_campaign
from campaigns.services.launch import LaunchError
from campaigns.services.preview import preview_launch
from messaging.models import Alert, Batch, Message, PhoneNumber
from messaging.services import batches
from messaging.services.rejections import pause_for_rejections
from tests.campaigns.test_launch import launched, state_of
from tests.campaigns.test_lifecycle import in_an_hour
from tests.factories import (
    CampaignFactory,
    PhoneNumberFactory,
    SenderPoolFactory,
    SubscriberListFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)

LIMITS = {
    "expire_minutes": 90,
    "canary_percent": 10,
    "canary_wait_minutes": 7,
    "max_rejected_percent": 11,
    "max_opt_out_percent": 3,
}


def pool_campaign(numbers: list[PhoneNumber] | None = None, people: int = 40, **values: object) -> Campaign:
    """A campaign from a pool; its number is one that cannot send."""
    pool = SenderPoolFactory.create(numbers=numbers) if numbers else SenderPoolFactory.create()
    unfit = PhoneNumberFactory.create(account=pool.account, state="disabled")
    people_of = SubscriberListFactory.create(account=pool.account, people=people)
    return CampaignFactory.create(number=unfit, pool=pool, lists=[people_of], **values)


def batch_of(campaign: Campaign) -> Batch:
    return Batch.objects.get(source=f"campaign:{campaign.pk}")


def test_every_limit_of_a_campaign_is_its_batchs_and_its_copys() -> None:
    assert set(LIMITS) == set(OPTIONS)
    people = SubscriberListFactory.create(people=40)
    number = PhoneNumberFactory.create(account=people.account)
    campaign = launched(CampaignFactory.create(number=number, lists=[people], **LIMITS))
    batch = batch_of(campaign)
    assert {name: getattr(batch, name) for name in LIMITS} == LIMITS
    assert batch.canary_state == "sending"
    copy = duplicate_campaign(campaign=campaign, user=None)
    assert {name: getattr(copy, name) for name in LIMITS} == LIMITS
    with_pool = pool_campaign()
    assert duplicate_campaign(campaign=with_pool, user=None).pool == with_pool.pool


def test_the_latest_time_counts_from_when_it_was_due_however_late_the_server_was() -> None:
    campaign = CampaignFactory.create(expire_minutes=60)
    due = in_an_hour()
    launch.schedule(campaign_id=campaign.pk, at=due, user=UserFactory.create())
    with time_machine.travel(due + dt.timedelta(minutes=50)):
        tasks.launch_due()
    assert state_of(campaign) == "sending"
    assert batch_of(campaign).expires_at == due + dt.timedelta(hours=1)


def test_who_launches_a_scheduled_campaign_by_hand_means_now() -> None:
    campaign, user = CampaignFactory.create(expire_minutes=60), UserFactory.create()
    due = in_an_hour()
    launch.schedule(campaign_id=campaign.pk, at=due, user=user)
    with time_machine.travel(due + dt.timedelta(hours=5), tick=False):
        launch.launch(campaign_id=campaign.pk, user=user)
        launch.perform_launch(campaign.pk)
        assert state_of(campaign) == "sending"
        assert batch_of(campaign).expires_at == timezone.now() + dt.timedelta(hours=1)


def test_campaigns_whose_time_was_missed_are_not_launched_and_told_of_together() -> None:
    late = CampaignFactory.create(expire_minutes=60, name="Breakfast")
    later = CampaignFactory.create(expire_minutes=60, name="Lunch", number=late.number)
    patient = CampaignFactory.create(expire_minutes=0)
    due = in_an_hour()
    for campaign in (late, later, patient):
        launch.schedule(campaign_id=campaign.pk, at=due, user=None)
    with time_machine.travel(due + dt.timedelta(hours=1, seconds=1)):
        tasks.launch_due()
        tasks.launch_due()
    assert (state_of(late), state_of(later), state_of(patient)) == ("failed", "failed", "sending")
    assert late.state_reason.startswith("Its time was missed: it was due on")
    assert late.state_reason.endswith("Duplicate it if the news still matters.")
    alert = Alert.objects.get()
    assert (alert.kind, alert.batch, alert.gateway) == ("expired", None, late.number.gateway)
    assert "“Lunch”" in alert.text
    assert "“Breakfast”" in alert.text
    assert not Batch.objects.filter(source=f"campaign:{late.pk}").exists()
    assert late.launched_at is None


def test_another_reason_why_a_scheduled_one_cannot_go_is_no_missed_time() -> None:
    campaign = CampaignFactory.create()
    launch.schedule(campaign_id=campaign.pk, at=in_an_hour(), user=None)
    campaign.campaign_lists.all().delete()
    with time_machine.travel(in_an_hour() + dt.timedelta(seconds=1)):
        tasks.launch_due()
    assert state_of(campaign) == "failed"
    assert not Alert.objects.exists()


def test_a_launch_that_was_interrupted_before_its_rows_for_too_long_fails() -> None:
    campaign = CampaignFactory.create(expire_minutes=60)
    launch.launch(campaign_id=campaign.pk, user=UserFactory.create())
    with time_machine.travel(timezone.now() + dt.timedelta(hours=2)):
        tasks.launch_due()
    assert state_of(campaign) == "failed"
    assert not Batch.objects.exists()
    assert Alert.objects.open().get().kind == "expired"


def test_a_pools_campaign_leaves_from_all_of_its_numbers() -> None:
    campaign = launched(pool_campaign())
    batch, pool = batch_of(campaign), campaign.pool
    assert pool is not None
    numbers = list(pool.numbers.order_by("number"))
    assert batch.sender_ids == sorted(number.pk for number in numbers)
    assert batch.pool == pool
    assert batch.number == campaign.number == numbers[0]
    left_from = Counter(Message.objects.values_list("number_id", flat=True))
    assert left_from == {number.pk: 20 for number in numbers}


def test_a_pool_is_in_the_way_only_when_no_number_of_it_is_active() -> None:
    campaign = pool_campaign()
    assert campaign.pool is not None
    numbers = list(campaign.pool.numbers.all())
    PhoneNumber.objects.filter(pk=numbers[0].pk).update(state="disabled")
    assert preview_launch(campaign).problems == []
    PhoneNumber.objects.filter(pk=numbers[1].pk).update(state="disabled")
    (problem,) = preview_launch(campaign).problems
    assert "No number of the sender pool" in problem
    with pytest.raises(LaunchError, match="No number of the sender pool"):
        launch.launch(campaign_id=campaign.pk, user=None)


def test_a_pool_of_another_account_is_in_the_way() -> None:
    campaign = pool_campaign()
    campaign.pool = SenderPoolFactory.create()
    campaign.save()
    (problem,) = preview_launch(campaign).problems
    assert "belongs to another account" in problem


def test_a_pool_that_loses_all_its_numbers_between_launch_and_rows_fails_it() -> None:
    campaign = pool_campaign()
    launch.launch(campaign_id=campaign.pk, user=None)
    PhoneNumber.objects.update(state="disabled")
    launch.perform_launch(campaign.pk)
    assert state_of(campaign) == "failed"
    assert "is active" in campaign.state_reason


def test_one_of_a_pools_numbers_is_enough_to_go_on_after_a_pause() -> None:
    campaign = launched(pool_campaign())
    launch.pause(campaign_id=campaign.pk, user=None)
    assert campaign.pool is not None
    first, second = campaign.pool.numbers.order_by("number")
    PhoneNumber.objects.filter(pk=first.pk).update(state="disabled")
    launch.resume(campaign_id=campaign.pk)
    assert state_of(campaign) == "sending"
    assert set(Message.objects.values_list("number_id", flat=True)) == {second.pk}


def test_the_preview_knows_the_pools_pace_and_who_is_first() -> None:
    campaign = pool_campaign(people=60, canary_percent=25, body="Hello")
    assert campaign.pool is not None
    campaign.pool.numbers.update(pace_segments=2)
    preview = preview_launch(campaign)
    assert (preview.seconds, preview.canary_people) == (15.0, 15)
    campaign.canary_percent = 0
    assert preview_launch(campaign).canary_people == 0


def test_a_campaign_tells_why_its_batch_was_paused() -> None:
    campaign = launched(CampaignFactory.create())
    pause_for_rejections(batch_of(campaign).pk, "The provider refused 30 of the last 100 messages.")
    assert state_of(campaign) == "paused"
    assert campaign.state_reason.startswith("The provider refused 30")
    launch.resume(campaign_id=campaign.pk)
    assert (state_of(campaign), batches.resume_batch(batch_of(campaign).pk)) == ("sending", False)


def test_hours_in_which_nobody_may_be_written_to_do_not_make_a_campaign_miss_its_time() -> None:
    """Given four open hours from 20:00, one is left of the evening: a server that is back at 9 launches, after 11 it does not."""
    zone = ZoneInfo("America/New_York")
    evening = dt.datetime(2026, 3, 2, 20, 0, tzinfo=zone)
    with time_machine.travel(evening - dt.timedelta(hours=1), tick=False):
        early, late = (CampaignFactory.create(expire_minutes=240) for _ in range(2))
        Account.objects.update(quiet_start="21:00", quiet_end="08:00")
        Subscriber.objects.update(time_zone="America/New_York")
        for campaign in (early, late):
            launch.schedule(campaign_id=campaign.pk, at=evening, user=None)
    Campaign.objects.filter(pk=late.pk).update(state="draft")
    with time_machine.travel(evening + dt.timedelta(hours=13), tick=False):
        tasks.launch_due()
        assert state_of(early) == "sending"
    Campaign.objects.filter(pk=late.pk).update(state="scheduled")
    with time_machine.travel(evening + dt.timedelta(hours=15, seconds=1), tick=False):
        tasks.launch_due()
        assert state_of(late) == "failed"
        assert "within its 240 open minutes" in late.state_reason

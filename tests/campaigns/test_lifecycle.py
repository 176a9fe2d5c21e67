"""Between draft and finished: schedule, pause, resume, cancel, quiet hours, and following the batch."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Account
from campaigns import tasks
from campaigns.models import Campaign, Subscriber
from campaigns.services import launch
from campaigns.services.launch import LaunchError
from campaigns.services.preview import preview_launch
from messaging.jobs import sweeper
from messaging.models import Batch, Message, PhoneNumber
from messaging.services import batches
from messaging.services.gateways import stop_gateway
from tests.campaigns.test_launch import launched, queue_of, state_of
from tests.factories import CampaignFactory, UserFactory

NEW_YORK = ZoneInfo("America/New_York")

pytestmark = pytest.mark.django_db(transaction=True)


def in_an_hour() -> dt.datetime:
    return timezone.now() + dt.timedelta(hours=1)


def test_a_time_that_has_passed_is_refused_in_the_accounts_zone() -> None:
    campaign = CampaignFactory.create()
    at = dt.datetime(2025, 1, 31, 18, 30, tzinfo=dt.UTC)
    with pytest.raises(LaunchError, match=r"31 January 2025, 13:30 \(America/New_York\) has passed"):
        launch.schedule(campaign_id=campaign.pk, at=at, user=None)
    with pytest.raises(LaunchError, match="365 days ahead"):
        launch.schedule(campaign_id=campaign.pk, at=timezone.now() + dt.timedelta(days=366), user=None)
    assert state_of(campaign) == "draft"


def test_what_cannot_be_launched_cannot_be_scheduled() -> None:
    campaign = CampaignFactory.create(lists=[])
    with pytest.raises(LaunchError, match="It has no list"):
        launch.schedule(campaign_id=campaign.pk, at=in_an_hour(), user=None)
    assert state_of(campaign) == "draft"


def test_a_schedule_can_be_changed_and_undone() -> None:
    campaign, user = CampaignFactory.create(), UserFactory.create()
    for at in (in_an_hour(), in_an_hour() + dt.timedelta(days=1)):
        launch.schedule(campaign_id=campaign.pk, at=at, user=user)
        assert (state_of(campaign), campaign.scheduled_at, campaign.launched_by) == ("scheduled", at, user)
    launch.unschedule(campaign_id=campaign.pk)
    assert (state_of(campaign), campaign.scheduled_at) == ("draft", None)
    with pytest.raises(LaunchError, match="is not scheduled"):
        launch.unschedule(campaign_id=campaign.pk)


def test_what_is_due_is_launched_and_the_rest_waits() -> None:
    due, later = CampaignFactory.create_batch(2)
    launch.schedule(campaign_id=due.pk, at=in_an_hour(), user=None)
    launch.schedule(campaign_id=later.pk, at=in_an_hour() + dt.timedelta(hours=2), user=None)
    tasks.launch_due()
    assert (state_of(due), state_of(later)) == ("scheduled", "scheduled")
    with time_machine.travel(in_an_hour() + dt.timedelta(seconds=1)):
        tasks.launch_due()
        tasks.launch_due()
    assert (state_of(due), state_of(later)) == ("sending", "scheduled")
    assert Message.objects.filter(batch=due.batch).count() == 2


def test_a_due_campaign_that_cannot_go_fails_with_the_reason_and_holds_up_nobody() -> None:
    stuck, fine = CampaignFactory.create_batch(2)
    for campaign in (stuck, fine):
        launch.schedule(campaign_id=campaign.pk, at=in_an_hour(), user=None)
    Account.objects.filter(pk=stuck.account_id).update(status="suspended")
    with time_machine.travel(in_an_hour() + dt.timedelta(seconds=1)):
        tasks.launch_due()
    assert (state_of(stuck), state_of(fine)) == ("failed", "sending")
    assert "is suspended" in stuck.state_reason


def test_a_launch_with_a_fault_of_ours_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, fine = CampaignFactory.create_batch(2)
    for campaign in (broken, fine):
        launch.launch(campaign_id=campaign.pk, user=None)
    perform = launch.perform_launch

    def faulty(campaign_id: int) -> None:
        if campaign_id == broken.pk:
            raise ZeroDivisionError
        perform(campaign_id)

    monkeypatch.setattr(launch, "perform_launch", faulty)
    tasks.launch_due()
    assert (state_of(broken), state_of(fine)) == ("launching", "sending")


def test_a_pause_takes_the_queue_away_and_a_resume_makes_it_anew_from_the_rows() -> None:
    campaign, user = launched(CampaignFactory.create()), UserFactory.create(first_name="Ada", last_name="L")
    ids = queue_of(campaign)
    launch.pause(campaign_id=campaign.pk, user=user)
    assert (state_of(campaign), campaign.state_reason) == ("paused", "Paused by Ada L.")
    assert queue_of(campaign) == []
    Message.objects.filter(pk=ids[0]).update(state="delivered")
    launch.resume(campaign_id=campaign.pk)
    assert (state_of(campaign), campaign.state_reason) == ("sending", "")
    assert queue_of(campaign) == ids[1:]


@pytest.mark.parametrize("state", ["draft", "scheduled", "launching", "finished", "cancelled", "failed"])
def test_what_is_not_sending_is_neither_paused_nor_resumed(state: str) -> None:
    campaign = CampaignFactory.create(state=state)
    with pytest.raises(LaunchError, match="cannot be paused"):
        launch.pause(campaign_id=campaign.pk, user=None)
    with pytest.raises(LaunchError, match="cannot be resumed"):
        launch.resume(campaign_id=campaign.pk)
    assert state_of(campaign) == state


def test_what_stands_in_the_way_of_a_resume_is_told() -> None:
    campaign = launched(CampaignFactory.create())
    launch.pause(campaign_id=campaign.pk, user=None)
    PhoneNumber.objects.update(state="disabled")
    with pytest.raises(LaunchError, match=r"is disabled\. Make the number active, then resume"):
        launch.resume(campaign_id=campaign.pk)
    Account.objects.update(status="suspended")
    with pytest.raises(LaunchError, match=r"is suspended\. Make the account active first"):
        launch.resume(campaign_id=campaign.pk)
    assert state_of(campaign) == "paused"


@pytest.mark.parametrize("paused", [False, True])
def test_a_cancelled_campaign_sends_nothing_more_and_keeps_what_has_left(paused: bool) -> None:
    campaign = launched(CampaignFactory.create())
    left, waiting = Message.objects.filter(batch=campaign.batch).order_by("id")
    Message.objects.filter(pk=left.pk).update(state="accepted")
    if paused:
        launch.pause(campaign_id=campaign.pk, user=None)
    launch.cancel(campaign_id=campaign.pk, user=None)
    assert state_of(campaign) == "cancelled"
    assert dict(Message.objects.values_list("pk", "state")) == {left.pk: "accepted", waiting.pk: "cancelled"}
    assert queue_of(campaign) == []
    # Nothing brings it back.
    with pytest.raises(LaunchError, match="cannot be resumed"):
        launch.resume(campaign_id=campaign.pk)
    launch.catch_up()
    sweeper.tend_batches()
    assert state_of(campaign) == "cancelled"


@pytest.mark.parametrize("state", ["draft", "finished", "cancelled", "failed"])
def test_what_is_over_or_has_not_begun_is_not_cancelled(state: str) -> None:
    campaign = CampaignFactory.create(state=state)
    with pytest.raises(LaunchError, match="cannot be cancelled"):
        launch.cancel(campaign_id=campaign.pk, user=None)


def test_a_scheduled_campaign_can_be_cancelled() -> None:
    campaign = CampaignFactory.create()
    launch.schedule(campaign_id=campaign.pk, at=in_an_hour(), user=None)
    launch.cancel(campaign_id=campaign.pk, user=None)
    with time_machine.travel(in_an_hour() + dt.timedelta(hours=1)):
        tasks.launch_due()
    assert state_of(campaign) == "cancelled"


def quiet_campaign() -> Campaign:
    campaign = CampaignFactory.create()
    Account.objects.update(quiet_start="21:00", quiet_end="08:00")
    Subscriber.objects.update(time_zone="America/New_York")
    return campaign


NIGHT = dt.datetime(2026, 3, 2, 22, 0, tzinfo=NEW_YORK)
MORNING = dt.datetime(2026, 3, 3, 8, 0, 1, tzinfo=NEW_YORK)


def test_a_launch_in_quiet_hours_waits_for_their_end() -> None:
    campaign = quiet_campaign()
    with time_machine.travel(NIGHT):
        deferral = preview_launch(Campaign.objects.get()).deferral
        assert deferral is not None
        assert (deferral.messages, deferral.last) == (2, MORNING.replace(second=0))
        launched(campaign)
        sweeper.tend_batches()
        assert (state_of(campaign), queue_of(campaign)) == ("sending", [])
    with time_machine.travel(MORNING):
        assert preview_launch(Campaign.objects.get()).deferral is None
        sweeper.tend_batches()
        assert (state_of(campaign), len(queue_of(campaign))) == ("sending", 2)


def test_who_resumes_in_quiet_hours_has_it_go_on_by_itself_in_the_morning() -> None:
    campaign = quiet_campaign()
    with time_machine.travel(NIGHT.replace(hour=20)):
        launched(campaign)
        launch.pause(campaign_id=campaign.pk, user=None)
    with time_machine.travel(NIGHT):
        launch.resume(campaign_id=campaign.pk)
        assert (state_of(campaign), queue_of(campaign)) == ("sending", [])
    with time_machine.travel(MORNING):
        sweeper.tend_batches()
    assert len(queue_of(campaign)) == 2


def test_a_campaign_stands_where_its_batch_stands() -> None:
    campaign = launched(CampaignFactory.create())
    batch_id = campaign.batch_id or 0
    stop_gateway(campaign.number.gateway_id, "Authenticate: the token is wrong.")
    assert (state_of(campaign), campaign.state_reason) == ("paused", "Authenticate: the token is wrong.")
    launch.resume(campaign_id=campaign.pk)
    Message.objects.update(state="unknown")
    assert not batches.finish_batch(batch_id)
    Message.objects.update(state="unresolved")
    assert batches.finish_batch(batch_id)
    assert (state_of(campaign), campaign.state_reason) == ("finished", "")
    assert campaign.finished_at is not None
    # A person has it sent again to those of whom nobody knows.
    assert batches.resend_unresolved(batch_id=batch_id) == 2
    assert state_of(campaign) == "sending"
    assert campaign.finished_at is None


@pytest.mark.parametrize("state", ["paused", "finished", "cancelled"])
def test_a_campaign_catches_up_with_a_batch_whose_news_were_swallowed_by_a_kill(state: str) -> None:
    campaign = launched(CampaignFactory.create())
    Batch.objects.update(state=state, pause_reason="Why." if state == "paused" else "")
    Message.objects.update(state="delivered")
    tasks.launch_due()
    assert state_of(campaign) == state
    assert campaign.state_reason == ("Why." if state == "paused" else "")


def test_a_batch_catches_up_with_a_cancellation_that_was_killed_half_way(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = launched(CampaignFactory.create())

    def killed(_: int) -> bool:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(batches, "cancel_batch", killed)
        with pytest.raises(SystemExit):
            launch.cancel(campaign_id=campaign.pk, user=None)
    assert Batch.objects.get().state == "sending"
    tasks.launch_due()
    assert Batch.objects.get().state == "cancelled"
    assert set(Message.objects.values_list("state", flat=True)) == {"cancelled"}
    assert state_of(campaign) == "cancelled"


@pytest.mark.parametrize("state", ["launching", "sending", "paused"])
def test_a_batch_is_cancelled_from_wherever_it_stands(state: str) -> None:
    campaign = launched(CampaignFactory.create())
    Batch.objects.update(state=state)
    assert batches.cancel_batch(campaign.batch_id or 0)
    assert not batches.cancel_batch(campaign.batch_id or 0)
    assert Batch.objects.get().state == "cancelled"

"""Launching: refused with a reason, or done exactly once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from accounts.models import Account, User
from broadcast.core.redis import get_redis
from campaigns import tasks
from campaigns.models import Campaign, Subscription
from campaigns.services import launch
from campaigns.services.launch import LaunchError
from campaigns.services.preview import preview_launch
from integrations.models import Gateway
from messaging.engine import keys
from messaging.models import Batch, Message, PhoneNumber
from messaging.services import batches
from tests.factories import (
    CampaignFactory,
    PhoneNumberFactory,
    SubscriberListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    UserFactory,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def state_of(campaign: Campaign) -> str:
    campaign.refresh_from_db()
    return campaign.state


def launched(campaign: Campaign) -> Campaign:
    """Launched and, as the cluster does, performed."""
    launch.launch(campaign_id=campaign.pk, user=None)
    launch.perform_launch(campaign.pk)
    campaign.refresh_from_db()
    return campaign


def rows(campaign: Campaign) -> list[tuple[int, str, int, str]]:
    found = Message.objects.filter(batch__source=f"campaign:{campaign.pk}").order_by("id")
    return list(found.values_list("id", "recipient", "cohort", "state"))


def queue_of(campaign: Campaign) -> list[int]:
    batch = Batch.objects.get(source=f"campaign:{campaign.pk}")
    return [
        int(pk)
        for pk in get_redis().lrange(keys.queue(batch.gateway_id, keys.batch_queue(batch.pk, batch.number_id)), 0, -1)
    ]


def _no_list(campaign: Campaign) -> None:
    campaign.campaign_lists.all().delete()


def _nobody(campaign: Campaign) -> None:
    Subscription.objects.update(state="unsubscribed")


def _all_suppressed(campaign: Campaign) -> None:
    for number in Subscription.objects.values_list("subscriber__number", flat=True):
        SuppressionFactory.create(account=campaign.account, recipient=number)


def _account(status: str) -> Callable[[Campaign], object]:
    return lambda campaign: Account.objects.filter(pk=campaign.account_id).update(status=status)


def _number(state: str) -> Callable[[Campaign], object]:
    return lambda campaign: PhoneNumber.objects.filter(pk=campaign.number_id).update(state=state)


def _body(body: str) -> Callable[[Campaign], object]:
    return lambda campaign: Campaign.objects.filter(pk=campaign.pk).update(body=body)


def _foreign_number(campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(number=PhoneNumberFactory.create())


def _disabled_gateway(campaign: Campaign) -> None:
    Gateway.objects.update(is_enabled=False)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_no_list, "It has no list"),
        (_nobody, "Nobody is subscribed"),
        (_all_suppressed, "Everybody on its lists has opted out"),
        (_account("suspended"), "is suspended"),
        (_account("closed"), "is closed"),
        (_number("released"), "is released"),
        (_number("disabled"), "is disabled"),
        (_number("pending"), "is pending"),
        (_foreign_number, "belongs to another account"),
        (_disabled_gateway, "is disabled. Enable it"),
        (_body("Hi {{ first_name "), "Line 1, column"),
        (_body("Hi {{ shoe_size }}"), "There is no merge field “shoe_size”"),
        (_body("  \n "), "The text is empty"),
    ],
)
def test_what_stands_in_the_way_is_told_and_nothing_happens(spoil: Callable[[Campaign], object], why: str) -> None:
    campaign = CampaignFactory.create()
    spoil(campaign)
    with pytest.raises(LaunchError, match=why) as refused:
        launch.launch(campaign_id=campaign.pk, user=None)
    assert state_of(campaign) == "draft"
    assert not Batch.objects.exists()
    assert refused.value.text == " ".join(preview_launch(campaign).problems)


@pytest.mark.parametrize("state", ["launching", "sending", "paused", "finished", "cancelled", "failed"])
def test_a_campaign_is_launched_once(state: str) -> None:
    campaign = CampaignFactory.create(state=state)
    with pytest.raises(LaunchError, match="launched before"):
        launch.launch(campaign_id=campaign.pk, user=None)
    with pytest.raises(LaunchError, match="launched before"):
        launch.schedule(campaign_id=campaign.pk, at=campaign.created_at.replace(year=2999), user=None)
    assert state_of(campaign) == state


def test_of_two_launches_at_the_same_moment_one_wins() -> None:
    campaign = CampaignFactory.create()
    users = UserFactory.create_batch(4)
    outcomes: list[str] = []

    def press(user: User) -> None:
        try:
            launch.launch(campaign_id=campaign.pk, user=user)
            outcomes.append("launched")
            launch.perform_launch(campaign.pk)
        except LaunchError as error:
            outcomes.append(error.text)

    at_once(*(partial(press, user) for user in users))
    assert sorted(outcome == "launched" for outcome in outcomes) == [False, False, False, True]
    assert all("launched before" in outcome for outcome in outcomes if outcome != "launched")
    assert state_of(campaign) == "sending"
    assert Batch.objects.count() == 1
    assert len(rows(campaign)) == 2


def test_performing_a_launch_at_the_same_moment_makes_the_same_rows() -> None:
    number = PhoneNumberFactory.create()
    campaign = CampaignFactory.create(
        number=number, lists=[SubscriberListFactory.create(account=number.account, people=50)]
    )
    launch.launch(campaign_id=campaign.pk, user=None)
    at_once(*[partial(launch.perform_launch, campaign.pk)] * 3)
    assert state_of(campaign) == "sending"
    assert len(rows(campaign)) == 50
    assert set(queue_of(campaign)) == {pk for pk, *_ in rows(campaign)}


@pytest.mark.parametrize("killed_in", ["create_batch", "start_batch", "after"])
def test_a_launch_that_is_killed_anywhere_is_taken_up_with_the_same_rows(
    killed_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = CampaignFactory.create()
    launch.launch(campaign_id=campaign.pk, user=None)

    make = batches.create_batch

    def killed(*_: object) -> Batch:
        raise SystemExit

    with monkeypatch.context() as patch:
        if killed_in == "create_batch":
            # The rows are made, and the transaction is not committed.
            patch.setattr(batches, "create_batch", lambda **options: killed(make(**options)))
        elif killed_in == "start_batch":
            patch.setattr(batches, "start_batch", killed)
        if killed_in == "after":
            launch.perform_launch(campaign.pk)
        else:
            with pytest.raises(SystemExit):
                launch.perform_launch(campaign.pk)
    before = rows(campaign)
    assert len(before) == (0 if killed_in == "create_batch" else 2)
    late = SubscriptionFactory.create(list=campaign.lists.get())
    tasks.launch_due()
    tasks.launch_campaign(campaign.pk)
    assert state_of(campaign) == "sending"
    after = rows(campaign)
    if before:
        assert after == before
    else:
        # Nothing had been frozen yet.
        assert late.subscriber.number in {recipient for _, recipient, *_ in after}
    assert queue_of(campaign) == [pk for pk, *_ in after]


def test_the_preview_tells_what_the_launch_then_does() -> None:
    number = PhoneNumberFactory.create(pace_segments=2)
    first, second = SubscriberListFactory.create_batch(2, account=number.account, people=4)
    for subscription in first.subscriptions.all()[:2]:
        SubscriptionFactory.create(list=second, subscriber=subscription.subscriber)
    gone = SubscriptionFactory.create(list=second).subscriber
    SuppressionFactory.create(account=number.account, recipient=gone.number)
    campaign = CampaignFactory.create(number=number, lists=[first, second], body="Hi {{ first_name }} 👍")
    preview = preview_launch(campaign)
    assert preview.problems == []
    launched(campaign)
    messages = Message.objects.filter(batch=campaign.batch)
    texts = [message.text for message in messages.filter(state="queued")]
    assert (preview.recipients, preview.suppressed, preview.subscriptions) == (8, 1, 11)
    assert (len(texts), messages.filter(state="suppressed").count()) == (8, 1)
    assert preview.on_several_lists == 2
    assert set(preview.samples) <= set(texts)
    assert (preview.encoding, preview.segments_total, preview.seconds) == ("UCS-2", 8, 4.0)
    assert any("👍" in warning for warning in preview.warnings)


def test_a_text_that_is_empty_for_some_is_warned_of() -> None:
    campaign = CampaignFactory.create(body="{{ email }}")
    assert any("empty for 2" in warning for warning in preview_launch(campaign).warnings)


@pytest.mark.parametrize(
    ("spoil", "why"), [(_account("suspended"), "is suspended"), (_number("released"), "is released")]
)
def test_a_launch_that_has_become_impossible_fails_with_the_reason(
    spoil: Callable[[Campaign], object], why: str
) -> None:
    campaign = CampaignFactory.create()
    launch.launch(campaign_id=campaign.pk, user=None)
    spoil(campaign)
    launch.perform_launch(campaign.pk)
    assert state_of(campaign) == "failed"
    assert why in campaign.state_reason
    assert not Batch.objects.exists()


def test_a_launch_of_which_everybody_has_left_fails() -> None:
    campaign = CampaignFactory.create()
    launch.launch(campaign_id=campaign.pk, user=None)
    Subscription.objects.all().delete()
    launch.perform_launch(campaign.pk)
    assert (state_of(campaign), campaign.state_reason) == ("failed", "Nobody is on its lists any more.")
    assert Batch.objects.get().state == "cancelled"


def test_who_cancels_before_the_rows_are_made_has_none_made() -> None:
    campaign = CampaignFactory.create()
    launch.launch(campaign_id=campaign.pk, user=None)
    launch.cancel(campaign_id=campaign.pk, user=None)
    launch.perform_launch(campaign.pk)
    assert state_of(campaign) == "cancelled"
    assert not Batch.objects.exists()


def test_who_cancels_while_the_rows_are_made_stops_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = CampaignFactory.create()
    launch.launch(campaign_id=campaign.pk, user=None)
    start = batches.start_batch

    def cancelled_just_before(batch_id: int) -> bool:
        launch.cancel(campaign_id=campaign.pk, user=None)
        return start(batch_id)

    monkeypatch.setattr(batches, "start_batch", cancelled_just_before)
    launch.perform_launch(campaign.pk)
    assert state_of(campaign) == "cancelled"
    assert Batch.objects.get().state == "cancelled"
    assert {state for *_, state in rows(campaign)} == {"cancelled"}


def test_who_cancels_while_the_batch_appears_stops_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cancellation has read the campaign before there was a batch, and writes after it was started."""
    campaign = CampaignFactory.create()
    launch.launch(campaign_id=campaign.pk, user=None)
    read = launch._get

    def launched_in_between(campaign_id: int) -> Campaign:
        monkeypatch.setattr(launch, "_get", read)
        found = read(campaign_id)
        launch.perform_launch(campaign_id)
        return found

    monkeypatch.setattr(launch, "_get", launched_in_between)
    launch.cancel(campaign_id=campaign.pk, user=None)
    assert state_of(campaign) == "cancelled"
    assert Batch.objects.get().state == "cancelled"
    assert queue_of(campaign) == []

"""Letting a number go: the days in which it still receives, taking it back, and what the provider makes of it."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from campaigns.models import Campaign
from campaigns.services.preview import blocking_problems
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.models import Conversation, InboundMessage, Message, PhoneNumber, Suppression
from messaging.services.conversations import why_not_sendable
from messaging.services.numbers import (
    ProvisioningError,
    keep_number,
    provision_number,
    release_due,
    release_number,
)
from messaging.tasks import release_numbers
from tests.factories import (
    AccountFactory,
    BatchFactory,
    CampaignFactory,
    ConversationFactory,
    PhoneNumberFactory,
    SenderPoolFactory,
)
from tests.messaging.hooks import receive
from tests.messaging.number_tools import again, break_numbers, offers, owned

pytestmark = pytest.mark.django_db(transaction=True)


def bought(gateway: Gateway) -> PhoneNumber:
    return provision_number(account=AccountFactory(), gateway=gateway, number=offers(gateway)[0])


def test_a_leaving_number_waits_and_is_given_back_when_its_time_has_come(gateway: Gateway) -> None:
    """Given a number that leaves in three days, when two have passed, then it is ours; when three have, then it is not."""
    number = bought(gateway)
    left = release_number(number=number, after_days=3)
    assert left.release_at is not None
    assert left.state == "leaving"
    assert abs(left.release_at - timezone.now() - dt.timedelta(days=3)) < dt.timedelta(minutes=1)
    with time_machine.travel(timezone.now() + dt.timedelta(days=2)):
        release_numbers()
        assert (again(number).state, len(owned(gateway, number.number))) == ("leaving", 1)
    with time_machine.travel(timezone.now() + dt.timedelta(days=3, seconds=1)):
        release_numbers()
        released = again(number)
        assert (released.state, owned(gateway, number.number)) == ("released", [])
        assert released.released_at is not None
        assert release_due() == 0


@pytest.mark.parametrize("days", [-1, 31])
def test_nobody_waits_longer_than_a_month(gateway: Gateway, days: int) -> None:
    number = PhoneNumberFactory(gateway=gateway)
    with pytest.raises(ProvisioningError, match="0 to 30 days"):
        release_number(number=number, after_days=days)
    assert again(number).state == "active"


def test_a_leaving_number_sends_no_campaign_and_honours_who_writes(line: PhoneNumber) -> None:
    """Given a leaving number, when somebody writes STOP or HELP, then it is done and answered; campaigns are refused."""
    campaign = CampaignFactory(account=line.account, number=line)
    conversation = ConversationFactory(number=line)
    release_number(number=line)
    stop, help_ = receive(line, "STOP"), receive(line, "HELP", sender="+14155552672")
    assert Suppression.objects.active().filter(account=line.account).count() == 1
    answers = Message.objects.filter(kind="service")
    assert {answer.in_reply_to_id for answer in answers} == {stop.pk, help_.pk}
    campaign = Campaign.objects.get(pk=campaign.pk)
    assert any("is leaving" in problem for problem in blocking_problems(campaign))
    conversation.refresh_from_db()
    assert why_not_sendable(conversation) == ""


@pytest.mark.parametrize("state", ["active", "disabled"])
def test_a_number_that_is_kept_is_what_it_was(gateway: Gateway, state: str) -> None:
    number = bought(gateway)
    PhoneNumber.objects.filter(pk=number.pk).update(state=state)
    release_number(number=number)
    kept = keep_number(number=number)
    assert (kept.state, kept.release_at) == (state, None)
    with time_machine.travel(timezone.now() + dt.timedelta(days=40)):
        assert release_due() == 0
    assert len(owned(gateway, number.number)) == 1
    with pytest.raises(ProvisioningError, match=f"is {state} by now"):
        keep_number(number=number)


def test_a_pool_goes_on_without_the_number_and_has_it_again_when_it_is_kept() -> None:
    pool = SenderPoolFactory()
    first, second = pool.numbers.order_by("pk")
    release_number(number=first)
    pool.refresh_from_db()
    assert set(pool.buckets) == {second.pk}
    keep_number(number=first)
    pool.refresh_from_db()
    assert set(pool.buckets) == {first.pk, second.pk}
    release_number(number=first, after_days=0)
    assert list(pool.numbers.all()) == [second]


@pytest.mark.parametrize(
    "fault", ["release:refuse", "release:html", "release:close", "release:error", "release:throttle"]
)
def test_what_the_provider_does_not_take_back_is_tried_again(
    simulator: SimulatorProcess, gateway: Gateway, fault: str
) -> None:
    number = bought(gateway)
    release_number(number=number)
    break_numbers(simulator, fault)
    with time_machine.travel(timezone.now() + dt.timedelta(days=8)):
        assert release_due() == 0
        refused = again(number)
        assert (refused.state, bool(refused.problem), refused.claimed_until) == ("leaving", True, None)
        assert len(owned(gateway, number.number)) == 1
        break_numbers(simulator)
        assert release_due() == 1
    assert (again(number).state, again(number).problem) == ("released", "")


def test_a_release_that_got_through_unheard_cannot_be_kept(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Given a number that the provider took back although its reply was lost, when it is kept, then the truth is told."""
    number = bought(gateway)
    break_numbers(simulator, "release:lost")
    with pytest.raises(ProvisioningError, match="did not answer"):
        release_number(number=number, after_days=0)
    break_numbers(simulator)
    with pytest.raises(ProvisioningError, match="It is released"):
        keep_number(number=again(number))
    assert again(number).state == "released"


def test_a_number_that_is_needed_by_then_waits(gateway: Gateway) -> None:
    number = bought(gateway)
    release_number(number=number)
    batch = BatchFactory(number=number, state="paused")
    with time_machine.travel(timezone.now() + dt.timedelta(days=8)):
        assert release_due() == 0
    assert batch.label in again(number).problem
    assert len(owned(gateway, number.number)) == 1


def test_a_pending_number_that_was_never_bought_is_not_released(gateway: Gateway) -> None:
    number = PhoneNumberFactory(gateway=gateway, state="pending", step="wanted")
    with pytest.raises(ProvisioningError, match="Give it up instead"):
        release_number(number=number)


def test_a_number_bought_anew_shows_its_new_account_nothing_of_the_old(gateway: Gateway) -> None:
    """Given a released number, when another account buys it, then conversations and late messages stay with the first."""
    old = bought(gateway)
    receive(old, "Is the matinee on?")
    before = timezone.now()
    release_number(number=old, after_days=0)
    new = provision_number(account=AccountFactory(), gateway=gateway, number=old.number)
    assert new.pk != old.pk
    assert not Conversation.objects.filter(account=new.account).exists()

    late = receive(old, "STOP", at=before.timestamp())
    assert (late.account_id, late.number_id) == (old.account_id, old.pk)
    assert Suppression.objects.active().get().account_id == old.account_id

    fresh = receive(new, "Hello", at=timezone.now().timestamp())
    assert (fresh.account_id, fresh.number_id) == (new.account_id, new.pk)
    assert InboundMessage.objects.filter(account=new.account).count() == 1

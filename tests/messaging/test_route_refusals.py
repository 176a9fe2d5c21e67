"""Refusals of carriers where routes divide a batch: who stops, who goes on, and who takes a pool's groups."""

from __future__ import annotations

import pytest

from campaigns.services import launch as campaigns
from messaging.models import Batch, Message, PhoneNumber, TenDlcCampaign
from messaging.services import batches
from messaging.services.carrier_refusals import mark_number
from messaging.services.registration_checks import REFUSALS_TO_STOP
from messaging.services.registrations import move_registration
from messaging.services.tending import tend_batches
from tests.factories import (
    CampaignFactory,
    CarrierRefusalFactory,
    PhoneNumberFactory,
    RegistrationPolicyFactory,
    RouteFactory,
    SenderPoolFactory,
    TenDlcNumberFactory,
)
from tests.messaging.test_routes import launch
from tests.messaging.tools import recipients

pytestmark = pytest.mark.django_db(transaction=True)

#: One of each country.
PEOPLE = ["+4915123456789", *recipients(2)]


@pytest.fixture
def american() -> PhoneNumber:
    """A registered long code of an account that is checked."""
    number = TenDlcNumberFactory.create().number
    RegistrationPolicyFactory.create(account=number.account)
    return number


@pytest.fixture
def german(american: PhoneNumber) -> PhoneNumber:
    return PhoneNumberFactory.create(account=american.account, number="+4915155501234", kind="mobile")


def refuse(number: PhoneNumber) -> None:
    mark_number(number_id=number.pk, code="30034", text="Not registered.", count=REFUSALS_TO_STOP)


def state(batch: Batch) -> tuple[str, str]:
    batch.refresh_from_db()
    return batch.state, batch.pause_code


def test_a_refused_number_that_a_route_brought_in_stops_the_batch(american: PhoneNumber, german: PhoneNumber) -> None:
    RouteFactory.create(account=american.account, country="US", number=american)
    going, without = launch(german, PEOPLE), launch(german, PEOPLE[:1])
    assert american.pk in going.routed_ids
    refuse(american)
    assert state(going) == ("paused", "registration")
    assert state(without) == ("sending", ""), "nothing of it waits there"


def test_so_does_one_whose_registration_is_suspended(american: PhoneNumber, german: PhoneNumber) -> None:
    RouteFactory.create(account=american.account, country="US", number=american)
    batch = launch(german, PEOPLE)
    move_registration(registration=TenDlcCampaign.objects.get(), to="suspended", user=None)
    assert state(batch) == ("paused", "registration")


def test_the_sweeper_finds_one_that_nobody_told_of(american: PhoneNumber, german: PhoneNumber) -> None:
    RouteFactory.create(account=american.account, country="US", number=american)
    batch = launch(german, PEOPLE)
    CarrierRefusalFactory.create(number=american)
    tend_batches()
    assert state(batch) == ("paused", "registration")


def test_an_own_number_at_which_nothing_waits_is_in_nobodys_way(american: PhoneNumber, german: PhoneNumber) -> None:
    RouteFactory.create(account=american.account, country="DE", number=german)
    batch = launch(american, PEOPLE)
    refuse(american)
    assert state(batch) == ("paused", "registration")
    Message.objects.filter(batch=batch, number=american).update(state="undelivered")
    batches.resume_batch(batch.pk)
    tend_batches()
    assert state(batch) == ("sending", "")


def test_its_campaign_is_resumed_as_well(american: PhoneNumber, german: PhoneNumber) -> None:
    RouteFactory.create(account=american.account, country="DE", number=german)
    batch = launch(american, PEOPLE)
    campaign = CampaignFactory.create(account=american.account, number=american, batch=batch, state="paused")
    refuse(american)
    with pytest.raises(campaigns.LaunchError, match="Carriers have refused"):
        campaigns.resume(campaign_id=campaign.pk)
    Message.objects.filter(batch=batch, number=american).update(state="undelivered")
    campaigns.resume(campaign_id=campaign.pk)
    assert state(batch) == ("sending", "")


def test_a_routes_pool_sends_from_the_numbers_that_carriers_take(american: PhoneNumber, german: PhoneNumber) -> None:
    other = PhoneNumberFactory.create(account=american.account, gateway=american.gateway)
    pool = SenderPoolFactory.create(account=american.account, numbers=[american, other])
    RouteFactory.create(account=american.account, country="US", number=None, pool=pool)
    CarrierRefusalFactory.create(number=american)
    batch = launch(german, [PEOPLE[0], *recipients(240)])
    assert Message.objects.filter(batch=batch, number=american).count() == 0
    assert Message.objects.filter(batch=batch, number=other).count() == 240
    tend_batches()
    assert state(batch) == ("sending", "")

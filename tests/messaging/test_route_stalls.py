"""The stall alarm of a batch that leaves through several gateways: the one at which something waits is named."""

from __future__ import annotations

import pytest

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from messaging.engine import keys
from messaging.models import Batch, Message, PhoneNumber
from messaging.services.stalls import current, diagnose
from tests.factories import BatchFactory, PhoneNumberFactory, RouteFactory
from tests.messaging.detour_tools import silence
from tests.messaging.test_expiry import ago, reload
from tests.messaging.test_routes import launch
from tests.messaging.test_stalls import _workers, with_sender  # noqa: F401  a fixture that is used by itself
from tests.messaging.tools import recipients

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own() -> PhoneNumber:
    return PhoneNumberFactory.create()


@pytest.fixture
def french(own: PhoneNumber) -> PhoneNumber:
    """What the French hear from, at a gateway of its own."""
    number = PhoneNumberFactory.create(account=own.account)
    RouteFactory.create(account=own.account, country="FR", number=number)
    return number


@pytest.fixture
def batch(own: PhoneNumber, french: PhoneNumber) -> Batch:
    """All have left but one French; both senders are at work."""
    batch = launch(own, [*recipients(5), "+33612345108"])
    Message.objects.filter(batch=batch, number=own).update(state="delivered")
    at = ago(seconds=90)
    Batch.objects.filter(pk=batch.pk).update(launched_at=at, updated_at=at, moved_at=at)
    for number in (own, french):
        with_sender(number)
    return reload(batch)


def test_the_gateway_that_is_silent_is_named(batch: Batch, french: PhoneNumber) -> None:
    silence(french.gateway)
    assert current(batch).startswith(f"{french.gateway} has not answered since")


def test_it_is_told_at_once_although_others_move(batch: Batch, french: PhoneNumber) -> None:
    silence(french.gateway)
    Batch.objects.filter(pk=batch.pk).update(moved_at=ago(seconds=1))
    assert current(reload(batch)).startswith(f"{french.gateway} has not answered since")


def test_its_own_is_not_when_nothing_waits_there(batch: Batch, own: PhoneNumber) -> None:
    silence(own.gateway)
    assert f"{own.gateway} has not answered" not in current(batch)


def test_one_that_refuses_everything_is_named(batch: Batch, french: PhoneNumber) -> None:
    Gateway.objects.filter(pk=french.gateway_id).update(stopped_reason="Authenticate.")
    assert diagnose(batch).startswith(f"{french.gateway} refuses everything: Authenticate.")


def test_one_that_asked_to_wait_is_named(batch: Batch, french: PhoneNumber) -> None:
    get_redis().set(keys.backoff(french.gateway_id), 1, px=25_000)
    assert diagnose(batch).startswith(f"{french.gateway} asked to be left alone")


def test_one_whose_requests_are_in_use_is_named(batch: Batch, french: PhoneNumber) -> None:
    BatchFactory.create(number=french, label="Greedy", moved_at=ago(seconds=1))
    get_redis().hset(keys.slots(french.gateway_id), "somebody", french.gateway.concurrency)
    assert f"requests of {french.gateway} are in use, by “Greedy”" in diagnose(batch)


def test_queues_that_one_gateway_lost_are_found(batch: Batch, own: PhoneNumber, french: PhoneNumber) -> None:
    """Given ids in the own gateway's queue that have left long since, when the other's queue is gone, then that is told."""
    get_redis().delete(keys.queue(french.gateway_id, keys.batch_queue(batch.pk, french.pk)))
    assert get_redis().exists(keys.queue(own.gateway_id, keys.batch_queue(batch.pk, own.pk)))
    assert f"none is queued in Redis for {french.gateway}" in diagnose(batch)


def test_a_gateway_without_a_sender_is_named(batch: Batch, french: PhoneNumber) -> None:
    get_redis().delete(keys.seat(f"sender:{french.gateway_id}"))
    assert diagnose(batch).startswith(f"No sender is at work for {french.gateway}.")

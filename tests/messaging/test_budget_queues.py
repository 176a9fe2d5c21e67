"""What a spent day takes out of the queues is queued on the next day, whatever happened in between."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

import pytest
import time_machine

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys, launch
from messaging.engine.budgets import left_out
from messaging.engine.launch import rebuild_queue
from messaging.models import Batch, Message, PhoneNumber
from messaging.services import canaries
from messaging.services.tending import tend_batches
from tests.factories import GatewayFactory, PhoneNumberFactory
from tests.messaging.test_budgets import MIDNIGHT, NOON, registered
from tests.messaging.tools import make_batch, recipients, send_all, states

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    """No test runs into the carriers' midnight."""
    with time_machine.travel(NOON):
        yield


def another(number: PhoneNumber, name: str, gateway: Gateway) -> PhoneNumber:
    """A number of the same account that no budget limits."""
    return PhoneNumberFactory.create(
        account=number.account, gateway=gateway, number=name, kind="local", pace_segments=100_000
    )


def divided(first: PhoneNumber, *others: PhoneNumber, at: int) -> Batch:
    """A batch of two messages at each of its numbers.

    Args:
        first: the batch's own.
        others: brought in by routes.
        at: another gateway of theirs, 0 for none.
    """
    numbers = [first, *others]
    batch = make_batch(first, recipients(2 * len(numbers)))
    for index, number in enumerate(others, 1):
        people = recipients(2 * index + 2)[2 * index :]
        Message.objects.filter(batch=batch, recipient__in=people).update(number=number)
    Batch.objects.filter(pk=batch.pk).update(
        sender_ids=[number.pk for number in numbers], other_gateway_ids=[at] if at else []
    )
    batch.refresh_from_db()
    rebuild_queue(batch)
    return batch


def keep_full(*queues: tuple[PhoneNumber, Batch]) -> None:
    """Some queues have not run dry."""
    for number, batch in queues:
        get_redis().rpush(keys.queue(number.gateway_id, keys.batch_queue(batch.pk, number.pk)), 999_999)


def test_what_waits_at_another_gateway_than_the_batchs_is_queued_the_next_day(
    simulator: SimulatorProcess, gateway: Gateway
) -> None:
    """Given a routed number whose brand is used up, when the other numbers' queues go on, then its rest leaves after midnight."""
    simulator.settings(numbers=("+14155552600", "+14155552601", "+14155552602"))
    beside = GatewayFactory.create(base_url=gateway.base_url, credentials=gateway.credentials)
    held = registered(beside, cap=1)
    own, third = another(held, "+14155552601", gateway), another(held, "+14155552602", beside)
    batch = divided(own, held, third, at=beside.pk)
    send_all(held)
    send_all(own)
    assert states(batch) == {"accepted": 5, "queued": 1}
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=5)):
        keep_full((own, batch), (third, batch))
        tend_batches()
        send_all(held)
    assert states(batch) == {"accepted": 6}


def test_what_is_taken_out_while_queues_are_made_is_remembered(
    simulator: SimulatorProcess, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given queues that take long to make, when a brand's day ends meanwhile, then the end of the making forgets nothing."""
    simulator.settings(numbers=("+14155552600", "+14155552601"))
    held = registered(gateway, cap=1)
    other = another(held, "+14155552601", gateway)
    batch = divided(held, other, at=0)
    put_ids = launch.put_ids

    def slowly(*, number: PhoneNumber, queue_name: str, ids: Iterable[int]) -> int:
        put = put_ids(number=number, queue_name=queue_name, ids=ids)
        send_all(held)
        return put

    monkeypatch.setattr(launch, "put_ids", slowly)
    rebuild_queue(batch)
    monkeypatch.undo()
    assert states(batch) == {"accepted": 3, "queued": 1}
    assert left_out(batch) == {held.pk}
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=5)):
        assert held.pk in left_out(batch)
        keep_full((other, batch))
        tend_batches()
        send_all(held)
    assert states(batch) == {"accepted": 4}


def test_a_lost_note_is_made_again_while_the_day_lasts(simulator: SimulatorProcess, gateway: Gateway) -> None:
    simulator.settings(numbers=("+14155552600", "+14155552601"))
    held = registered(gateway, cap=1)
    other = another(held, "+14155552601", gateway)
    batch = divided(held, other, at=0)
    send_all(held)
    get_redis().delete(keys.left_out(batch.pk))
    keep_full((other, batch))
    tend_batches()
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=5)):
        tend_batches()
        send_all(held)
    assert states(batch) == {"accepted": 4}


def test_a_number_that_no_day_holds_up_any_more_is_forgotten(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Otherwise the queues would be made anew each minute."""
    held = registered(gateway, cap=1)
    batch = divided(held, at=0)
    send_all(held)
    assert left_out(batch) == {held.pk}
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=5)):
        tend_batches()
        assert left_out(batch) == set()


def test_only_one_gateways_queues_are_made_and_the_others_notes_stay(
    simulator: SimulatorProcess, gateway: Gateway
) -> None:
    beside = GatewayFactory.create(base_url=gateway.base_url, credentials=gateway.credentials)
    held = registered(beside, cap=1)
    own = another(held, "+14155552601", gateway)
    batch = divided(own, held, at=beside.pk)
    send_all(held)
    with time_machine.travel(MIDNIGHT + dt.timedelta(minutes=5)):
        rebuild_queue(batch, gateway_ids=[gateway.pk])
        assert left_out(batch) == {held.pk}
        rebuild_queue(batch, gateway_ids=[beside.pk])
        assert left_out(batch) == set()


def test_a_number_that_came_while_a_batch_was_tended_is_queued(
    simulator: SimulatorProcess, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a batch that was read, when a stand-in takes over some of it, then queues are made with the number that came."""
    simulator.settings(numbers=("+14155552600", "+14155552601"))
    own = registered(gateway, cap=0)
    new = another(own, "+14155552601", gateway)
    batch = make_batch(own, recipients(2))
    get_redis().flushdb()

    def meanwhile(_batch: Batch) -> None:
        moved = Message.objects.filter(batch=batch).order_by("pk").first()
        assert moved is not None
        Message.objects.filter(pk=moved.pk).update(number=new)
        Batch.objects.filter(pk=batch.pk).update(sender_ids=[own.pk, new.pk], routed_ids=[new.pk])

    monkeypatch.setattr(canaries, "tend", meanwhile)
    tend_batches()
    monkeypatch.undo()
    send_all(own)
    assert states(batch) == {"accepted": 2}


def test_queues_are_made_of_a_batch_that_was_read_before_a_number_came(
    simulator: SimulatorProcess, gateway: Gateway
) -> None:
    """Whoever resumes it sees no error, and what is at the new number is queued by whoever brought it in."""
    simulator.settings(numbers=("+14155552600", "+14155552601"))
    own = registered(gateway, cap=0)
    batch = make_batch(own, recipients(2))
    moved = Message.objects.filter(batch=batch).order_by("pk").first()
    assert moved is not None
    Message.objects.filter(pk=moved.pk).update(number=another(own, "+14155552601", gateway))
    assert rebuild_queue(batch) == 1

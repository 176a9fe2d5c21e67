"""Two senders at two gateways, the second of which stands in for the first, and what tests ask of them."""

from __future__ import annotations

import time

import pytest

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from messaging.engine import claims, keys
from messaging.engine.circuit import Circuit
from messaging.models import Batch, Message, PhoneNumber
from tests.factories import PhoneNumberFactory, RouteFactory


@pytest.fixture
def first() -> PhoneNumber:
    return PhoneNumberFactory.create(pace_segments=10)


@pytest.fixture
def second(first: PhoneNumber) -> PhoneNumber:
    """The second sender of everything: 300 messages are 30 seconds of its pace."""
    number = PhoneNumberFactory.create(account=first.account, pace_segments=10)
    RouteFactory.create(account=first.account, number=first, second_number=number)
    return number


def silence(gateway: Gateway, seconds: float = 61.0) -> None:
    """A gateway's circuit has been open for so long."""
    circuit = Circuit()
    circuit.opened, circuit.since, circuit.until = 3, time.time() - seconds, time.time() + 20
    circuit.reason = "No connection."
    get_redis().hset(keys.circuit(gateway.pk), mapping=circuit.shared())


def answers(gateway: Gateway) -> None:
    get_redis().delete(keys.circuit(gateway.pk))


def queue(batch: Batch, number: PhoneNumber) -> list[int]:
    name = keys.queue(number.gateway_id, keys.batch_queue(batch.pk, number.pk))
    return [int(value) for value in get_redis().lrange(name, 0, -1)]


def at(batch: Batch, number: PhoneNumber) -> int:
    return Message.objects.filter(batch=batch, number=number).count()


def reload(batch: Batch) -> Batch:
    return Batch.objects.select_related("account").get(pk=batch.pk)


def claim(batch: Batch, number: PhoneNumber, ids: list[int], token: str = "t") -> list[int]:
    found = claims.claim(queue_name=keys.batch_queue(batch.pk, number.pk), ids=ids, token=token)
    return [message.id for message in found.messages]

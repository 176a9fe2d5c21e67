"""The sender against a real simulator, over real HTTP, with a real Valkey."""

from __future__ import annotations

import pytest

from integrations.simulator.process import SimulatorProcess
from messaging.models import Message, PhoneNumber
from tests.messaging.tools import drain, make_batch, recipients, run_sender, states

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_recipient_is_sent_to_once(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(2500))
    run_sender(number)
    drain()
    assert states(batch) == {"accepted": 2500}
    stats = simulator.stats()
    assert stats["messages"] == 2500
    assert stats["duplicate_sends"] == 0
    message = Message.objects.filter(batch=batch).earliest("id")
    assert message.provider_id
    assert message.segments == 1

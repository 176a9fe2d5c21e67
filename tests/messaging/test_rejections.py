"""Rejections: a batch that the provider refuses is paused for a person."""

from __future__ import annotations

import pytest

from integrations.simulator.process import SimulatorProcess
from messaging import tasks
from messaging.models import Alert, Batch, PhoneNumber
from messaging.services import batches
from messaging.services.rejections import ADVICE, pause_for_rejections
from tests.factories import BatchFactory
from tests.messaging.tools import drain, make_batch, recipients, states

pytestmark = pytest.mark.django_db(transaction=True)


def test_too_many_refusals_pause_a_batch_and_tell_somebody() -> None:
    batch = BatchFactory.create()
    pause_for_rejections(batch.pk, "The provider refused 30 of the last 100 messages.")
    batch.refresh_from_db()
    assert (batch.state, batch.pause_code) == ("paused", "rejections")
    assert batch.pause_reason.startswith("The provider refused 30 of the last 100 messages.")
    alert = Alert.objects.open().get()
    assert (alert.kind, alert.batch) == ("rejections", batch)
    assert str(batch) in alert.text
    # Two senders find the same.
    pause_for_rejections(batch.pk, "Again.")
    assert Alert.objects.count() == 1


def test_a_long_reason_does_not_push_out_what_to_do() -> None:
    batch = BatchFactory.create()
    pause_for_rejections(batch.pk, "Refused. " * 100)
    batch.refresh_from_db()
    assert batch.pause_reason.endswith(ADVICE)


@pytest.mark.parametrize("state", ["paused", "cancelled", "finished"])
def test_what_is_not_sending_any_more_is_left_alone(state: str) -> None:
    batch = BatchFactory.create(state=state)
    pause_for_rejections(batch.pk, "Too many.")
    assert not Alert.objects.exists()
    assert Batch.objects.get().state == state


def test_a_resume_resolves_the_alert_and_a_new_pause_raises_another() -> None:
    batch = BatchFactory.create()
    pause_for_rejections(batch.pk, "Too many.")
    assert batches.resume_batch(batch.pk)
    assert not Alert.objects.open().exists()
    pause_for_rejections(batch.pk, "Too many again.")
    assert (Alert.objects.count(), Alert.objects.open().count()) == (2, 1)


def test_a_campaign_that_the_provider_refuses_is_paused_before_it_is_refused_for_everybody(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    simulator.settings(errors={21612: 1.0})
    batch = make_batch(number, recipients(2000))
    tasks.send(number.gateway_id)
    drain()
    batch.refresh_from_db()
    assert (batch.state, batch.pause_code) == ("paused", "rejections")
    assert 50 <= states(batch)["failed"] < 1000
    assert Alert.objects.open().get().kind == "rejections"

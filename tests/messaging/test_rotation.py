"""Credentials that change, and credentials that are revoked, while a campaign is being sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections

from integrations.models import Gateway
from integrations.services.checking import check_gateway
from integrations.services.rotation import roll_back, rotate
from integrations.simulator.process import SimulatorProcess
from messaging.models import Alert, Batch, Message, PhoneNumber
from messaging.services.alerts import resolve_outdated
from messaging.services.batches import resume_batch
from messaging.services.gateways import stop_gateway
from messaging.states import MessageState
from tests.factories import PhoneNumberFactory
from tests.messaging.tools import SHORT_CODE, make_batch, recipients, send_all, states, wait_for
from tests.rotation_dialects import DIALECTS, at_simulator

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "n3w-s3cret"


def line_of(gateway: Gateway) -> PhoneNumber:
    made: PhoneNumber = PhoneNumberFactory.create(
        gateway=gateway, number=SHORT_CODE, kind="short_code", pace_segments=1_000_000
    )
    return made


@contextmanager
def sending(simulator: SimulatorProcess, number: PhoneNumber, *, until_taken: int) -> Iterator[None]:
    """A campaign is under way in another process, which begins anew as a cluster would; at the end everything is sent."""
    over = threading.Event()

    def another_process() -> None:
        while not over.is_set():
            send_all(number)
            over.wait(0.02)
        connections.close_all()

    thread = threading.Thread(target=another_process)
    thread.start()
    wait_for(lambda: simulator.stats()["messages_taken"] > until_taken, "the campaign to be under way")
    try:
        yield
        queued = Message.objects.filter(number=number, state=MessageState.QUEUED)
        wait_for(lambda: not queued.exists(), "the campaign to be sent")
    finally:
        over.set()
        thread.join(90)
    assert not thread.is_alive()


@pytest.mark.parametrize("kind", ["twilio", "telnyx"])
def test_a_campaign_goes_on_through_a_rotation_and_nobody_fails_or_gets_it_twice(
    simulator: SimulatorProcess, kind: str
) -> None:
    dialect = DIALECTS[kind]
    simulator.settings(latency_ms=60, also_accepted=[NEW])
    gateway = at_simulator(simulator, kind)
    number = line_of(gateway)
    batch = make_batch(number, recipients(3000))
    old = gateway.credentials[dialect.secret]
    with sending(simulator, number, until_taken=200):
        rotate(gateway_id=gateway.pk, entered={dialect.secret: NEW}, version=1, keep_hours=24, by=None)
        before = simulator.stats()["messages_taken"]
        assert before < 2500, "the campaign was over before anything was rotated"
        # As long as a provider accepts both, the running senders have begun anew; then it takes the new one alone.
        wait_for(lambda: simulator.stats()["messages_taken"] > before + 400, "sending to go on")
        simulator.settings(also_accepted=[], **{dialect.setting: NEW})
    send_all(number)
    stats = simulator.stats(recipients=True)
    assert states(batch) == {"accepted": 3000}
    assert (stats["messages_taken"], stats["duplicate_sends"], len(stats["by_recipient"])) == (3000, 0, 3000)
    gateway.refresh_from_db()
    assert not gateway.stopped_reason
    assert not Alert.objects.exists()
    assert old in gateway.former_credentials.values()


def test_a_refusal_of_the_former_credentials_does_not_stop_the_new_ones(simulator: SimulatorProcess) -> None:
    """The provider revokes the former ones at once: requests under way are refused, and go out anew with the new ones."""
    simulator.settings(latency_ms=60, also_accepted=[NEW])
    gateway = at_simulator(simulator, "twilio")
    number = line_of(gateway)
    batch = make_batch(number, recipients(2000))
    with sending(simulator, number, until_taken=200):
        simulator.settings(also_accepted=[], auth_token=NEW)
        Gateway.objects.filter(pk=gateway.pk).update(
            credentials={**gateway.credentials, "auth_token": NEW}, credentials_version=2
        )
    send_all(number)
    assert states(batch) == {"accepted": 2000}
    assert simulator.stats()["duplicate_sends"] == 0
    gateway.refresh_from_db()
    assert not gateway.stopped_reason
    assert not Alert.objects.exists()


def test_going_back_in_the_middle_of_a_campaign_loses_nobody(simulator: SimulatorProcess) -> None:
    simulator.settings(latency_ms=60, also_accepted=[NEW])
    gateway = at_simulator(simulator, "twilio")
    number = line_of(gateway)
    batch = make_batch(number, recipients(3000))
    with sending(simulator, number, until_taken=200):
        rotate(gateway_id=gateway.pk, entered={"auth_token": NEW}, version=1, keep_hours=24, by=None)
        before = simulator.stats()["messages_taken"]
        wait_for(lambda: simulator.stats()["messages_taken"] > before + 300, "sending to go on")
        roll_back(gateway_id=gateway.pk, version=2, by=None)
        simulator.settings(also_accepted=[])
    send_all(number)
    assert states(batch) == {"accepted": 3000}
    assert simulator.stats()["duplicate_sends"] == 0


@pytest.mark.parametrize("kind", DIALECTS)
def test_revoked_credentials_stop_a_campaign_until_they_are_mended(simulator: SimulatorProcess, kind: str) -> None:
    dialect = DIALECTS[kind]
    gateway = at_simulator(simulator, kind)
    number = line_of(gateway)
    batch = make_batch(number, recipients(300))
    simulator.settings(**{dialect.setting: NEW})
    send_all(number)
    gateway.refresh_from_db()
    batch.refresh_from_db()
    assert gateway.stopped_reason
    assert batch.pause_code == Batch.PauseCode.GATEWAY
    assert states(batch) == {"queued": 300}, "nobody is marked as failed"
    alert = Alert.objects.get(kind=Alert.Kind.GATEWAY_STOPPED)
    assert f"{gateway} refuses everything" in alert.text
    assert not any(value in alert.text for value in gateway.credentials.values())

    assert not check_gateway(gateway_id=gateway.pk).is_taken
    gateway.refresh_from_db()
    assert gateway.stopped_reason, "a check that is refused clears nothing"

    rotate(gateway_id=gateway.pk, entered={dialect.secret: NEW}, version=1, keep_hours=0, by=None)
    gateway.refresh_from_db()
    assert not gateway.stopped_reason
    resolve_outdated()
    alert.refresh_from_db()
    assert alert.resolved_at is not None
    resume_batch(batch.pk)
    send_all(number)
    assert states(batch) == {"accepted": 300}
    assert simulator.stats()["duplicate_sends"] == 0


def test_a_check_that_is_taken_ends_a_stop(simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "telnyx")
    assert stop_gateway(gateway.pk, "10009: revoked", version=1)
    assert check_gateway(gateway_id=gateway.pk).is_taken
    gateway.refresh_from_db()
    assert not gateway.stopped_reason


def test_a_stop_of_other_credentials_stops_nothing(simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "twilio")
    assert not stop_gateway(gateway.pk, "20003", version=7)
    gateway.refresh_from_db()
    assert not gateway.stopped_reason
    assert not Alert.objects.exists()


def test_a_reason_that_repeats_a_secret_is_shown_without_it(simulator: SimulatorProcess) -> None:
    gateway = at_simulator(simulator, "sinch")
    stop_gateway(gateway.pk, f"The token {gateway.credentials['api_token']} is not valid.")
    gateway.refresh_from_db()
    assert gateway.credentials["api_token"] not in gateway.stopped_reason + Alert.objects.get().text

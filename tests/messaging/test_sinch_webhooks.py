"""Sinch's webhooks from end to end: reports that know a batch and a recipient, and no message of ours."""

from __future__ import annotations

import subprocess
from typing import Any

import httpx
import orjson
import pytest

from broadcast.core.config import config
from integrations.models import Gateway
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import SendResult, Webhook
from integrations.sms.events import DeliveryState
from messaging.engine import keys, stream
from messaging.jobs import inbound
from messaging.jobs.recorder import Recorder
from messaging.models import EarlyReport, InboundMessage, Message, RejectedWebhook, Suppression
from messaging.services.gateways import inbound_url, publish_gateways
from messaging.states import MessageState
from tests.factories import GatewayFactory, MessageFactory, PhoneNumberFactory
from tests.fixtures import is_up, run_webhooks
from tests.integrations import sinch_payloads as sinch
from tests.messaging.hooks import PUBLIC_URL, Provider, stored
from tests.messaging.tools import SHORT_CODE, make_batch, recipients, send_all, states, wait_for

SETTINGS = SimulatorSettings()
PERSON = "+14155552671"

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway(db: None) -> Gateway:
    """A gateway of Sinch's that the webhook process knows."""
    made: Gateway = GatewayFactory.create(kind="sinch", credentials=sinch.CREDENTIALS)
    publish_gateways()
    return made


def post(
    provider: Provider,
    gateway: Gateway,
    path: str,
    webhook: Webhook,
    *,
    key: str = sinch.SECRET,
    age_seconds: float = 0,
) -> httpx.Response:
    """POST a webhook signed so many seconds ago."""
    url = f"{PUBLIC_URL}/webhooks/{gateway.key}/{path}"
    signed = sinch.sign(Webhook(url, sinch.JSON, webhook.body), key=key, age_seconds=age_seconds)
    return provider.raw(url.removeprefix(PUBLIC_URL), signed.body, dict(signed.headers))


def report(gateway: Gateway, message: Message, **changes: Any) -> Webhook:
    """A delivery report of a message."""
    reference = f"{gateway.key}-{message.pk // 1000}"
    return sinch.report(recipient=message.recipient[1:], client_reference=reference, **changes)


def test_repeated_report_is_found_by_batch_and_recipient(provider: Provider, gateway: Gateway) -> None:
    number = PhoneNumberFactory.create(gateway=gateway)
    one, other = (
        MessageFactory.create(
            number=number, state=MessageState.ACCEPTED, recipient=person, provider_id=f"{sinch.BATCH}:{person[1:]}"
        )
        for person in (PERSON, "+14155552672")
    )
    for _ in range(2):
        webhook = report(gateway, one, status="Delivered", code=0)
        assert post(provider, gateway, "status", webhook).status_code == 200
    Recorder().drain()
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.state, other.state) == (MessageState.DELIVERED, MessageState.ACCEPTED)
    assert not EarlyReport.objects.exists()


def test_report_that_comes_before_our_own_record_waits_for_it(provider: Provider, gateway: Gateway) -> None:
    number = PhoneNumberFactory.create(gateway=gateway)
    message = MessageFactory.create(number=number, state=MessageState.SENDING, recipient=PERSON)
    assert post(provider, gateway, "status", report(gateway, message, status="Delivered", code=0)).status_code == 200
    recorder = Recorder()
    recorder.drain()
    assert EarlyReport.objects.count() == 1
    result = SendResult(message.pk, f"{sinch.BATCH}:{PERSON[1:]}", DeliveryState.ACCEPTED, 1)
    recorder.apply(stream.unpack(stream.pack(gateway.pk, [(result, 1.0)])))
    message.refresh_from_db()
    assert message.state == MessageState.DELIVERED
    assert not EarlyReport.objects.exists()


def test_opt_out_that_is_told_before_our_own_record_counts(provider: Provider, gateway: Gateway) -> None:
    number = PhoneNumberFactory.create(gateway=gateway)
    message = MessageFactory.create(number=number, state=MessageState.SENDING, recipient=PERSON)
    assert post(provider, gateway, "status", report(gateway, message, status="Failed", code=257)).status_code == 200
    recorder = Recorder()
    recorder.drain()
    assert not Suppression.objects.exists()
    result = SendResult(message.pk, f"{sinch.BATCH}:{PERSON[1:]}", DeliveryState.ACCEPTED, 1)
    recorder.apply(stream.unpack(stream.pack(gateway.pk, [(result, 1.0)])))
    suppression = Suppression.objects.get()
    assert (suppression.recipient, suppression.reason) == (PERSON, Suppression.Reason.PROVIDER_OPT_OUT)


def test_report_on_a_single_message_settles_it_although_its_reply_was_lost(
    provider: Provider, gateway: Gateway
) -> None:
    number = PhoneNumberFactory.create(gateway=gateway)
    message = MessageFactory.create(number=number, state=MessageState.UNKNOWN, recipient=PERSON)
    webhook = report(gateway, message, status="Delivered", code=0)
    assert post(provider, gateway, f"status/{message.pk}", webhook).status_code == 200
    Recorder().drain()
    message.refresh_from_db()
    assert message.state == MessageState.DELIVERED


def test_forged_old_and_unsigned_ones_change_nothing(provider: Provider, gateway: Gateway) -> None:
    webhook = sinch.report()
    assert post(provider, gateway, "status", webhook, key="another").status_code == 403
    assert post(provider, gateway, "status", webhook, age_seconds=600).status_code == 403
    assert provider.raw(f"/webhooks/{gateway.key}/status", webhook.body, dict(sinch.JSON)).status_code == 403
    assert not stored(keys.STATUSES)


def test_unknown_status_is_kept_for_staff(provider: Provider, gateway: Gateway) -> None:
    webhook = sinch.report(status="Melted", client_reference=f"{gateway.key}-0")
    assert post(provider, gateway, "status", webhook).status_code == 200
    Recorder().drain()
    assert "Melted" in RejectedWebhook.objects.get().error


def test_repeated_mms_is_one_message_with_its_picture(provider: Provider, gateway: Gateway) -> None:
    PhoneNumberFactory.create(gateway=gateway, number=SHORT_CODE)
    for _ in range(2):
        webhook = sinch.inbound("inbound_media.json", to=SHORT_CODE)
        assert post(provider, gateway, "inbound", webhook).status_code == 200
    inbound.drain()
    message = InboundMessage.objects.get()
    assert (message.sender, message.body) == (PERSON, "Look\nSTOP")
    assert "https://media.sinch.example/1.jpg" in orjson.dumps(message.media).decode()


@pytest.mark.django_db(transaction=True)
def test_sends_reports_and_replies_go_all_the_way(simulator: SimulatorProcess) -> None:
    """The simulator signs from code that it does not share with the adapter."""
    credentials = {
        "service_plan_id": SETTINGS.sinch_service_plan_id,
        "api_token": SETTINGS.sinch_api_token,
        "webhook_secret": SETTINGS.sinch_webhook_secret,
    }
    gateway = GatewayFactory.create(kind="sinch", base_url=simulator.url, credentials=credentials)
    number = PhoneNumberFactory.create(gateway=gateway, number=SHORT_CODE, kind="short_code", pace_segments=1_000_000)
    batch = make_batch(number, recipients(60))
    publish_gateways()
    simulator.settings(
        inbound_url=inbound_url(gateway),
        inbound_dialect="sinch",
        errors={30006: 0.2, 21612: 0.2},
        callbacks_repeated=0.3,
    )
    with run_webhooks(config().webhook_bind) as process:
        assert isinstance(process, subprocess.Popen)
        wait_for(lambda: is_up(f"{config().webhook_url}/healthz"), "the webhook process to start")
        send_all(number)
        assert simulator.inbound(sender=PERSON, recipient=SHORT_CODE, body="Hi – ça va? 👍")["answered"] is True
        wait_for(lambda: simulator.stats()["scheduled"] == 0, "the carrier to be done")
        wait_for(lambda: simulator.stats()["callbacks"]["pending"] == 0, "the delivery reports")
        Recorder().drain()
    inbound.drain()
    counts = states(batch)
    assert set(counts) == {"delivered", "undelivered", "failed"}
    assert sum(counts.values()) == 60
    assert InboundMessage.objects.get().body == "Hi – ça va? 👍"
    assert not RejectedWebhook.objects.exists()

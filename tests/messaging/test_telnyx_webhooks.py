"""Webhooks signed with Ed25519 and a time: from a provider, or somebody who overheard it, to rows in the database."""

from __future__ import annotations

import base64

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from broadcast.core.config import config
from integrations.models import Gateway
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import Webhook
from messaging.engine import keys
from messaging.jobs import inbound
from messaging.jobs.recorder import Recorder
from messaging.models import InboundMessage, Message, PhoneNumber, RejectedWebhook
from messaging.services.gateways import inbound_url, publish_gateways
from messaging.states import MessageState
from tests.factories import GatewayFactory, MessageFactory, PhoneNumberFactory
from tests.fixtures import is_up, run_webhooks
from tests.integrations import telnyx_payloads as telnyx
from tests.messaging.hooks import Provider, stored
from tests.messaging.tools import SHORT_CODE, drain, make_batch, recipients, send_all, states, wait_for

SETTINGS = SimulatorSettings()
PERSON = "+14155552671"
STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)

pytestmark = pytest.mark.django_db


@pytest.fixture
def known_telnyx(db: None) -> Gateway:
    """A gateway of Telnyx's that the webhook process knows."""
    gateway: Gateway = GatewayFactory.create(kind="telnyx", credentials=telnyx.CREDENTIALS)
    publish_gateways()
    return gateway


def post(
    provider: Provider,
    gateway: Gateway,
    path: str,
    webhook: Webhook,
    *,
    key: Ed25519PrivateKey = telnyx.PRIVATE_KEY,
    seconds_ago: float = 0,
) -> httpx.Response:
    """POST a webhook with its signature."""
    signed = telnyx.sign(webhook, key=key, seconds_ago=seconds_ago)
    return provider.raw(f"/webhooks/{gateway.key}/{path}", signed.body, dict(signed.headers))


def test_status_that_comes_twice_is_recorded_once(provider: Provider, known_telnyx: Gateway) -> None:
    number = PhoneNumberFactory.create(gateway=known_telnyx)
    message = MessageFactory.create(pk=7, number=number, state=MessageState.ACCEPTED, accepted_at=timezone.now())
    for seconds_ago in (0, 30):
        reply = post(
            provider, known_telnyx, f"status/{message.pk}", telnyx.status_event("delivered"), seconds_ago=seconds_ago
        )
        assert reply.status_code == 200
    assert post(provider, known_telnyx, f"status/{message.pk}", telnyx.status_event("sent")).status_code == 200
    Recorder().drain()
    message.refresh_from_db()
    assert (message.state, message.provider_id) == (MessageState.DELIVERED, telnyx.MESSAGE_ID)
    assert not RejectedWebhook.objects.exists()


def test_inbound_message_that_comes_twice_is_kept_once(provider: Provider, known_telnyx: Gateway) -> None:
    PhoneNumberFactory.create(gateway=known_telnyx, number="+14155550100")
    for _ in range(2):
        assert post(provider, known_telnyx, "inbound", telnyx.inbound("inbound_media.json")).status_code == 200
    inbound.drain()
    message = InboundMessage.objects.get()
    assert (message.sender, message.body) == (PERSON, "Look")


def test_forged_unsigned_and_overheard_ones_change_nothing(provider: Provider, known_telnyx: Gateway) -> None:
    event = telnyx.status_event("delivered")
    assert post(provider, known_telnyx, "status/7", event, key=STRANGER).status_code == 403
    assert post(provider, known_telnyx, "status/7", event, seconds_ago=600).status_code == 403
    assert provider.raw(f"/webhooks/{known_telnyx.key}/status/7", event.body, dict(telnyx.JSON)).status_code == 403
    assert not stored(keys.STATUSES)


def test_event_that_is_not_known_is_kept_for_staff(provider: Provider, known_telnyx: Gateway) -> None:
    assert post(provider, known_telnyx, "status/7", telnyx.status_event("pondering")).status_code == 200
    Recorder().drain()
    assert "pondering" in RejectedWebhook.objects.get().error


@pytest.mark.django_db(transaction=True)
def test_statuses_and_replies_come_all_the_way(simulator: SimulatorProcess) -> None:
    """The simulator signs from code that it does not share with the adapter."""
    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(SETTINGS.telnyx_private_key))
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    credentials = {"api_key": SETTINGS.telnyx_api_key, "public_key": public}
    gateway = GatewayFactory.create(kind="telnyx", base_url=simulator.url, credentials=credentials)
    number: PhoneNumber = PhoneNumberFactory.create(
        gateway=gateway, number=SHORT_CODE, kind="short_code", pace_segments=100_000
    )
    publish_gateways()
    # Some replies are lost on the way, so that statuses are of messages that were asked for twice.
    simulator.settings(inbound_url=inbound_url(gateway), inbound_dialect="telnyx", fail_after=0.2, fail_how="close")
    with run_webhooks(config().webhook_bind):
        wait_for(lambda: is_up(f"{config().webhook_url}/healthz"), "the webhook process to start")
        batch = make_batch(number, recipients(30))
        send_all(number)
        assert simulator.inbound(sender=PERSON, recipient=SHORT_CODE, body="Hi – ça va? 👍")["answered"] is True
        wait_for(lambda: simulator.stats()["callbacks"]["sent"] == 60, "the delivery statuses")
    drain()
    inbound.drain()
    assert states(batch) == {"delivered": 30}
    assert Message.objects.filter(batch=batch, provider_id="").count() == 0
    stats = simulator.stats()
    assert (stats["messages_taken"], stats["duplicate_sends"]) == (30, 0)
    assert stats["outcomes"]["200/repeated"] > 0
    assert InboundMessage.objects.get().body == "Hi – ça va? 👍"

"""Webhooks that tell of many messages at once, in JSON: from a provider that signs their body to rows in the database."""

from __future__ import annotations

import asyncio
import subprocess
from typing import Any

import httpx
import orjson
import pytest

from broadcast.core.config import config
from broadcast.core.redis import connect_async
from integrations.models import Gateway
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import Webhook
from messaging.engine import keys
from messaging.jobs import inbound
from messaging.jobs.recorder import Recorder
from messaging.models import EarlyReport, InboundMessage, Message, RejectedWebhook
from messaging.services.gateways import inbound_url, publish_gateways, status_url
from messaging.states import MessageState
from messaging.webhooks import commit
from messaging.webhooks.commit import Event, GroupCommit
from tests.factories import GatewayFactory, MessageFactory, PhoneNumberFactory
from tests.fixtures import is_up, run_webhooks
from tests.integrations import infobip_payloads as infobip
from tests.messaging.hooks import PUBLIC_URL, Provider, stored
from tests.messaging.tools import SHORT_CODE, wait_for

SETTINGS = SimulatorSettings()
PERSON = "+14155552671"

pytestmark = pytest.mark.django_db


@pytest.fixture
def bulk(db: None) -> Gateway:
    """A gateway of Infobip's that the webhook process knows."""
    gateway: Gateway = GatewayFactory.create(kind="infobip", credentials=infobip.CREDENTIALS)
    publish_gateways()
    return gateway


def post(provider: Provider, gateway: Gateway, path: str, body: object, *, key: str = infobip.SECRET) -> httpx.Response:
    """POST a signed webhook."""
    url = f"{PUBLIC_URL}/webhooks/{gateway.key}/{path}"
    signed = infobip.sign(Webhook(url, infobip.JSON, orjson.dumps(body)), key=key)
    return provider.raw(url.removeprefix(PUBLIC_URL), signed.body, dict(signed.headers))


def report(gateway: Gateway, message: Message, name: str = "DELIVERED_TO_HANDSET") -> dict[str, Any]:
    return infobip.report(messageId=f"{gateway.key}-{message.pk}", status=infobip.status(name))


def test_one_webhook_settles_many_messages(provider: Provider, bulk: Gateway) -> None:
    number = PhoneNumberFactory.create(gateway=bulk)
    messages = [MessageFactory.create(number=number, state=MessageState.ACCEPTED) for _ in range(3)]
    strangers = infobip.report(messageId="fedcba9876543210-1")
    results = [*(report(bulk, message) for message in messages[:2]), strangers]
    results.append(report(bulk, messages[2], "UNDELIVERABLE_NOT_DELIVERED"))

    assert post(provider, bulk, "status", {"results": results}).status_code == 200
    assert post(provider, bulk, "status", {"results": results}).status_code == 200
    Recorder().drain()

    states = [Message.objects.get(pk=message.pk).state for message in messages]
    assert states == [MessageState.DELIVERED, MessageState.DELIVERED, MessageState.UNDELIVERED]
    assert not EarlyReport.objects.exists()
    assert not RejectedWebhook.objects.exists()


def test_forged_and_unsigned_ones_change_nothing(provider: Provider, bulk: Gateway) -> None:
    body = {"results": [infobip.report()]}
    assert post(provider, bulk, "status", body, key="another").status_code == 403
    assert provider.raw(f"/webhooks/{bulk.key}/status", orjson.dumps(body), dict(infobip.JSON)).status_code == 403
    assert not stored(keys.STATUSES)


def test_opt_out_is_marked_before_it_is_routed(provider: Provider, bulk: Gateway) -> None:
    PhoneNumberFactory.create(gateway=bulk, number=SHORT_CODE)
    body = orjson.loads(infobip.inbound(to=SHORT_CODE, text="STOP").body)
    assert post(provider, bulk, "inbound", body).status_code == 200
    (event,) = stored(keys.INBOUND)
    assert event["b"].encode("latin-1") == orjson.dumps(body)
    inbound.drain()
    message = InboundMessage.objects.get()
    assert (message.sender, message.body) == (PERSON, "STOP")


def test_hundred_reports_fit_into_one_webhook(provider: Provider, bulk: Gateway) -> None:
    full = infobip.report(callbackData="x" * 4000)
    assert post(provider, bulk, "status", {"results": [full] * 100}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_carriers_reports_and_replies_come_all_the_way(simulator: SimulatorProcess) -> None:
    """The simulator signs from code that it does not share with the adapter."""
    credentials = {"api_key": SETTINGS.infobip_api_key, "webhook_secret": SETTINGS.infobip_webhook_secret}
    gateway = GatewayFactory.create(kind="infobip", base_url=simulator.url, credentials=credentials)
    number = PhoneNumberFactory.create(gateway=gateway, number=SHORT_CODE)
    messages = [MessageFactory.create(number=number, state=MessageState.ACCEPTED) for _ in range(120)]
    publish_gateways()
    simulator.settings(inbound_url=inbound_url(gateway), inbound_dialect="infobip")
    with run_webhooks(config().webhook_bind) as process:
        assert isinstance(process, subprocess.Popen)
        wait_for(lambda: is_up(f"{config().webhook_url}/healthz"), "the webhook process to start")
        _send(simulator, gateway, messages)
        assert simulator.inbound(sender=PERSON, recipient=SHORT_CODE, body="Hi – ça va? 👍")["answered"] is True
        wait_for(lambda: simulator.stats()["callbacks"]["sent"] == 2, "the delivery reports")
    Recorder().drain()
    inbound.drain()
    assert set(Message.objects.values_list("state", flat=True)) == {MessageState.DELIVERED}
    assert InboundMessage.objects.get().body == "Hi – ça va? 👍"


def _send(simulator: SimulatorProcess, gateway: Gateway, messages: list[Message]) -> None:
    entries = [
        {
            "sender": SHORT_CODE,
            "destinations": [{"to": f"1415555{1000 + place}", "messageId": f"{gateway.key}-{message.pk}"}],
            "content": {"text": f"Hi {place}"},
            "webhooks": {"delivery": {"url": status_url(gateway)}},
        }
        for place, message in enumerate(messages)
    ]
    reply = httpx.post(
        f"{simulator.url}/sms/3/messages",
        json={"messages": entries},
        headers={"Authorization": f"App {SETTINGS.infobip_api_key}"},
        trust_env=False,
    )
    assert reply.status_code == 200


def test_stream_entry_does_not_grow_with_the_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "GROUP_CHARACTERS", 1000)

    async def store() -> list[int]:
        client = connect_async()
        group = GroupCommit(client)
        sizes = [400, 400, 400, 5000, 10, 10]
        await asyncio.gather(*(group.store(Event(keys.STATUSES, {"b": "x" * size})) for size in sizes))
        entries = await client.xrange(keys.STATUSES)
        await client.aclose()
        return [len(orjson.loads(entry[keys.FIELD])) for _, entry in entries]

    assert asyncio.run(store()) == [2, 1, 1, 2]

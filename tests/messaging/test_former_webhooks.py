"""Webhooks around a rotation, at the real webhook process: both secrets hold for a while, then only the new one."""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from integrations.services.rotation import stop_former
from integrations.sms.contract import Webhook
from messaging.engine import keys
from messaging.services.gateways import publish_gateways, webhook_marks
from tests.factories import GatewayFactory
from tests.integrations import infobip_payloads, sinch_payloads, telnyx_payloads
from tests.messaging.hooks import PUBLIC_URL, Provider, sms_fields, stored
from tests.messaging.tools import wait_for
from tests.rotation_dialects import DIALECTS

pytestmark = pytest.mark.django_db

#: The process remembers whose mark it wrote just now, and rows of earlier tests had the small numbers.
_ids = itertools.count(7001)
OLD, NEW = "0ld-s3cret", "n3w-s3cret"


def rotate_row(gateway: Gateway, *, hours: float = 24) -> None:
    """What a rotation stores, without a provider to ask."""
    gateway.former_credentials = {**gateway.credentials, "auth_token": OLD}
    gateway.credentials = {**gateway.credentials, "auth_token": NEW}
    gateway.former_until = timezone.now() + dt.timedelta(hours=hours)
    gateway.credentials_version += 1
    gateway.save()
    publish_gateways()


def call(provider: Provider, gateway: Gateway, token: str) -> int:
    fields = sms_fields(sender="+14155552671", recipient="24365", body="hello")
    return provider.call(gateway, "inbound", fields, token=token).status_code


def known_anew(provider: Provider, gateway: Gateway, token: str, status: int) -> None:
    """The process has taken up what was published."""
    wait_for(lambda: call(provider, gateway, token) == status, "the webhook process to take up a change")


def test_both_secrets_hold_until_the_former_ones_time_is_over(provider: Provider) -> None:
    gateway = GatewayFactory.create()
    rotate_row(gateway)
    assert (call(provider, gateway, NEW), call(provider, gateway, OLD)) == (200, 200)
    assert call(provider, gateway, "forged") == 403
    assert len(stored(keys.INBOUND)) == 2
    Gateway.objects.update(former_until=timezone.now() - dt.timedelta(seconds=1))
    publish_gateways()
    known_anew(provider, gateway, OLD, 403)
    assert call(provider, gateway, NEW) == 200


def test_the_process_ends_their_time_itself(provider: Provider) -> None:
    """Nobody has to publish anything at that moment: the console may be away."""
    gateway = GatewayFactory.create()
    rotate_row(gateway, hours=3 / 3600)
    assert call(provider, gateway, OLD) == 200
    known_anew(provider, gateway, OLD, 403)
    assert call(provider, gateway, NEW) == 200


def test_the_secrets_of_two_rotations_each_end_at_their_time(provider: Provider) -> None:
    gateway = GatewayFactory.create()
    rotate_row(gateway, hours=1)
    seconds = time.time() + 6
    older = [({"auth_token": "0lder"}, seconds), ({"auth_token": "0ldest"}, seconds + 3600), ({}, seconds + 3600)]
    gateway.older_credentials = [
        {"credentials": {**gateway.credentials, **changed} if changed else {}, "until": until}
        for changed, until in older
    ]
    gateway.save()
    publish_gateways()
    assert [call(provider, gateway, token) for token in (NEW, OLD, "0lder", "0ldest")] == [200] * 4
    known_anew(provider, gateway, "0lder", 403)
    assert [call(provider, gateway, token) for token in (NEW, OLD, "0ldest", "forged")] == [200, 200, 200, 403]


def test_former_ones_that_are_stopped_are_refused(provider: Provider) -> None:
    gateway = GatewayFactory.create()
    rotate_row(gateway)
    assert call(provider, gateway, OLD) == 200
    stop_former(gateway_id=gateway.pk, by=None)
    publish_gateways()
    known_anew(provider, gateway, OLD, 403)


def test_a_secret_that_is_valid_at_the_provider_first_is_refused_until_it_is_entered(provider: Provider) -> None:
    gateway = GatewayFactory.create()
    gateway.credentials = {**gateway.credentials, "auth_token": OLD}
    gateway.save()
    publish_gateways()
    assert call(provider, gateway, NEW) == 403
    rotate_row(gateway)
    # What the provider tries again is taken, and so is what it signed before.
    known_anew(provider, gateway, NEW, 200)
    assert call(provider, gateway, OLD) == 200


def signed(gateway: Gateway, kind: str, *, former: bool) -> Webhook:
    url = f"{PUBLIC_URL}/webhooks/{gateway.key}/inbound"
    webhook = Webhook(url, {"content-type": "application/json"}, b'{"results": []}')
    if kind == "infobip":
        return infobip_payloads.sign(webhook, key=OLD if former else NEW)
    if kind == "sinch":
        return sinch_payloads.sign(webhook, key=OLD if former else NEW)
    return telnyx_payloads.sign(webhook, key=_OTHER_KEY if former else telnyx_payloads.PRIVATE_KEY)


_OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


@pytest.mark.parametrize("kind", ["infobip", "sinch", "telnyx"])
def test_it_holds_for_every_gateway(provider: Provider, kind: str) -> None:
    if kind == "telnyx":
        name, old = "public_key", shown_key(_OTHER_KEY)
        new = telnyx_payloads.PUBLIC_KEY
    else:
        name, old, new = "webhook_secret", OLD, NEW
    credentials = DIALECTS[kind].credentials
    gateway = GatewayFactory.create(
        kind=kind,
        credentials={**credentials, name: new},
        former_credentials={**credentials, name: old},
        former_until=timezone.now() + dt.timedelta(hours=1),
    )
    publish_gateways()
    for former, status in ((False, 200), (True, 200)):
        webhook = signed(gateway, kind, former=former)
        path = webhook.url.removeprefix(provider.public_url)
        assert provider.raw(path, webhook.body, dict(webhook.headers)).status_code == status
        assert provider.raw(path, webhook.body + b" ", dict(webhook.headers)).status_code == 403
    stop_former(gateway_id=gateway.pk, by=None)
    publish_gateways()
    webhook = signed(gateway, kind, former=True)
    path = webhook.url.removeprefix(provider.public_url)
    wait_for(
        lambda: provider.raw(path, webhook.body, dict(webhook.headers)).status_code == 403, "the change to be taken up"
    )


def shown_key(key: Ed25519PrivateKey) -> str:
    """A public key as the portal shows it."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def test_former_ones_that_cannot_be_used_any_more_do_not_take_the_present_ones_with_them(provider: Provider) -> None:
    gateway = GatewayFactory.create(
        former_credentials={"account_sid": ""}, former_until=timezone.now() + dt.timedelta(hours=1)
    )
    publish_gateways()
    assert call(provider, gateway, gateway.credentials["auth_token"]) == 200
    assert call(provider, gateway, OLD) == 403


def test_marks_say_when_webhooks_came_and_why_one_was_refused(provider: Provider) -> None:
    gateway = GatewayFactory.create(pk=next(_ids))
    publish_gateways()
    marks = webhook_marks(gateway)
    assert marks is not None
    assert (marks.valid_at, marks.refused_at, marks.former_at) == (None, None, None)
    started = timezone.now() - dt.timedelta(seconds=1)
    assert call(provider, gateway, gateway.credentials["auth_token"]) == 200
    assert call(provider, gateway, "forged-s3cret") == 403
    marks = webhook_marks(gateway)
    assert marks is not None
    assert marks.valid_at is not None
    assert marks.refused_at is not None
    assert started <= marks.valid_at <= timezone.now()
    assert started <= marks.refused_at <= timezone.now()
    assert "does not match" in marks.why
    assert "s3cret" not in marks.why
    assert marks.former_at is None
    ttl = get_redis().ttl(keys.webhook_marks(gateway.pk))
    assert 0 < ttl <= keys.WEBHOOK_MARKS_SECONDS


def test_the_former_ones_last_use_is_of_this_rotation(provider: Provider) -> None:
    gateway = GatewayFactory.create(pk=next(_ids))
    rotate_row(gateway)
    assert call(provider, gateway, OLD) == 200
    marks = webhook_marks(gateway)
    assert marks is not None
    assert marks.former_at is not None
    gateway.credentials_version += 1
    marks = webhook_marks(gateway)
    assert marks is not None
    assert marks.former_at is None


def test_a_storm_of_forged_webhooks_writes_a_mark_a_second(provider: Provider) -> None:
    gateway = GatewayFactory.create(pk=next(_ids))
    publish_gateways()
    assert call(provider, gateway, "forged") == 403
    client = get_redis()
    before = int(client.info("commandstats").get("cmdstat_hset", {}).get("calls", 0))
    started = time.monotonic()
    for _ in range(100):
        assert call(provider, gateway, "forged") == 403
    seconds = time.monotonic() - started
    written = int(client.info("commandstats").get("cmdstat_hset", {}).get("calls", 0)) - before
    assert written <= seconds + 1

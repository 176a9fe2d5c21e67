"""Webhooks that are refused for another gateway's secret or another clock: still refused, and told to people."""

from __future__ import annotations

import pytest

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from integrations.sms.contract import Webhook
from messaging.engine import keys
from messaging.jobs import sweeper
from messaging.models import Alert
from messaging.services.gateways import inbound_url, publish_gateways
from messaging.services.refusals import watch_refusals
from tests.factories import GatewayFactory
from tests.integrations import sinch_payloads as sinch
from tests.integrations import telnyx_payloads as telnyx
from tests.messaging.hooks import Provider, sms_fields

pytestmark = pytest.mark.django_db

TEN_MINUTES = 600


def told(kind: str) -> list[tuple[int | None, str]]:
    """Gateway and text of the open alerts of a kind."""
    return list(Alert.objects.open().filter(kind=kind).values_list("gateway_id", "text"))


def nothing_stored() -> bool:
    return not get_redis().exists(keys.INBOUND, keys.STATUSES, keys.STOPS)


def make(kind: str, **values: object) -> Gateway:
    """A gateway that the webhook process knows."""
    gateway: Gateway = GatewayFactory.create(kind=kind, **values)
    publish_gateways()
    return gateway


def sms() -> dict[str, str]:
    return sms_fields(sender="+14155552671", recipient="24365", body="STOP")


def post_telnyx(provider: Provider, gateway: Gateway, *, seconds_ago: float) -> int:
    signed = telnyx.sign(telnyx.inbound(), key=telnyx.PRIVATE_KEY, seconds_ago=seconds_ago)
    return provider.raw(f"/webhooks/{gateway.key}/inbound", signed.body, dict(signed.headers)).status_code


def test_another_gateways_secret_is_named_and_still_refused(provider: Provider, known: Gateway) -> None:
    other = make("twilio", credentials={**known.credentials, "auth_token": "of another gateway"})
    assert provider.call(known, "inbound", sms(), token="of another gateway").status_code == 403
    assert nothing_stored()
    watch_refusals()
    ((gateway_id, text),) = told(Alert.Kind.FOREIGN_SECRET)
    assert gateway_id == known.pk
    assert f"signed with the secret of {other}" in text
    assert inbound_url(other) in text
    # By itself, once it is not so any more.
    get_redis().delete(keys.foreign_secret(known.pk))
    watch_refusals()
    assert told(Alert.Kind.FOREIGN_SECRET) == []


def test_a_strangers_secret_is_nobodys(provider: Provider, known: Gateway) -> None:
    make("twilio", credentials={**known.credentials, "auth_token": "of another gateway"})
    make("infobip", credentials={"api_key": "x", "webhook_secret": "y"})
    assert provider.call(known, "inbound", sms(), token="of a stranger").status_code == 403
    watch_refusals()
    assert told(Alert.Kind.FOREIGN_SECRET) == []


def test_other_secrets_are_not_tried_for_every_forged_webhook(provider: Provider, known: Gateway) -> None:
    make("twilio", credentials={**known.credentials, "auth_token": "of another gateway"})
    assert provider.call(known, "inbound", sms(), token="of a stranger").status_code == 403
    assert provider.call(known, "inbound", sms(), token="of another gateway").status_code == 403
    assert get_redis().get(keys.foreign_secret(known.pk)) is None


def test_a_gateway_without_its_settings_keeps_nobody_from_being_refused(provider: Provider, known: Gateway) -> None:
    make("telnyx", credentials={})
    make("twilio", credentials={})
    assert provider.call(known, "inbound", sms(), token="of a stranger").status_code == 403


@pytest.mark.parametrize("seconds_ago", [TEN_MINUTES, -TEN_MINUTES])
def test_a_clock_that_is_off_is_told_until_it_is_right(provider: Provider, db: None, seconds_ago: int) -> None:
    gateway = make("telnyx", credentials=telnyx.CREDENTIALS)
    assert post_telnyx(provider, gateway, seconds_ago=seconds_ago) == 403
    assert nothing_stored()
    sweeper.tell()
    ((gateway_id, text),) = told(Alert.Kind.CLOCK)
    assert gateway_id == gateway.pk
    assert "differs by 10 minutes" in text
    assert f"it is {'earlier' if seconds_ago > 0 else 'later'} than here" in text
    assert told(Alert.Kind.FOREIGN_SECRET) == []
    assert post_telnyx(provider, gateway, seconds_ago=0) == 200
    sweeper.tell()
    assert told(Alert.Kind.CLOCK) == []


def test_an_old_webhook_among_right_ones_is_no_clock(provider: Provider, db: None) -> None:
    """Somebody repeats what they overheard."""
    gateway = make("telnyx", credentials=telnyx.CREDENTIALS)
    assert post_telnyx(provider, gateway, seconds_ago=0) == 200
    assert post_telnyx(provider, gateway, seconds_ago=TEN_MINUTES) == 403
    watch_refusals()
    assert told(Alert.Kind.CLOCK) == []


def test_a_time_without_a_signature_says_nothing(provider: Provider, db: None) -> None:
    gateway = make("telnyx", credentials=telnyx.CREDENTIALS)
    signed = telnyx.sign(telnyx.inbound(), key=telnyx.PRIVATE_KEY, seconds_ago=TEN_MINUTES)
    reply = provider.raw(f"/webhooks/{gateway.key}/inbound", signed.body + b" ", dict(signed.headers))
    assert reply.status_code == 403
    watch_refusals()
    assert told(Alert.Kind.CLOCK) == []


def test_sinchs_clock_counts_too(provider: Provider, db: None) -> None:
    gateway = make("sinch", credentials=sinch.CREDENTIALS)
    webhook: Webhook = sinch.sign(sinch.inbound(), age_seconds=TEN_MINUTES)
    reply = provider.raw(f"/webhooks/{gateway.key}/inbound", webhook.body, dict(webhook.headers))
    assert reply.status_code == 403
    watch_refusals()
    assert [gateway_id for gateway_id, _ in told(Alert.Kind.CLOCK)] == [gateway.pk]

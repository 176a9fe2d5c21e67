"""Kept webhooks: replayed once they can be read, with one effect."""

from __future__ import annotations

from io import StringIO
from urllib.parse import urlencode

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.urls import reverse
from redis.exceptions import ConnectionError as RedisConnectionError

from broadcast.core.redis import get_redis
from integrations.sms.errors import UnparsableWebhook
from integrations.sms.providers.twilio import adapter as twilio
from messaging.engine import keys
from messaging.inbound import router
from messaging.jobs import inbound
from messaging.jobs.recorder import Recorder
from messaging.jobs.replay import NotReplayed, dismiss, replay
from messaging.models import InboundMessage, Message, PhoneNumber, RejectedWebhook
from tests.console.conftest import client_of
from tests.factories import MessageFactory, RejectedWebhookFactory, StaffFactory
from tests.integrations.twilio_payloads import FORM
from tests.messaging.hooks import put_inbound, reply_to, sms_fields, status_fields

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


def fails(*_args: object) -> None:
    raise UnparsableWebhook("It is of next year's version.")


@pytest.fixture
def kept(line: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> RejectedWebhook:
    """An inbound message that could not be read when it came, and can be now."""
    line.account.default_reply = "We are closed."
    line.account.save()
    with monkeypatch.context() as patch:
        patch.setattr(twilio.TwilioAdapter, "parse_inbound", fails)
        put_inbound(line.gateway, sms_fields(sender=PERSON, recipient=line.number, body="Zoë \x00 hello"))
        inbound.drain()
    return RejectedWebhook.objects.get()


def test_a_replayed_message_is_routed_as_of_when_it_came(kept: RejectedWebhook) -> None:
    staff = StaffFactory.create()
    assert replay(webhook_id=kept.pk, user=staff) == 1
    message = InboundMessage.objects.get()
    assert (message.body, message.received_at) == ("Zoë  hello", kept.received_at)
    assert reply_to(message) == "We are closed."
    kept.refresh_from_db()
    assert (kept.state, kept.closed_by) == ("replayed", staff)


def test_a_second_replay_says_so_and_changes_nothing(kept: RejectedWebhook) -> None:
    replay(webhook_id=kept.pk)
    with pytest.raises(NotReplayed, match="replayed already"):
        replay(webhook_id=kept.pk)
    assert Message.objects.count() == 1


def test_a_message_that_came_again_meanwhile_has_no_second_effect(kept: RejectedWebhook, line: PhoneNumber) -> None:
    put_inbound(line.gateway, sms_fields(sender=PERSON, recipient=line.number, body="Zoë \x00 hello"))
    inbound.drain()
    # The same provider id as the kept one.
    InboundMessage.objects.update(provider_id=_provider_id(kept))
    assert replay(webhook_id=kept.pk) == 0
    assert (InboundMessage.objects.count(), Message.objects.count()) == (1, 1)


def _provider_id(kept: RejectedWebhook) -> str:
    return dict(part.split("=", 1) for part in kept.body.split("&"))["MessageSid"]


def test_what_is_still_not_understood_stays_kept(line: PhoneNumber) -> None:
    put_inbound(line.gateway, body="Foo=bar")
    inbound.drain()
    kept = RejectedWebhook.objects.get()
    with pytest.raises(NotReplayed, match="not understood now either"):
        replay(webhook_id=kept.pk)
    kept.refresh_from_db()
    assert kept.state == "kept"


def test_what_cannot_be_routed_is_kept_and_stays_kept(kept: RejectedWebhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "_route", lambda *_args: 1 / 0)
    with pytest.raises(NotReplayed, match="cannot be routed") as caught:
        replay(webhook_id=kept.pk)
    assert isinstance(caught.value.__cause__, UnparsableWebhook)
    assert isinstance(caught.value.__cause__.__cause__, ZeroDivisionError)
    kept.refresh_from_db()
    assert kept.state == "kept"
    assert not InboundMessage.objects.exists()


@pytest.mark.parametrize("away", [OperationalError("The database is away."), RedisConnectionError("Redis is away.")])
def test_what_is_away_for_a_moment_is_no_reason_to_keep_a_message(
    line: PhoneNumber, monkeypatch: pytest.MonkeyPatch, away: Exception
) -> None:
    def is_away(*_args: object) -> None:
        raise away

    put_inbound(line.gateway, sms_fields(sender=PERSON, recipient=line.number, body="hi"))
    with monkeypatch.context() as patch:
        patch.setattr(router, "_route", is_away)
        with pytest.raises(type(away)):
            inbound.drain()
    assert not RejectedWebhook.objects.exists()
    assert inbound.drain() == 1
    assert InboundMessage.objects.get().body == "hi"


def test_a_kept_status_moves_its_message(line: PhoneNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    message = MessageFactory.create(number=line, account=line.account, state="accepted", provider_id="SM1")
    with monkeypatch.context() as patch:
        patch.setattr(twilio.TwilioAdapter, "parse_status", fails)
        event = {"g": line.gateway_id, "u": "http://hooks.test/", "h": FORM, "m": message.pk, "t": 1_750_000_000.5}
        event["b"] = urlencode(status_fields("SM1"))
        get_redis().xadd(keys.STATUSES, {keys.FIELD: orjson.dumps([event])})
        Recorder().drain()
    assert replay(webhook_id=RejectedWebhook.objects.get().pk) == 1
    message.refresh_from_db()
    assert message.state == "delivered"


def test_a_webhook_of_an_earlier_version_says_why_it_cannot_be_replayed(line: PhoneNumber) -> None:
    kept = RejectedWebhookFactory.create(gateway=line.gateway)
    with pytest.raises(NotReplayed, match="only its text is here"):
        replay(webhook_id=kept.pk)


def test_a_dismissed_one_is_not_replayed(kept: RejectedWebhook) -> None:
    dismiss(webhook_id=kept.pk)
    with pytest.raises(NotReplayed, match="dismissed already"):
        replay(webhook_id=kept.pk)
    assert not InboundMessage.objects.exists()


def test_the_command_replays_what_it_can_and_names_the_rest(kept: RejectedWebhook, line: PhoneNumber) -> None:
    put_inbound(line.gateway, body="Foo=bar")
    inbound.drain()
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="1 of 2 were not replayed"):
        call_command("replay_webhook", "--all", stdout=out, stderr=err)
    assert f"Webhook {kept.pk}: 1 new." in out.getvalue()
    assert "not understood now either" in err.getvalue()


def test_the_command_wants_ids_or_all(kept: RejectedWebhook) -> None:
    for arguments in ([], [str(kept.pk), "--all"]):
        with pytest.raises(CommandError, match="or --all"):
            call_command("replay_webhook", *arguments)


def _url(action: str, kept: RejectedWebhook) -> str:
    return reverse(f"admin:messaging_rejectedwebhook_{action}", args=[kept.pk])


def test_an_operator_replays_in_the_console_once_asked_and_a_reader_cannot(kept: RejectedWebhook) -> None:
    operator, reader = client_of("Operator"), client_of("Read-only")
    asked = operator.get(_url("replay_it", kept)).content.decode()
    assert "may get an answer now" in asked
    assert reader.get(_url("replay_it", kept)).status_code == 403
    assert reader.post(_url("replay_it", kept)).status_code == 403
    assert not InboundMessage.objects.exists()
    assert "Replayed: 1 new message." in operator.post(_url("replay_it", kept), follow=True).content.decode()
    assert InboundMessage.objects.get().body == "Zoë  hello"
    page = operator.get(_url("change", kept)).content.decode()
    assert _url("replay_it", kept) not in page
    assert "nothing to do" in operator.get(_url("dismiss_it", kept)).content.decode()
    assert "nothing to do" in operator.post(_url("dismiss_it", kept), follow=True).content.decode()


def test_an_operator_dismisses_once_asked(kept: RejectedWebhook) -> None:
    operator = client_of("Operator")
    assert _url("dismiss_it", kept) in operator.get(_url("change", kept)).content.decode()
    assert "takes no effect" in operator.get(_url("dismiss_it", kept)).content.decode()
    kept.refresh_from_db()
    assert kept.state == "kept"
    operator.post(_url("dismiss_it", kept))
    kept.refresh_from_db()
    assert kept.state == "dismissed"


def test_what_still_cannot_be_routed_is_said_in_the_console(
    kept: RejectedWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router, "_route", lambda *_args: 1 / 0)
    page = client_of("Operator").post(_url("replay_it", kept), follow=True)
    assert page.status_code == 200
    assert "It cannot be routed (ZeroDivisionError)" in page.content.decode()


def test_the_same_token_has_one_effect(line: PhoneNumber) -> None:
    """A provider that tries again with the same token, whatever id it gives the message."""
    for _ in range(2):
        put_inbound(
            line.gateway, sms_fields(sender=PERSON, recipient=line.number, body="hi"), token="4bc4f8a8-f3a5-4e2e"
        )
    inbound.drain()
    assert InboundMessage.objects.get().idempotency_token == "4bc4f8a8-f3a5-4e2e"
    assert not RejectedWebhook.objects.exists()
    put_inbound(line.gateway, sms_fields(sender=PERSON, recipient=line.number, body="hi"), token="another")
    inbound.drain()
    assert InboundMessage.objects.count() == 2

"""What is particular to Telnyx's webhooks: Ed25519 with a time, statuses and their errors, media."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrations.sms.contract import Webhook
from integrations.sms.errors import SignatureError, UnparsableWebhook
from integrations.sms.events import DeliveryState, OptOutAction
from tests.integrations import telnyx_payloads as telnyx

STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)


def fails(code: str, title: str = "A title") -> list[dict[str, Any]]:
    return [{"code": code, "title": title}]


def refusal_of(webhook: Webhook) -> str:
    with pytest.raises(SignatureError) as caught:
        telnyx.adapter().verify(webhook)
    return str(caught.value)


# Signature


@pytest.mark.parametrize("seconds_ago", [0, 290, -290])
def test_webhook_of_the_last_minutes_is_accepted(seconds_ago: int) -> None:
    telnyx.adapter().verify(telnyx.sign(telnyx.inbound(), seconds_ago=seconds_ago))


@pytest.mark.parametrize(("seconds_ago", "word"), [(310, "5 minutes old"), (-310, "5 minutes ahead"), (600, "10 min")])
def test_webhook_from_another_time_is_refused_and_the_clock_is_named(seconds_ago: int, word: str) -> None:
    text = refusal_of(telnyx.sign(telnyx.inbound(), seconds_ago=seconds_ago))
    assert word in text
    assert "clock" in text


def test_somebody_elses_signature_is_refused_whatever_its_time() -> None:
    for seconds_ago in (0, 600):
        text = refusal_of(telnyx.sign(telnyx.inbound(), key=STRANGER, seconds_ago=seconds_ago))
        assert "does not match" in text


def test_an_old_signature_cannot_be_given_a_new_time() -> None:
    old = telnyx.sign(telnyx.inbound(), seconds_ago=600)
    now = telnyx.sign(telnyx.inbound()).headers["telnyx-timestamp"]
    assert "does not match" in refusal_of(replace(old, headers={**old.headers, "telnyx-timestamp": now}))


@pytest.mark.parametrize("timestamp", ["soon", "-5", "1e9", "٣", "1" * 500, "1700000000.5"])
def test_a_time_that_is_none_is_refused(timestamp: str) -> None:
    signed = telnyx.sign(telnyx.inbound())
    assert "not a number" in refusal_of(replace(signed, headers={**signed.headers, "telnyx-timestamp": timestamp}))


# Statuses


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("gw_timeout", DeliveryState.ACCEPTED),
        ("dlr_timeout", DeliveryState.SENT),
        ("delivery_unconfirmed", DeliveryState.SENT),
        ("delivery_failed", DeliveryState.UNDELIVERED),
        ("expired", DeliveryState.UNDELIVERED),
        ("sending_failed", DeliveryState.FAILED),
        ("cancelled", DeliveryState.FAILED),
    ],
)
def test_every_status_has_a_state(word: str, state: DeliveryState) -> None:
    (report,) = telnyx.adapter().parse_status(telnyx.status_event(word, message_id=7))
    assert (report.provider_id, report.state, report.message_id) == (telnyx.MESSAGE_ID, state, 7)
    assert bool(report.error_text) == (state in (DeliveryState.UNDELIVERED, DeliveryState.FAILED))


@pytest.mark.parametrize(
    ("code", "opts_out", "bad_number"), [("40001", False, True), ("40300", True, False), ("40008", False, False)]
)
def test_failed_delivery_has_its_code_and_consequence(code: str, *, opts_out: bool, bad_number: bool) -> None:
    event = telnyx.status_event("delivery_failed", errors=fails(code))
    (report,) = telnyx.adapter().parse_status(event)
    assert (report.error_code, report.opts_out, report.bad_number) == (code, opts_out, bad_number)
    assert report.error_text


def test_delivery_failed_for_an_unknown_reason_is_told_in_telnyxs_words() -> None:
    event = telnyx.status_event("delivery_failed", errors=fails("49999", "Pigeon lost"))
    (report,) = telnyx.adapter().parse_status(event)
    assert report.error_code == "49999"
    assert "Pigeon lost" in report.error_text
    (nothing,) = telnyx.adapter().parse_status(telnyx.status_event("delivery_failed"))
    assert "it gave no reason" in nothing.error_text


def test_errors_beside_a_message_that_arrived_are_not_its_failure() -> None:
    (report,) = telnyx.adapter().parse_status(telnyx.status_event("delivered", errors=fails("40006")))
    assert (report.state, report.error_code) == (DeliveryState.DELIVERED, "")


def test_repeated_status_says_the_same() -> None:
    adapter = telnyx.adapter()
    first = telnyx.sign(telnyx.status_event("delivered", message_id=7))
    again = telnyx.sign(telnyx.status_event("delivered", message_id=7), seconds_ago=2)
    for webhook in (first, again):
        adapter.verify(webhook)
    assert adapter.parse_status(first) == adapter.parse_status(again)


def test_unknown_status_is_kept_for_staff() -> None:
    with pytest.raises(UnparsableWebhook, match="pondering"):
        telnyx.adapter().parse_status(telnyx.status_event("pondering"))


def test_report_that_was_sent_on_to_another_messages_address_is_kept_for_staff() -> None:
    with pytest.raises(UnparsableWebhook, match="address of message 8"):
        telnyx.adapter().parse_status(telnyx.status_event("delivered", message_id=8))


def test_inbound_message_at_the_address_of_statuses_is_kept_for_staff() -> None:
    with pytest.raises(UnparsableWebhook, match=r"message\.received"):
        telnyx.adapter().parse_status(telnyx.inbound())


ODD_EVENTS: list[dict[str, Any]] = [
    {},
    {"data": None},
    {"data": []},
    {"data": {"event_type": "message.sent"}},
    {"data": {"event_type": 5, "payload": {}}},
    {"data": {"event_type": "message.sent", "payload": {}}},
    {"data": {"event_type": "message.sent", "payload": {"id": 5, "to": [{"status": "sent"}]}}},
    {"data": {"event_type": "messaging-profile.spend-limit-reached", "payload": {"id": "x"}}},
]
NO_STATUS: list[Any] = [[], [None], [{}], None]
WITHOUT_STATUS: list[dict[str, Any]] = [
    {"data": {"event_type": "message.sent", "payload": {"id": "x", "to": to}}} for to in NO_STATUS
]


@pytest.mark.parametrize("body", [*ODD_EVENTS, *WITHOUT_STATUS])
def test_other_events_are_kept_for_staff_as_statuses(body: dict[str, Any]) -> None:
    with pytest.raises(UnparsableWebhook):
        telnyx.adapter().parse_status(Webhook(telnyx.STATUS_URL, telnyx.JSON, orjson.dumps(body)))


@pytest.mark.parametrize("body", ODD_EVENTS)
def test_other_events_are_kept_for_staff_as_inbound_messages(body: dict[str, Any]) -> None:
    with pytest.raises(UnparsableWebhook):
        telnyx.adapter().parse_inbound(Webhook(telnyx.INBOUND_URL, telnyx.JSON, orjson.dumps(body)))


# Inbound


def test_inbound_message_with_media_is_read() -> None:
    (message,) = telnyx.adapter().parse_inbound(telnyx.inbound("inbound_media.json"))
    assert message.body == "Look"
    assert message.media == (
        ("https://media.telnyx.example/one.jpg", "image/jpeg"),
        ("https://media.telnyx.example/two.vcf", "text/x-vcard"),
    )


def test_inbound_message_may_be_media_only() -> None:
    (message,) = telnyx.adapter().parse_inbound(telnyx.inbound("inbound_media.json", text=None))
    assert (message.body, len(message.media)) == ("", 2)


@pytest.mark.parametrize("media", [None, "x", [None], [{}], [{"url": 5}], [{"url": ""}]])
def test_odd_media_do_not_lose_the_message(media: Any) -> None:
    (message,) = telnyx.adapter().parse_inbound(telnyx.inbound(media=media, parts="two", autoresponse_type=7))
    assert (message.body, message.media, message.segments) == ("Yes please, two seats", (), 1)


@pytest.mark.parametrize(
    ("said", "action"),
    [
        ("STOP", OptOutAction.STOP),
        ("start", OptOutAction.START),
        ("HELP", OptOutAction.HELP),
        ("info", OptOutAction.HELP),
        (None, OptOutAction.NONE),
    ],
)
def test_what_telnyx_answered_itself_is_told(said: str | None, action: OptOutAction) -> None:
    (message,) = telnyx.adapter().parse_inbound(telnyx.inbound("inbound_stop.json", autoresponse_type=said))
    assert message.handled_by_provider is action


def test_of_a_groups_recipients_ours_is_the_one_the_webhook_is_for() -> None:
    others = {"phone_number": "+14155550177", "status": "delivered"}
    ours = {"phone_number": "+14155550100", "status": "webhook_delivered"}
    (message,) = telnyx.adapter().parse_inbound(telnyx.inbound(to=[others, ours]))
    assert message.recipient == "+14155550100"


def test_statuses_of_what_others_send_from_our_profile_are_left_out() -> None:
    assert telnyx.adapter().parse_inbound(telnyx.status_event("sent")) == []


@pytest.mark.parametrize(
    "changes", [{"id": ""}, {"from": None}, {"from": {"phone_number": ""}}, {"to": []}, {"to": "+1415"}, {"to": [{}]}]
)
def test_inbound_message_without_id_sender_or_recipient_is_kept_for_staff(changes: dict[str, Any]) -> None:
    with pytest.raises(UnparsableWebhook):
        telnyx.adapter().parse_inbound(telnyx.inbound(**changes))

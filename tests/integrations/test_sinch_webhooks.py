"""Sinch's webhooks: signatures and their age, reports of one or many recipients, texts and MMS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integrations.sms.contract import Webhook
from integrations.sms.errors import SignatureError, UnparsableWebhook
from integrations.sms.events import DeliveryState
from tests.integrations import sinch_payloads as sinch

ADAPTER = sinch.adapter()
NAME = "x-sinch-webhook-signature"


@pytest.mark.parametrize("age_seconds", [-290, 0, 290])
def test_clock_that_is_a_little_off_is_tolerated(age_seconds: float) -> None:
    ADAPTER.verify(sinch.sign(sinch.report(), age_seconds=age_seconds))


@pytest.mark.parametrize(("age_seconds", "words"), [(600, "ago"), (-600, "from now")])
def test_old_signature_is_refused_and_the_clock_named(age_seconds: float, words: str) -> None:
    with pytest.raises(SignatureError, match=rf"(599|600|601) seconds {words}.*clock"):
        ADAPTER.verify(sinch.sign(sinch.report(), age_seconds=age_seconds))


def test_timestamp_is_part_of_what_is_signed() -> None:
    old, new = (sinch.sign(sinch.report(), age_seconds=age) for age in (600, 0))
    fresh = {**old.headers, f"{NAME}-timestamp": new.headers[f"{NAME}-timestamp"]}
    with pytest.raises(SignatureError, match="does not match"):
        ADAPTER.verify(replace(old, headers=fresh))


def test_another_gateways_secret_is_refused() -> None:
    with pytest.raises(SignatureError, match="does not match"):
        ADAPTER.verify(sinch.sign(sinch.report(), key="another"))


def test_unknown_algorithm_is_refused() -> None:
    signed = sinch.sign(sinch.report())
    with pytest.raises(SignatureError, match="HmacSHA256"):
        ADAPTER.verify(replace(signed, headers={**signed.headers, f"{NAME}-algorithm": "HmacMD5"}))


def test_without_a_secret_nobody_is_trusted() -> None:
    with pytest.raises(SignatureError, match="webhook secret"):
        sinch.adapter(webhook_secret="").verify(sinch.sign(sinch.report(), key=""))


def test_repeated_callback_is_signed_as_well_and_says_the_same() -> None:
    webhook = sinch.sign(sinch.report(status="Delivered", code=0))
    for _ in range(2):
        ADAPTER.verify(webhook)
    assert ADAPTER.parse_status(webhook) == ADAPTER.parse_status(webhook)


# Reports


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [
        ("Queued", 400, DeliveryState.ACCEPTED),
        ("Dispatched", 401, DeliveryState.SENT),
        ("Unknown", 6, DeliveryState.SENT),
        ("Delivered", 0, DeliveryState.DELIVERED),
        ("DELIVERED", 0, DeliveryState.DELIVERED),
        ("Failed", 150, DeliveryState.UNDELIVERED),
        ("Expired", 406, DeliveryState.UNDELIVERED),
        ("Deleted", 0, DeliveryState.UNDELIVERED),
        ("Aborted", 405, DeliveryState.FAILED),
        ("Rejected", 61, DeliveryState.FAILED),
    ],
)
def test_every_status_has_its_state(status: str, code: int, state: DeliveryState) -> None:
    (report,) = ADAPTER.parse_status(sinch.report(status=status, code=code))
    assert report.state is state
    assert report.provider_id == f"{sinch.BATCH}:14155552671"
    failed = state in (DeliveryState.FAILED, DeliveryState.UNDELIVERED)
    assert bool(report.error_code) is bool(report.error_text) is failed


@pytest.mark.parametrize(
    ("code", "opts_out", "bad_number"),
    [(257, True, False), (152, False, True), (300, False, True), (153, False, False)],
)
def test_code_tells_who_is_to_be_left_alone(code: int, opts_out: bool, bad_number: bool) -> None:
    (report,) = ADAPTER.parse_status(sinch.report(status="Failed", code=code))
    assert (report.opts_out, report.bad_number) == (opts_out, bad_number)


@pytest.mark.parametrize("code", [777, None, "12", 1.5, True])
def test_unknown_code_fails_the_message_with_what_is_known(code: object) -> None:
    (report,) = ADAPTER.parse_status(sinch.report(status="Failed", code=code))
    assert report.state is DeliveryState.UNDELIVERED
    assert report.error_code == ("777" if code == 777 else "failed")
    assert not report.opts_out


def test_report_on_a_batch_names_each_of_its_recipients() -> None:
    reports = ADAPTER.parse_status(sinch.inbound("batch_report.json"))
    assert [(report.provider_id[-1], report.state) for report in reports] == [
        ("1", DeliveryState.DELIVERED),
        ("2", DeliveryState.DELIVERED),
        ("3", DeliveryState.FAILED),
    ]
    assert reports[2].error_code == "402"


def test_recipient_is_the_same_with_and_without_a_plus_sign() -> None:
    (report,) = ADAPTER.parse_status(sinch.report(recipient="+14155552671"))
    assert report.provider_id == f"{sinch.BATCH}:14155552671"


def test_another_installations_reports_are_left_out() -> None:
    assert ADAPTER.parse_status(sinch.report(client_reference="fedcba9876543210-0")) == []


@pytest.mark.parametrize("reference", [f"{sinch.KEY}-1", None, ""])
def test_address_is_not_believed_where_the_signed_body_does_not_agree(reference: str | None) -> None:
    (report,) = ADAPTER.parse_status(replace(sinch.report(client_reference=reference), message_id=7))
    assert report.message_id is None


@pytest.mark.parametrize(
    "change",
    [
        {"status": "Melted"},
        {"status": None},
        {"status": 5},
        {"recipient": None},
        {"batch_id": ""},
        {"type": "mo_text"},
        {"type": "delivery_report_sms"},
        {"type": "delivery_report_sms", "statuses": [{"code": 0, "status": "Delivered", "count": 3}]},
        {"type": "delivery_report_sms", "statuses": [{"code": 0, "status": "Delivered", "recipients": [5]}]},
    ],
)
def test_report_that_is_not_understood_is_kept_for_staff(change: dict[str, Any]) -> None:
    with pytest.raises(UnparsableWebhook):
        ADAPTER.parse_status(sinch.report(**change))


# Inbound


def test_mms_has_its_text_and_those_files_that_sinch_kept() -> None:
    (inbound,) = ADAPTER.parse_inbound(sinch.inbound("inbound_media.json"))
    assert inbound.body == "Look\nSTOP"
    assert inbound.media == (("https://media.sinch.example/1.jpg", "image/jpeg"),)


@pytest.mark.parametrize("body", [{}, {"media": None}, {"media": [5, {"url": 5}], "message": None}])
def test_mms_that_lacks_something_is_read_all_the_same(body: dict[str, Any]) -> None:
    (inbound,) = ADAPTER.parse_inbound(sinch.inbound("inbound_media.json", body=body))
    assert (inbound.body, inbound.media) == ("", ())


def test_short_code_stays_as_it_is() -> None:
    (inbound,) = ADAPTER.parse_inbound(sinch.inbound(to="24365"))
    assert (inbound.sender, inbound.recipient) == ("+14155552671", "24365")


def test_long_text_counts_its_segments() -> None:
    (inbound,) = ADAPTER.parse_inbound(sinch.inbound(body="x" * 161))
    assert inbound.segments == 2


def test_report_at_the_address_for_inbound_messages_is_no_message() -> None:
    assert ADAPTER.parse_inbound(sinch.report()) == []


@pytest.mark.parametrize(
    "change", [{"id": ""}, {"from": None}, {"to": 5}, {"type": "mo_binary"}, {"type": "mo_media"}, {"type": None}]
)
def test_message_that_is_not_understood_is_kept_for_staff(change: dict[str, Any]) -> None:
    with pytest.raises(UnparsableWebhook):
        ADAPTER.parse_inbound(sinch.inbound(**change))


def test_body_that_is_no_object_is_kept_for_staff() -> None:
    for body in (b"[]", b"null", b'"x"', b"7"):
        with pytest.raises(UnparsableWebhook):
            ADAPTER.parse_inbound(Webhook(sinch.INBOUND_URL, sinch.JSON, body))

"""What is particular to Infobip's webhooks: many results in one, ids that are ours, and two ways of proving who sent them."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from integrations.sms.contract import Webhook
from integrations.sms.errors import SignatureError, UnparsableWebhook
from integrations.sms.events import DeliveryReport, DeliveryState
from tests.integrations import infobip_payloads as infobip


def read(*results: dict[str, Any]) -> list[DeliveryReport]:
    return infobip.adapter().parse_status(infobip.reports(*results))


# Delivery reports


def test_one_webhook_reports_on_many_messages() -> None:
    first, second = read()
    assert first == DeliveryReport(f"{infobip.KEY}-7", DeliveryState.DELIVERED, 7)
    assert (second.message_id, second.state, second.error_code) == (8, DeliveryState.UNDELIVERED, "error_27")
    assert "out of reach" in second.error_text


def test_reports_of_others_on_the_account_are_left_out() -> None:
    strangers = (
        *("MESSAGE-ID-123-xyz", "fedcba9876543210-7", f"{infobip.KEY}-", f"{infobip.KEY}-x7", f"{infobip.KEY}-7-7"),
        *(f"{infobip.KEY}7", f"x{infobip.KEY}-7", f"{infobip.KEY}-{'9' * 19}", f"{infobip.KEY}-٧"),
    )
    assert read(*(infobip.report(messageId=stranger) for stranger in strangers)) == []
    found = read(infobip.report(messageId="MESSAGE-ID-123-xyz"), infobip.report())
    assert [report.message_id for report in found] == [7]


def test_address_says_nothing_about_the_message() -> None:
    """The address is not signed: a signed report that is sent to another message's address still tells of its own."""
    webhook = replace(infobip.reports(infobip.report()), message_id=99)
    assert [report.message_id for report in infobip.adapter().parse_status(webhook)] == [7]
    stranger = replace(infobip.reports(infobip.report(messageId="MESSAGE-ID-123-xyz")), message_id=99)
    assert infobip.adapter().parse_status(stranger) == []


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("EXPIRED_DLR_UNKNOWN", DeliveryState.SENT),
        ("EXPIRED_EXPIRED", DeliveryState.UNDELIVERED),
        ("UNDELIVERABLE_NOT_DELIVERED", DeliveryState.UNDELIVERED),
        ("REJECTED_NETWORK", DeliveryState.FAILED),
        ("REJECTED_SYSTEM_ERROR", DeliveryState.FAILED),
    ],
)
def test_status_is_a_state_of_ours(name: str, state: DeliveryState) -> None:
    (report,) = read(infobip.report(status=infobip.status(name)))
    assert report.state is state
    assert bool(report.error_code) is (state is not DeliveryState.SENT)


def test_status_that_is_new_counts_by_its_group() -> None:
    new = {"id": 999, "name": "SOMETHING_NEW", "description": "Something new"}
    by_name = read(infobip.report(status={**new, "groupName": "UNDELIVERABLE"}, error=None))
    by_number = read(infobip.report(status={**new, "groupId": 2}))
    assert by_name == by_number
    assert (by_name[0].state, by_name[0].error_code) == (DeliveryState.UNDELIVERED, "status_999")
    assert "Something new" in by_name[0].error_text


@pytest.mark.parametrize(
    ("error", "opts_out", "bad_number"),
    [
        (603, True, False),
        (573, True, False),
        (2052, True, False),
        (629, False, True),
        (27, False, False),
        (9999, False, False),
    ],
)
def test_error_says_what_it_means_for_the_recipient(error: int, opts_out: bool, bad_number: bool) -> None:
    (report,) = read(
        infobip.report(
            status=infobip.status("UNDELIVERABLE_NOT_DELIVERED"), error={"id": error, "description": "Because."}
        )
    )
    assert (report.error_code, report.opts_out, report.bad_number) == (f"error_{error}", opts_out, bad_number)
    assert ("Because" in report.error_text) is (error == 9999)


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"messageId": f"{infobip.KEY}-7"},
        {"status": {}},
        infobip.report(messageId=7),
        infobip.report(status="DELIVERED"),
    ],
)
def test_report_that_is_not_understood_is_kept_for_staff(result: dict[str, Any]) -> None:
    with pytest.raises(UnparsableWebhook):
        read(infobip.report(), result)


def test_signed_webhooks_cannot_be_taken_for_one_another() -> None:
    with pytest.raises(UnparsableWebhook):
        infobip.adapter().parse_status(infobip.inbound())
    with pytest.raises(UnparsableWebhook):
        infobip.adapter().parse_inbound(infobip.reports())


# Inbound messages


@pytest.mark.parametrize(
    ("given", "number"),
    [("14155550100", "+14155550100"), ("24365", "24365"), ("12345678", "12345678"), ("InfoSMS", "InfoSMS")],
)
def test_numbers_are_as_the_contract_has_them(given: str, number: str) -> None:
    (message,) = infobip.adapter().parse_inbound(infobip.inbound(to=given))
    assert message.recipient == number


def test_whole_text_counts_and_may_be_absent() -> None:
    (message,) = infobip.adapter().parse_inbound(infobip.inbound(smsCount=3))
    assert (message.body, message.segments) == ("QUIZ Correct answer is Paris", 3)
    (empty,) = infobip.adapter().parse_inbound(infobip.inbound(text=None, smsCount=None))
    assert (empty.body, empty.segments) == ("", 1)


# Who sent it


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("form", ["hex", "base64"])
def test_any_hash_that_can_be_set_at_infobip_is_accepted(algorithm: str, form: str) -> None:
    signed = infobip.sign(infobip.reports(), algorithm=algorithm, form=form)
    infobip.adapter().verify(signed)
    named = {**signed.headers, "x-signature": f"{algorithm}={signed.headers['x-signature']}"}
    infobip.adapter().verify(replace(signed, headers=named))
    with pytest.raises(SignatureError):
        infobip.adapter(webhook_secret="another").verify(signed)


def test_header_is_the_one_that_is_set() -> None:
    signed = infobip.sign(infobip.reports())
    moved = replace(signed, headers={"x-hub-signature": signed.headers["x-signature"]})
    adapter = infobip.adapter(webhook_signature_header="X-Hub-Signature")
    adapter.verify(moved)
    with pytest.raises(SignatureError, match="x-hub-signature"):
        adapter.verify(signed)


def with_basic(pair: str) -> Webhook:
    return replace(infobip.reports(), headers={"authorization": f"Basic {b64encode(pair.encode()).decode()}"})


def test_user_and_password_are_accepted_where_they_are_set() -> None:
    adapter = infobip.adapter(webhook_secret="", webhook_user="infobip", webhook_password="pä:ss")
    adapter.verify(with_basic("infobip:pä:ss"))
    for wrong in (
        with_basic("infobip:pass"),
        with_basic("infobip"),
        infobip.sign(infobip.reports()),
        infobip.reports(),
    ):
        with pytest.raises(SignatureError):
            adapter.verify(wrong)
    with pytest.raises(SignatureError):
        infobip.adapter().verify(with_basic("infobip:pä:ss"))


def test_either_will_do_where_both_are_set() -> None:
    adapter = infobip.adapter(webhook_user="infobip", webhook_password="pass")
    adapter.verify(with_basic("infobip:pass"))
    adapter.verify(infobip.sign(infobip.reports()))
    with pytest.raises(SignatureError):
        adapter.verify(infobip.reports())


def test_nothing_is_trusted_while_nothing_is_set() -> None:
    adapter = infobip.adapter(webhook_secret="")
    for webhook in (infobip.reports(), infobip.sign(infobip.reports(), key=""), with_basic(":")):
        with pytest.raises(SignatureError, match="neither a webhook secret nor a webhook user"):
            adapter.verify(webhook)

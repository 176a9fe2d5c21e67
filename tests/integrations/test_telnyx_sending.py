"""What is particular to sending through Telnyx: its JSON and its keys, its error codes, look-ups."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from integrations.http.values import Reply
from integrations.sms.contract import GatewayConfig, SendResult
from integrations.sms.errors import AdapterError, ErrorKind, ProviderError, SendError
from integrations.sms.events import DeliveryState
from integrations.sms.providers.telnyx import TelnyxAdapter
from integrations.sms.providers.telnyx.codes import DELIVERY_ERRORS, SEND_ERRORS
from tests.gateway_cases import BASE_URL, MESSAGE
from tests.integrations import telnyx_payloads as telnyx

HTML = b"<!doctype html><title>502 Bad Gateway</title>"


def error_of(reply: Reply) -> SendError:
    (result,) = telnyx.adapter().parse_send([MESSAGE], reply)
    assert result.error is not None
    return result.error


def errors_body(code: str, title: str = "A title", **more: Any) -> bytes:
    return orjson.dumps({"errors": [{"code": code, "title": title, **more}]})


def test_message_is_json_with_its_own_address_for_statuses() -> None:
    request = telnyx.adapter().build_send([MESSAGE])
    assert request.url == f"{BASE_URL}/v2/messages"
    assert dict(request.headers)["authorization"] == f"Bearer {telnyx.CREDENTIALS['api_key']}"
    assert dict(request.headers)["content-type"] == "application/json"
    assert orjson.loads(request.body) == {
        "from": MESSAGE.sender,
        "to": MESSAGE.recipient,
        "text": MESSAGE.body,
        "webhook_url": MESSAGE.status_url,
        "use_profile_webhooks": False,
    }


def test_media_are_sent_with_a_text_or_without() -> None:
    links = ("https://example.com/a.jpg", "https://example.com/b.jpg")
    with_text = telnyx.adapter().build_send([MESSAGE._replace(media_urls=links)])
    without = telnyx.adapter().build_send([MESSAGE._replace(media_urls=links, body="", status_url="")])
    assert orjson.loads(with_text.body)["media_urls"] == list(links)
    assert orjson.loads(with_text.body)["text"] == MESSAGE.body
    assert orjson.loads(without.body) == {"from": MESSAGE.sender, "to": MESSAGE.recipient, "media_urls": list(links)}


def test_text_that_cannot_be_encoded_is_sent_with_replacements() -> None:
    link = ("https://example.com/\ud83d",)
    request = telnyx.adapter().build_send([MESSAGE._replace(body="Hi \ud83d there", media_urls=link)])
    sent = orjson.loads(request.body)
    assert (sent["text"], sent["media_urls"]) == ("Hi ? there", ["https://example.com/?"])


def test_a_message_has_one_key_that_no_other_message_or_installation_has() -> None:
    def key_of(adapter: TelnyxAdapter, number: int) -> str:
        return dict(adapter.build_send([MESSAGE._replace(id=number)]).headers)["idempotency-key"]

    here = telnyx.adapter()
    elsewhere = TelnyxAdapter(GatewayConfig(telnyx.CREDENTIALS, BASE_URL, {"key": "fedcba9876543210"}))
    keys = [key_of(here, 7), key_of(here, 8), key_of(elsewhere, 7)]
    assert len(set(keys)) == 3
    # Telnyx takes 1 to 255 letters, digits, hyphens, underscores and colons.
    assert all(key.replace("-", "").isalnum() for key in keys)
    # Made anew, as after a restart, the request is the same to the byte: otherwise its repetition would be refused.
    assert telnyx.adapter().build_send([MESSAGE]) == here.build_send([MESSAGE])


def test_requests_are_repeated_unless_somebody_has_said_that_it_does_not_hold() -> None:
    told = {said: telnyx.adapter(repeats=said).capabilities.idempotent_sends for said in ("", "yes", " No ")}
    assert told == {"": True, "yes": True, " No ": False}
    assert TelnyxAdapter.capabilities.idempotent_sends
    with pytest.raises(AdapterError, match="yes or no"):
        telnyx.adapter(repeats="perhaps")


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_reply_with_html_leaves_the_message_unknown(status: int) -> None:
    error = error_of(Reply(status, {"content-type": "text/html"}, HTML))
    assert (error.kind, error.code) == (ErrorKind.UNKNOWN, "unreadable_reply")
    assert error_of(Reply(502, {}, HTML)).kind is ErrorKind.UNKNOWN


def test_html_instead_of_a_refusal_is_judged_by_its_status() -> None:
    assert error_of(Reply(403, {}, HTML)).stops_gateway
    assert error_of(Reply(404, {}, HTML)).stops_gateway
    assert error_of(Reply(402, {}, HTML)).stops_gateway
    assert error_of(Reply(429, {"retry-after": "2"}, HTML)).retry_after_seconds == 2


def test_taken_message_with_an_unknown_status_is_unknown_and_can_be_looked_up() -> None:
    body = telnyx.payload_json("sent.json")
    body["data"]["to"][0]["status"] = "pondering"
    (result,) = telnyx.adapter().parse_send([MESSAGE], Reply(200, {}, orjson.dumps(body)))
    assert result.provider_id == telnyx.MESSAGE_ID
    assert result.state is None
    assert result.error is not None
    assert result.error.kind is ErrorKind.UNKNOWN
    assert "pondering" in result.error.text


@pytest.mark.parametrize(
    ("status", "name", "kind", "flag"),
    [
        (401, 10009, ErrorKind.NOT_SENT, "stops_gateway"),
        (404, 10005, ErrorKind.NOT_SENT, "stops_gateway"),
        # Telnyx answers it with a status that elsewhere means “later”.
        (429, 40333, ErrorKind.NOT_SENT, "stops_gateway"),
        (400, 40305, ErrorKind.NOT_SENT, "stops_number"),
        (400, "10002_from", ErrorKind.NOT_SENT, "stops_number"),
        (403, 40300, ErrorKind.REJECTED, "opts_out"),
        (400, 40310, ErrorKind.REJECTED, "bad_number"),
    ],
)
def test_an_error_stops_what_it_concerns(status: int, name: str | int, kind: ErrorKind, flag: str) -> None:
    error = error_of(telnyx.error_reply(status, name))
    flags = {name for name in ("stops_gateway", "stops_number", "opts_out", "bad_number") if getattr(error, name)}
    assert (error.kind, flags) == (kind, {flag})


def test_where_a_person_must_act_telnyx_is_quoted_and_elsewhere_not() -> None:
    assert "not associated with a messaging profile" in error_of(telnyx.error_reply(400, 40305)).text
    assert "+14155552671" not in error_of(telnyx.error_reply(403, 40300)).text


def test_number_that_is_wrong_is_the_recipients_unless_telnyx_points_elsewhere() -> None:
    assert error_of(Reply(422, {}, errors_body("10002", source={"pointer": "/to"}))).bad_number
    assert error_of(Reply(422, {}, errors_body("10002"))).bad_number
    assert not error_of(Reply(422, {}, errors_body("10002", source={"pointer": "/from"}))).bad_number


def test_unknown_code_of_a_refusal_is_told_with_telnyxs_words() -> None:
    error = error_of(Reply(422, {}, errors_body("49999", "Moon is full", detail="Wait for dawn.")))
    assert (error.kind, error.code) == (ErrorKind.REJECTED, "49999")
    assert "49999: Moon is full: Wait for dawn" in error.text


@pytest.mark.parametrize(
    "reply",
    [
        Reply(409, {}, errors_body("10012", "Duplicate resource")),
        Reply(422, {}, errors_body("10015", "Bad request", detail="The Idempotency-Key was used with another body.")),
    ],
)
def test_message_whose_key_telnyx_knows_may_have_been_taken(reply: Reply) -> None:
    assert error_of(reply).kind is ErrorKind.UNKNOWN


@pytest.mark.parametrize(
    "errors", [None, [], "no", {}, [None], [[]], [{}], [{"code": None, "title": 5, "source": "x"}], [{"code": 40300}]]
)
def test_odd_error_bodies_are_judged_without_a_fault(errors: Any) -> None:
    error = error_of(Reply(400, {}, orjson.dumps({"errors": errors})))
    assert error.kind is ErrorKind.REJECTED
    assert error.code in ("400", "40300")


def test_every_error_has_words_for_a_person_and_a_code_that_fits() -> None:
    for error in (*SEND_ERRORS.values(), *DELIVERY_ERRORS.values()):
        assert len(error.code) <= 32
        assert error.text.endswith(".")
        assert len(error.text) <= 255
    for error in DELIVERY_ERRORS.values():
        assert error.kind is ErrorKind.REJECTED
        assert not error.stops_gateway
        assert not error.stops_number


# Look-up


def test_message_is_looked_up_by_telnyxs_id() -> None:
    adapter = telnyx.adapter()
    request = adapter.build_lookup(MESSAGE, provider_id=telnyx.MESSAGE_ID, on_date="2026-03-02")
    assert (request.method, request.url) == ("GET", f"{BASE_URL}/v2/messages/{telnyx.MESSAGE_ID}")
    assert "idempotency-key" not in dict(request.headers)
    found = adapter.parse_lookup(MESSAGE, Reply(200, {}, telnyx.payload("retrieved.json")))
    assert found == SendResult(MESSAGE.id, telnyx.MESSAGE_ID, DeliveryState.DELIVERED, 1)


def test_failed_message_that_is_looked_up_has_a_state_and_an_error() -> None:
    body = {"data": telnyx.payload_json("status_failed.json")["data"]["payload"]}
    found = telnyx.adapter().parse_lookup(MESSAGE, Reply(200, {}, orjson.dumps(body)))
    assert found is not None
    assert found.state is DeliveryState.UNDELIVERED
    assert found.error is not None
    assert found.error.code == "40008"


def test_message_that_telnyx_does_not_know_is_none_and_a_page_that_is_not_the_api_is_not() -> None:
    adapter = telnyx.adapter()
    assert adapter.build_lookup(MESSAGE, provider_id="", on_date="").url.endswith(
        "/messages/00000000-0000-0000-0000-000000000000"
    )
    assert adapter.parse_lookup(MESSAGE, telnyx.error_reply(404, 10005)) is None
    with pytest.raises(ProviderError):
        adapter.parse_lookup(MESSAGE, Reply(404, {}, HTML))


@pytest.mark.parametrize(
    ("reply", "retryable"),
    [
        (telnyx.error_reply(401, 10009), False),
        (telnyx.error_reply(429, 10011), True),
        (Reply(503, {}, HTML), True),
        (Reply(200, {}, HTML), False),
        (Reply(200, {}, b'{"data": {"id": "x", "to": [{"status": "pondering"}]}}'), False),
    ],
)
def test_refused_look_up_is_no_missing_message(reply: Reply, *, retryable: bool) -> None:
    with pytest.raises(ProviderError) as caught:
        telnyx.adapter().parse_lookup(MESSAGE, reply)
    assert caught.value.retryable is retryable


# Credentials


def test_missing_and_unusable_settings_are_named() -> None:
    with pytest.raises(AdapterError, match="no API key"):
        telnyx.adapter(api_key=" ")
    with pytest.raises(AdapterError, match="no Public key"):
        telnyx.adapter(public_key="")
    with pytest.raises(AdapterError, match="Save the gateway"):
        TelnyxAdapter(GatewayConfig(telnyx.CREDENTIALS, BASE_URL))
    for wrong in ("x", "é", telnyx.PUBLIC_KEY[:-4], "A" * 64):
        with pytest.raises(AdapterError, match="public key is not one"):
            telnyx.adapter(public_key=wrong)

"""What is particular to sending through Twilio, and to looking messages up."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import parse_qs, parse_qsl, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.http.values import Reply
from integrations.sms.contract import GatewayConfig, OutboundSms, SendResult
from integrations.sms.errors import AdapterError, ErrorKind, ProviderError, SendError
from integrations.sms.events import DeliveryState
from integrations.sms.providers.twilio import TwilioAdapter
from tests.gateway_cases import BASE_URL, MESSAGE
from tests.integrations import twilio_payloads as twilio

LISTED = OutboundSms(id=8, sender="+12019235161", recipient="+18182008801", body="testing")


def fields(message: OutboundSms, **credentials: str) -> dict[str, list[str]]:
    body = twilio.adapter(**credentials).build_send([message]).body
    return parse_qs(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)


def send_error(reply: Reply) -> SendError:
    (result,) = twilio.adapter().parse_send([MESSAGE], reply)
    assert result.error is not None
    return result.error


def test_send_is_a_form_with_the_message_in_it() -> None:
    request = twilio.adapter().build_send([MESSAGE])
    assert request.url == f"{BASE_URL}/2010-04-01/Accounts/{twilio.ACCOUNT_SID}/Messages.json"
    assert dict(request.headers)["content-type"] == "application/x-www-form-urlencoded"
    assert fields(MESSAGE) == {
        "To": [MESSAGE.recipient],
        "From": [MESSAGE.sender],
        "Body": [MESSAGE.body],
        "StatusCallback": [MESSAGE.status_url],
    }


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_arrives_unchanged(body: str) -> None:
    assert fields(MESSAGE._replace(body=body))["Body"] == [body]


def test_lone_surrogate_does_not_stop_a_send() -> None:
    assert fields(MESSAGE._replace(body="a\ud83d b"))["Body"] == ["a? b"]


def test_media_links_are_repeated_and_a_body_is_optional() -> None:
    links = ("https://example.com/a.jpg?x=1&y=2", "https://example.com/b.png")
    sent = fields(MESSAGE._replace(body="", media_urls=links))
    assert sent["MediaUrl"] == list(links)
    assert "Body" not in sent


def test_messaging_service_goes_beside_the_sender() -> None:
    sent = fields(MESSAGE, messaging_service_sid="MG1")
    assert sent["MessagingServiceSid"] == ["MG1"]
    assert sent["From"] == [MESSAGE.sender]
    assert "From" not in fields(MESSAGE._replace(sender=""), messaging_service_sid="MG1")


def test_one_message_a_request() -> None:
    with pytest.raises(ValueError):
        twilio.adapter().build_send([MESSAGE, MESSAGE])


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        ({}, f"{twilio.ACCOUNT_SID}:{twilio.AUTH_TOKEN}"),
        ({"api_key_sid": "SK1", "api_key_secret": "s3cret"}, "SK1:s3cret"),
    ],
)
def test_basic_authorisation(credentials: dict[str, str], expected: str) -> None:
    headers = dict(twilio.adapter(**credentials).build_send([MESSAGE]).headers)
    scheme, _, value = headers["authorization"].partition(" ")
    assert scheme == "Basic"
    assert b64decode(value).decode() == expected


@pytest.mark.parametrize(
    ("credentials", "named"),
    [
        ({"account_sid": ""}, "Account SID"),
        ({"auth_token": "  "}, "Auth token"),
        ({"api_key_sid": "SK1"}, "API key secret"),
        ({"api_key_secret": "x"}, "API key SID"),
    ],
)
def test_missing_credential_is_named(credentials: dict[str, str], named: str) -> None:
    with pytest.raises(AdapterError, match=named):
        twilio.adapter(**credentials)


def test_base_url_has_a_default() -> None:
    credentials = {"account_sid": "AC1", "auth_token": "t"}
    request = TwilioAdapter(GatewayConfig(credentials, "")).build_send([MESSAGE])
    assert request.url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"


@pytest.mark.parametrize(
    ("reply", "kind", "flag"),
    [
        (twilio.error_reply(21211), ErrorKind.REJECTED, "bad_number"),
        (twilio.error_reply(21408), ErrorKind.REJECTED, ""),
        (twilio.error_reply(21603), ErrorKind.NOT_SENT, "stops_number"),
        (twilio.error_reply(21606), ErrorKind.NOT_SENT, "stops_number"),
        (twilio.error_reply(21611), ErrorKind.THROTTLED, ""),
        (twilio.error_reply(20404), ErrorKind.NOT_SENT, "stops_gateway"),
        (twilio.error_reply(20500), ErrorKind.UNKNOWN, ""),
        (twilio.error_reply(20503), ErrorKind.UNKNOWN, ""),
        (Reply(401, {}, b"{}"), ErrorKind.NOT_SENT, "stops_gateway"),
        (Reply(401, {}, twilio.payload("error_21610.json")), ErrorKind.NOT_SENT, "stops_gateway"),
        (Reply(403, {}, b"<html>"), ErrorKind.NOT_SENT, "stops_gateway"),
        (Reply(429, {}, b""), ErrorKind.THROTTLED, ""),
        (Reply(429, {}, b'{"code": 77777, "message": "slow"}'), ErrorKind.THROTTLED, ""),
        (Reply(400, {}, b'{"code": "21659", "message": "From"}'), ErrorKind.NOT_SENT, "stops_number"),
        (Reply(400, {}, b'{"code": 90010, "message": "suspended"}'), ErrorKind.NOT_SENT, "stops_gateway"),
        (Reply(400, {}, b'{"code": 21609, "message": "StatusCallback"}'), ErrorKind.NOT_SENT, "stops_gateway"),
        (Reply(400, {}, b'{"code": 29999, "message": "new"}'), ErrorKind.REJECTED, ""),
        (Reply(400, {}, b"<html>"), ErrorKind.REJECTED, ""),
        (Reply(408, {}, b""), ErrorKind.UNKNOWN, ""),
        (Reply(301, {}, b""), ErrorKind.NOT_SENT, "stops_gateway"),
        (Reply(303, {}, b""), ErrorKind.UNKNOWN, ""),
    ],
)
def test_refusals_are_catalogued(reply: Reply, kind: ErrorKind, flag: str) -> None:
    error = send_error(reply)
    assert error.kind is kind
    flags = ("opts_out", "bad_number", "stops_gateway", "stops_number")
    assert [name for name in flags if getattr(error, name)] == ([flag] if flag else [])


def test_full_queue_waits_as_long_as_told() -> None:
    assert send_error(twilio.error_reply(21611, retry_after="30")).retry_after_seconds == 30
    assert send_error(twilio.error_reply(21611)).retry_after_seconds is None


def test_what_stops_a_gateway_gives_twilios_reason() -> None:
    assert "Authenticate" in send_error(twilio.error_reply(20003)).text
    unknown = send_error(Reply(400, {}, b'{"code": 29999, "message": "A new reason"}'))
    assert "A new reason" in unknown.text
    assert unknown.code == "29999"


def test_segments_of_a_messaging_service_are_not_known_yet() -> None:
    resource = {**twilio.payload_json("message_by_service.json"), "num_segments": "0"}
    (result,) = twilio.adapter().parse_send([MESSAGE], Reply(201, {}, orjson.dumps(resource)))
    assert result == SendResult(MESSAGE.id, twilio.MESSAGE_SID, DeliveryState.ACCEPTED, None)


@pytest.mark.parametrize("status", ["", "dreaming", None, 3])
def test_success_with_an_unknown_status_is_unknown(status: object) -> None:
    resource = {**twilio.payload_json("message_queued.json"), "status": status}
    assert send_error(Reply(201, {}, orjson.dumps(resource))).kind is ErrorKind.UNKNOWN


# Look-up


def lookup(message: OutboundSms, resource: object, status: int = 200) -> SendResult | None:
    return twilio.adapter().parse_lookup(message, Reply(status, {}, orjson.dumps(resource)))


def test_lookup_by_id_and_by_recipient_and_day() -> None:
    adapter = twilio.adapter()
    by_id = adapter.build_lookup(LISTED, provider_id="SM1", on_date="2026-08-24")
    assert by_id.url == f"{BASE_URL}/2010-04-01/Accounts/{twilio.ACCOUNT_SID}/Messages/SM1.json"
    listed = urlsplit(adapter.build_lookup(LISTED, provider_id="", on_date="2026-08-24").url)
    assert listed.path.endswith("/Messages.json")
    assert dict(parse_qsl(listed.query)) == {
        "To": LISTED.recipient,
        "From": LISTED.sender,
        "DateSent>": "2026-08-24",
        "PageSize": "1000",
    }


def test_lookup_finds_the_message_in_a_list() -> None:
    page = twilio.payload_json("message_list.json")
    assert lookup(LISTED, page) == SendResult(8, page["messages"][0]["sid"], DeliveryState.SENT, 1)
    trial = {**page["messages"][0], "body": "Sent from your Twilio trial account - testing"}
    assert lookup(LISTED, {"messages": [trial]}) is not None


@pytest.mark.parametrize(
    "change", [{"body": "other"}, {"to": "+18182008802"}, {"from": "+12019235162"}, {"direction": "inbound"}]
)
def test_lookup_ignores_other_messages(change: dict[str, str]) -> None:
    entry = {**twilio.payload_json("message_list.json")["messages"][0], **change}
    assert lookup(LISTED, {"messages": [entry, None, 5]}) is None


def test_lookup_by_id_reads_one_message() -> None:
    resource = twilio.payload_json("message_fetched.json")
    result = lookup(LISTED, resource)
    assert result is not None
    assert result.provider_id == resource["sid"]


def test_lookup_of_a_failed_message_gives_state_and_reason() -> None:
    resource = {**twilio.payload_json("message_fetched.json"), "status": "undelivered", "error_code": 30006}
    result = lookup(LISTED, resource)
    assert result is not None
    assert result.state is DeliveryState.UNDELIVERED
    assert result.error is not None
    assert result.error.code == "30006"
    assert result.error.bad_number


def test_lookup_without_a_trace_is_none() -> None:
    assert lookup(LISTED, {"messages": []}) is None
    assert twilio.adapter().parse_lookup(LISTED, twilio.error_reply(20404)) is None


@pytest.mark.parametrize(
    ("reply", "retryable"),
    [
        (twilio.error_reply(20003), False),
        (twilio.error_reply(20429), True),
        (twilio.error_reply(20503), True),
        (Reply(404, {}, b"<html>"), False),
        (Reply(200, {}, b"<html>"), False),
        (Reply(200, {}, b"{}"), False),
    ],
)
def test_refused_lookup_is_not_taken_for_a_missing_message(reply: Reply, retryable: bool) -> None:
    with pytest.raises(ProviderError) as caught:
        twilio.adapter().parse_lookup(LISTED, reply)
    assert caught.value.retryable is retryable

"""What is particular to sending through Infobip, and to looking messages up."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.http.values import Reply
from integrations.sms.contract import GatewayConfig, OutboundSms, SendResult
from integrations.sms.errors import AdapterError, ErrorKind, ProviderError, SendError
from integrations.sms.events import DeliveryState
from integrations.sms.providers.infobip import InfobipAdapter
from tests.gateway_cases import BASE_URL, MESSAGE
from tests.integrations import infobip_payloads as infobip

OTHER = MESSAGE._replace(id=8, recipient="+14155552672", body="Another text", status_url=MESSAGE.status_url[:-1] + "8")
THIRD = MESSAGE._replace(id=9, recipient="+14155552673", sender="24365", status_url="")
THREE = [MESSAGE, OTHER, THIRD]


def body(*messages: OutboundSms) -> dict[str, Any]:
    sent: dict[str, Any] = orjson.loads(infobip.adapter().build_send(messages).body)
    return sent


def results(reply: Reply, messages: list[OutboundSms] = THREE) -> list[SendResult]:
    return infobip.adapter().parse_send(messages, reply)


def errors(reply: Reply, messages: list[OutboundSms] = THREE) -> list[SendError]:
    found = [result.error for result in results(reply, messages)]
    return [error for error in found if error is not None]


def test_one_request_carries_each_message_with_its_text_and_id() -> None:
    request = infobip.adapter().build_send(THREE)
    assert request.url == f"{BASE_URL}/sms/3/messages"
    headers = dict(request.headers)
    assert headers["authorization"] == f"App {infobip.CREDENTIALS['api_key']}"
    assert headers["content-type"] == "application/json"
    webhooks = {
        "delivery": {"url": "https://sms.example.com/webhooks/3/status"},
        "contentType": "application/json",
    }
    assert orjson.loads(request.body) == {
        "messages": [
            {
                "sender": "14155550100",
                "destinations": [{"to": "14155552671", "messageId": f"{infobip.KEY}-7"}],
                "content": {"text": MESSAGE.body},
                "webhooks": webhooks,
            },
            {
                "sender": "14155550100",
                "destinations": [{"to": "14155552672", "messageId": f"{infobip.KEY}-8"}],
                "content": {"text": "Another text"},
                "webhooks": webhooks,
            },
            {
                "sender": "24365",
                "destinations": [{"to": "14155552673", "messageId": f"{infobip.KEY}-9"}],
                "content": {"text": MESSAGE.body},
            },
        ],
        "options": {"includeSmsCountInResponse": True},
    }


@pytest.mark.parametrize(
    ("url", "reported_to"),
    [
        ("https://a.example/status/7", "https://a.example/status"),
        ("https://a.example/status/17", "https://a.example/status/17"),
        ("https://a.example/status/7?x=1", "https://a.example/status/7?x=1"),
        ("https://a.example/status/8", "https://a.example/status/8"),
    ],
)
def test_only_our_id_is_taken_off_the_address_for_reports(url: str, reported_to: str) -> None:
    sent = body(OTHER, MESSAGE._replace(status_url=url), OTHER)
    addresses = [message["webhooks"]["delivery"]["url"] for message in sent["messages"]]
    assert addresses == ["https://sms.example.com/webhooks/3/status", reported_to, addresses[0]]


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_any_texts_arrive_unchanged(texts: list[str]) -> None:
    sent = body(*(MESSAGE._replace(id=index, body=text) for index, text in enumerate(texts)))
    assert [message["content"]["text"] for message in sent["messages"]] == texts


def test_lone_surrogate_stops_nobody() -> None:
    sent = body(MESSAGE._replace(body="a\ud83d b"), OTHER)
    assert [message["content"]["text"] for message in sent["messages"]] == ["a? b", "Another text"]


def test_ids_of_two_installations_never_meet() -> None:
    other = InfobipAdapter(GatewayConfig(infobip.CREDENTIALS, BASE_URL, {"key": "fedcba9876543210"}))
    assert orjson.loads(other.build_send([MESSAGE]).body) != body(MESSAGE)
    (result,) = other.parse_send([MESSAGE], infobip.ok(infobip.sent([MESSAGE])))
    assert result.error is not None
    assert result.error.kind is ErrorKind.UNKNOWN


def test_missing_key_and_credentials_are_named() -> None:
    with pytest.raises(AdapterError, match="key for its messages"):
        InfobipAdapter(GatewayConfig(infobip.CREDENTIALS, BASE_URL))
    with pytest.raises(AdapterError, match="API key"):
        infobip.adapter(api_key=" ")
    with pytest.raises(AdapterError, match="Webhook password"):
        infobip.adapter(webhook_user="infobip")


def test_segments_and_states_are_as_the_reply_tells_them() -> None:
    reply = infobip.sent(THREE)
    reply["messages"][0]["details"] = {"messageCount": 3}
    reply["messages"][1] |= {"status": infobip.status("DELIVERED_TO_HANDSET"), "details": {"messageCount": 2}}
    del reply["messages"][2]["details"]
    assert results(infobip.ok(reply)) == [
        SendResult(7, f"{infobip.KEY}-7", DeliveryState.ACCEPTED, 3),
        SendResult(8, f"{infobip.KEY}-8", DeliveryState.DELIVERED, 2),
        SendResult(9, f"{infobip.KEY}-9", DeliveryState.ACCEPTED, None),
    ]


def test_results_are_found_by_id_wherever_they_stand() -> None:
    reply = infobip.sent(THREE[::-1])
    reply["messages"].insert(0, {"messageId": "somebody-else's", "status": infobip.status("REJECTED_NETWORK")})
    reply["messages"][1]["status"] = infobip.status("REJECTED_DESTINATION")
    first, second, third = results(infobip.ok(reply))
    assert (first.state, second.state) == (DeliveryState.ACCEPTED, DeliveryState.ACCEPTED)
    assert third.error is not None
    assert third.error.bad_number


@pytest.mark.parametrize("entry", [None, 7, [], {}, {"messageId": 5}, {"status": None}, {"status": {"id": "26"}}])
def test_entry_that_cannot_be_read_concerns_its_own_message_only(entry: Any) -> None:
    reply = infobip.sent(THREE)
    reply["messages"][1] = {**reply["messages"][1], **entry} if isinstance(entry, dict) and entry else entry
    first, second, third = results(infobip.ok(reply))
    assert (first.error, third.error) == (None, None)
    assert second.error is not None
    assert second.error.kind is ErrorKind.UNKNOWN


@pytest.mark.parametrize(
    ("name", "kind", "flags"),
    [
        ("REJECTED_SOURCE", ErrorKind.NOT_SENT, {"stops_number"}),
        ("REJECTED_NOT_ENOUGH_CREDITS", ErrorKind.NOT_SENT, {"stops_gateway"}),
        ("REJECTED_SYSTEM_ERROR", ErrorKind.THROTTLED, set()),
        ("REJECTED_DUPLICATE_MESSAGE_ID", ErrorKind.UNKNOWN, set()),
        ("REJECTED_DESTINATION_BLOCKLISTED", ErrorKind.REJECTED, {"opts_out"}),
        ("UNDELIVERABLE_NOT_DELIVERED", ErrorKind.REJECTED, set()),
        ("EXPIRED_EXPIRED", ErrorKind.REJECTED, set()),
    ],
)
def test_refusal_means_what_its_code_says(name: str, kind: ErrorKind, flags: set[str]) -> None:
    first, second, third = results(infobip.ok(infobip.sent(THREE, name)))
    assert first.error == second.error == third.error
    assert first.error is not None
    assert first.error.kind is kind
    known = {"opts_out", "bad_number", "stops_gateway", "stops_number"}
    assert {flag for flag in known if getattr(first.error, flag)} == flags


def test_unknown_refusal_quotes_infobip() -> None:
    reply = infobip.sent([MESSAGE])
    reply["messages"][0]["status"] = {"groupName": "REJECTED", "id": 999, "name": "REJECTED_NEW", "description": "New."}
    (error,) = errors(infobip.ok(reply), [MESSAGE])
    assert (error.kind, error.code) == (ErrorKind.REJECTED, "status_999")
    assert "New" in error.text


def refused_request(*paths: str) -> Reply:
    violations = [{"property": path, "violation": "must not be blank"} for path in paths]
    return Reply(400, {}, orjson.dumps({**infobip.payload_json("error_400.json"), "violations": violations}))


def test_refused_request_rejects_all_of_its_messages() -> None:
    for reply in (infobip.error_reply(400), refused_request(), Reply(422, {}, b"no")):
        assert [error.kind for error in errors(reply)] == [ErrorKind.REJECTED] * 3


def test_refusal_that_names_messages_spares_the_others() -> None:
    reply = refused_request("messages[1].destinations[0].to", "messages[1].content.text")
    first, second, third = errors(reply)
    assert second.kind is ErrorKind.REJECTED
    assert "must not be blank" in second.text
    assert first == third
    assert first.kind is ErrorKind.NOT_SENT
    assert not first.stops_gateway
    all_of_them = refused_request("messages[0]", "messages[1]", "messages[2]")
    assert [error.kind for error in errors(all_of_them)] == [ErrorKind.REJECTED] * 3


@pytest.mark.parametrize("paths", [("messages[1].x", "options"), ("messages[3].x",), ("messages[-1]",)])
def test_refusal_that_may_concern_all_spares_nobody(paths: tuple[str, ...]) -> None:
    assert [error.kind for error in errors(refused_request(*paths))] == [ErrorKind.REJECTED] * 3


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 301, 308])
def test_reply_that_no_message_can_help_stops_the_gateway(status: int) -> None:
    for reply in (infobip.error_reply(status, "error_401.json"), infobip.error_reply(status, "error_401_older.json")):
        assert {(error.kind, error.stops_gateway) for error in errors(reply)} == {(ErrorKind.NOT_SENT, True)}


def test_older_error_body_is_understood() -> None:
    (error,) = errors(infobip.error_reply(401, "error_401_older.json"), [MESSAGE])
    assert error.code == "UNAUTHORIZED"
    assert "Unauthorized" in error.text


# Look-up


def look_up(*entries: dict[str, Any]) -> SendResult | None:
    return infobip.adapter().parse_lookup(MESSAGE, infobip.ok({"results": entries}))


def log(name: str, **changes: Any) -> dict[str, Any]:
    (entry,) = infobip.payload_json("logs.json")["results"]
    return {**entry, "status": infobip.status(name), **changes}


def test_message_is_looked_up_by_the_id_we_gave_it() -> None:
    request = infobip.adapter().build_lookup(MESSAGE, provider_id="", on_date="2026-08-24")
    assert (request.method, request.url) == ("GET", f"{BASE_URL}/sms/3/logs?messageId={infobip.KEY}-7")
    assert dict(request.headers)["authorization"].startswith("App ")


def test_look_up_tells_what_became_of_the_message() -> None:
    found = infobip.adapter().parse_lookup(MESSAGE, Reply(200, {}, infobip.payload("logs.json")))
    assert found == SendResult(7, f"{infobip.KEY}-7", DeliveryState.DELIVERED, 2)
    failed = look_up(log("REJECTED_NOT_ENOUGH_CREDITS"))
    assert failed is not None
    assert failed.state is DeliveryState.FAILED
    assert failed.error is not None
    assert (failed.error.kind, failed.error.stops_gateway) == (ErrorKind.REJECTED, False)


def test_look_up_without_a_trace_finds_nothing() -> None:
    assert look_up() is None
    assert look_up(log("DELIVERED_TO_HANDSET", messageId=f"{infobip.KEY}-8")) is None
    assert look_up(log("REJECTED_DUPLICATE_MESSAGE_ID")) is None


def test_of_two_entries_with_one_id_the_further_counts() -> None:
    entries = [log("REJECTED_NETWORK"), log("PENDING_ENROUTE"), log("REJECTED_DUPLICATE_MESSAGE_ID")]
    for given_entries in (entries, entries[::-1]):
        found = look_up(*given_entries)
        assert found is not None
        assert (found.state, found.error) == (DeliveryState.SENT, None)


@pytest.mark.parametrize(
    "reply",
    [infobip.error_reply(401), infobip.error_reply(429), Reply(200, {}, b"<html>"), Reply(200, {}, b"{}"), Reply(404)],
)
def test_refused_look_up_is_not_a_missing_message(reply: Reply) -> None:
    with pytest.raises(ProviderError):
        infobip.adapter().parse_lookup(MESSAGE, reply)

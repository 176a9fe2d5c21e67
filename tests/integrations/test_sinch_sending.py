"""Sinch's sends: batches, parameters, refusals of the whole or of one, and look-ups."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from integrations.http.values import Reply, Request
from integrations.sms.contract import GatewayConfig, OutboundSms
from integrations.sms.errors import AdapterError, ErrorKind, ProviderError
from integrations.sms.events import DeliveryState
from integrations.sms.providers.sinch import SinchAdapter
from tests.gateway_cases import BASE_URL, MESSAGE
from tests.integrations import sinch_payloads as sinch

ADAPTER = sinch.adapter()


def messages(*texts: str) -> list[OutboundSms]:
    """A message to somebody else for each text."""
    return [
        MESSAGE._replace(
            id=place,
            recipient=f"+1415555{2000 + place}",
            body=text,
            status_url=f"https://sms.example.com/webhooks/3/status/{place}",
        )
        for place, text in enumerate(texts, 1)
    ]


def sent(several: list[OutboundSms]) -> dict[str, Any]:
    """The batch that they are sent as."""
    body: dict[str, Any] = orjson.loads(ADAPTER.build_send(several).body)
    return body


def received(several: list[OutboundSms]) -> list[str]:
    """What each gets, after the rules of Sinch's parameters; their limits are checked too."""
    batch = sent(several)
    parameters = batch.get("parameters", {})
    assert 1 <= len(batch["body"]) <= 1600
    assert "$${" not in batch["body"]
    for name, values in parameters.items():
        assert re.fullmatch(r"[A-Za-z0-9_.-]{1,16}", name)
        assert all(1 <= len(value.encode("utf-16-le")) / 2 <= 160 and "${" not in value for value in values.values())
    texts = []
    for to in batch["to"]:
        # In one pass: what stands in a value is not looked at again.
        texts.append("".join(parameters[part][to] if is_name else part for is_name, part in _parts(batch["body"])))
    return texts


def _parts(body: str) -> list[tuple[bool, str]]:
    """A body's texts and, marked, the names between them."""
    return [(place % 2 == 1, part) for place, part in enumerate(re.split(r"\$\{([\w.-]+)\}", body))]


def test_batch_is_formed_as_sinch_wants_it() -> None:
    request = ADAPTER.build_send([MESSAGE])
    assert request.url == f"{BASE_URL}/xms/v1/jd63jf88477ll/batches"
    assert ("authorization", "Bearer b3a1c9f0tok") in request.headers
    assert orjson.loads(request.body) == {
        "from": "14155550100",
        "to": ["14155552671"],
        "type": "mt_text",
        "body": MESSAGE.body,
        "client_reference": f"{sinch.KEY}-0",
        "delivery_report": "per_recipient",
        "callback_url": MESSAGE.status_url,
    }


def test_texts_that_differ_in_merge_fields_are_one_body() -> None:
    batch = sent(messages("Hi Ann, see you at 5!", "Hi Bob, see you at 5!"))
    assert batch["body"] == "Hi ${t1}, see you at 5!"
    assert batch["parameters"] == {"t1": {"14155552001": "Ann", "14155552002": "Bob"}}
    # With an address for each, Sinch would need a batch for each.
    assert batch["callback_url"] == "https://sms.example.com/webhooks/3/status"


def test_same_text_for_all_needs_no_parameters() -> None:
    assert "parameters" not in sent(messages("Hi", "Hi", "Hi"))


def test_nobody_gets_a_text_by_default() -> None:
    assert all("default" not in values for values in sent(messages("Hi Ann", "Hi Bob"))["parameters"].values())


@pytest.mark.parametrize(
    "texts",
    [
        ("Hi!", "Hi Ann!"),
        ("aa", "aaa", "aaaa"),
        ("Pay $5", "Pay $6"),
        ("Pay $", "Pay $ now"),
        ("{name} $", "{nome} $"),
        ("x" * 700 + "1", "x" * 700 + "2"),
        ("1" + "é" * 1599, "2" + "ü" * 1599),
        ("🙂" * 200 + "a", "b" + "🙂" * 300),
        ("a" * 1600, "b" * 12),
        ("a" + "x" * 1598 + "c", "b" + "x" * 1598 + "d"),
        ("Hi ${name}",),
        ("$${a}${b}" + "${" * 100,),
    ],
)
def test_everybody_gets_their_own_text_to_the_letter(texts: tuple[str, ...]) -> None:
    several = messages(*texts)
    assert ADAPTER.fits(several) == len(several)
    assert received(several) == list(texts)


@pytest.mark.parametrize(
    "change",
    [
        {"sender": "24365"},
        {"recipient": "+14155552001"},
        {"body": "Hi ${name}"},
        {"id": 2000, "status_url": "https://sms.example.com/webhooks/3/status/2000"},
        {"status_url": ""},
        {"status_url": "https://elsewhere.example/webhooks/4/status/2"},
    ],
)
def test_what_does_not_go_together_waits_for_the_next_batch(change: dict[str, Any]) -> None:
    first, second, third = messages("Hi Ann", "Hi Bob", "Hi Cid")
    assert ADAPTER.fits([first, second._replace(**change), third]) == 1


def test_short_text_does_not_go_with_one_that_needs_many_values() -> None:
    assert ADAPTER.fits(messages("a" * 1600, "b")) == 1
    assert ADAPTER.fits(messages("b", "a" * 1600)) == 1
    assert ADAPTER.fits(messages("b", "a" * 160)) == 2


def numbered(first: int, texts: Sequence[str]) -> list[OutboundSms]:
    return [
        MESSAGE._replace(
            id=first + place,
            recipient=f"+1415555{2000 + place}",
            body=text,
            status_url=f"https://sms.example.com/webhooks/3/status/{first + place}",
        )
        for place, text in enumerate(texts)
    ]


def test_batch_begins_anywhere_and_reaches_into_the_next_block() -> None:
    several = numbered(1500, [f"Hi P{place}" for place in range(1000)])
    assert ADAPTER.fits(several) == 1000
    assert sent(several)["client_reference"] == f"{sinch.KEY}-1"
    assert ADAPTER.fits([several[-1], several[0]]) == 1, "a look-up would not find the second"


def test_long_texts_share_a_batch_as_long_as_they_share_their_words() -> None:
    same = numbered(0, [f"Hi P{place}, {'word ' * 300}" for place in range(1000)])
    assert ADAPTER.fits(same) == 1000
    own = numbered(0, [f"{place} " * 300 for place in range(1000)])
    count = ADAPTER.fits(own)
    assert 100 < count < 1000
    assert len(ADAPTER.build_send(own[:count]).body) < 1_000_000


def test_messages_that_do_not_go_together_are_never_built() -> None:
    first, second = messages("Hi Ann", "Hi Bob")
    for other in (second._replace(sender="24365"), second._replace(recipient=first.recipient)):
        with pytest.raises(ValueError, match="fits"):
            ADAPTER.build_send([first, other])


def test_text_that_cannot_be_encoded_is_sent_with_replacements() -> None:
    assert received(messages("Hi \ud800 Ann", "Hi Bob")) == ["Hi ? Ann", "Hi Bob"]


def test_message_without_a_status_url_asks_for_no_report() -> None:
    batch = sent([MESSAGE._replace(status_url="")])
    assert batch["delivery_report"] == "none"
    assert "callback_url" not in batch


# Replies


def test_message_has_the_batch_and_its_recipient_as_id() -> None:
    several = messages("Hi", "Hi")
    results = ADAPTER.parse_send(several, sinch.sent(several))
    assert [result.provider_id for result in results] == [f"{sinch.BATCH}:1415555200{n}" for n in (1, 2)]


def test_reply_that_does_not_repeat_the_recipients_is_taken_for_all() -> None:
    results = ADAPTER.parse_send(messages("Hi", "Hi"), Reply(201, {}, b'{"id":"b"}'))
    assert {result.state for result in results} == {DeliveryState.ACCEPTED}


@pytest.mark.parametrize(
    "text",
    [
        "The format of parameter 'to[1]' is invalid; value '+1' is not a valid MSISDN or group ID.",
        "Value of 'parameters.t1.14155552002' is too long.",
    ],
)
def test_one_bad_message_fails_alone(text: str) -> None:
    reply = Reply(400, {}, orjson.dumps({"code": "syntax_invalid_parameter_format", "text": text}))
    errors = [result.error for result in ADAPTER.parse_send(messages("Hi", "Hi", "Hi"), reply)]
    assert [error and error.kind for error in errors] == [ErrorKind.NOT_SENT, ErrorKind.REJECTED, ErrorKind.NOT_SENT]
    assert errors[1] is not None
    assert errors[1].bad_number is ("to[1]" in text)


@pytest.mark.parametrize("place", [3, 9999])
def test_place_that_is_not_in_the_batch_blames_nobody_in_particular(place: int) -> None:
    text = f"The format of parameter 'to[{place}]' is invalid."
    reply = Reply(400, {}, orjson.dumps({"code": "syntax_invalid_parameter_format", "text": text}))
    kinds = {result.error and result.error.kind for result in ADAPTER.parse_send(messages("Hi", "Hi", "Hi"), reply)}
    assert kinds == {ErrorKind.REJECTED}


def test_bad_sender_stops_the_number_and_fails_nobody() -> None:
    text = "The format of parameter 'from' is invalid; value 'x' is not a valid sender."
    reply = Reply(400, {}, orjson.dumps({"code": "syntax_invalid_parameter_format", "text": text}))
    for result in ADAPTER.parse_send(messages("Hi", "Hi"), reply):
        assert result.error is not None
        assert result.error.kind is ErrorKind.NOT_SENT
        assert result.error.stops_number


def test_plan_that_may_not_send_stops_the_gateway_with_sinchs_words() -> None:
    (result,) = ADAPTER.parse_send([MESSAGE], sinch.refused(403, "error_403.json"))
    assert result.error is not None
    assert result.error.kind is ErrorKind.NOT_SENT
    assert result.error.stops_gateway
    assert "without any callback URL" in result.error.text


def test_html_instead_of_the_api_is_never_a_success() -> None:
    page = b"<html><body>Sign in</body></html>"
    kinds = {}
    for status in (200, 201, 404, 502):
        (result,) = ADAPTER.parse_send([MESSAGE], Reply(status, {"content-type": "text/html"}, page))
        assert result.error is not None
        kinds[status] = result.error.kind
    assert kinds == {
        200: ErrorKind.UNKNOWN,
        201: ErrorKind.UNKNOWN,
        404: ErrorKind.NOT_SENT,
        502: ErrorKind.UNKNOWN,
    }


@pytest.mark.parametrize("name", ["service_plan_id", "api_token"])
def test_missing_credential_is_named(name: str) -> None:
    with pytest.raises(AdapterError, match=r"Service plan ID|API token"):
        sinch.adapter(**{name: " "})


def test_missing_key_is_named() -> None:
    with pytest.raises(AdapterError, match="key"):
        SinchAdapter(GatewayConfig(sinch.CREDENTIALS, BASE_URL, {}))


# Look-ups


def test_known_message_is_looked_up_in_its_batchs_report() -> None:
    given = f"{sinch.BATCH}:14155552671"
    request = ADAPTER.build_lookup(MESSAGE, provider_id=given, on_date="2026-08-24")
    assert request.url.endswith(f"/batches/{sinch.BATCH}/delivery_report/14155552671")
    found = ADAPTER.parse_lookup(MESSAGE, Reply(200, {}, sinch.report(status="Failed", code=153).body))
    assert found is not None
    assert (found.provider_id, found.state) == (given, DeliveryState.UNDELIVERED)
    assert found.error is not None
    assert found.error.code == "153"
    assert ADAPTER.parse_lookup(MESSAGE, Reply(404, {}, b"")) is None


def test_message_without_an_id_is_looked_for_in_its_blocks_batches() -> None:
    request = ADAPTER.build_lookup(MESSAGE, provider_id="", on_date="2026-08-24")
    assert f"client_reference={sinch.KEY}-0" in request.url
    assert "start_date=2026-08-23T00%3A00%3A00Z" in request.url, "Sinch's clock may be behind"
    found = ADAPTER.parse_lookup(MESSAGE, Reply(200, {}, sinch.payload("batches.json")))
    assert found is not None
    assert (found.provider_id, found.state) == (f"{sinch.BATCH}:14155552671", DeliveryState.ACCEPTED)


@pytest.mark.parametrize("change", [{"from": "1"}, {"client_reference": "another-0"}, {"to": ["1"]}, {"id": None}])
def test_batch_that_only_looks_alike_is_not_taken_for_it(change: dict[str, Any]) -> None:
    body = sinch.payload_json("batches.json")
    body["batches"][1] |= change
    assert ADAPTER.parse_lookup(MESSAGE, Reply(200, {}, orjson.dumps(body))) is None


def walked(message: OutboundSms, body: dict[str, Any]) -> list[tuple[str, str]]:
    """Reference and page of each request of a look-up that always gets this reply and finds nothing."""
    request: Request | None = ADAPTER.build_lookup(message, provider_id="", on_date="2026-08-24")
    found = []
    while request is not None:
        query = dict(parse_qsl(urlsplit(request.url).query))
        assert query["start_date"] == "2026-08-23T00:00:00Z"
        found.append((query["client_reference"], query.get("page", "0")))
        reply = Reply(200, {}, orjson.dumps(body))
        assert ADAPTER.parse_lookup(message, reply) is None
        request = ADAPTER.next_lookup(message, request, reply)
    return found


def test_list_of_many_batches_is_read_to_its_end_and_then_that_of_the_block_before() -> None:
    other = sinch.payload_json("batches.json")["batches"][0]
    message = MESSAGE._replace(id=3007)
    own, before = f"{sinch.KEY}-3", f"{sinch.KEY}-2"
    assert walked(message, {"count": 201, "batches": [other]}) == [
        *((own, page) for page in "012"),
        *((before, page) for page in "012"),
    ]
    assert walked(message, {"count": 0, "batches": []}) == [(own, "0"), (before, "0")]
    assert walked(message, {"count": 0}) == [(own, "0"), (before, "0")]
    assert walked(MESSAGE, {"count": 1, "batches": [other]}) == [(f"{sinch.KEY}-0", "0")], "there is no block before"


def test_message_is_found_in_a_batch_that_began_in_the_block_before() -> None:
    message = MESSAGE._replace(id=1003)
    found = ADAPTER.parse_lookup(message, Reply(200, {}, sinch.payload("batches.json")))
    assert found is not None
    assert found.provider_id == f"{sinch.BATCH}:14155552671"
    assert ADAPTER.parse_lookup(MESSAGE._replace(id=2003), Reply(200, {}, sinch.payload("batches.json"))) is None


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {}, b'{"count": 300, "batches": []}'),
        Reply(200, {}, b'{"count": "300", "batches": [{}]}'),
        Reply(200, {}, b'{"batches": [{}]}'),
        Reply(200, {}, b"[]"),
        Reply(404, {}, b'{"count": 300, "batches": [{}]}'),
        Reply(200, {}, sinch.report().body),
    ],
)
def test_look_up_ends_where_there_is_no_further_page(reply: Reply) -> None:
    request = ADAPTER.build_lookup(MESSAGE, provider_id="", on_date="2026-08-24")
    assert ADAPTER.next_lookup(MESSAGE, request, reply) is None


def test_look_up_of_nobody_tells_only_whether_the_credentials_are_right() -> None:
    nobody = OutboundSms(0, "", "", "")
    assert "from=" not in ADAPTER.build_lookup(nobody, provider_id="", on_date="2026-08-24").url
    full = {**sinch.payload_json("batches.json"), "count": 300}
    assert ADAPTER.parse_lookup(nobody, Reply(200, {}, orjson.dumps(full))) is None
    with pytest.raises(ProviderError, match="service plan ID"):
        ADAPTER.parse_lookup(nobody, Reply(404, {}, b""))


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, b""), (429, b""), (500, b"{}"), (200, b"<html>"), (404, b"<html>"), (200, b"{}"), (200, b"[]")],
)
def test_refused_look_up_never_looks_like_a_missing_message(status: int, body: bytes) -> None:
    with pytest.raises(ProviderError):
        ADAPTER.parse_lookup(MESSAGE, Reply(status, {}, body))

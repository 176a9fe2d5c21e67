"""Numbers at Twilio: search, purchase, webhooks, release, list."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from integrations.http.values import Reply
from integrations.sms.contract import NumberQuery, ProviderNumber
from integrations.sms.errors import ProviderError
from tests.gateway_cases import BASE_URL
from tests.integrations import twilio_payloads as twilio

API = f"{BASE_URL}/2010-04-01/Accounts/{twilio.ACCOUNT_SID}"


@pytest.mark.parametrize(("kind", "name"), [("local", "Local"), ("toll_free", "TollFree"), ("mobile", "Mobile")])
def test_search_asks_for_numbers_that_text(kind: str, name: str) -> None:
    query = NumberQuery(country="us", kind=kind, area_code="415", contains="55*", locality="San Francisco", limit=5000)
    url = urlsplit(twilio.adapter().build_search(query).url)
    assert url.path.endswith(f"/AvailablePhoneNumbers/US/{name}.json")
    assert dict(parse_qsl(url.query)) == {
        "SmsEnabled": "true",
        "AreaCode": "415",
        "Contains": "55*",
        "InLocality": "San Francisco",
        "PageSize": "1000",
    }


@pytest.mark.parametrize(
    "query", [NumberQuery(kind="vanity"), NumberQuery(country="USA/../x"), NumberQuery(area_code="41a")]
)
def test_senseless_search_is_refused_before_it_is_sent(query: NumberQuery) -> None:
    with pytest.raises(ValueError, match=r"Choose|Give"):
        twilio.adapter().build_search(query)


def test_numbers_on_offer_are_read() -> None:
    (number,) = twilio.adapter().parse_search(Reply(200, {}, twilio.payload("numbers_on_offer.json")))
    assert number == ProviderNumber(
        number="+18089251571",
        friendly_name="(808) 925-1571",
        country="US",
        locality="Hilo",
        region="HI",
        sms=False,
        mms=True,
        voice=True,
    )


def test_purchase_wires_the_webhooks() -> None:
    request = twilio.adapter().build_buy(
        "+14155552671", inbound_url="https://x.example/in", status_url="https://x.example/st", friendly_name="Shop & co"
    )
    assert (request.method, request.url) == ("POST", f"{API}/IncomingPhoneNumbers.json")
    assert dict(parse_qsl(request.body.decode())) == {
        "PhoneNumber": "+14155552671",
        "SmsUrl": "https://x.example/in",
        "SmsMethod": "POST",
        "StatusCallback": "https://x.example/st",
        "StatusCallbackMethod": "POST",
        "FriendlyName": "Shop & co",
    }


def test_bought_number_is_read() -> None:
    number = twilio.adapter().parse_number(Reply(201, {}, twilio.payload("number_bought.json")))
    assert number.number == "+18089255327"
    assert number.provider_id.startswith("PN")
    assert number.inbound_url == "https://example.com"


def test_number_that_is_gone_cannot_be_bought() -> None:
    taken = Reply(400, {}, b'{"code": 21422, "message": "PhoneNumber is not available", "status": 400}')
    with pytest.raises(ProviderError, match="choose another one") as caught:
        twilio.adapter().parse_number(taken)
    assert caught.value.code == "21422"
    assert not caught.value.retryable


def test_webhooks_can_be_changed_and_taken_away() -> None:
    request = twilio.adapter().build_configure("PN1", inbound_url="", status_url="https://x.example/st")
    assert (request.method, request.url) == ("POST", f"{API}/IncomingPhoneNumbers/PN1.json")
    assert dict(parse_qsl(request.body.decode(), keep_blank_values=True))["SmsUrl"] == ""


def test_release_is_done_when_the_number_is_gone() -> None:
    adapter = twilio.adapter()
    assert adapter.build_release("PN1").method == "DELETE"
    adapter.parse_release(Reply(204))
    adapter.parse_release(twilio.error_reply(20404))
    with pytest.raises(ProviderError):
        adapter.parse_release(Reply(404, {}, b"<html>not the API</html>"))
    with pytest.raises(ProviderError) as caught:
        adapter.parse_release(twilio.error_reply(20503))
    assert caught.value.retryable


def test_list_follows_its_pages() -> None:
    adapter = twilio.adapter()
    assert adapter.build_list().url == f"{API}/IncomingPhoneNumbers.json?PageSize=1000"
    page = twilio.payload_json("numbers_owned.json")
    numbers, following = adapter.parse_list(Reply(200, {}, twilio.payload("numbers_owned.json")))
    assert [number.number for number in numbers] == [entry["phone_number"] for entry in page["incoming_phone_numbers"]]
    assert following == ""
    body = b'{"incoming_phone_numbers": [], "next_page_uri": "/2010-04-01/next?Page=1"}'
    assert adapter.parse_list(Reply(200, {}, body)) == ([], "/2010-04-01/next?Page=1")
    assert adapter.build_list(page="/2010-04-01/next?Page=1").url == f"{BASE_URL}/2010-04-01/next?Page=1"
    assert adapter.build_list(page=f"{BASE_URL}/2010-04-01/next").url == f"{BASE_URL}/2010-04-01/next"


@pytest.mark.parametrize("page", ["https://evil.example/x", "//evil.example/x", "@evil.example/", "/\\evil"])
def test_next_page_elsewhere_never_gets_the_credentials(page: str) -> None:
    with pytest.raises(ValueError):
        twilio.adapter().build_list(page=page)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"incoming_phone_numbers": 3}'])
def test_unreadable_list_is_an_error(body: bytes) -> None:
    with pytest.raises(ProviderError, match="could not be read"):
        twilio.adapter().parse_list(Reply(200, {}, body))

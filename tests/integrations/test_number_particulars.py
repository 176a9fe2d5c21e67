"""Numbers: what is particular to Telnyx, Infobip and Sinch."""

from __future__ import annotations

import orjson
import pytest

from integrations.http.values import Reply
from integrations.sms.contract import GatewayConfig, NumberQuery, ProviderNumber, SmsAdapter
from integrations.sms.errors import NumberPending, ProviderError
from integrations.sms.providers.sinch import SinchAdapter
from tests.integrations import infobip_payloads as infobip
from tests.integrations import sinch_payloads as sinch
from tests.integrations import telnyx_payloads as telnyx
from tests.integrations import test_number_cases as cases_of
from tests.number_cases import INBOUND_URL, NUMBER, STATUS_URL, Script


def test_infobips_pages_end_when_they_tell_nothing_new() -> None:
    cases = cases_of.TestInfobipNumbers()
    numbers = [f"+1415555{index:04}" for index in range(2000, 2120)]
    full = [cases.listed(*(cases.entry(number) for number in numbers[at : at + 50])) for at in (0, 50, 100)]
    script = Script(full)
    assert [found.number for found in script.follow(infobip.adapter().listing())] == numbers
    assert [request.url.rpartition("=")[2] for request in script.asked] == ["0", "1", "2"]
    # A server that knows no pages is not asked for ever.
    ignorant = Script([full[0]] * 2)
    assert len(ignorant.follow(infobip.adapter().listing())) == 50


def test_infobip_buys_american_numbers_by_the_number_and_others_by_the_key() -> None:
    cases = cases_of.TestInfobipNumbers()
    for country, sent in (("US", {"number": NUMBER[1:]}), ("CA", {"numberKey": cases.provider_id})):
        script = Script([cases.listed(cases.entry(country=country)), cases_of.said(200, cases.entry(country=country))])
        script.follow(infobip.adapter().buying(NUMBER, inbound_url=INBOUND_URL, status_url=STATUS_URL))
        assert orjson.loads(script.asked[1].body) == sent


def test_infobip_changes_the_forwarding_of_all_messages_and_of_no_keyword() -> None:
    cases = cases_of.TestInfobipNumbers()
    with_keyword = {**cases.configuration("https://elsewhere.example"), "keyword": "JOIN"}
    configured = [with_keyword, cases.configuration(INBOUND_URL)]
    script = Script([cases.listed(cases.entry()), cases_of.said(200, configured)])
    found = script.follow(infobip.adapter().finding(NUMBER))
    assert found is not None
    assert found.inbound_url == INBOUND_URL
    script = Script([cases.listed(cases.entry()), cases_of.said(200, [with_keyword])])
    found = script.follow(infobip.adapter().finding(NUMBER))
    assert found is not None
    assert found.inbound_url == ""


def test_infobips_failed_reservation_says_nothing_of_a_later_one() -> None:
    cases = cases_of.TestInfobipNumbers()
    failed = cases.entry(numberKey="failed", reservationStatus="BILLING_FAILED")
    script = Script([cases.listed(failed, cases.entry()), cases_of.said(200, [cases.configuration(INBOUND_URL)])])
    found = script.follow(infobip.adapter().finding(NUMBER))
    assert found is not None
    assert (found.provider_id, found.inbound_url) == (cases.provider_id, INBOUND_URL)
    under_way = cases.entry(numberKey="now", reservationStatus="PENDING")
    with pytest.raises(NumberPending, match="not bought twice") as pending:
        Script([cases.listed(failed, under_way)]).follow(infobip.adapter().finding(NUMBER))
    assert pending.value.order_id == "now"


def telnyx_with_profile() -> SmsAdapter:
    profile_id = cases_of.TestTelnyxNumbers.credentials["messaging_profile_id"]
    return telnyx.adapter(messaging_profile_id=profile_id)


@pytest.mark.parametrize(("status", "retryable"), [(429, True), (500, True), (503, True), (403, False)])
def test_telnyx_number_whose_settings_cannot_be_read_is_not_guessed_at(status: int, retryable: bool) -> None:
    cases = cases_of.TestTelnyxNumbers()
    listed, refusal = cases_of.said(200, {"data": [cases.entry()]}), telnyx.error_reply(status, 10011)
    with pytest.raises(ProviderError) as caught:
        Script([listed, refusal]).follow(telnyx_with_profile().finding(NUMBER))
    assert caught.value.retryable is retryable
    assert not isinstance(caught.value, NumberPending)
    with pytest.raises(ProviderError, match="could not be read"):
        Script([listed, cases_of.said(200, {})]).follow(telnyx_with_profile().finding(NUMBER))


def test_telnyx_number_without_settings_for_messages_is_ours() -> None:
    cases = cases_of.TestTelnyxNumbers()
    listed, profile = cases_of.said(200, {"data": [cases.entry()]}), cases.profile(INBOUND_URL)
    found = Script([listed, telnyx.error_reply(404, 10005), profile]).follow(telnyx_with_profile().finding(NUMBER))
    assert found is not None
    assert found.inbound_url == INBOUND_URL
    with pytest.raises(ProviderError):
        Script([listed, Reply(404, {}, b"<html>")]).follow(telnyx_with_profile().finding(NUMBER))


def test_telnyx_purchase_stays_certain_when_a_later_look_fails() -> None:
    cases = cases_of.TestTelnyxNumbers()
    listed = cases_of.said(200, {"data": [cases.entry()]})
    script = Script([cases.order("success"), listed, telnyx.error_reply(500, 10011)])
    with pytest.raises(NumberPending, match="not bought twice"):
        script.follow(telnyx_with_profile().buying(NUMBER, inbound_url=INBOUND_URL, status_url=STATUS_URL))


def test_sinch_purchase_is_one_request_whatever_the_number_is_called() -> None:
    cases = cases_of.TestSinchNumbers()
    adapter = SinchAdapter(GatewayConfig(cases.credentials, "https://gateway.example", {"key": "k"}))
    script = Script(cases.bought())
    bought = script.follow(
        adapter.buying(NUMBER, inbound_url=INBOUND_URL, status_url=STATUS_URL, friendly_name="Front desk")
    )
    assert bought.number == NUMBER
    assert [request.method for request in script.asked] == ["POST"]


def test_telnyx_order_that_waits_for_papers_says_where_to_give_them() -> None:
    cases, adapter = (
        cases_of.TestTelnyxNumbers(),
        telnyx.adapter(messaging_profile_id="4001767e-ce0f-4cae-9d5f-0d5e636e7809"),
    )
    waiting = cases_of.said(200, {"data": {"id": "order-1", "status": "pending", "requirements_met": False}})
    script = Script([waiting, waiting])
    with pytest.raises(NumberPending, match="address or documents") as pending:
        script.follow(adapter.buying(NUMBER, inbound_url=INBOUND_URL, status_url=STATUS_URL))
    assert pending.value.order_id == "order-1"
    nothing = cases_of.said(200, {"data": []})
    with pytest.raises(NumberPending, match="address or documents"):
        Script([nothing, cases_of.said(200, {"data": [orjson.loads(waiting.body)["data"]]})]).follow(
            adapter.finding(NUMBER)
        )
    listed = cases_of.said(200, {"data": [{**cases.entry(), "status": "requirement-info-pending"}]})
    with pytest.raises(NumberPending, match="address or documents"):
        Script([listed]).follow(adapter.finding(NUMBER))


def test_telnyx_order_that_is_done_while_it_is_looked_for_is_found() -> None:
    cases = cases_of.TestTelnyxNumbers()
    nothing, done = cases_of.said(200, {"data": []}), cases_of.said(200, {"data": [{"id": "1", "status": "success"}]})
    listed = cases_of.said(200, {"data": [cases.entry()]})
    adapter = telnyx.adapter(messaging_profile_id=cases.credentials["messaging_profile_id"])
    script = Script([nothing, done, listed, cases.settings(), cases.profile(INBOUND_URL)])
    found = script.follow(adapter.finding(NUMBER))
    assert found is not None
    assert (found.provider_id, found.inbound_url) == (cases.provider_id, INBOUND_URL)
    assert "customer_reference" in script.asked[1].url


def test_telnyx_order_that_is_done_and_not_listed_yet_is_not_lost() -> None:
    cases = cases_of.TestTelnyxNumbers()
    nothing, done = cases_of.said(200, {"data": []}), cases_of.said(200, {"data": [{"id": "1", "status": "success"}]})
    adapter = telnyx.adapter(messaging_profile_id=cases.credentials["messaging_profile_id"])
    script = Script([cases.order("success"), nothing, done, nothing])
    with pytest.raises(NumberPending, match="not bought twice"):
        script.follow(adapter.buying(NUMBER, inbound_url=INBOUND_URL, status_url=STATUS_URL))


def test_a_gateway_without_what_numbers_need_says_what_is_missing() -> None:
    assert not telnyx.adapter().capabilities.numbers
    with pytest.raises(LookupError, match="Messaging profile ID"):
        Script([]).follow(telnyx.adapter().buying(NUMBER, inbound_url=INBOUND_URL, status_url=STATUS_URL))
    assert not sinch.adapter().capabilities.numbers
    with pytest.raises(LookupError, match="access key"):
        sinch.adapter().build_search(NumberQuery())


def test_sinchs_numbers_are_at_a_host_of_their_own() -> None:
    keys = {**cases_of.TestSinchNumbers.credentials}
    theirs = SinchAdapter(GatewayConfig(keys, "https://eu.sms.api.sinch.com", {"key": "k"}))
    assert theirs.build_list().url.startswith("https://numbers.api.sinch.com/v1/projects/51bd0e8a-")
    asked = theirs.build_search(NumberQuery(area_code="415")).url
    assert "numberPattern.pattern=%2B1415&numberPattern.searchPattern=START" in asked


def test_sinch_number_that_cannot_be_tied_to_its_plan_says_why() -> None:
    cases = cases_of.TestSinchNumbers()
    failed = cases.entry(status="FAILED")
    failed["smsConfiguration"]["scheduledProvisioning"]["errorCodes"] = ["INSUFFICIENT_BALANCE"]
    adapter = SinchAdapter(GatewayConfig(cases.credentials, "https://gateway.example", {"key": "k"}))
    script = Script([cases_of.said(200, failed), cases_of.said(200, failed)])
    wiring = adapter.wiring(ProviderNumber(NUMBER, NUMBER), inbound_url=INBOUND_URL, status_url=STATUS_URL)
    with pytest.raises(ProviderError, match="Add money") as caught:
        script.follow(wiring)
    assert caught.value.retryable
    assert [request.method for request in script.asked] == ["GET", "PATCH"]

"""Numbers in the dialects of Telnyx, Infobip and Sinch: the same shop, orders that take a while, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from integrations.simulator.process import SimulatorProcess
from tests.simulator.conftest import QUICK, SENDER, send

TOLL_FREE_PRICE = "2.00000"


@pytest.fixture
def shop(simulator: SimulatorProcess) -> Iterator[httpx.Client]:
    """A client of no account; what was bought is given back afterwards."""
    with httpx.Client(base_url=simulator.url, trust_env=False, timeout=10) as client:
        yield client
        simulator.settings(numbers_sold=0.0, numbers_pending=0, numbers_lost=0.0, numbers_unwired=0.0)
        for entry in client.get("/v1/projects/simulator-project/activeNumbers", auth=SINCH).json()["activeNumbers"]:
            if entry["phoneNumber"] not in QUICK.numbers:
                client.post(f"/v1/projects/simulator-project/activeNumbers/{entry['phoneNumber']}:release", auth=SINCH)


TELNYX = {"Authorization": f"Bearer {QUICK.telnyx_api_key}"}
INFOBIP = {"Authorization": f"App {QUICK.infobip_api_key}"}
SINCH = (QUICK.sinch_key_id, QUICK.sinch_key_secret)
PROJECT = f"/v1/projects/{QUICK.sinch_project_id}"
INBOUND = "/resource-management/1/inbound-message-configurations"


def telnyx_offer(shop: httpx.Client, **filters: str) -> dict[str, Any]:
    params = {f"filter[{name}]": value for name, value in {"country_code": "US", **filters}.items()}
    entry: dict[str, Any] = shop.get("/v2/available_phone_numbers", params=params, headers=TELNYX).json()["data"][0]
    return entry


def order(shop: httpx.Client, number: str) -> httpx.Response:
    body = {"phone_numbers": [{"phone_number": number}], "messaging_profile_id": QUICK.telnyx_profile_id}
    return shop.post("/v2/number_orders", json={**body, "customer_reference": "ours"}, headers=TELNYX)


def test_all_dialects_sell_the_same_numbers(shop: httpx.Client) -> None:
    telnyx = telnyx_offer(shop, national_destination_code="212", limit="1")["phone_number"]
    infobip = shop.get("/numbers/1/numbers/available?country=US&npa=212&limit=1", headers=INFOBIP).json()
    pattern = {"numberPattern.pattern": "+1212", "numberPattern.searchPattern": "START"}
    params = {"regionCode": "US", "type": "LOCAL", "size": "1", **pattern}
    sinch = shop.get(f"{PROJECT}/availableNumbers", params=params, auth=SINCH).json()
    assert infobip["numbers"][0]["number"] == telnyx[1:]
    assert sinch["availableNumbers"][0]["phoneNumber"] == telnyx
    toll_free = telnyx_offer(shop, phone_number_type="toll_free")
    assert toll_free["cost_information"]["monthly_cost"] == TOLL_FREE_PRICE


@pytest.mark.parametrize(
    "path", ["/v2/phone_numbers", "/numbers/1/numbers", f"{INBOUND}?channel=SMS", f"{PROJECT}/activeNumbers"]
)
def test_nobody_gets_in_without_the_accounts_key(shop: httpx.Client, path: str) -> None:
    assert shop.get(path).status_code == 401


def test_telnyx_order_is_done_after_it_was_asked_for_a_few_times(
    simulator: SimulatorProcess, shop: httpx.Client
) -> None:
    simulator.settings(numbers_pending=2)
    number = telnyx_offer(shop)["phone_number"]
    placed = order(shop, number).json()["data"]
    seen = [shop.get(f"/v2/number_orders/{placed['id']}", headers=TELNYX).json()["data"]["status"] for _ in range(4)]
    assert [placed["status"], *seen] == ["pending", "pending", "pending", "success", "success"]
    listed = shop.get("/v2/phone_numbers", params={"filter[phone_number]": number[1:]}, headers=TELNYX).json()["data"]
    assert [entry["messaging_profile_id"] for entry in listed] == [QUICK.telnyx_profile_id]
    assert order(shop, number).status_code == 422


def test_telnyx_profiles_address_is_that_of_its_numbers(simulator: SimulatorProcess, shop: httpx.Client) -> None:
    number = telnyx_offer(shop)["phone_number"]
    placed = order(shop, number).json()["data"]
    shop.get(f"/v2/number_orders/{placed['id']}", headers=TELNYX)
    profile = f"/v2/messaging_profiles/{QUICK.telnyx_profile_id}"
    assert shop.patch(profile, json={"webhook_url": "http://127.0.0.1:9/in"}, headers=TELNYX).status_code == 200
    # Only a number with an address can be written to.
    assert "sid" in simulator.inbound(sender="+14155550001", recipient=number, body="Hi", wait=False)
    assert shop.patch(profile, json={"webhook_url": ""}, headers=TELNYX).status_code == 200


def test_infobip_takes_the_number_or_the_key_as_the_country_wants(shop: httpx.Client) -> None:
    american = shop.get("/numbers/1/numbers/available?country=US&npa=303", headers=INFOBIP).json()["numbers"][0]
    british = shop.get("/numbers/1/numbers/available?country=GB", headers=INFOBIP).json()["numbers"][0]
    refused = shop.post("/numbers/1/numbers", json={"numberKey": american["numberKey"]}, headers=INFOBIP)
    assert refused.status_code == 400
    assert shop.post("/numbers/1/numbers", json={"number": british["number"]}, headers=INFOBIP).status_code == 400
    for order in ({"number": american["number"]}, {"numberKey": british["numberKey"]}):
        assert shop.post("/numbers/1/numbers", json=order, headers=INFOBIP).status_code == 200
    pages = [
        shop.get(f"/numbers/1/numbers?limit=2&page={page}", headers=INFOBIP).json()["numbers"] for page in range(3)
    ]
    owned = [entry["number"] for page in pages for entry in page]
    assert owned == [SENDER[1:], american["number"], british["number"]]


def test_sinch_ties_a_number_to_its_plan_later(simulator: SimulatorProcess, shop: httpx.Client) -> None:
    simulator.settings(numbers_pending=2)
    number = telnyx_offer(shop, national_destination_code="512")["phone_number"]
    plan = {"smsConfiguration": {"servicePlanId": QUICK.sinch_service_plan_id}}
    rented = shop.post(f"{PROJECT}/availableNumbers/{number}:rent", json=plan, auth=SINCH).json()
    assert rented["smsConfiguration"]["scheduledProvisioning"]["status"] == "WAITING"
    seen = [shop.get(f"{PROJECT}/activeNumbers/{number}", auth=SINCH).json()["smsConfiguration"] for _ in range(2)]
    assert [entry["servicePlanId"] for entry in seen] == ["", QUICK.sinch_service_plan_id]
    again = shop.post(f"{PROJECT}/availableNumbers/{number}:rent", json=plan, auth=SINCH)
    assert (again.status_code, again.json()["error"]["status"]) == (404, "NOT_FOUND")


def test_a_number_released_at_sinch_is_listed_until_its_end(shop: httpx.Client) -> None:
    number = telnyx_offer(shop, national_destination_code="206")["phone_number"]
    plan = {"smsConfiguration": {"servicePlanId": QUICK.sinch_service_plan_id}}
    shop.post(f"{PROJECT}/availableNumbers/{number}:rent", json=plan, auth=SINCH)
    for _ in range(2):
        released = shop.post(f"{PROJECT}/activeNumbers/{number}:release", auth=SINCH)
        assert (released.status_code, bool(released.json()["expireAt"])) == (200, True)
    assert shop.get(f"{PROJECT}/activeNumbers/{number}", auth=SINCH).json()["expireAt"]
    listed = shop.get(f"{PROJECT}/activeNumbers", auth=SINCH).json()["activeNumbers"]
    assert [bool(entry.get("expireAt")) for entry in listed if entry["phoneNumber"] == number] == [True]
    assert not any(entry.get("expireAt") for entry in listed if entry["phoneNumber"] in QUICK.numbers)
    # It is nobody's any more: no message leaves from it, and no other dialect shows it.
    assert shop.get(f"/numbers/1/numbers?number={number[1:]}", headers=INFOBIP).json()["numbers"] == []


def test_infobips_reservation_that_fails_stays_listed(simulator: SimulatorProcess, shop: httpx.Client) -> None:
    number = telnyx_offer(shop, national_destination_code="503")["phone_number"]
    simulator.settings(numbers_pending=1, numbers_sold=1.0)
    reserved = shop.post("/numbers/1/numbers", json={"number": number[1:]}, headers=INFOBIP)
    assert (reserved.status_code, reserved.json()["reservationStatus"]) == (200, "PENDING")
    seen = [shop.get(f"/numbers/1/numbers?number={number[1:]}", headers=INFOBIP).json()["numbers"] for _ in range(3)]
    assert [[entry["reservationStatus"] for entry in listed] for listed in seen] == [
        ["PENDING"],
        ["RESERVATION_FAILED"],
        ["RESERVATION_FAILED"],
    ]


def test_a_reply_that_is_lost_has_bought_the_number(simulator: SimulatorProcess, shop: httpx.Client) -> None:
    simulator.settings(numbers_lost=1.0)
    number = telnyx_offer(shop, national_destination_code="713")["phone_number"]
    plan = {"smsConfiguration": {"servicePlanId": QUICK.sinch_service_plan_id}}
    with pytest.raises(httpx.TransportError):
        shop.post(f"{PROJECT}/availableNumbers/{number}:rent", json=plan, auth=SINCH)
    assert shop.get(f"{PROJECT}/activeNumbers/{number}", auth=SINCH).status_code == 200


def test_what_is_sold_meanwhile_was_on_offer(
    simulator: SimulatorProcess, shop: httpx.Client, api: httpx.Client
) -> None:
    simulator.settings(numbers_sold=1.0)
    number = telnyx_offer(shop, national_destination_code="702")["phone_number"]
    placed = order(shop, number).json()["data"]
    assert shop.get(f"/v2/number_orders/{placed['id']}", headers=TELNYX).json()["data"]["status"] == "failure"
    assert send(api, "+14155550001", From=number).json()["code"] == 21606

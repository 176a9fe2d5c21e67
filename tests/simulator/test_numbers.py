"""Numbers: search, buy, change, release."""

from __future__ import annotations

import httpx
import pytest

from tests.simulator.conftest import ACCOUNT, SENDER, send

OWNED = f"{ACCOUNT}/IncomingPhoneNumbers"
SHOP = f"{ACCOUNT}/AvailablePhoneNumbers"


def test_number_is_found_bought_changed_used_and_released(api: httpx.Client) -> None:
    offer = api.get(f"{SHOP}/US/Local.json", params={"AreaCode": "212", "Contains": "77", "PageSize": "5"}).json()
    numbers = [found["phone_number"] for found in offer["available_phone_numbers"]]
    assert len(numbers) == 5
    assert all(number.startswith("+1212") and "77" in number for number in numbers)
    assert offer["available_phone_numbers"][0]["capabilities"]["sms"] is True

    bought = api.post(f"{OWNED}.json", data={"PhoneNumber": numbers[0], "SmsUrl": "https://a.example/in"})
    assert bought.status_code == 201
    sid = bought.json()["sid"]
    assert bought.json()["sms_url"] == "https://a.example/in"
    again = api.post(f"{OWNED}.json", data={"PhoneNumber": numbers[0]})
    assert (again.status_code, again.json()["code"]) == (400, 21422)

    changed = api.post(f"{OWNED}/{sid}.json", data={"StatusCallback": "https://a.example/s", "FriendlyName": "Shop"})
    assert changed.json()["sms_url"] == "https://a.example/in"
    assert changed.json()["status_callback"] == "https://a.example/s"
    assert api.get(f"{OWNED}/{sid}.json").json()["friendly_name"] == "Shop"
    assert send(api, "+14155550001", From=numbers[0]).status_code == 201

    assert api.delete(f"{OWNED}/{sid}.json").status_code == 204
    assert api.delete(f"{OWNED}/{sid}.json").status_code == 404
    assert send(api, "+14155550001", From=numbers[0]).json()["code"] == 21606


def test_owned_numbers_are_listed_in_pages_without_short_codes(api: httpx.Client) -> None:
    sids = [api.post(f"{OWNED}.json", data={"AreaCode": code}).json()["sid"] for code in ("415", "212")]
    try:
        first = api.get(f"{OWNED}.json?PageSize=2").json()
        second = api.get(first["next_page_uri"]).json()
        numbers = [owned["phone_number"] for page in (first, second) for owned in page["incoming_phone_numbers"]]
        assert numbers[0] == SENDER
        assert len(numbers) == 3
        assert second["next_page_uri"] is None
        only = api.get(f"{OWNED}.json", params={"PhoneNumber": "+1212*******"}).json()
        assert [owned["sid"] for owned in only["incoming_phone_numbers"]] == [sids[1]]
    finally:
        for sid in sids:
            api.delete(f"{OWNED}/{sid}.json")


@pytest.mark.parametrize(
    ("path", "status", "count"),
    [
        ("US/Local.json?AreaCode=999", 200, 0),
        ("US/Local.json?InRegion=TX&PageSize=4", 200, 4),
        ("US/Local.json?InLocality=boston&PageSize=4", 200, 4),
        ("US/Local.json?InPostalCode=98101&PageSize=4", 200, 4),
        ("US/Local.json?SmsEnabled=false", 200, 0),
        ("US/TollFree.json?Contains=CARS", 200, 30),
        ("GB/Mobile.json?PageSize=2", 200, 2),
        ("US/Mobile.json", 404, 0),
        ("XX/Local.json", 404, 0),
        ("US/Local.json?Contains=%28", 400, 0),
    ],
)
def test_search_filters(api: httpx.Client, path: str, status: int, count: int) -> None:
    reply = api.get(f"{SHOP}/{path}")

    assert reply.status_code == status
    assert len(reply.json().get("available_phone_numbers", [])) == count


@pytest.mark.parametrize(("form", "code"), [({"PhoneNumber": "12"}, 21421), ({"AreaCode": "999"}, 21452), ({}, 21452)])
def test_number_that_cannot_be_bought_is_refused(api: httpx.Client, form: dict[str, str], code: int) -> None:
    assert api.post(f"{OWNED}.json", data=form).json()["code"] == code


@pytest.mark.parametrize(
    ("fault", "status", "is_owned"),
    [
        ("sold", 400, False),
        ("throttle", 429, False),
        ("error", 500, False),
        ("html", 200, False),
        ("lost_html", 200, True),
    ],
)
def test_a_purchase_can_go_wrong(api: httpx.Client, fault: str, status: int, is_owned: bool) -> None:
    number = "+14155553344"
    api.put("/settings", json={"number_faults": [f"buy:{fault}"]})
    try:
        answer = api.post(f"{OWNED}.json", data={"PhoneNumber": number})
        assert answer.status_code == status
        assert ("html" in answer.headers["content-type"]) is fault.endswith("html")
        listed = api.get(f"{OWNED}.json", params={"PhoneNumber": number}).json()["incoming_phone_numbers"]
        assert bool(listed) is is_owned
    finally:
        api.put("/settings", json={"number_faults": []})
        for owned in api.get(f"{OWNED}.json", params={"PhoneNumber": number}).json()["incoming_phone_numbers"]:
            api.delete(f"{OWNED}/{owned['sid']}.json")


def test_a_reply_that_is_lost_closes_the_connection_after_the_purchase(api: httpx.Client) -> None:
    number = "+14155553345"
    api.put("/settings", json={"number_faults": ["buy:lost"]})
    with pytest.raises(httpx.RemoteProtocolError):
        api.post(f"{OWNED}.json", data={"PhoneNumber": number})
    api.put("/settings", json={"number_faults": []})
    [owned] = api.get(f"{OWNED}.json", params={"PhoneNumber": number}).json()["incoming_phone_numbers"]
    assert api.delete(f"{OWNED}/{owned['sid']}.json").status_code == 204


def test_a_fault_that_nobody_knows_is_refused(api: httpx.Client) -> None:
    answer = api.put("/settings", json={"number_faults": ["buy:explode"]})
    assert answer.status_code == 400
    assert "buy:explode" in answer.json()["error"]

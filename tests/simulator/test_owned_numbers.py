"""The control over which numbers the account owns, and pages of their list that fail."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from integrations.simulator.process import SimulatorProcess, SimulatorProcessError
from tests.simulator.conftest import ACCOUNT, QUICK

LIST = f"{ACCOUNT}/IncomingPhoneNumbers.json"


@pytest.fixture(autouse=True)
def _numbers_as_they_were(simulator: SimulatorProcess) -> Iterator[None]:
    # A change of settings takes numbers that they name back.
    simulator.settings(numbers=[])
    yield
    simulator.numbers(*QUICK.numbers)


def numbers_of(api: httpx.Client, **query: str) -> list[str]:
    return [row["phone_number"] for row in api.get(LIST, params=query).json()["incoming_phone_numbers"]]


def test_numbers_change_behind_the_clients_back(simulator: SimulatorProcess, api: httpx.Client) -> None:
    simulator.numbers("24365", {"number": "+14155550101", "name": "Desk", "sms_url": "https://a.example/in"})
    (row,) = api.get(LIST).json()["incoming_phone_numbers"]
    assert (row["phone_number"], row["friendly_name"], row["sms_url"]) == (
        "+14155550101",
        "Desk",
        "https://a.example/in",
    )
    assert list(simulator.owned()) == ["+14155550101", "24365"]
    simulator.numbers("+14155550102")
    assert numbers_of(api) == ["+14155550102"]


@pytest.mark.parametrize("wrong", ["0", "+1", "twelve", {"name": "Desk"}])
def test_what_is_no_number_is_refused_and_changes_nothing(
    simulator: SimulatorProcess, api: httpx.Client, wrong: str | dict[str, str]
) -> None:
    simulator.numbers("+14155550101")
    with pytest.raises(SimulatorProcessError, match="numbers"):
        simulator.numbers("+14155550102", wrong)
    assert numbers_of(api) == ["+14155550101"]


def test_pages_are_as_small_as_the_provider_wants(simulator: SimulatorProcess, api: httpx.Client) -> None:
    simulator.numbers(*(f"+1415555010{digit}" for digit in range(5)))
    simulator.settings(number_page_size=2)
    page = api.get(LIST, params={"PageSize": "1000"}).json()
    seen = [row["phone_number"] for row in page["incoming_phone_numbers"]]
    while page["next_page_uri"]:
        page = api.get(page["next_page_uri"]).json()
        seen += [row["phone_number"] for row in page["incoming_phone_numbers"]]
    assert seen == [f"+1415555010{digit}" for digit in range(5)]


def test_a_page_fails_as_it_is_told_and_as_often(simulator: SimulatorProcess, api: httpx.Client) -> None:
    simulator.settings(number_page_fails=1, number_page_fails_how="429", number_page_fails_times=2)
    assert [api.get(LIST).status_code for _ in range(4)] == [429, 429, 200, 200]
    simulator.settings(number_page_fails_how="500", number_page_fails_times=0)
    assert [api.get(LIST).status_code for _ in range(3)] == [500, 500, 500]
    simulator.settings(number_page_fails_how="html")
    assert (api.get(LIST).status_code, api.get(LIST).text[:6]) == (200, "<html>")
    simulator.settings(number_page_fails=2)
    assert api.get(LIST).status_code == 200
    with pytest.raises(SimulatorProcessError, match="number_page_fails_how"):
        simulator.settings(number_page_fails_how="slowly")

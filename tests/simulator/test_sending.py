"""Sending: what Twilio's API answers to good and bad messages."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

import httpx
import pytest

from integrations.simulator.process import SimulatorProcess
from integrations.simulator.text import count_segments
from tests.simulator.conftest import ACCOUNT, SENDER, SHORT_CODE, send


def test_message_is_taken_and_described_as_twilio_does(api: httpx.Client) -> None:
    reply = send(api, "+14155550001", "Grüße & más: 100 % ☀")

    told = reply.json()
    assert reply.status_code == 201
    assert re.fullmatch(r"SM[0-9a-f]{32}", told["sid"])
    assert (told["to"], told["from"], told["body"]) == ("+14155550001", SENDER, "Grüße & más: 100 % ☀")
    assert (told["status"], told["num_segments"], told["num_media"]) == ("queued", "1", "0")
    assert told["error_code"] is None
    assert told["price"] is None
    assert told["date_sent"] is None
    assert parsedate_to_datetime(told["date_created"]).tzinfo is not None
    assert told["uri"] == f"{ACCOUNT}/Messages/{told['sid']}.json"
    assert api.get(told["uri"]).json()["body"] == told["body"]


def test_short_code_and_service_and_media_are_accepted(api: httpx.Client) -> None:
    service = "MG" + "a" * 32

    from_short_code = send(api, "+14155550001", From=SHORT_CODE)
    from_service = send(api, "+14155550001", From="", MessagingServiceSid=service)
    with_media = api.post(
        f"{ACCOUNT}/Messages.json",
        data={"To": "+14155550001", "From": SENDER, "MediaUrl": ["https://a.example/1", "https://a.example/2"]},
    )

    assert from_short_code.json()["from"] == SHORT_CODE
    assert (from_service.json()["status"], from_service.json()["messaging_service_sid"]) == ("accepted", service)
    assert with_media.json()["num_media"] == "2"
    assert with_media.json()["sid"].startswith("MM")


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"To": ""}, 21604),
        ({"From": ""}, 21603),
        ({"To": "4155550001"}, 21211),
        ({"To": "+1415555000"}, 21211),
        ({"To": "+1415555000x"}, 21211),
        ({"From": "+14155559999"}, 21606),
        ({"From": "99999"}, 21606),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"StatusCallback": "not a url"}, 21609),
    ],
)
def test_bad_message_is_refused_with_its_code(
    simulator: SimulatorProcess, api: httpx.Client, form: dict[str, str], code: int
) -> None:
    reply = send(api, **{"recipient": "+14155550001", "body": "Hello", **form})

    assert reply.status_code == 400
    told = reply.json()
    assert told["code"] == code
    assert told["status"] == 400
    assert told["more_info"].endswith(str(code))
    assert told["message"]
    stats = simulator.stats()
    assert stats["outcomes"] == {f"400/{code}": 1}
    assert stats["messages_taken"] == 0


def test_body_of_1600_characters_is_taken(api: httpx.Client) -> None:
    assert send(api, "+14155550001", "é" * 1600).json()["num_segments"] == "11"


def test_wrong_credentials_are_401_and_another_account_is_404(simulator: SimulatorProcess, api: httpx.Client) -> None:
    path = f"{simulator.url}{ACCOUNT}/Messages.json"
    for auth in (None, ("AC" + "0" * 32, "x"), (ACCOUNT[-34:], "wrong")):
        reply = httpx.post(path, auth=auth, data={"To": "+14155550001"}, trust_env=False)
        assert reply.status_code == 401
        assert reply.json()["code"] == 20003
    other = api.get("/2010-04-01/Accounts/AC" + "f" * 32 + "/Messages.json")
    assert (other.status_code, other.json()["code"]) == (404, 20404)


def test_api_key_is_accepted_and_credentials_change_at_run_time(simulator: SimulatorProcess, api: httpx.Client) -> None:
    simulator.settings(api_key_sid="SKabc", api_key_secret="s:ecret", auth_token="new")
    path = f"{simulator.url}{ACCOUNT}/Messages.json"

    assert httpx.get(path, auth=("SKabc", "s:ecret"), trust_env=False).status_code == 200
    assert httpx.get(path, auth=(ACCOUNT[-34:], "new"), trust_env=False).status_code == 200
    assert api.get(path).status_code == 401


def test_errors_come_at_the_shares_that_were_set(simulator: SimulatorProcess, api: httpx.Client) -> None:
    simulator.settings(errors={21614: 0.2, 20429: 0.2, 30003: 0.5}, retry_after_seconds=7)

    replies = [send(api, f"+1415555{number:04}") for number in range(300)]

    codes = [reply.json().get("code") for reply in replies]
    assert 35 <= codes.count(21614) <= 85
    assert 25 <= codes.count(20429) <= 75
    throttled = next(reply for reply in replies if reply.status_code == 429)
    assert throttled.headers["retry-after"] == "7"
    landline = f"+1415555{codes.index(21614):04}"
    assert [send(api, landline).json()["code"] for _ in range(5)] == [21614] * 5
    assert simulator.stats()["messages_taken"] == codes.count(None)


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("[" * 80, 1),
        ("[" * 81, 2),
        ("a" * 152 + "€" + "a" * 10, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("ç" * 70, 1),
        ("`" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("a" * 66 + "😀" + "a" * 65, 2),
        ("a" * 66 + "😀" + "a" * 66, 3),
    ],
)
def test_segments_are_counted_as_billed(body: str, segments: int) -> None:
    assert count_segments(body) == segments

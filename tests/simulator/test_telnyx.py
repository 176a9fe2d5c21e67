"""Telnyx's dialect: keys under which a message is sent once, signed events, and the same people, faults and statistics."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from integrations.simulator.process import SimulatorProcess
from tests.simulator.conftest import QUICK, SENDER, SHORT_CODE, Received, Receiver, wait_for


@pytest.fixture
def telnyx(simulator: SimulatorProcess) -> Iterator[httpx.Client]:
    """A client with the account's API key."""
    headers = {"Authorization": f"Bearer {QUICK.telnyx_api_key}"}
    with httpx.Client(base_url=simulator.url, headers=headers, trust_env=False, timeout=10) as client:
        yield client


def send(
    telnyx: httpx.Client, number: int = 1, *, key: str = "", sender: str = SENDER, **values: Any
) -> httpx.Response:
    """POST a message to the person of this number."""
    body = {"from": sender, "to": f"+1415555{number:04}", "text": f"Hi {number}", **values}
    headers = {"Idempotency-Key": key} if key else {}
    return telnyx.post("/v2/messages", json=body, headers=headers)


def error_code(reply: httpx.Response) -> str:
    """The code of a reply's error."""
    (error,) = reply.json()["errors"]
    return str(error["code"])


def check_signature(telnyx: httpx.Client, webhook: Received) -> int:
    """When a webhook was signed; raises if it was not."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(telnyx.get("/v2/public_key").json()["data"]["public"]))
    timestamp = webhook.headers["telnyx-timestamp"]
    key.verify(base64.b64decode(webhook.headers["telnyx-signature-ed25519"]), f"{timestamp}|".encode() + webhook.body)
    return int(timestamp)


def test_message_is_taken_and_delivered(simulator: SimulatorProcess, telnyx: httpx.Client) -> None:
    reply = send(telnyx, text="x" * 161, sender=SHORT_CODE)

    assert reply.status_code == 200
    taken = reply.json()["data"]
    assert (taken["parts"], taken["to"][0]["status"], taken["from"]["phone_number"]) == (2, "queued", SHORT_CODE)
    wait_for(lambda: simulator.stats()["statuses"] == {"delivered": 1})
    shown = telnyx.get(f"/v2/messages/{taken['id']}").json()["data"]
    assert (shown["id"], shown["to"][0]["status"]) == (taken["id"], "delivered")
    assert shown["completed_at"]
    assert error_code(telnyx.get("/v2/messages/00000000-0000-0000-0000-000000000000")) == "10005"


def test_statuses_come_signed_and_in_order(
    simulator: SimulatorProcess, telnyx: httpx.Client, receiver: Receiver
) -> None:
    simulator.settings(delivery_seconds=0.05)
    taken = send(telnyx, webhook_url=f"{receiver.url}/status/7").json()["data"]

    wait_for(lambda: len(receiver.received) == 2)

    events = [orjson.loads(webhook.body)["data"] for webhook in receiver.received]
    assert [(event["event_type"], event["payload"]["to"][0]["status"]) for event in events] == [
        ("message.sent", "sent"),
        ("message.finalized", "delivered"),
    ]
    for webhook, event in zip(receiver.received, events, strict=True):
        assert webhook.path == "/status/7"
        assert event["payload"]["id"] == taken["id"]
        assert abs(time.time() - check_signature(telnyx, webhook)) < 60


def test_a_changed_body_has_another_signature(telnyx: httpx.Client, receiver: Receiver) -> None:
    send(telnyx, webhook_url=receiver.url)
    wait_for(lambda: receiver.received)
    first = receiver.received[0]
    with pytest.raises(InvalidSignature):
        check_signature(telnyx, Received(first.path, first.headers, {}, first.body + b" "))


def test_telnyxs_clock_may_be_wrong(simulator: SimulatorProcess, telnyx: httpx.Client, receiver: Receiver) -> None:
    simulator.settings(telnyx_clock_behind_seconds=600)
    send(telnyx, webhook_url=receiver.url)
    wait_for(lambda: receiver.received)
    assert 590 < time.time() - check_signature(telnyx, receiver.received[0]) < 660


def test_failed_delivery_has_telnyxs_code(
    simulator: SimulatorProcess, telnyx: httpx.Client, receiver: Receiver
) -> None:
    simulator.settings(errors={30006: 1})
    taken = send(telnyx, webhook_url=receiver.url).json()["data"]
    wait_for(lambda: len(receiver.received) == 2)
    last = orjson.loads(receiver.received[-1].body)["data"]["payload"]
    assert (last["to"][0]["status"], last["errors"][0]["code"]) == ("delivery_failed", "40001")
    assert telnyx.get(f"/v2/messages/{taken['id']}").json()["data"]["errors"] == last["errors"]


def test_repeated_request_with_its_key_is_answered_again_and_sent_once(
    simulator: SimulatorProcess, telnyx: httpx.Client
) -> None:
    first, again = (send(telnyx, key="k-1") for _ in range(2))
    assert (again.status_code, again.json()["data"]["id"]) == (200, first.json()["data"]["id"])
    assert simulator.stats()["messages_taken"] == 1
    send(telnyx, key="k-2")
    send(telnyx)
    assert simulator.stats()["messages_taken"] == 3
    changed = send(telnyx, key="k-1", text="Something else")
    assert changed.status_code == 422
    simulator.reset()
    send(telnyx, key="k-1")
    assert simulator.stats()["messages_taken"] == 1


def test_message_whose_reply_was_lost_is_found_by_its_key(simulator: SimulatorProcess, telnyx: httpx.Client) -> None:
    simulator.settings(fail_after=1, fail_how="close")
    with pytest.raises(httpx.TransportError):
        send(telnyx, key="k-1")
    assert send(telnyx, key="k-1").status_code == 200
    assert simulator.stats()["messages_taken"] == 1


def test_what_failed_with_a_status_is_not_remembered(simulator: SimulatorProcess, telnyx: httpx.Client) -> None:
    simulator.settings(fail_after=1, fail_how="status")
    assert [send(telnyx, key="k-1").status_code >= 500 for _ in range(2)] == [True, True]
    stats = simulator.stats()
    assert (stats["messages_taken"], stats["duplicates"]) == (2, 1)
    simulator.settings(fail_after=0, fail_before=1)
    assert send(telnyx, 2, key="k-2").status_code >= 500
    assert simulator.stats()["messages_taken"] == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": ""}, "10004"),
        ({"to": 5}, "10004"),
        ({"from": None}, "10004"),
        ({"to": "+1234"}, "40310"),
        ({"from": "+14155559999"}, "40305"),
        ({"text": ""}, "40316"),
        ({"text": 5}, "10015"),
        ({"text": "x" * 1601}, "40302"),
        ({"media_urls": ["https://example.com/a.jpg"] * 11}, "40317"),
        ({"webhook_url": "nowhere"}, "10003"),
    ],
)
def test_bad_requests_are_refused_with_telnyxs_codes(
    simulator: SimulatorProcess, telnyx: httpx.Client, changes: dict[str, Any], code: str
) -> None:
    reply = send(telnyx, **changes)
    assert (reply.status_code, error_code(reply)) == (400, code)
    assert simulator.stats()["messages_taken"] == 0


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b"\xff"])
def test_body_that_is_no_message_is_refused(telnyx: httpx.Client, body: bytes) -> None:
    assert error_code(telnyx.post("/v2/messages", content=body)) == "10015"


def test_wrong_key_and_other_addresses_are_refused(simulator: SimulatorProcess, telnyx: httpx.Client) -> None:
    for authorization in ("", "Bearer wrong", f"Basic {QUICK.telnyx_api_key}"):
        reply = telnyx.get("/v2/messages/x", headers={"Authorization": authorization})
        assert (reply.status_code, error_code(reply)) == (401, "10009")
    for path in ("/v2/nothing", "/v2/messages"):
        assert error_code(telnyx.get(path)) == "10005"


def test_settings_for_errors_mean_the_same_here(simulator: SimulatorProcess, telnyx: httpx.Client) -> None:
    for code, status, told in (
        (21610, 400, "40300"),
        (21614, 400, "40001"),
        (20503, 500, "10007"),
        (20429, 429, "10011"),
        (21611, 429, "40318"),
    ):
        simulator.settings(errors={code: 1})
        reply = send(telnyx)
        assert (reply.status_code, error_code(reply)) == (status, told)
    assert reply.headers["retry-after"] == str(QUICK.retry_after_seconds)


def test_people_answer_in_the_dialect_that_is_set(
    simulator: SimulatorProcess, telnyx: httpx.Client, receiver: Receiver
) -> None:
    simulator.settings(stop_rate=1, inbound_url=f"{receiver.url}/in", inbound_dialect="telnyx")
    send(telnyx)

    wait_for(lambda: len(receiver.received) == 1)

    (webhook,) = receiver.received
    check_signature(telnyx, webhook)
    event = orjson.loads(webhook.body)["data"]
    assert (webhook.path, event["event_type"]) == ("/in", "message.received")
    assert event["payload"]["from"]["phone_number"] == "+14155550001"
    assert event["payload"]["to"][0]["phone_number"] == SENDER
    assert event["payload"]["text"]
    wait_for(lambda: simulator.stats()["opted_out"] == 1)


def test_pictures_come_with_their_type(simulator: SimulatorProcess, telnyx: httpx.Client, receiver: Receiver) -> None:
    simulator.settings(inbound_url=receiver.url, inbound_dialect="telnyx")
    media = [["https://example.com/a.jpg", "image/jpeg"]]
    said = {"from": "+14155550001", "to": SENDER, "body": "Look", "media": media, "wait": True}
    told = httpx.post(f"{simulator.url}/people/inbound", json=said, trust_env=False).json()
    payload = orjson.loads(receiver.received[0].body)["data"]["payload"]
    assert told["sid"] == payload["id"]
    assert [(item["url"], item["content_type"]) for item in payload["media"]] == [tuple(media[0])]

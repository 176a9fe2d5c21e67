"""Sinch's dialect: batches with parameters, a report for each recipient, look-ups, and the same people and faults."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from integrations.simulator.process import SimulatorProcess
from tests.simulator.conftest import QUICK, SENDER, Receiver, wait_for

BATCHES = f"/xms/v1/{QUICK.sinch_service_plan_id}/batches"


@pytest.fixture
def sinch(simulator: SimulatorProcess) -> Iterator[httpx.Client]:
    """A client with the service plan's token."""
    headers = {"Authorization": f"Bearer {QUICK.sinch_api_token}"}
    with httpx.Client(base_url=simulator.url, headers=headers, trust_env=False, timeout=10) as client:
        yield client


def batch(*numbers: str, **changes: Any) -> dict[str, Any]:
    """A batch to these people."""
    return {"from": SENDER, "to": list(numbers), "body": "Hi", **changes}


def send(sinch: httpx.Client, *numbers: str, **changes: Any) -> httpx.Response:
    return sinch.post(BATCHES, json=batch(*numbers, **changes))


def test_each_recipient_gets_their_own_text(simulator: SimulatorProcess, sinch: httpx.Client) -> None:
    names = {"14155550001": "Ann", "default": "there"}
    reply = send(sinch, "14155550001", "+14155550002", body="Hi ${name}!", parameters={"name": names})

    assert reply.status_code == 201
    assert reply.json()["to"] == ["14155550001", "14155550002"]
    stats = simulator.stats(recipients=True)
    assert (stats["requests"], stats["messages_taken"]) == (1, 2)
    for number, text in (("+14155550001", b"Hi Ann!"), ("+14155550002", b"Hi there!")):
        assert stats["by_recipient"][number] == {hashlib.sha256(text).hexdigest()[:16]: 1}


def test_recipient_without_a_value_is_aborted_alone(
    simulator: SimulatorProcess, sinch: httpx.Client, receiver: Receiver
) -> None:
    reports = {"delivery_report": "per_recipient", "callback_url": receiver.url, "client_reference": "k-1"}
    names = {"name": {"14155550001": "Ann"}}
    given = send(sinch, "14155550001", "14155550002", body="Hi ${name}!", parameters=names, **reports).json()
    wait_for(lambda: len(receiver.received) == 2)
    told = {report["recipient"]: report for report in (orjson.loads(hook.body) for hook in receiver.received)}
    assert {number: (report["status"], report["code"]) for number, report in told.items()} == {
        "14155550001": ("Delivered", 0),
        "14155550002": ("Aborted", 405),
    }
    assert {(report["batch_id"], report["client_reference"]) for report in told.values()} == {(given["id"], "k-1")}
    assert simulator.stats()["messages_taken"] == 1


def test_webhooks_are_signed(sinch: httpx.Client, receiver: Receiver) -> None:
    send(sinch, "14155550001", delivery_report="per_recipient", callback_url=receiver.url)
    wait_for(lambda: receiver.received)
    (hook,) = receiver.received
    name = "x-sinch-webhook-signature"
    signed = hook.body + f".{hook.headers[f'{name}-nonce']}.{hook.headers[f'{name}-timestamp']}".encode()
    expected = hmac.new(QUICK.sinch_webhook_secret.encode(), signed, hashlib.sha256).digest()
    assert hook.headers[name] == base64.b64encode(expected).decode()


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"to": []}, 400, "'to'"),
        ({"to": ["14155550001"] * 1001}, 400, "'to'"),
        ({"to": ["14155550001", "1"]}, 400, "'to[1]'"),
        ({"from": "14155559999"}, 400, "'from'"),
        ({"body": ""}, 400, "'body'"),
        ({"body": "x" * 1601}, 400, "'body'"),
        ({"parameters": {"a": {"14155550001": "x" * 161}}}, 400, "'parameters.a.14155550001'"),
        ({"parameters": {"a b": {}}}, 400, "'parameters.a b'"),
        ({"delivery_report": "per_recipient"}, 403, "callback URL"),
        ({"delivery_report": "often"}, 400, "'delivery_report'"),
        ({"client_reference": "x" * 129}, 400, "'client_reference'"),
    ],
)
def test_batch_that_is_not_well_formed_is_refused_as_a_whole(
    simulator: SimulatorProcess, sinch: httpx.Client, changes: dict[str, Any], status: int, named: str
) -> None:
    reply = sinch.post(BATCHES, json=batch("14155550001", **changes))
    assert reply.status_code == status
    assert named in reply.json()["text"]
    assert simulator.stats()["messages_taken"] == 0


def test_wrong_token_and_other_addresses_are_refused(sinch: httpx.Client) -> None:
    assert sinch.post(BATCHES, json=batch("1"), headers={"Authorization": "Bearer no"}).status_code == 401
    assert sinch.post("/xms/v1/another/batches", json=batch("1")).status_code == 404
    assert sinch.get(f"{BATCHES}/nothing").status_code == 404
    assert sinch.delete(BATCHES).status_code == 405
    assert sinch.post(BATCHES, content=b"{").json()["code"] == "syntax_invalid_json"


def test_settings_for_errors_mean_the_same_here(simulator: SimulatorProcess, sinch: httpx.Client) -> None:
    simulator.settings(errors={21610: 1.0})
    given = send(sinch, "14155550001").json()
    report = sinch.get(f"{BATCHES}/{given['id']}/delivery_report/14155550001").json()
    assert (report["status"], report["code"]) == ("Rejected", 257)
    simulator.settings(errors={20429: 1.0}, retry_after_seconds=3)
    throttled = send(sinch, "14155550001")
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "3")
    simulator.settings(errors={30006: 1.0})
    given = send(sinch, "14155550001").json()
    wait_for(lambda: simulator.stats()["scheduled"] == 0)
    report = sinch.get(f"{BATCHES}/{given['id']}/delivery_report/+14155550001").json()
    assert (report["status"], report["code"]) == ("Failed", 152)


def test_batch_whose_reply_was_lost_is_listed_by_its_reference(
    simulator: SimulatorProcess, sinch: httpx.Client
) -> None:
    simulator.settings(fail_after=1.0, fail_how="status")
    assert send(sinch, "14155550001", client_reference="k-1").status_code in (500, 503)
    simulator.settings(fail_after=0.0)
    send(sinch, "14155550002", client_reference="k-2")
    body = sinch.get(f"{BATCHES}?client_reference=k-1&from={SENDER.removeprefix('+')}&page_size=100").json()
    assert (body["count"], [item["to"] for item in body["batches"]]) == (1, [["14155550001"]])
    assert sinch.get(f"{BATCHES}?page_size=101").status_code == 400


def test_people_write_texts_and_send_pictures(simulator: SimulatorProcess, receiver: Receiver) -> None:
    simulator.settings(inbound_dialect="sinch", inbound_url=receiver.url)
    person = {"from": "+14155550001", "to": SENDER, "wait": True}
    httpx.post(f"{simulator.url}/people/inbound", json={**person, "body": "STOP"}, trust_env=False)
    picture = ["https://media.example/1.jpg", "image/jpeg"]
    httpx.post(f"{simulator.url}/people/inbound", json={**person, "body": "Look", "media": [picture]}, trust_env=False)
    text, media = (orjson.loads(hook.body) for hook in receiver.received)
    assert (text["type"], text["from"], text["to"], text["body"]) == ("mo_text", "14155550001", SENDER[1:], "STOP")
    assert media["type"] == "mo_media"
    assert media["body"]["message"] == "Look"
    assert media["body"]["media"][0]["url"] == picture[0]

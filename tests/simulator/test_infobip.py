"""Infobip's dialect: many messages a request, reports in groups, the logs, and the same people, faults and statistics."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from integrations.simulator.process import SimulatorProcess
from tests.simulator.conftest import QUICK, SENDER, SHORT_CODE, Receiver, wait_for
from tests.simulator.conftest import send as send_by_twilio


@pytest.fixture
def infobip(simulator: SimulatorProcess) -> Iterator[httpx.Client]:
    """A client with the account's API key."""
    headers = {"Authorization": f"App {QUICK.infobip_api_key}"}
    with httpx.Client(base_url=simulator.url, headers=headers, trust_env=False, timeout=10) as client:
        yield client


def message(number: int, text: str = "", *, url: str = "", sender: str = SENDER, **destination: Any) -> dict[str, Any]:
    """A message to the person of this number."""
    to = {"to": f"1415555{number:04}", "messageId": f"ours-{number}", **destination}
    made: dict[str, Any] = {
        "sender": sender.removeprefix("+"),
        "destinations": [to],
        "content": {"text": text or f"Hi {number}"},
    }
    return made | ({"webhooks": {"delivery": {"url": url}}} if url else {})


def send(infobip: httpx.Client, *messages: dict[str, Any]) -> httpx.Response:
    """POST messages in one request."""
    options = {"includeSmsCountInResponse": True}
    return infobip.post("/sms/3/messages", json={"messages": messages, "options": options})


def results(receiver: Receiver) -> list[dict[str, Any]]:
    """The results of all webhooks, in their order."""
    return [result for webhook in receiver.received for result in orjson.loads(webhook.body)["results"]]


def statuses(reply: httpx.Response) -> list[str]:
    """The status of each message of a reply, by name."""
    return [entry["status"]["name"] for entry in reply.json()["messages"]]


def test_request_takes_many_messages_each_with_its_own_text_and_id(
    simulator: SimulatorProcess, infobip: httpx.Client
) -> None:
    reply = send(infobip, message(1), message(2, "x" * 161), message(3, sender=SHORT_CODE))

    assert reply.status_code == 200
    assert reply.json()["messages"][1] == {
        "messageId": "ours-2",
        "status": {
            "groupId": 1,
            "groupName": "PENDING",
            "id": 26,
            "name": "PENDING_ACCEPTED",
            "description": "Message sent to next instance",
        },
        "destination": "14155550002",
        "details": {"messageCount": 2},
    }
    stats = simulator.stats(recipients=True)
    assert (stats["requests"], stats["messages_taken"], stats["recipients"]) == (1, 3, 3)
    assert (stats["duplicates"], stats["outcomes"]) == (0, {"200": 1})
    digest = hashlib.sha256(b"Hi 1").hexdigest()[:16]
    assert stats["by_recipient"]["+14155550001"] == {digest: 1}


def test_thousands_of_messages_are_one_request(simulator: SimulatorProcess, infobip: httpx.Client) -> None:
    reply = send(infobip, *(message(number, "long " * 300) for number in range(3000)))

    assert len(reply.json()["messages"]) == 3000
    stats = simulator.stats()
    assert (stats["requests"], stats["messages_taken"], stats["max_in_flight"]) == (1, 3000, 1)


def test_same_text_to_the_same_person_is_a_duplicate_in_either_dialect(
    simulator: SimulatorProcess, infobip: httpx.Client, api: httpx.Client
) -> None:
    send(infobip, message(1), message(2), message(3))
    send(infobip, message(1), message(2, "Something else"))
    send_by_twilio(api, "+14155550003", "Hi 3")

    stats = simulator.stats()
    assert (stats["duplicate_sends"], stats["duplicates"], stats["per_recipient_max"]) == (2, 2, 2)
    send(infobip, message(1))
    stats = simulator.stats()
    assert (stats["duplicate_sends"], stats["duplicates"], stats["per_recipient_max"]) == (2, 2, 3)


def test_bad_destinations_are_refused_one_by_one(simulator: SimulatorProcess, infobip: httpx.Client) -> None:
    reply = send(
        infobip,
        message(1),
        message(2, to="123"),
        message(3, to=""),
        message(4, sender="+14155559999"),
        message(5, "x" * 4001),
        message(6),
    )

    assert statuses(reply) == [
        "PENDING_ACCEPTED",
        "REJECTED_DESTINATION",
        "MISSING_TO",
        "REJECTED_SOURCE",
        "REJECTED_MESSAGE_TOO_LONG",
        "PENDING_ACCEPTED",
    ]
    assert [entry["messageId"] for entry in reply.json()["messages"]] == [f"ours-{number}" for number in range(1, 7)]
    stats = simulator.stats()
    assert stats["messages_taken"] == 2
    assert stats["outcomes"] == {"200": 1, "200/52": 1, "200/51": 1, "200/11": 1, "200/25": 1}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"{", ""),
        (b"[]", "messages"),
        (b'{"messages":[]}', "messages"),
        (orjson.dumps({"messages": [message(1), {"content": {"text": "x"}}]}), "messages[1]"),
        (orjson.dumps({"messages": [{**message(1), "content": {"text": 5}}]}), "messages[0]"),
        (orjson.dumps({"messages": [{**message(1), "destinations": []}]}), "messages.destinations"),
        (orjson.dumps({"messages": [message(1, to=5)]}), "messages[0]"),
        (orjson.dumps({"messages": [message(1), message(2, url="nowhere")]}), "messages[1].webhooks.delivery.url"),
    ],
)
def test_request_that_is_not_well_formed_is_refused_whole(
    simulator: SimulatorProcess, infobip: httpx.Client, body: bytes, path: str
) -> None:
    reply = infobip.post("/sms/3/messages", content=body, headers={"Content-Type": "application/json"})

    assert (reply.status_code, reply.json()["errorCode"]) == (400, "E400")
    assert reply.json()["violations"][0]["property"] == path
    stats = simulator.stats()
    assert (stats["messages_taken"], stats["outcomes"]) == (0, {"400/E400": 1})


def test_wrong_key_and_other_addresses_are_refused(simulator: SimulatorProcess, infobip: httpx.Client) -> None:
    for authorization in ("", "App wrong", f"Basic {QUICK.infobip_api_key}", "App é"):
        headers = {b"Authorization": authorization.encode()}
        reply = httpx.post(f"{simulator.url}/sms/3/messages", headers=headers, json={}, trust_env=False)
        assert (reply.status_code, reply.json()["errorCode"]) == (401, "E401")
    assert infobip.get("/sms/3/nothing").status_code == 404
    assert infobip.get("/sms/3/messages").status_code == 405


def test_settings_for_errors_mean_the_same_here(simulator: SimulatorProcess, infobip: httpx.Client) -> None:
    simulator.settings(errors={21614: 0.3, 21610: 0.3})
    people = [message(number) for number in range(200)]

    first, second = statuses(send(infobip, *people)), statuses(send(infobip, *people[::-1]))[::-1]

    assert first == second
    for name in ("REJECTED_DESTINATION", "REJECTED_DESTINATION_BLOCKLISTED", "PENDING_ACCEPTED"):
        assert 30 <= first.count(name) <= 110

    simulator.settings(errors={20429: 1}, retry_after_seconds=7)
    throttled = send(infobip, message(1))
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "7")
    simulator.settings(errors={20503: 1})
    assert send(infobip, message(1)).status_code == 503


def test_people_whom_the_carrier_blocks_are_refused(
    simulator: SimulatorProcess, infobip: httpx.Client, receiver: Receiver
) -> None:
    simulator.settings(carrier_blocks_stop=True, inbound_url=receiver.url)
    simulator.inbound(sender="+14155550001", recipient=SENDER, body="STOP")

    reply = send(infobip, message(1), message(2))

    assert statuses(reply) == ["REJECTED_DESTINATION_BLOCKLISTED", "PENDING_ACCEPTED"]


def test_failures_concern_whole_requests(simulator: SimulatorProcess, infobip: httpx.Client) -> None:
    simulator.settings(fail_before=1, fail_how="status")
    before = send(infobip, message(1), message(2))
    assert simulator.stats()["messages_taken"] == 0
    simulator.settings(fail_before=0, fail_after=1)
    after = send(infobip, message(1), message(2), message(3, to="123"))

    assert before.status_code in (500, 503)
    assert after.status_code in (500, 503)
    stats = simulator.stats()
    assert stats["messages_taken"] == 2
    assert sorted(name[: len("fail_before")] for name in stats["outcomes"] if name.startswith("fail")) == [
        "fail_after/", "fail_before",
    ]  # fmt: skip
    known = infobip.get("/sms/3/logs?messageId=ours-1,ours-3&messageId=ours-9").json()["results"]
    assert [(entry["messageId"], entry["status"]["name"]) for entry in known if entry["messageId"] == "ours-3"] == [
        ("ours-3", "REJECTED_DESTINATION")
    ]
    assert [entry["messageId"] for entry in known] == ["ours-1", "ours-3"]


def test_requests_and_not_messages_are_throttled(simulator: SimulatorProcess, infobip: httpx.Client) -> None:
    simulator.settings(throttle_above=1)

    assert send(infobip, *(message(number) for number in range(50))).status_code == 200
    assert simulator.stats()["max_in_flight"] == 1


def test_reports_come_signed_and_many_at_once(
    simulator: SimulatorProcess, infobip: httpx.Client, receiver: Receiver
) -> None:
    send(infobip, *(message(number, url=f"{receiver.url}/status") for number in range(250)), message(999))

    wait_for(lambda: len(results(receiver)) == 250)

    assert [len(orjson.loads(webhook.body)["results"]) for webhook in receiver.received].count(100) == 2
    for webhook in receiver.received:
        signature = hmac.new(QUICK.infobip_webhook_secret.encode(), webhook.body, hashlib.sha256).hexdigest()
        assert webhook.headers["x-signature"] == signature
        assert webhook.headers["content-type"] == "application/json"
        assert webhook.path == "/status"
    assert {result["messageId"] for result in results(receiver)} == {f"ours-{number}" for number in range(250)}
    assert {result["status"]["name"] for result in results(receiver)} == {"DELIVERED_TO_HANDSET"}
    wait_for(lambda: simulator.stats()["callbacks"]["sent"] == 3)
    assert simulator.stats()["statuses"] == {"delivered": 251}


def test_delivery_error_is_told_by_report_and_logs(
    simulator: SimulatorProcess, infobip: httpx.Client, receiver: Receiver
) -> None:
    simulator.settings(errors={30003: 1})
    send(infobip, message(1, url=receiver.url))

    wait_for(lambda: len(results(receiver)) == 1)

    (told,) = results(receiver)
    assert (told["status"]["id"], told["error"]["name"]) == (9, "EC_ABSENT_SUBSCRIBER")
    (logged,) = infobip.get("/sms/3/logs?messageId=ours-1").json()["results"]
    assert (logged["status"], logged["error"]) == (told["status"], told["error"])
    assert simulator.stats()["statuses"] == {"undelivered": 1}


def test_reports_can_be_lost_and_repeated(
    simulator: SimulatorProcess, infobip: httpx.Client, receiver: Receiver
) -> None:
    simulator.settings(callbacks_repeated=1, callbacks_lost=0.5)
    send(infobip, *(message(number, url=receiver.url) for number in range(100)))

    wait_for(lambda: simulator.stats()["callbacks"]["sent"] == 2)

    first, second = (orjson.loads(webhook.body)["results"] for webhook in receiver.received)
    assert first == second
    assert 25 <= len(first) <= 75


@pytest.mark.parametrize(("share", "low", "high"), [(0, 0, 0), (0.5, 25, 75)])
def test_reports_can_be_switched_off_in_both_dialects(
    simulator: SimulatorProcess,
    infobip: httpx.Client,
    api: httpx.Client,
    receiver: Receiver,
    share: float,
    low: int,
    high: int,
) -> None:
    simulator.settings(callbacks_share=share)
    send(infobip, *(message(number, url=f"{receiver.url}/infobip") for number in range(100)))
    for number in range(1000, 1100):
        send_by_twilio(api, f"+1415555{number}", StatusCallback=f"{receiver.url}/twilio")

    wait_for(lambda: simulator.stats()["statuses"] == {"delivered": 200})
    wait_for(lambda: simulator.stats()["callbacks"]["pending"] == 0)

    assert low <= len([result for webhook in receiver.received if webhook.path == "/infobip"
                       for result in orjson.loads(webhook.body)["results"]]) <= high  # fmt: skip
    assert low * 2 <= len([webhook for webhook in receiver.received if webhook.path == "/twilio"]) <= high * 2


def test_people_answer_in_the_dialect_that_is_set(
    simulator: SimulatorProcess, infobip: httpx.Client, receiver: Receiver
) -> None:
    simulator.settings(stop_rate=1, inbound_url=f"{receiver.url}/in", inbound_dialect="infobip")
    send(infobip, message(1))

    wait_for(lambda: len(receiver.received) == 1)

    (webhook,) = receiver.received
    signature = hmac.new(QUICK.infobip_webhook_secret.encode(), webhook.body, hashlib.sha256).hexdigest()
    assert (webhook.path, webhook.headers["x-signature"]) == ("/in", signature)
    (told,) = results(receiver)
    assert (told["from"], told["to"]) == ("14155550001", SENDER[1:])
    assert told["text"]
    wait_for(lambda: simulator.stats()["opted_out"] == 1)
    send(infobip, message(1, "More"))
    assert simulator.stats()["sent_after_stop"] == 1


def test_logs_show_the_newest_of_an_id_and_no_more_than_asked_for(
    simulator: SimulatorProcess, infobip: httpx.Client
) -> None:
    send(infobip, message(1, "first"))
    (entry,) = infobip.get("/sms/3/logs?messageId=ours-1").json()["results"]
    assert entry["content"] == {"text": "first"}
    send(infobip, message(1, "second"), message(2), message(3, messageId=""))
    wait_for(lambda: simulator.stats()["scheduled"] == 0)

    (entry,) = infobip.get("/sms/3/logs?messageId=ours-1").json()["results"]
    assert (entry["content"], entry["status"]["name"]) == ({"text": "second"}, "DELIVERED_TO_HANDSET")
    assert len(infobip.get("/sms/3/logs?messageId=ours-1,ours-2&limit=1").json()["results"]) == 1
    assert infobip.get("/sms/3/logs?messageId=ours-9").json() == {"results": []}
    assert infobip.get("/sms/3/logs?limit=x").status_code == 400

"""Status callbacks: signed, repeated, out of order and tried again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket

import httpx

from integrations.simulator.process import SimulatorProcess
from tests.simulator.conftest import ACCOUNT, QUICK, Received, Receiver, send, wait_for


def is_signed(webhook: Received, url: str) -> bool:
    """Whether the signature matches, worked out as Twilio's page on webhook security describes it."""
    text = url + "".join(f"{name}{value}" for name, value in sorted(webhook.form.items()))
    digest = hmac.new(QUICK.auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return webhook.headers["x-twilio-signature"] == base64.b64encode(digest).decode()


def test_statuses_are_called_back_signed_and_in_order(
    simulator: SimulatorProcess, api: httpx.Client, receiver: Receiver
) -> None:
    url = f"{receiver.url}/status/7?a=b%20c"
    sid = send(api, "+14155550001", "Grüße", StatusCallback=url).json()["sid"]

    wait_for(lambda: len(receiver.received) == 2)

    assert [webhook.form["MessageStatus"] for webhook in receiver.received] == ["sent", "delivered"]
    for webhook in receiver.received:
        assert webhook.path == "/status/7?a=b%20c"
        assert is_signed(webhook, url)
        assert not is_signed(webhook, url + "x")
        assert (webhook.form["MessageSid"], webhook.form["SmsSid"]) == (sid, sid)
        assert webhook.form["SmsStatus"] == webhook.form["MessageStatus"]
        assert webhook.form["AccountSid"] == QUICK.account_sid
        assert "ErrorCode" not in webhook.form
    told = api.get(f"{ACCOUNT}/Messages/{sid}.json").json()
    assert told["status"] == "delivered"
    assert told["date_sent"] is not None
    wait_for(lambda: simulator.stats()["callbacks"]["sent"] == 2)


def test_delivery_error_is_told_by_callback_and_look_up(
    simulator: SimulatorProcess, api: httpx.Client, receiver: Receiver
) -> None:
    simulator.settings(errors={30003: 1})
    sid = send(api, "+14155550001", StatusCallback=receiver.url).json()["sid"]

    wait_for(lambda: len(receiver.received) == 2)

    assert receiver.received[-1].form["MessageStatus"] == "undelivered"
    assert receiver.received[-1].form["ErrorCode"] == "30003"
    assert is_signed(receiver.received[-1], receiver.url)
    told = api.get(f"{ACCOUNT}/Messages/{sid}.json").json()
    assert (told["status"], told["error_code"]) == ("undelivered", 30003)
    assert simulator.stats()["statuses"] == {"undelivered": 1}


def test_callbacks_arrive_reversed_and_repeated_when_asked_for(
    simulator: SimulatorProcess, api: httpx.Client, receiver: Receiver
) -> None:
    simulator.settings(callbacks_reversed=1, callbacks_repeated=1, delivery_seconds=0.02)
    send(api, "+14155550001", StatusCallback=receiver.url)

    wait_for(lambda: len(receiver.received) == 4)

    statuses = [webhook.form["MessageStatus"] for webhook in receiver.received]
    assert sorted(statuses) == ["delivered", "delivered", "sent", "sent"]
    assert statuses[0] == "delivered"
    tokens = {webhook.headers["i-twilio-idempotency-token"] for webhook in receiver.received}
    assert len(tokens) == 2
    assert simulator.stats()["callbacks"]["repeated"] == 2


def test_lost_callbacks_leave_only_the_look_up(
    simulator: SimulatorProcess, api: httpx.Client, receiver: Receiver
) -> None:
    simulator.settings(callbacks_lost=1)
    sid = send(api, "+14155550001", StatusCallback=receiver.url).json()["sid"]

    wait_for(lambda: simulator.stats()["statuses"] == {"delivered": 1} and simulator.stats()["scheduled"] == 0)

    wait_for(
        lambda: simulator.stats()["callbacks"] == {"sent": 1, "failed": 0, "pending": 0, "repeated": 0, "retried": 0}
    )
    assert [webhook.form["MessageStatus"] for webhook in receiver.received] == ["sent"]
    assert api.get(f"{ACCOUNT}/Messages/{sid}.json").json()["status"] == "delivered"


def test_webhook_is_tried_again_after_a_server_error_but_not_after_a_refusal(
    simulator: SimulatorProcess, api: httpx.Client, receiver: Receiver
) -> None:
    receiver.answers = [503, 500]
    send(api, "+14155550001", StatusCallback=receiver.url)
    wait_for(lambda: simulator.stats()["callbacks"]["sent"] == 2)
    assert len(receiver.received) == 4
    assert simulator.stats()["callbacks"]["retried"] == 2

    receiver.answers = [403, 403]
    send(api, "+14155550002", StatusCallback=receiver.url)
    wait_for(lambda: simulator.stats()["callbacks"]["failed"] == 2)
    assert len(receiver.received) == 6


def test_webhook_to_nobody_fails_after_the_last_attempt(simulator: SimulatorProcess, api: httpx.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    simulator.settings(callback_attempts=3)
    send(api, "+14155550001", StatusCallback=f"http://127.0.0.1:{port}/status")

    wait_for(lambda: simulator.stats()["callbacks"]["failed"] == 2)

    stats = simulator.stats()["callbacks"]
    assert (stats["sent"], stats["pending"], stats["retried"]) == (0, 0, 4)


def test_webhook_waits_for_a_receiver_that_starts_late(simulator: SimulatorProcess, api: httpx.Client) -> None:
    simulator.settings(callback_attempts=12)
    late = Receiver()
    late.close()
    send(api, "+14155550001", StatusCallback=late.url)
    wait_for(lambda: simulator.stats()["callbacks"]["retried"] >= 2)

    port = int(late.url.rsplit(":", 1)[1])
    again = Receiver(port)
    try:
        wait_for(lambda: simulator.stats()["callbacks"]["sent"] == 2)
        assert len(again.received) == 2
    finally:
        again.close()

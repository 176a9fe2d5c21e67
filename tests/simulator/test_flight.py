"""Requests in flight, throttling, failures and repeatability."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from integrations.simulator.process import SimulatorProcess
from tests.simulator.conftest import ACCOUNT, QUICK, SENDER, post_bytes, send, wait_for


async def _send_at_once(url: str, recipients: list[str], *, patience: float = 20.0) -> list[httpx.Response | Exception]:
    """One request for each recipient, all at the same time; its reply or its error."""
    limits = httpx.Limits(max_connections=len(recipients))
    credentials = (QUICK.account_sid, QUICK.auth_token)
    async with httpx.AsyncClient(base_url=url, auth=credentials, limits=limits, timeout=patience) as client:

        async def one(recipient: str) -> httpx.Response | Exception:
            form = {"To": recipient, "From": SENDER, "Body": "Hello"}
            try:
                return await client.post(f"{ACCOUNT}/Messages.json", data=form)
            except httpx.TransportError as error:
                return error

        return list(await asyncio.gather(*(one(recipient) for recipient in recipients)))


def _people(count: int) -> list[str]:
    return [f"+1415555{number:04}" for number in range(count)]


@contextmanager
def _unanswered(simulator: SimulatorProcess, count: int) -> Iterator[None]:
    """So many requests that wait for their replies, each on its own connection."""
    simulator.settings(latency_ms=600_000, latency_sigma=0)
    with ExitStack() as connections:
        for number in range(count):
            address = ("127.0.0.1", int(simulator.url.rsplit(":", 1)[1]))
            connection = connections.enter_context(socket.create_connection(address))
            connection.sendall(post_bytes(number))
        wait_for(lambda: simulator.stats()["requests"] == count)
        yield


def test_highest_number_in_flight_is_exact(simulator: SimulatorProcess, api: httpx.Client) -> None:
    with _unanswered(simulator, 12):
        assert simulator.stats()["in_flight"] == 12
        simulator.settings(latency_ms=0)
        assert send(api, "+14155559999").status_code == 201

    wait_for(lambda: simulator.stats()["in_flight"] == 0)
    assert simulator.stats()["max_in_flight"] == 13
    send(api, "+14155559999")
    assert simulator.stats()["max_in_flight"] == 13


def test_the_time_that_requests_were_open_adds_up(simulator: SimulatorProcess, api: httpx.Client) -> None:
    simulator.settings(latency_ms=30, latency_sigma=0)
    for number in range(4):
        send(api, f"+1415555{number:04}")
    wait_for(lambda: simulator.stats()["in_flight"] == 0)
    # Never less than the latencies; a slow machine makes it more.
    assert simulator.stats()["request_seconds"] >= 4 * 0.030


def test_client_that_goes_away_is_no_longer_in_flight_but_was_heard(simulator: SimulatorProcess) -> None:
    with _unanswered(simulator, 3):
        pass

    wait_for(lambda: simulator.stats()["in_flight"] == 0)
    assert simulator.stats()["messages_taken"] == 3


def test_requests_above_the_limit_are_throttled_and_not_taken(simulator: SimulatorProcess, api: httpx.Client) -> None:
    simulator.settings(throttle_above=4, retry_after_seconds=3)
    with _unanswered(simulator, 4):
        assert simulator.stats()["messages_taken"] == 4
        throttled = send(api, "+14155559999")
        looked_up = api.get(f"{ACCOUNT}/Messages.json")

    assert (throttled.status_code, throttled.json()["code"]) == (429, 20429)
    assert throttled.headers["retry-after"] == "3"
    assert looked_up.status_code == 429
    stats = simulator.stats()
    assert stats["messages_taken"] == 4
    assert stats["outcomes"] == {"429/20429": 1}


def test_failure_before_takes_nothing_and_failure_after_takes_the_message(
    simulator: SimulatorProcess, api: httpx.Client
) -> None:
    simulator.settings(fail_before=1, fail_how="status")
    before = send(api, "+14155550001")
    assert simulator.stats()["messages_taken"] == 0

    simulator.settings(fail_before=0, fail_after=1)
    after = send(api, "+14155550001")
    assert simulator.stats()["messages_taken"] == 1
    simulator.settings(fail_after=0)
    send(api, "+14155550001")

    assert before.status_code in (500, 503)
    assert after.status_code in (500, 503)
    stats = simulator.stats()
    assert stats["duplicate_sends"] == 1
    assert stats["duplicates"] == 1
    assert stats["per_recipient_max"] == 2
    assert sum(count for name, count in stats["outcomes"].items() if name.startswith("fail_after/")) == 1


@pytest.mark.parametrize(("how", "error"), [("close", httpx.RemoteProtocolError), ("hang", httpx.ReadTimeout)])
def test_connection_is_closed_or_held_after_the_message_was_taken(
    simulator: SimulatorProcess, how: str, error: type[Exception]
) -> None:
    simulator.settings(fail_after=1, fail_how=how)

    [result] = asyncio.run(_send_at_once(simulator.url, ["+14155550001"], patience=0.5))

    assert isinstance(result, error)
    assert simulator.stats()["messages_taken"] == 1
    wait_for(lambda: simulator.stats()["in_flight"] == 0)


def test_same_seed_repeats_a_run_in_any_order_of_arrival(simulator: SimulatorProcess, api: httpx.Client) -> None:
    simulator.settings(errors={21614: 0.2, 21611: 0.1, 30005: 0.2}, fail_after=0.1, fail_before=0.1, fail_how="status")

    def run(recipients: list[str]) -> dict[str, Any]:
        simulator.reset()
        outcome: dict[str, Any] = {recipient: send(api, recipient).json().get("code") for recipient in recipients}
        wait_for(lambda: simulator.stats()["scheduled"] == 0)
        messages = api.get(f"{ACCOUNT}/Messages.json?PageSize=1000").json()["messages"]
        return outcome | {message["to"] + " final": message["error_code"] for message in messages}

    people = _people(120)
    first = run(people)

    assert run(people[::-1]) == first
    simulator.settings(seed=2)
    assert run(people) != first


def test_recipients_are_detailed_on_request(simulator: SimulatorProcess, api: httpx.Client) -> None:
    for recipient, body in (("+14155550001", "a"), ("+14155550001", "b"), ("+14155550002", "a"), ("+14155550002", "a")):
        send(api, recipient, body)

    detail = simulator.stats(recipients=True)["by_recipient"]

    assert sorted(detail["+14155550001"].values()) == [1, 1]
    assert list(detail["+14155550002"].values()) == [2]
    assert set(detail["+14155550002"]) < set(detail["+14155550001"])
    assert "by_recipient" not in simulator.stats()

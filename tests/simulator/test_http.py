"""HTTP itself: keep-alive, pipelines, chunks, limits and nonsense; and the controls."""

from __future__ import annotations

import socket
import subprocess
import sys

import httpx
import pytest

from integrations.simulator.config import SettingsError, SimulatorSettings
from integrations.simulator.process import SimulatorProcess, SimulatorProcessError
from tests.simulator.conftest import ACCOUNT, QUICK, SENDER, post_bytes

LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
TOO_MANY_CHUNKS = b"7fffff\r\n" + b"x" * 0x7FFFFF + b"\r\n5\r\nxxxxx\r\n"


def _talk(url: str, data: bytes) -> bytes:
    """Send bytes and then a last request, and read until the other side closes."""
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=10) as connection:
        connection.sendall(data + LAST)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


@pytest.mark.parametrize("latency_ms", [0, 2])
def test_pipelined_requests_are_answered_in_their_order(simulator: SimulatorProcess, latency_ms: float) -> None:
    simulator.settings(latency_ms=latency_ms, latency_sigma=1)

    answer = _talk(simulator.url, b"".join(post_bytes(number) for number in range(300)))

    places = [answer.index(f'"Hi {number}"'.encode()) for number in range(300)]
    assert places == sorted(places)
    assert answer.count(b"HTTP/1.1 201 Created") == 300
    assert simulator.stats()["messages_taken"] == 300
    assert simulator.stats()["in_flight"] == 0


def test_request_that_arrives_byte_by_byte_or_in_chunks_is_understood(simulator: SimulatorProcess) -> None:
    request = post_bytes(1)
    with socket.create_connection(("127.0.0.1", int(simulator.url.rsplit(":", 1)[1])), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(request)):
            connection.sendall(request[place : place + 1])
        assert connection.recv(65536).startswith(b"HTTP/1.1 201")

    form = b"To=%2B14155550002&From=%2B" + SENDER[1:].encode() + b"&Body=chunked"
    with httpx.Client(auth=(QUICK.account_sid, QUICK.auth_token), trust_env=False) as client:
        reply = client.post(
            f"{simulator.url}{ACCOUNT}/Messages.json",
            content=iter([form[:10], form[10:]]),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
    assert reply.json()["body"] == "chunked"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /stats HTTP/1.1\r\nHost x\r\n\r\n", 400),
        (b"POST /reset HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /reset HTTP/1.1\r\nHost: x\r\nContent-Length: 8388609\r\n\r\n", 413),
        (b"POST /reset HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + TOO_MANY_CHUNKS, 413),
        (b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70000 + b"\r\n\r\n", 431),
        (b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"PUT /stats HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"BREW /stats HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://127.0.0.1/healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
        (post_bytes(1, headers="Expect: 100-continue\r\n"), 100),
    ],
)  # fmt: skip
def test_odd_requests_get_a_sane_answer_and_the_next_client_is_served(
    simulator: SimulatorProcess, data: bytes, status: int
) -> None:
    assert _talk(simulator.url, data).startswith(b"HTTP/1.1 %d " % status)
    assert simulator.stats()["in_flight"] == 0


def test_request_before_nonsense_is_still_answered(simulator: SimulatorProcess) -> None:
    simulator.settings(latency_ms=50)
    answer = _talk(simulator.url, post_bytes(1) + b"nonsense\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 201")
    assert b"HTTP/1.1 400" in answer


@pytest.mark.parametrize("path", ["Messages.json", "IncomingPhoneNumbers.json", "AvailablePhoneNumbers/US/Local.json"])
def test_method_that_a_resource_does_not_have_is_405(api: httpx.Client, path: str) -> None:
    reply = api.put(f"{ACCOUNT}/{path}")

    assert (reply.status_code, reply.json()["code"]) == (405, 20004)
    assert "GET" in reply.headers["allow"]
    assert api.get(f"{ACCOUNT}/Nothing.json").status_code == 404


def test_form_that_is_no_form_is_refused(api: httpx.Client) -> None:
    as_json = api.post(f"{ACCOUNT}/Messages.json", json={"To": "+14155550001"})
    too_many = api.post(f"{ACCOUNT}/Messages.json", data={f"a{number}": "" for number in range(300)})

    assert as_json.json()["code"] == 21604
    assert too_many.status_code == 400


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"latency": 1}, "no setting"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"latency_ms": "soon"}, "latency_ms"),
        ({"fail_before": 0.6, "fail_after": 0.6}, "add up"),
        ({"stop_rate": 0.6, "help_rate": 0.6}, "add up"),
        ({"fail_how": "loudly"}, "fail_how"),
        ({"inbound_dialect": "klingon"}, "inbound_dialect"),
        ({"errors": {"21614": 2}}, "21614"),
        ({"errors": [1]}, "errors"),
        ({"numbers": "+14155550001"}, "numbers"),
        ({"numbers": ["hello"]}, "hello"),
        ({"account_sid": "AC1"}, "account_sid"),
        ({"stop_confirmation": "("}, "stop_confirmation"),
        ({"carrier_blocks_stop": 1}, "carrier_blocks_stop"),
        ({"throttle_above": 1.5}, "throttle_above"),
    ],
)
def test_bad_settings_are_refused_and_change_nothing(
    simulator: SimulatorProcess, values: dict[str, object], reason: str
) -> None:
    before = simulator.settings()

    with pytest.raises(SimulatorProcessError, match=reason):
        simulator.settings(**values)
    with pytest.raises(SettingsError, match=reason):
        SimulatorSettings().changed(values)

    assert simulator.settings() == before


def test_controls_refuse_what_is_not_json(simulator: SimulatorProcess) -> None:
    for path in ("/settings", "/people/inbound"):
        for content in (b"{", b"[]", b"\xff"):
            reply = httpx.post(simulator.url + path, content=content, trust_env=False)
            assert reply.status_code == 400
            assert reply.json()["error"]


def test_program_ends_with_a_reason_when_it_cannot_start(simulator: SimulatorProcess) -> None:
    port = simulator.url.rsplit(":", 1)[1]
    for arguments, reason in (
        (["--port", port], "Cannot listen"),
        (["--latency-ms", "-3"], "latency_ms"),
        (["--error", "21614"], "CODE=SHARE"),
        (["--settings-json", "{"], "not valid JSON"),
    ):
        ended = subprocess.run(
            [sys.executable, "-m", "integrations.simulator", *arguments],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert ended.returncode == 2
        assert reason in ended.stderr


def test_options_set_what_they_name() -> None:
    options = ["--number", "+442071234567", "--number", "24365", "--error", "21614=0.01", "--error", "30003=0.02"]
    options += ["--carrier-blocks-stop", "--latency-ms", "5", "--settings-json", '{"latency_ms": 9, "seed": 4}']
    command = [sys.executable, "-m", "integrations.simulator", "--port", "0", "--until-stdin-closes", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        url = httpx.Response(200, content=process.stdout.readline()).json()["url"]
        told = httpx.get(f"{url}/settings", trust_env=False).json()
        process.stdin.close()
        assert process.wait(10) == 0

    assert told["numbers"] == ["+442071234567", "24365"]
    assert told["errors"] == {"21614": 0.01, "30003": 0.02}
    assert (told["carrier_blocks_stop"], told["latency_ms"], told["seed"]) == (True, 5, 4)

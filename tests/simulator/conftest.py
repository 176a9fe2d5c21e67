"""A simulator to test against, and a server that takes its webhooks."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import httpx
import pytest

from integrations.simulator.config import SimulatorSettings
from integrations.simulator.process import SimulatorProcess

QUICK = SimulatorSettings(
    latency_ms=0,
    delivery_seconds=0,
    callbacks_reversed=0,
    callbacks_repeated=0,
    callback_backoff_seconds=0.01,
    reply_delay_seconds=0,
)
ACCOUNT = f"/2010-04-01/Accounts/{QUICK.account_sid}"
SENDER, SHORT_CODE = QUICK.numbers


@dataclass(frozen=True)
class Received:
    """A webhook as it arrived."""

    path: str
    headers: dict[str, str]
    form: dict[str, str]
    body: bytes = b""


class Receiver:
    """Takes webhooks on loopback. ``answers`` holds the statuses of the next ones; then it is always 200."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[Received] = []
        self.answers: list[int] = []
        self.reply_body = b"<Response/>"
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                body = raw.decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver.answers.pop(0) if receiver.answers else 200
                form = dict(parse_qsl(body, keep_blank_values=True))
                receiver.received.append(Received(self.path, headers, form, raw))
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(receiver.reply_body)))
                self.end_headers()
                self.wfile.write(receiver.reply_body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def wait_for(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Return once the condition holds; fail after this many seconds."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        pause.wait(0.01)


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[SimulatorProcess]:
    with SimulatorProcess(QUICK) as process:
        yield process


@pytest.fixture
def simulator(running_simulator: SimulatorProcess) -> SimulatorProcess:
    """A simulator without memory, with quick settings."""
    running_simulator.settings(**QUICK.to_json())
    running_simulator.reset()
    return running_simulator


@pytest.fixture
def api(simulator: SimulatorProcess) -> Iterator[httpx.Client]:
    """A client with the account's credentials."""
    credentials = (QUICK.account_sid, QUICK.auth_token)
    with httpx.Client(base_url=simulator.url, auth=credentials, trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


def send(api: httpx.Client, recipient: str, body: str = "Hello", **more: str) -> httpx.Response:
    """POST a message from the default number."""
    return api.post(f"{ACCOUNT}/Messages.json", data={"To": recipient, "From": SENDER, "Body": body, **more})


def post_bytes(number: int, *, headers: str = "") -> bytes:
    """A whole request that sends a message to the person of this number."""
    credentials = base64.b64encode(f"{QUICK.account_sid}:{QUICK.auth_token}".encode()).decode()
    body = f"To=%2B1415555{number:04}&From=%2B{SENDER[1:]}&Body=Hi+{number}".encode()
    head = (
        f"POST {ACCOUNT}/Messages.json HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n{headers}"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body

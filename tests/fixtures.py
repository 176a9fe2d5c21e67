"""The transport's surroundings, for the tests of every app that sends: a real simulator, a real webhook process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
import pytest

from broadcast.core.config import BASE_DIR, config
from integrations.models import Gateway
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.process import SimulatorProcess
from messaging.models import PhoneNumber
from messaging.services.gateways import inbound_url, publish_gateways
from tests.factories import GatewayFactory, PhoneNumberFactory
from tests.messaging.tools import FAST, SHORT_CODE, wait_for


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[SimulatorProcess]:
    """One simulator for the whole run."""
    with SimulatorProcess(FAST) as simulator:
        yield simulator


@pytest.fixture
def simulator(simulator_process: SimulatorProcess) -> Iterator[SimulatorProcess]:
    """The simulator, empty and fast."""
    simulator_process.settings(**FAST.to_json())
    simulator_process.reset()
    yield simulator_process
    # What it still has to call back must not reach the next test.
    simulator_process.reset()


@pytest.fixture
def gateway(simulator: SimulatorProcess) -> Gateway:
    """A gateway at the simulator."""
    settings: SimulatorSettings = FAST
    return GatewayFactory.create(
        base_url=simulator.url,
        credentials={"account_sid": settings.account_sid, "auth_token": settings.auth_token},
        concurrency=40,
    )


@pytest.fixture
def number(gateway: Gateway) -> PhoneNumber:
    """A short code with a pace that is in nobody's way."""
    return PhoneNumberFactory.create(gateway=gateway, number=SHORT_CODE, kind="short_code", pace_segments=100_000)


@pytest.fixture
def webhook_process(simulator: SimulatorProcess, gateway: Gateway) -> Iterator[subprocess.Popen[bytes]]:
    """The webhook process at the address that status URLs name; the simulator's inbound messages go there too."""
    publish_gateways()
    simulator.settings(inbound_url=inbound_url(gateway))
    with run_webhooks(config().webhook_bind) as process:
        wait_for(lambda: is_up(f"{config().webhook_url}/healthz"), "the webhook process to start")
        yield process


@contextmanager
def run_webhooks(bind: str, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A webhook process, killed at the end.

    Args:
        bind: host and port it listens on.
        environment: variables that are set beside ours.
    """
    host, _, port = bind.partition(":")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "messaging.webhooks.asgi:application"),
            *("--host", host, "--port", port, "--log-level", "warning", "--no-access-log"),
        ],
        cwd=BASE_DIR,
        env={**os.environ, **(environment or {})},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def is_up(url: str) -> bool:
    """Whether something answers there without an error of its own."""
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False

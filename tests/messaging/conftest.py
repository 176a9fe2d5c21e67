"""The transport's tests run against a real simulator and a real webhook process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integrations.models import Gateway
from messaging.models import PhoneNumber
from messaging.services.gateways import publish_gateways
from tests.factories import GatewayFactory, PhoneNumberFactory
from tests.fixtures import gateway as gateway
from tests.fixtures import is_up, run_webhooks
from tests.fixtures import number as number
from tests.fixtures import simulator as simulator
from tests.fixtures import simulator_process as simulator_process
from tests.fixtures import webhook_process as webhook_process
from tests.messaging.hooks import PUBLIC_URL, Provider
from tests.messaging.tools import wait_for
from tests.settings import free_port


@pytest.fixture(scope="session")
def provider(redis_server: str) -> Iterator[Provider]:
    """A provider, and a webhook process behind a proxy and without a database."""
    bind = f"127.0.0.1:{free_port()}"
    environment = {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing", "BROADCAST_WEBHOOK_URL": PUBLIC_URL}
    with run_webhooks(bind, environment):
        wait_for(lambda: is_up(f"http://{bind}/healthz"), "the webhook process to start")
        yield Provider(f"http://{bind}", PUBLIC_URL)


@pytest.fixture
def known(db: None) -> Gateway:
    """A gateway that the webhook process knows."""
    gateway = GatewayFactory.create()
    publish_gateways()
    return gateway


@pytest.fixture
def line() -> PhoneNumber:
    """A number of Blue Door Books."""
    return PhoneNumberFactory.create(account__name="Blue Door Books")

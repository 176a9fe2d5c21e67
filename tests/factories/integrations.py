"""Gateways."""

from __future__ import annotations

from integrations.models import Gateway
from tests.factories.base import ModelFactory, factory

#: Not real; looked for in pages that must not hold them.
AUTH_TOKEN = "5ecre7-t0ken-of-the-tests"


class GatewayFactory(ModelFactory[Gateway]):
    """A Twilio gateway whose base URL nothing listens on."""

    class Meta:
        model = Gateway

    name = factory.Sequence(lambda n: f"Gateway {n}")
    kind = "twilio"
    credentials = factory.LazyFunction(lambda: {"account_sid": "AC" + "0" * 32, "auth_token": AUTH_TOKEN})
    base_url = "http://127.0.0.1:9"

"""Provisioning at gateways that are not like Twilio: searches that know less, and webhooks that a person sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.test import Client

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from integrations.sms.registry import ADAPTERS
from messaging.admin.number_forms import FILTERS
from messaging.models import PhoneNumber
from messaging.services.numbers.provider import talk_to
from tests.console.test_campaigns import page_of
from tests.console.test_numbers import url
from tests.console.test_provisioning import chosen, wanted, worked_off
from tests.factories import GatewayFactory
from tests.messaging.number_tools import break_numbers
from tests.messaging.test_number_gateways import CREDENTIALS
from tests.messaging.tools import FAST

pytestmark = pytest.mark.django_db

KINDS = sorted(CREDENTIALS)
CALLBACK = "callback URL of their service plan"


def gateway_of(kind: str, simulator: SimulatorProcess) -> Gateway:
    made: Gateway = GatewayFactory.create(kind=kind, base_url=simulator.url, credentials=CREDENTIALS[kind])
    return made


@pytest.fixture
def sinch(simulator: SimulatorProcess) -> Iterator[Gateway]:
    """A gateway whose webhooks are set at the account; its numbers are given back afterwards."""
    made = gateway_of("sinch", simulator)
    yield made
    with talk_to(made) as provider:
        for number in provider.everything():
            if number.number not in FAST.numbers:
                provider.release(number.provider_id)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", FILTERS)
def test_what_a_gateways_search_does_not_know_is_said_beside_its_field(
    operator: Client, simulator: SimulatorProcess, kind: str, field: str
) -> None:
    """Given a field that this provider cannot search by, when it is filled, then it is refused there, not left out."""
    is_known = field in ADAPTERS[kind].capabilities.number_filters
    value = "415" if field in ("area_code", "contains", "postal_code") else "CA"
    asked = {**wanted(gateway_of(kind, simulator), area_code=""), field: value}
    answer = operator.get(url("buy"), asked)
    errors = answer.context["form"].errors
    assert list(errors) == ([] if is_known else [field])
    assert ("offers" in answer.context) is is_known
    if not is_known:
        assert f"{ADAPTERS[kind].label} does not search by it" in page_of(answer)


@pytest.mark.parametrize("kind", ["toll_free", "mobile"])
def test_a_kind_that_a_gateway_does_not_sell_is_refused(
    operator: Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    can = replace(ADAPTERS["twilio"].capabilities, number_kinds=("local",))
    monkeypatch.setitem(ADAPTERS, "twilio", type("LocalOnly", (ADAPTERS["twilio"],), {"capabilities": can}))
    answer = operator.get(url("buy"), wanted(gateway, kind=kind))
    assert "does not sell them here. It has: Local" in page_of(answer)
    assert "offers" not in answer.context


def test_where_a_person_sets_the_webhooks_it_is_said_at_every_step(operator: Client, sinch: Gateway) -> None:
    number, confirmation = chosen(operator, wanted(sinch))
    assert CALLBACK in page_of(operator.get(confirmation))
    bought = worked_off(operator, confirmation)
    assert f"{number} belongs to Blue Door Books now: it is active. Sinch sends" in bought
    assert "is wired" not in bought
    row = PhoneNumber.objects.get()
    asked = page_of(operator.get(url("wire", row)))
    assert CALLBACK in asked
    assert "in place of whatever is set there" not in asked
    assert "is set up for us. Sinch sends" in worked_off(operator, url("wire", row))


def test_a_gateway_that_sets_them_itself_says_that(operator: Client, gateway: Gateway) -> None:
    _, confirmation = chosen(operator, wanted(gateway))
    assert "URLs are set to ours" in page_of(operator.get(confirmation))
    page = worked_off(operator, confirmation)
    assert "Set from here when it is provisioned" in page
    assert CALLBACK not in page


def test_a_search_without_an_answer_does_not_warn_of_what_it_may_have_done(
    operator: Client, simulator: SimulatorProcess, gateway: Gateway
) -> None:
    asked = wanted(gateway)
    _, confirmation = chosen(operator, asked)
    break_numbers(simulator, "search:close")
    page = page_of(operator.get(url("buy"), asked))
    assert "Try again in a moment." in page
    assert "may have acted" not in page
    break_numbers(simulator, "buy:lost")
    bought = worked_off(operator, confirmation)
    break_numbers(simulator)
    assert "may have acted on the request" in bought
    assert "Try again in a moment." not in bought

"""Numbers at every gateway, over HTTP: found, bought, wired, listed and released, and what goes wrong half-way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal

import pytest

from accounts.models import Account
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import NumberQuery, ProviderNumber
from integrations.sms.registry import ADAPTERS
from messaging.models import PhoneNumber
from messaging.services.gateways import inbound_url
from messaging.services.number_urls import is_wired
from messaging.services.numbers import (
    ProvisioningError,
    find_number,
    list_numbers,
    provision_number,
    release_number,
    search_numbers,
    wire_number,
)
from messaging.services.numbers.provider import talk_to
from tests.factories import AccountFactory, GatewayFactory
from tests.integrations.telnyx_payloads import PUBLIC_KEY
from tests.messaging.tools import FAST

pytestmark = pytest.mark.django_db

CREDENTIALS = {
    "twilio": {"account_sid": FAST.account_sid, "auth_token": FAST.auth_token},
    "infobip": {"api_key": FAST.infobip_api_key},
    "sinch": {
        "service_plan_id": FAST.sinch_service_plan_id,
        "api_token": FAST.sinch_api_token,
        "numbers_project_id": FAST.sinch_project_id,
        "numbers_key_id": FAST.sinch_key_id,
        "numbers_key_secret": FAST.sinch_key_secret,
    },
    "telnyx": {
        "api_key": FAST.telnyx_api_key,
        "public_key": PUBLIC_KEY,
        "messaging_profile_id": FAST.telnyx_profile_id,
    },
}
#: Where a number is ordered, or set up, in the background.
SLOW = ("infobip", "sinch", "telnyx")


def test_every_gateway_with_numbers_is_here() -> None:
    assert set(CREDENTIALS) == {kind for kind, adapter in ADAPTERS.items() if adapter.capabilities.numbers}


@pytest.fixture(params=sorted(CREDENTIALS))
def gateway(request: pytest.FixtureRequest, simulator: SimulatorProcess) -> Iterator[Gateway]:
    """A gateway of each kind at the simulator, which has no numbers that it did not begin with afterwards."""
    made = GatewayFactory.create(kind=request.param, base_url=simulator.url, credentials=CREDENTIALS[request.param])
    assert made.adapter.capabilities.numbers
    yield made
    simulator.settings(numbers_sold=0.0, numbers_pending=0, numbers_lost=0.0, numbers_unwired=0.0)
    with talk_to(made) as provider:
        for number in provider.everything():
            if number.number not in FAST.numbers:
                provider.release(number.provider_id)


def on_offer(gateway: Gateway) -> ProviderNumber:
    """A number that can be bought."""
    return search_numbers(gateway=gateway, query=NumberQuery(area_code="415"))[0]


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """The requests that are made."""
    send, seen = HttpxDriver.send, list[Request]()

    def watched(self: HttpxDriver, request: Request) -> Reply:
        seen.append(request)
        return send(self, request)

    monkeypatch.setattr(HttpxDriver, "send", watched)
    return seen


def test_a_number_is_found_bought_wired_and_released(gateway: Gateway) -> None:
    offer = on_offer(gateway)
    assert (offer.number[:5], offer.country, offer.provider_id) == ("+1415", "US", "")
    assert (offer.sms, offer.mms, offer.voice) == (True, True, True)
    if gateway.kind != "twilio":
        assert (offer.monthly_price, offer.upfront_price, offer.currency) == (Decimal(1), Decimal("0.5"), "USD")

    row = provision_number(account=AccountFactory.create(), gateway=gateway, number=offer.number, label="Front desk")

    row.refresh_from_db()
    bought = find_number(gateway=gateway, number=offer.number)
    assert bought is not None
    assert (row.state, row.provider_id, row.country, row.can_send_media) == ("active", bought.provider_id, "US", True)
    assert is_wired(gateway, bought)
    if gateway.adapter.capabilities.wiring != "account":
        assert bought.inbound_url == inbound_url(gateway)
    assert offer.number in [number.number for number in list_numbers(gateway=gateway)]
    assert offer.number not in [
        found.number for found in search_numbers(gateway=gateway, query=NumberQuery(area_code="415"))
    ]

    release_number(number=row, after_days=0)
    assert find_number(gateway=gateway, number=offer.number) is None
    with talk_to(gateway) as provider:
        provider.release(row.provider_id)


def test_nothing_found_is_an_empty_list(gateway: Gateway) -> None:
    assert search_numbers(gateway=gateway, query=NumberQuery(area_code="999")) == []


def test_a_wired_number_is_not_changed_when_it_is_wired_again(gateway: Gateway, requests: list[Request]) -> None:
    number = on_offer(gateway).number
    provision_number(account=AccountFactory.create(), gateway=gateway, number=number)
    bought = find_number(gateway=gateway, number=number)
    assert bought is not None
    before = len(requests)
    wire_number(number=PhoneNumber.objects.get())
    assert {request.method for request in requests[before:]} == {"GET"}


def test_a_number_that_was_sold_meanwhile_leaves_nothing(gateway: Gateway, simulator: SimulatorProcess) -> None:
    offers = search_numbers(gateway=gateway, query=NumberQuery(area_code="415", limit=4))
    simulator.settings(numbers_sold=1.0)
    for offer in offers:
        with pytest.raises(ProvisioningError, match="choose another one") as sold:
            provision_number(account=AccountFactory.create(), gateway=gateway, number=offer.number)
        assert not sold.value.retryable
    assert not PhoneNumber.objects.exists()


def test_a_purchase_of_which_the_reply_is_lost_is_found_and_not_made_twice(
    gateway: Gateway, simulator: SimulatorProcess, requests: list[Request]
) -> None:
    account, number = AccountFactory.create(), on_offer(gateway).number
    simulator.settings(numbers_lost=1.0)
    with pytest.raises(ProvisioningError, match="did not answer") as lost:
        provision_number(account=account, gateway=gateway, number=number)
    row = PhoneNumber.objects.get()
    assert (row.state, lost.value.number, lost.value.retryable) == ("pending", row, True)
    purchases = [request.url for request in requests if request.method == "POST"]
    row = provision_when_ready(account=account, gateway=gateway, number=number)
    assert row.state == "active"
    spent = [request.url for request in requests if request.method == "POST" and request.url in purchases]
    assert len(spent) == 1
    assert [found.number for found in list_numbers(gateway=gateway)].count(number) == 1


def provision_when_ready(*, account: Account, gateway: Gateway, number: str) -> PhoneNumber:
    """Go on with a number until it is ready, as somebody does who is told to; ten times at most."""
    for _ in range(10):
        with suppress(NotYet):
            return go_on(account=account, gateway=gateway, number=number)
    raise AssertionError(f"{number} was never ready.")


class NotYet(Exception):
    """The number is pending, and may be gone on with."""


def go_on(*, account: Account, gateway: Gateway, number: str) -> PhoneNumber:
    """Provision a number; an end that may be gone on with is ``NotYet``."""
    try:
        return provision_number(account=account, gateway=gateway, number=number)
    except ProvisioningError as error:
        if not error.retryable or PhoneNumber.objects.get(number=number).state != "pending":
            raise
        raise NotYet from error


@pytest.mark.parametrize("gateway", SLOW, indirect=True)
def test_an_order_that_takes_a_while_is_a_state_that_can_be_gone_on_with(
    gateway: Gateway, simulator: SimulatorProcess, requests: list[Request]
) -> None:
    simulator.settings(numbers_pending=3)
    account, number = AccountFactory.create(), on_offer(gateway).number
    with pytest.raises(ProvisioningError, match="not bought twice") as pending:
        provision_number(account=account, gateway=gateway, number=number)
    assert pending.value.retryable
    assert pending.value.number is not None
    assert pending.value.number.state == "pending"
    row = provision_when_ready(account=account, gateway=gateway, number=number)
    assert row.state == "active"
    wired = find_number(gateway=gateway, number=number)
    assert wired is not None
    assert is_wired(gateway, wired)
    spending = ("/number_orders", "/numbers/1/numbers", ":rent")
    assert len([item for item in requests if item.method == "POST" and item.url.endswith(spending)]) == 1


@pytest.mark.parametrize("gateway", ["infobip", "telnyx"], indirect=True)
def test_a_number_that_is_bought_and_cannot_be_wired_is_kept_and_repaired(
    gateway: Gateway, simulator: SimulatorProcess
) -> None:
    account, number = AccountFactory.create(), on_offer(gateway).number
    if gateway.kind == "telnyx":
        # The profile's address is another's, so that wiring has something to do.
        point_profile_elsewhere(gateway)
    simulator.settings(numbers_unwired=1.0)
    with pytest.raises(ProvisioningError) as half:
        provision_number(account=account, gateway=gateway, number=number)
    row = PhoneNumber.objects.get()
    assert (row.state, half.value.number) == ("pending", row)
    assert row.provider_id
    simulator.settings(numbers_unwired=0.0)
    assert provision_number(account=account, gateway=gateway, number=number).pk == row.pk
    repaired = find_number(gateway=gateway, number=number)
    assert repaired is not None
    assert (repaired.provider_id, repaired.inbound_url) == (row.provider_id, inbound_url(gateway))


def point_profile_elsewhere(gateway: Gateway) -> None:
    """Set another address in the messaging profile, as somebody might by hand."""
    adapter = gateway.adapter
    number = ProviderNumber("+14155552600", next(n.provider_id for n in list_numbers(gateway=gateway)))
    with talk_to(gateway) as provider:
        provider.follow(lambda: adapter.wiring(number, inbound_url="https://elsewhere.example/in", status_url=""))


def test_wrong_credentials_say_what_to_check(gateway: Gateway) -> None:
    wrong = {
        name: value + "x" if name in ("auth_token", "api_key", "numbers_key_secret") else value
        for name, value in gateway.credentials.items()
    }
    gateway.credentials = wrong
    gateway.save()
    fresh = Gateway.objects.get(pk=gateway.pk)
    try:
        with pytest.raises(ProvisioningError, match="Check the") as refused:
            search_numbers(gateway=fresh, query=NumberQuery())
        assert not refused.value.retryable
        with pytest.raises(ProvisioningError, match="Check the"):
            list_numbers(gateway=fresh)
    finally:
        gateway.credentials = CREDENTIALS[gateway.kind]
        gateway.save()

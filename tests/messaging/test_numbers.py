"""Provisioning: money is spent once, and what went wrong half-way can be seen and gone on with."""

from __future__ import annotations

import pytest

from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request, TransportFailure
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import NumberQuery, ProviderNumber
from messaging.models import PhoneNumber
from messaging.services.gateways import inbound_url, status_url
from messaging.services.numbers import (
    ProvisioningError,
    adopt_number,
    list_numbers,
    provision_number,
    release_due,
    release_number,
    search_numbers,
)
from tests.factories import AccountFactory, BatchFactory, PhoneNumberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def on_offer(gateway: Gateway) -> str:
    """A number that can be bought."""
    return search_numbers(gateway=gateway, query=NumberQuery(area_code="415"))[0].number


def owned(gateway: Gateway, number: str) -> list[ProviderNumber]:
    """What the provider lists of a number, once for each time it was bought."""
    return [found for found in list_numbers(gateway=gateway) if found.number == number]


def lose_reply_of(method: str, monkeypatch: pytest.MonkeyPatch, *, times: int = 1) -> list[Request]:
    """Have requests of a method arrive while their replies are lost; the requests that were made."""
    send, seen = HttpxDriver.send, []

    def losing(self: HttpxDriver, request: Request) -> Reply:
        reply = send(self, request)
        seen.append(request)
        if request.method == method and sum(item.method == method for item in seen) <= times:
            raise TransportFailure("The reply was lost.", request_left=True)
        return reply

    monkeypatch.setattr(HttpxDriver, "send", losing)
    return seen


def test_a_search_finds_numbers_of_the_kind_and_the_place(gateway: Gateway) -> None:
    found = search_numbers(gateway=gateway, query=NumberQuery(area_code="212", limit=5))
    assert len(found) == 5
    assert all(item.number.startswith("+1212") and item.region == "NY" for item in found)
    toll_free = search_numbers(gateway=gateway, query=NumberQuery(kind="toll_free", limit=3))
    assert all(item.number[2] == "8" for item in toll_free)
    assert search_numbers(gateway=gateway, query=NumberQuery(area_code="999")) == []


@pytest.mark.parametrize(
    "query", [NumberQuery(kind="short_code"), NumberQuery(country="USA"), NumberQuery(area_code="x")]
)
def test_a_search_that_makes_no_sense_says_so(gateway: Gateway, query: NumberQuery) -> None:
    with pytest.raises(ProvisioningError, match=r"Choose one of|two letters|digits only"):
        search_numbers(gateway=gateway, query=query)


def test_a_provider_that_is_away_or_refuses_is_named(gateway: Gateway) -> None:
    gateway.credentials = {**gateway.credentials, "auth_token": "wrong"}
    with pytest.raises(ProvisioningError, match=gateway.name) as refused:
        search_numbers(gateway=gateway, query=NumberQuery())
    assert not refused.value.retryable
    gateway.base_url = "http://127.0.0.1:9"
    with pytest.raises(ProvisioningError, match=f"{gateway.name} did not answer") as away:
        list_numbers(gateway=gateway)
    assert away.value.retryable


def test_a_bought_number_is_wired_to_our_webhooks_and_active(gateway: Gateway, on_offer: str) -> None:
    account = AccountFactory.create()
    row = provision_number(account=account, gateway=gateway, number=on_offer, label="Front desk")
    row.refresh_from_db()
    [bought] = owned(gateway, on_offer)
    assert (row.state, row.account, row.provider_id, row.country) == ("active", account, bought.provider_id, "US")
    assert (bought.inbound_url, bought.status_url) == (inbound_url(gateway), status_url(gateway))
    assert bought.friendly_name == "Front desk"
    assert search_numbers(gateway=gateway, query=NumberQuery(contains=on_offer[2:])) == []


def test_provisioning_twice_buys_once(gateway: Gateway, on_offer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    account = AccountFactory.create()
    first = provision_number(account=account, gateway=gateway, number=on_offer)
    seen = lose_reply_of("NONE", monkeypatch)
    assert provision_number(account=account, gateway=gateway, number=on_offer).pk == first.pk
    assert seen == []


def test_a_number_of_another_account_is_refused(gateway: Gateway, on_offer: str) -> None:
    row = provision_number(account=AccountFactory.create(), gateway=gateway, number=on_offer)
    with pytest.raises(ProvisioningError, match="belongs to another account"):
        provision_number(account=AccountFactory.create(), gateway=gateway, number=on_offer)
    assert PhoneNumber.objects.get().account_id == row.account_id


def test_a_purchase_that_is_refused_for_good_leaves_nothing(gateway: Gateway) -> None:
    """It is not on offer any more."""
    with pytest.raises(ProvisioningError, match=gateway.name) as refused:
        provision_number(account=AccountFactory.create(), gateway=gateway, number="+14155552600")
    assert refused.value.number is None
    assert not PhoneNumber.objects.exists()


def test_a_purchase_of_which_the_reply_is_lost_is_not_made_twice(
    gateway: Gateway, on_offer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = AccountFactory.create()
    seen = lose_reply_of("POST", monkeypatch)
    with pytest.raises(ProvisioningError, match="did not answer") as lost:
        provision_number(account=account, gateway=gateway, number=on_offer)
    row = PhoneNumber.objects.get()
    assert (row.state, lost.value.number) == ("pending", row)
    again = provision_number(account=account, gateway=gateway, number=on_offer)
    assert (again.pk, again.state) == (row.pk, "active")
    purchases = [item for item in seen if item.url.endswith("/IncomingPhoneNumbers.json") and item.method == "POST"]
    assert len(purchases) == 1
    [bought] = owned(gateway, on_offer)
    assert (bought.provider_id, bought.inbound_url) == (again.provider_id, inbound_url(gateway))


def test_a_purchase_that_never_arrived_is_made_when_it_is_asked_for_again(gateway: Gateway, on_offer: str) -> None:
    account, url = AccountFactory.create(), gateway.base_url
    gateway.base_url = "http://127.0.0.1:9"
    with pytest.raises(ProvisioningError, match="did not answer"):
        provision_number(account=account, gateway=gateway, number=on_offer)
    assert PhoneNumber.objects.get().state == "pending"
    gateway.base_url = url
    assert provision_number(account=account, gateway=gateway, number=on_offer).state == "active"
    assert len(owned(gateway, on_offer)) == 1


def test_a_short_code_is_adopted_with_its_pace(gateway: Gateway) -> None:
    number = adopt_number(
        account=AccountFactory.create(), gateway=gateway, number="24365", kind="short_code", pace_segments=250
    )
    assert (number.state, number.segments_per_second) == ("active", 250)


@pytest.mark.parametrize("digits", ["4155552671", "+0123456789", "12", "", "hello", "+1415555267112345"])
def test_what_is_no_number_is_not_adopted(gateway: Gateway, digits: str) -> None:
    with pytest.raises(ProvisioningError):
        adopt_number(account=AccountFactory.create(), gateway=gateway, number=digits, kind="local")
    assert not PhoneNumber.objects.exists()


def test_a_number_is_adopted_once(gateway: Gateway) -> None:
    taken = PhoneNumberFactory.create(gateway=gateway)
    with pytest.raises(ProvisioningError):
        adopt_number(account=AccountFactory.create(), gateway=gateway, number=taken.number, kind="short_code")
    assert PhoneNumber.objects.count() == 1


def test_a_released_number_is_gone_at_the_provider_and_can_be_bought_again(gateway: Gateway, on_offer: str) -> None:
    number = provision_number(account=AccountFactory.create(), gateway=gateway, number=on_offer)
    release_number(number=number, after_days=0)
    number.refresh_from_db()
    assert number.state == "released"
    assert owned(gateway, on_offer) == []
    again = provision_number(account=AccountFactory.create(), gateway=gateway, number=on_offer)
    assert again.pk != number.pk


def test_a_release_of_which_the_reply_is_lost_can_be_repeated(
    gateway: Gateway, on_offer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = provision_number(account=AccountFactory.create(), gateway=gateway, number=on_offer)
    lose_reply_of("DELETE", monkeypatch)
    with pytest.raises(ProvisioningError, match="did not answer") as lost:
        release_number(number=number, after_days=0)
    number.refresh_from_db()
    assert (number.state, number.problem) == ("leaving", lost.value.text)
    assert release_due() == 1
    number.refresh_from_db()
    assert (number.state, number.problem) == ("released", "")


@pytest.mark.parametrize("state", ["launching", "sending", "paused"])
def test_a_number_that_is_being_sent_from_is_not_released(gateway: Gateway, on_offer: str, state: str) -> None:
    number = provision_number(account=AccountFactory.create(), gateway=gateway, number=on_offer)
    batch = BatchFactory.create(number=number, state=state)
    with pytest.raises(ProvisioningError, match=batch.label):
        release_number(number=number, after_days=0)
    number.refresh_from_db()
    assert number.state == "active"
    assert len(owned(gateway, on_offer)) == 1


def test_an_adopted_number_is_released_here_alone(simulator: SimulatorProcess, gateway: Gateway) -> None:
    number = adopt_number(account=AccountFactory.create(), gateway=gateway, number="24365", kind="short_code")
    before = simulator.stats()["other_requests"]
    assert release_number(number=number, after_days=0).state == "released"
    assert simulator.stats()["other_requests"] == before

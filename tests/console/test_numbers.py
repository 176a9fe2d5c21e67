"""Phone numbers in the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integrations.models import Gateway
from messaging.models import PhoneNumber
from tests.console.test_campaigns import page_of
from tests.factories import AccountFactory, BatchFactory, GatewayFactory, PhoneNumberFactory

pytestmark = pytest.mark.django_db


def url(page: str, number: PhoneNumber | None = None) -> str:
    return reverse(f"admin:messaging_phonenumber_{page}", args=[number.pk] if number else [])


def filled(**changes: Any) -> dict[str, Any]:
    return {
        "account": AccountFactory().pk,
        "gateway": GatewayFactory().pk,
        "number": "(415) 555-2671",
        "kind": "local",
        "can_receive": "on",
        **changes,
    }


def errors_of(response: Any) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


@pytest.mark.parametrize(
    ("written", "kind", "stored"),
    [
        ("(415) 555-2671", "local", "+14155552671"),
        ("243-65", "short_code", "24365"),
        ("+44 20 7946 0000", "local", "+442079460000"),
    ],
)
def test_number_is_stored_in_one_way(operator: Client, written: str, kind: str, stored: str) -> None:
    response = operator.post(url("add"), filled(number=written, kind=kind))
    assert response.status_code == 302, errors_of(response)
    number = PhoneNumber.objects.get()
    assert (number.number, number.state) == (stored, "active")


def test_short_code_of_the_wrong_kind_gets_a_hint(operator: Client) -> None:
    (error,) = errors_of(operator.post(url("add"), filled(number="24365")))["number"]
    assert "choose that as its kind" in error


def test_number_of_another_account_is_refused_by_name(operator: Client) -> None:
    taken = PhoneNumberFactory(number="+14155552671", kind="local")
    (error,) = errors_of(operator.post(url("add"), filled(gateway=taken.gateway_id)))["number"]
    assert str(taken.account) in error


def test_disable_and_enable(operator: Client) -> None:
    number = PhoneNumberFactory()
    assert operator.get(url("disable", number)).status_code == 200
    number.refresh_from_db()
    assert number.state == "active"
    operator.post(url("disable", number))
    number.refresh_from_db()
    assert number.state == "disabled"
    assert "is disabled by now" in page_of(operator.post(url("disable", number), follow=True))
    operator.post(url("enable", number))
    number.refresh_from_db()
    assert number.state == "active"


def test_disabling_a_number_pauses_what_it_sends(operator: Client) -> None:
    batch, other = BatchFactory(), BatchFactory()
    page = page_of(operator.post(url("disable", batch.number), follow=True))
    assert f"{batch.number.number} is disabled. 1 campaign was paused." in page
    batch.refresh_from_db()
    other.refresh_from_db()
    assert (batch.state, batch.pause_code, other.state) == ("paused", "number", "sending")


def test_number_that_sends_is_not_released(operator: Client) -> None:
    batch = BatchFactory(label="Gala")
    page = page_of(operator.post(url("release", batch.number), follow=True))
    assert "still leaves from" in page
    batch.number.refresh_from_db()
    assert batch.number.state == "active"


@pytest.mark.parametrize("role", ["Support", "Read-only"])
def test_only_operators_touch_numbers(as_role: Callable[[str], Client], role: str) -> None:
    number = PhoneNumberFactory()
    client = as_role(role)
    for action in ("enable", "disable", "release"):
        assert client.post(url(action, number)).status_code == 403
    assert client.get(url("buy")).status_code == 403


def test_number_is_searched_bought_and_released_at_the_provider(operator: Client, gateway: Gateway) -> None:
    account = AccountFactory()
    wanted: dict[str, Any] = {
        "account": account.pk,
        "gateway": gateway.pk,
        "kind": "local",
        "country": "US",
        "area_code": "415",
        "contains": "",
    }
    found = operator.get(url("buy"), wanted)
    offers = [offer.number for offer, _query in found.context["found"]]
    assert offers
    assert all(number.startswith("+1415") for number in offers)

    chosen = {**wanted, "number": offers[0]}
    assert "is bought at" in page_of(operator.get(url("buy"), chosen))
    assert not PhoneNumber.objects.exists(), "looking at the page buys nothing"
    operator.post(
        url("buy"), QUERY_STRING="&".join(f"{name}={value}".replace("+", "%2B") for name, value in chosen.items())
    )
    number = PhoneNumber.objects.get()
    assert (number.number, number.account, number.state) == (offers[0], account, "active")
    assert number.provider_id.startswith("PN")

    operator.post(url("release", number))
    number.refresh_from_db()
    assert number.state == "released"


def test_search_says_what_the_provider_refused(operator: Client) -> None:
    wanted: dict[str, Any] = {
        "account": AccountFactory().pk,
        "gateway": GatewayFactory().pk,
        "kind": "local",
        "country": "US",
    }
    assert "did not answer" in page_of(operator.get(url("buy"), wanted))

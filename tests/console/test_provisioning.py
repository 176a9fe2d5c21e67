"""Provisioning a number in the console: search, choose, confirm, and what is seen when it stops half-way."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import ProviderNumber
from integrations.sms.registry import ADAPTERS
from messaging.admin import buying
from messaging.models import Alert, Message, PhoneNumber
from messaging.services.numbers import numbers_in_use
from tests.console.test_campaigns import page_of
from tests.console.test_numbers import url
from tests.factories import AccountFactory, AlertFactory, GatewayFactory, PhoneNumberFactory
from tests.messaging.number_tools import break_numbers, owned, take_numbers_api_away, work_off
from tests.messaging.tools import FAST

pytestmark = pytest.mark.django_db


def wanted(gateway: Gateway, **changes: Any) -> dict[str, Any]:
    return {
        "account": AccountFactory(name="Blue Door Books").pk,
        "gateway": gateway.pk,
        "country": "US",
        "kind": "local",
        "area_code": "415",
        **changes,
    }


def chosen(client: Client, asked: dict[str, Any]) -> tuple[str, str]:
    """The first number on offer, and the address of its confirmation."""
    offer = client.get(url("buy"), asked).context["offers"][0]
    return offer["number"], f"{url('buy')}?{offer['query']}"


def worked_off(client: Client, address: str, data: dict[str, Any] | None = None) -> str:
    """The page on which what was asked for is shown, once the cluster has done it."""
    page = client.post(address, data or {}).headers["Location"]
    work_off()
    return page_of(client.get(page))


def test_a_number_is_searched_confirmed_and_bought(operator: Client, gateway: Gateway) -> None:
    """Given the results, when one is chosen, then a page says what is bought, for whom, where and at what price; POST buys."""
    asked = wanted(gateway)
    results = operator.get(url("buy"), asked)
    assert all(offer["number"].startswith("+1415") for offer in results.context["offers"])
    assert "San Francisco, CA" in page_of(results)
    assert "SMS, MMS, voice" in page_of(results)

    number, confirmation = chosen(operator, asked)
    page = page_of(operator.get(confirmation))
    for said in (number, "Blue Door Books", gateway.name, "Money is spent", "does not say the price", "United States"):
        assert said in page
    assert not PhoneNumber.objects.exists(), "looking at the page buys nothing"

    page = worked_off(operator, confirmation, {"label": "Front desk", "test_recipient": "(415) 555-2671"})
    row = PhoneNumber.objects.get()
    assert (row.number, row.account_id, row.state, row.label) == (number, asked["account"], "active", "Front desk")
    assert row.provider_id.startswith("PN")
    assert row.test_message == Message.objects.get(recipient="+14155552671")
    assert "it is wired to our webhooks and active. A test message to +14155552671 is on its way." in page


def test_a_confirmation_that_is_sent_twice_buys_once(operator: Client, gateway: Gateway) -> None:
    number, confirmation = chosen(operator, wanted(gateway))
    operator.post(confirmation)
    operator.post(confirmation)
    work_off()
    assert "nothing was bought again" in page_of(operator.post(confirmation, follow=True))
    work_off()
    assert PhoneNumber.objects.count() == 1
    assert len(owned(gateway, number)) == 1


def test_the_price_is_shown_where_the_provider_tells_it(
    operator: Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    priced = ProviderNumber(
        "+14155559988", mms=True, monthly_price=Decimal("1.1"), upfront_price=Decimal("0.5"), currency="USD"
    )
    monkeypatch.setattr(ADAPTERS["twilio"], "parse_search", lambda _self, _reply: [priced])
    asked = wanted(gateway)
    assert "1.10 USD" in page_of(operator.get(url("buy"), asked))
    _, confirmation = chosen(operator, asked)
    assert "1.10 USD a month, and 0.50 USD once" in page_of(operator.get(confirmation))
    assert "1.10 USD a month and 0.50 USD once" in page_of(operator.post(confirmation, follow=True))
    row = PhoneNumber.objects.get()
    assert (row.monthly_price, row.upfront_price, row.currency) == (Decimal("1.1"), Decimal("0.5"), "USD")
    # Whoever resumes a purchase is told the whole price again.
    PhoneNumber.objects.update(state="pending", step="wanted", provider_id="", errand="")
    monkeypatch.setattr("messaging.services.numbers.plans.find_number", lambda **_asked: None)
    assert "1.10 USD a month and 0.50 USD once" in page_of(operator.get(url("resume", row)))


@pytest.mark.parametrize("changed", ["gateway", "kind", "country"])
def test_an_offer_is_for_the_search_that_found_it(operator: Client, gateway: Gateway, changed: str) -> None:
    """Given an offer, when its link names another gateway, kind or country, then nothing is bought there under its price."""
    asked = wanted(gateway)
    number, confirmation = chosen(operator, asked)
    twin = GatewayFactory(base_url=gateway.base_url, credentials=gateway.credentials)
    other = {"gateway": str(twin.pk), "kind": "toll_free", "country": "CA"}[changed]
    altered = confirmation.replace(f"{changed}={asked[changed]}", f"{changed}={other}")
    assert altered != confirmation
    answer = operator.post(altered)
    assert "of another search" in page_of(answer)
    assert not PhoneNumber.objects.exists()
    assert owned(gateway, number) == []


@pytest.mark.parametrize("how", ["old", "forged"])
def test_an_offer_that_is_old_or_not_ours_is_looked_for_again(
    operator: Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    asked = wanted(gateway)
    _, confirmation = chosen(operator, asked)
    if how == "old":
        monkeypatch.setattr(buying, "OFFER_SECONDS", -1)
    else:
        forged = signing.dumps({"number": "+14155552671"}, salt="something else")
        confirmation = f"{url('buy')}?{urlencode({**asked, 'offer': forged})}"
    answer = operator.post(confirmation)
    assert "too old" in page_of(answer)
    assert answer.context["offers"]
    assert not PhoneNumber.objects.exists()


def test_a_number_sold_meanwhile_leads_to_another_search(
    operator: Client, simulator: SimulatorProcess, gateway: Gateway
) -> None:
    """Given a number that is sold before it is bought, when the purchase fails, then its page says so and leads to another."""
    number, confirmation = chosen(operator, wanted(gateway))
    break_numbers(simulator, "buy:sold")
    page = worked_off(operator, confirmation)
    break_numbers(simulator)
    assert "Nothing was bought." in page
    assert "is not available" in page
    assert "Not bought" in page
    row = PhoneNumber.objects.get()
    assert (row.state, owned(gateway, number)) == ("released", [])
    assert numbers_in_use(account=row.account) == 0
    link = re.search(r'href="([^"]+)">Search for another one', page)
    assert link
    again = operator.get(link[1].replace("&amp;", "&"))
    assert again.context["offers"]
    assert again.context["form"].cleaned_data["account"] == row.account


@pytest.mark.parametrize(
    ("fault", "words"),
    [("search:throttle", "Wait 1 second,"), ("search:html", "a web page instead"), ("search:empty", "with nothing")],
)
def test_a_failed_search_keeps_the_form(
    operator: Client, simulator: SimulatorProcess, gateway: Gateway, fault: str, words: str
) -> None:
    break_numbers(simulator, fault)
    answer = operator.get(url("buy"), wanted(gateway, locality="Oakland"))
    assert words in page_of(answer)
    assert 'value="Oakland"' in page_of(answer)
    assert "offers" not in answer.context


def test_a_purchase_without_an_answer_is_seen_and_resumed(
    operator: Client, simulator: SimulatorProcess, gateway: Gateway
) -> None:
    """Given a purchase whose reply was lost, when it is resumed, then the page says beforehand that nothing is bought."""
    number, confirmation = chosen(operator, wanted(gateway))
    break_numbers(simulator, "buy:lost")
    page = worked_off(operator, confirmation)
    break_numbers(simulator)
    row = PhoneNumber.objects.get()
    assert "Half-way: not in use yet" in page
    assert "did not answer" in page
    asked = page_of(operator.get(url("resume", row)))
    assert "it is ours already" in asked
    assert "Money is spent" not in asked
    assert "is wired to our webhooks and active" in worked_off(operator, url("resume", row))
    row.refresh_from_db()
    assert (row.state, len(owned(gateway, number))) == ("active", 1)


def test_resuming_buys_only_what_its_page_announced(
    operator: Client, simulator: SimulatorProcess, gateway: Gateway
) -> None:
    number, confirmation = chosen(operator, wanted(gateway))
    break_numbers(simulator, "buy:close")
    worked_off(operator, confirmation)
    break_numbers(simulator)
    row = PhoneNumber.objects.get()
    assert "it was not bought" in worked_off(operator, url("resume", row), {"buys": ""})
    assert owned(gateway, number) == []
    asked = operator.get(url("resume", row))
    assert "Money is spent" in page_of(asked)
    assert asked.context["form"]["buys"].value() is True
    worked_off(operator, url("resume", row), {"buys": "True"})
    row.refresh_from_db()
    assert (row.state, len(owned(gateway, number))) == ("active", 1)


def test_the_accounts_page_leads_to_its_numbers_and_to_another_one(operator: Client, gateway: Gateway) -> None:
    account = AccountFactory(default_region="GB", number_allowance=3)
    PhoneNumberFactory(account=account)
    page = page_of(operator.get(reverse("admin:accounts_account_change", args=[account.pk])))
    assert "1 in use" in page
    assert "of 3 that it may have" in page
    link = reverse("admin:accounts_account_provision_number", args=[account.pk])
    assert f'href="{link}"' in page
    form = operator.get(link, follow=True).context["form"]
    assert (form["account"].value(), form["country"].value()) == (account.pk, "GB")


def test_the_allowance_is_said_before_money_is_spent(operator: Client, gateway: Gateway) -> None:
    account = AccountFactory(number_allowance=0)
    _, confirmation = chosen(operator, wanted(gateway, account=account.pk))
    page = page_of(operator.get(confirmation))
    assert "has as many numbers as it may have" in page
    assert ">Buy +1" not in page
    assert "may have 0" in page_of(operator.post(confirmation, follow=True))
    assert not PhoneNumber.objects.exists()


def test_only_gateways_that_sell_numbers_are_offered(
    operator: Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = GatewayFactory(is_enabled=False)
    offered = operator.get(url("buy")).context["form"].fields["gateway"].queryset
    assert (gateway in offered, off in offered) == (True, False)
    take_numbers_api_away(monkeypatch)
    assert "No enabled gateway sells numbers" in page_of(operator.get(url("buy")))


def test_a_gateway_whose_credentials_cannot_be_read_leaves_the_others_in_reach(
    operator: Client, gateway: Gateway
) -> None:
    """Given a gateway that was encrypted with a lost key, when it is chosen, then words say so; the page works all the same."""
    broken = GatewayFactory()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_gateway SET credentials = 'nonsense' WHERE id = %s", [broken.pk])
    asked = wanted(gateway)
    assert operator.get(url("buy"), asked).context["offers"]
    answer = operator.get(url("buy"), {**asked, "gateway": broken.pk})
    assert broken.name in page_of(answer)
    assert "offers" not in answer.context


def test_short_codes_are_entered_by_hand(operator: Client, gateway: Gateway) -> None:
    asked = wanted(gateway, kind="short_code")
    answer = operator.get(url("buy"), asked, follow=True)
    form = answer.context["form"]
    assert (form["kind"].value(), form["account"].value()) == ("short_code", str(asked["account"]))
    assert "leased from the provider" in page_of(answer)


def by_hand(gateway: Gateway, **changes: Any) -> dict[str, Any]:
    return {
        "account": AccountFactory().pk,
        "gateway": gateway.pk,
        "number": "(415) 555-2611",
        "kind": "local",
        "country": "US",
        "can_receive": "on",
        **changes,
    }


@pytest.mark.parametrize(
    ("written", "kind", "stored", "state"),
    [
        ("(415) 555-2611", "local", "+14155552611", "active"),
        ("243-65", "short_code", "24365", "active"),
        ("+44 20 7946 0000", "local", "+442079460000", "pending"),
    ],
)
def test_a_number_entered_by_hand_is_stored_in_one_way_and_checked(
    operator: Client, simulator: SimulatorProcess, gateway: Gateway, written: str, kind: str, stored: str, state: str
) -> None:
    simulator.settings(numbers=[*FAST.numbers, "+14155552611"])
    page = worked_off(operator, url("add"), by_hand(gateway, number=written, kind=kind))
    number = PhoneNumber.objects.get()
    assert (number.number, number.state) == (stored, state)
    expected = {
        "+14155552611": "it is wired",
        "24365": "could not be checked",
        "+442079460000": "Not at the provider yet",
    }
    assert expected[stored] in page


def test_what_is_no_number_is_refused_with_a_hint(operator: Client, gateway: Gateway) -> None:
    answer = operator.post(url("add"), by_hand(gateway, number="24365"))
    assert "choose that as its kind" in answer.context["form"].errors["number"][0]
    taken = PhoneNumberFactory(number="+14155552611", kind="local", gateway=gateway)
    answer = operator.post(url("add"), by_hand(gateway))
    assert str(taken.account) in answer.context["form"].errors["number"][0]
    answer = operator.post(url("add"), by_hand(GatewayFactory()))
    assert "another account at another gateway" in str(answer.context["form"].non_field_errors())
    assert PhoneNumber.objects.count() == 1


def test_a_port_in_is_checked_again_and_given_up(
    operator: Client, simulator: SimulatorProcess, gateway: Gateway
) -> None:
    worked_off(operator, url("add"), by_hand(gateway))
    number = PhoneNumber.objects.get()
    assert "Not at the provider yet" in worked_off(operator, url("check_again", number))
    simulator.settings(numbers=[*FAST.numbers, "+14155552611"])
    assert f"has {number.number}: it is wired" in worked_off(operator, url("check_again", number))
    other = PhoneNumberFactory(gateway=gateway, number="+14155552612", kind="local", state="pending", step="awaited")
    assert "is given up" in worked_off(operator, url("give_up", other))


def test_the_alert_leads_to_the_numbers(operator: Client, gateway: Gateway) -> None:
    PhoneNumberFactory(gateway=gateway, state="pending", step="wanted")
    AlertFactory(kind=Alert.Kind.NUMBER_HALF_WAY, batch=None, gateway=gateway, text="+1415… is half-way.")
    listed = f"{url('changelist')}?attention=yes&amp;gateway__id__exact={gateway.pk}"
    assert listed in page_of(operator.get(reverse("admin:index")))
    assert listed in page_of(operator.get(reverse("admin:messaging_alert_changelist")))
    assert operator.get(listed.replace("&amp;", "&")).context["cl"].result_count == 1


def test_the_pages_ask_the_database_little(operator: Client, gateway: Gateway) -> None:
    asked = wanted(gateway)
    _, confirmation = chosen(operator, asked)
    for address, most in ((f"{url('buy')}?{urlencode(asked)}", 18), (confirmation, 18), (url("add"), 14)):
        with CaptureQueriesContext(connection) as queries:
            operator.get(address)
        assert len(queries) <= most, (address, len(queries))

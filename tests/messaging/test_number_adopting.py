"""Numbers entered by hand: checked at the gateway, or stored with the word that they could not be."""

from __future__ import annotations

import pytest

from accounts.models import Account
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import ProviderNumber
from integrations.sms.registry import ADAPTERS
from messaging.models import PhoneNumber
from messaging.services.gateways import inbound_url, status_url
from messaging.services.numbers import ProvisioningError, adopt_number, give_up_number, plan_resumption, resume_number
from tests.factories import AccountFactory, GatewayFactory, PhoneNumberFactory
from tests.messaging.number_tools import again, break_numbers, owned, purchases, record_requests, take_numbers_api_away
from tests.messaging.tools import FAST

pytestmark = pytest.mark.django_db

#: Ported in: the provider has it, we have not.
PORTED = "+14155552611"


def adopt(gateway: Gateway, number: str, kind: str = "local", account: Account | None = None) -> PhoneNumber:
    return adopt_number(account=account or AccountFactory(), gateway=gateway, number=number, kind=kind)


def port_in(simulator: SimulatorProcess, *numbers: str) -> None:
    """Have the provider own numbers."""
    simulator.settings(numbers=[*FAST.numbers, *numbers])


def test_a_number_that_the_provider_has_is_wired_and_active(simulator: SimulatorProcess, gateway: Gateway) -> None:
    port_in(simulator, PORTED)
    number = adopt(gateway, PORTED)
    [listed] = owned(gateway, PORTED)
    assert (number.state, number.step, number.problem) == ("active", "wired", "")
    assert (number.provider_id, number.can_send_media) == (listed.provider_id, True)
    assert number.checked_at is not None
    assert (listed.inbound_url, listed.status_url) == (inbound_url(gateway), status_url(gateway))


def test_a_number_on_a_later_page_is_found(
    simulator: SimulatorProcess, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.sms.providers.twilio.numbers._MAX_PAGE_SIZE", 1)
    port_in(simulator, "+14155552612", PORTED)
    seen = record_requests(monkeypatch)
    assert adopt(gateway, PORTED).state == "active"
    assert sum("PageSize=1" in item.url for item in seen) >= 2


def test_a_port_in_waits_until_it_has_arrived(
    simulator: SimulatorProcess, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a number that is being ported in, when it is checked again after it arrived, then it is wired and active."""
    seen = record_requests(monkeypatch)
    number = adopt(gateway, PORTED)
    assert (number.state, number.step) == ("pending", "awaited")
    assert "Not at the provider yet" in again(number).problem
    with pytest.raises(ProvisioningError, match="Not at the provider yet"):
        resume_number(number=number, may_buy=True)
    assert not plan_resumption(number=again(number)).buys
    port_in(simulator, PORTED)
    arrived = resume_number(number=number)
    assert (arrived.state, arrived.problem) == ("active", "")
    assert owned(gateway, PORTED)[0].inbound_url == inbound_url(gateway)
    assert purchases(seen) == 0, "a number that is awaited is never bought"


def test_a_port_in_that_does_not_come_is_given_up(gateway: Gateway) -> None:
    assert give_up_number(number=adopt(gateway, PORTED)).state == "released"


@pytest.mark.parametrize("fault", ["list:html", "list:close", "list:refuse", "list:throttle"])
def test_what_could_not_be_looked_up_is_kept_with_the_reason(
    simulator: SimulatorProcess, gateway: Gateway, fault: str
) -> None:
    port_in(simulator, PORTED)
    break_numbers(simulator, fault)
    number = adopt(gateway, PORTED)
    assert (number.state, number.step, number.checked_at) == ("pending", "awaited", None)
    assert gateway.name in again(number).problem
    break_numbers(simulator)
    assert resume_number(number=number).state == "active"


def test_a_short_code_that_the_api_does_not_list_is_active_and_unchecked(
    simulator: SimulatorProcess, gateway: Gateway
) -> None:
    number = adopt(gateway, "24365", "short_code")
    assert (number.state, number.checked_at, number.provider_id) == ("active", None, "")
    break_numbers(simulator, "list:close")
    waiting = adopt(gateway, "24366", "short_code")
    assert waiting.state == "pending"
    break_numbers(simulator)
    assert (resume_number(number=waiting).state, again(waiting).checked_at) == ("active", None)


def test_a_gateway_without_a_numbers_api_checks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    take_numbers_api_away(monkeypatch)
    seen = record_requests(monkeypatch)
    number = adopt(GatewayFactory(), PORTED)
    assert (number.state, number.checked_at, seen) == ("active", None, [])


def test_a_number_that_cannot_send_texts_says_so(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    voice_only = ProviderNumber(PORTED, provider_id="PN1", sms=False, voice=True)
    monkeypatch.setattr(ADAPTERS["twilio"], "parse_list", lambda _self, _reply: ([voice_only], ""))
    number = adopt(gateway, PORTED)
    assert (number.state, number.step) == ("pending", "awaited")
    assert "cannot send texts" in number.problem
    with pytest.raises(ProvisioningError, match="cannot send texts"):
        resume_number(number=number)


def test_a_number_of_another_account_or_gateway_is_refused_without_naming_anybody(gateway: Gateway) -> None:
    taken = PhoneNumberFactory(gateway=gateway, number=PORTED, kind="local")
    with pytest.raises(ProvisioningError, match="belongs to another account") as refused:
        adopt(gateway, PORTED)
    assert taken.account.name not in refused.value.text
    with pytest.raises(ProvisioningError, match="another account at another gateway"):
        adopt(GatewayFactory(), PORTED)
    with pytest.raises(ProvisioningError, match="this account at another gateway"):
        adopt(GatewayFactory(), PORTED, account=taken.account)
    assert PhoneNumber.objects.count() == 1

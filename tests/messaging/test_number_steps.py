"""A purchase that stops half-way: what one sees, and how it is gone on with."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import NumberQuery
from messaging.models import Alert, Message, PhoneNumber
from messaging.services.gateways import inbound_url, status_url
from messaging.services.numbers import (
    ProvisioningError,
    give_up_number,
    plan_resumption,
    provision_number,
    resume_number,
    search_numbers,
    send_test_message,
    watch_numbers,
    wire_number,
)
from tests.factories import AccountFactory, PhoneNumberFactory, SuppressionFactory
from tests.messaging.number_tools import (
    again,
    break_numbers,
    offers,
    owned,
    purchases,
    record_requests,
    take_numbers_api_away,
    wire_elsewhere,
)

pytestmark = pytest.mark.django_db

#: What happens to the purchase, whether the provider has the number then, and what is said.
BROKEN = [
    ("buy:lost", True, "did not answer"),
    ("buy:close", False, "did not answer"),
    ("buy:html", False, "a web page instead of data"),
    ("buy:lost_html", True, "a web page instead of data"),
    ("buy:lost_json", True, "could not be read"),
    ("buy:empty", False, "with nothing"),
    ("buy:error", False, "Twilio refused"),
    ("buy:throttle", False, "takes no more requests for now"),
]


def stop_half_way(simulator: SimulatorProcess, gateway: Gateway, fault: str, **options: object) -> PhoneNumber:
    """A purchase that a fault has stopped; everything works again after it."""
    break_numbers(simulator, fault)
    with pytest.raises(ProvisioningError) as stopped:
        provision_number(account=AccountFactory(), gateway=gateway, number=offers(gateway)[0], **options)  # type: ignore[arg-type]
    break_numbers(simulator)
    assert stopped.value.number is not None
    return again(stopped.value.number)


@pytest.mark.parametrize(("fault", "is_ours", "words"), BROKEN)
def test_a_purchase_with_an_open_end_is_kept_and_resumed_without_a_second_one(
    simulator: SimulatorProcess,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    is_ours: bool,
    words: str,
) -> None:
    """Given a purchase whose end nobody knows, when it is resumed, then it is bought only if the provider does not have it."""
    number = stop_half_way(simulator, gateway, fault)
    assert (number.state, number.step, number.claimed_until) == ("pending", "wanted", None)
    assert words in number.problem
    assert ("It is not known whether" in number.problem) is (fault != "buy:throttle")
    assert bool(owned(gateway, number.number)) is is_ours

    plan = plan_resumption(number=number)
    assert (plan.possible, plan.buys) == (True, not is_ours)
    assert ("money is spent" in plan.text) is not is_ours

    seen = record_requests(monkeypatch)
    active = resume_number(number=number, may_buy=plan.buys)
    assert purchases(seen) == (0 if is_ours else 1)
    [bought] = owned(gateway, number.number)
    assert (active.state, active.step, active.problem, active.provider_id) == (
        "active",
        "wired",
        "",
        bought.provider_id,
    )
    assert (bought.inbound_url, bought.status_url) == (inbound_url(gateway), status_url(gateway))
    assert active.checked_at is not None


def test_what_was_not_announced_is_not_bought(
    simulator: SimulatorProcess, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = stop_half_way(simulator, gateway, "buy:close")
    seen = record_requests(monkeypatch)
    with pytest.raises(ProvisioningError, match="it was not bought"):
        resume_number(number=number)
    assert purchases(seen) == 0
    assert (again(number).state, again(number).step) == ("pending", "wanted")


@pytest.mark.parametrize("fault", ["change:lost", "change:close", "change:html", "change:refuse", "change:error"])
def test_a_number_that_is_bought_and_not_wired_is_wired_by_resuming(
    simulator: SimulatorProcess, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Given a bought number whose URLs could not be set, when it is resumed, then it is wired and nothing is bought."""
    number = stop_half_way(simulator, gateway, "buy:lost")
    # Bought with other URLs than ours, as by a provider that takes none at the purchase.
    [bought] = owned(gateway, number.number)
    wire_elsewhere(gateway, bought)
    PhoneNumber.objects.filter(pk=number.pk).update(step="bought", provider_id=bought.provider_id)
    break_numbers(simulator, fault)
    with pytest.raises(ProvisioningError):
        resume_number(number=number)
    stopped = again(number)
    assert (stopped.state, stopped.step) == ("pending", "bought")
    assert stopped.problem

    break_numbers(simulator)
    plan = plan_resumption(number=stopped)
    assert (plan.possible, plan.buys) == (True, False)
    seen = record_requests(monkeypatch)
    assert resume_number(number=stopped).state == "active"
    assert purchases(seen) == 0
    assert owned(gateway, number.number)[0].inbound_url == inbound_url(gateway)


def test_one_that_was_killed_before_the_last_step_goes_on(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Given a number that was wired by a process that was killed, when its claim is over, then it is made active."""
    number = stop_half_way(simulator, gateway, "buy:lost")
    provider_id = owned(gateway, number.number)[0].provider_id
    claim = timezone.now() + dt.timedelta(seconds=60)
    PhoneNumber.objects.filter(pk=number.pk).update(step="wired", provider_id=provider_id, claimed_until=claim)
    with pytest.raises(ProvisioningError, match="being dealt with"):
        resume_number(number=number)
    assert not plan_resumption(number=again(number)).possible
    with time_machine.travel(claim + dt.timedelta(seconds=1)):
        assert resume_number(number=number).state == "active"


def test_a_number_sold_meanwhile_leaves_nothing(simulator: SimulatorProcess, gateway: Gateway) -> None:
    break_numbers(simulator, "buy:sold")
    number = offers(gateway)[0]
    with pytest.raises(ProvisioningError, match="is not available") as sold:
        provision_number(account=AccountFactory(), gateway=gateway, number=number)
    assert sold.value.number is None
    assert not PhoneNumber.objects.exists()


def test_a_number_sold_before_it_is_resumed_stays_to_be_given_up(simulator: SimulatorProcess, gateway: Gateway) -> None:
    number = stop_half_way(simulator, gateway, "buy:close")
    break_numbers(simulator, "buy:sold")
    with pytest.raises(ProvisioningError, match="is not available"):
        resume_number(number=number, may_buy=True)
    assert "is not available" in again(number).problem
    given_up = give_up_number(number=number)
    assert (given_up.state, given_up.problem) == ("released", "")
    assert given_up.released_at is not None


def test_a_number_that_is_ours_is_not_given_up(simulator: SimulatorProcess, gateway: Gateway) -> None:
    number = stop_half_way(simulator, gateway, "buy:lost")
    with pytest.raises(ProvisioningError, match="it is ours, and is paid for"):
        give_up_number(number=number)
    assert again(number).state == "pending"


def test_what_cannot_be_looked_up_is_neither_bought_nor_given_up(
    simulator: SimulatorProcess, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = stop_half_way(simulator, gateway, "buy:lost")
    break_numbers(simulator, "list:html")
    assert not plan_resumption(number=number).possible
    seen = record_requests(monkeypatch)
    with pytest.raises(ProvisioningError, match="web page"):
        resume_number(number=number, may_buy=True)
    with pytest.raises(ProvisioningError, match="web page"):
        give_up_number(number=number)
    assert (again(number).state, purchases(seen)) == ("pending", 0)


@pytest.mark.parametrize(
    ("fault", "words", "wait_seconds"),
    [
        ("search:throttle", "Wait 42 seconds, then try again", 42),
        ("search:html", "answered with a web page instead of data", None),
        ("search:empty", "answered with nothing", None),
        ("search:close", r"broke .*\)\. Try again in a moment\.$", None),
    ],
)
def test_a_search_that_fails_says_what_to_do(
    simulator: SimulatorProcess, gateway: Gateway, fault: str, words: str, wait_seconds: float | None
) -> None:
    simulator.settings(number_faults=[fault], retry_after_seconds=42)
    with pytest.raises(ProvisioningError, match=words) as failed:
        search_numbers(gateway=gateway, query=NumberQuery())
    assert failed.value.retryable
    assert failed.value.retry_after_seconds == wait_seconds


def test_price_and_test_message_are_on_record(gateway: Gateway) -> None:
    number = provision_number(
        account=AccountFactory(name="Blue Door"),
        gateway=gateway,
        number=offers(gateway)[0],
        monthly_price=Decimal("1.15"),
        currency="USD",
        test_recipient="+14155552671",
    )
    row = again(number)
    assert (row.monthly_price, row.currency) == (Decimal("1.15"), "USD")
    test = Message.objects.get()
    assert (row.test_message, test.recipient, test.number_id) == (test, "+14155552671", row.pk)
    assert "Blue Door" in test.body
    assert row.number in test.body


def test_the_test_message_of_a_purchase_leaves_when_it_is_resumed(
    simulator: SimulatorProcess, gateway: Gateway
) -> None:
    number = stop_half_way(simulator, gateway, "buy:lost", test_recipient="+14155552671")
    assert not Message.objects.exists()
    active = resume_number(number=number)
    assert active.test_message == Message.objects.get()


def test_a_test_message_goes_to_nobody_who_has_opted_out(gateway: Gateway) -> None:
    number = PhoneNumberFactory(gateway=gateway)
    SuppressionFactory(account=number.account, recipient="+14155552671")
    assert send_test_message(number=number, recipient="+14155552671").state == "suppressed"
    number.state = "disabled"
    with pytest.raises(ProvisioningError, match="disabled: it sends nothing"):
        send_test_message(number=number, recipient="+14155552671")


def test_wiring_sets_our_urls_again_and_changes_no_state(gateway: Gateway) -> None:
    number = provision_number(account=AccountFactory(), gateway=gateway, number=offers(gateway)[0])
    gateway.key = "another0key00000"
    gateway.save()
    PhoneNumber.objects.filter(pk=number.pk).update(state="disabled", problem="Its URLs are wrong.")
    wired = wire_number(number=again(number))
    assert (wired.state, wired.problem) == ("disabled", "")
    assert owned(gateway, number.number)[0].inbound_url == inbound_url(gateway)


def test_wiring_without_a_numbers_api_says_what_to_enter_where(monkeypatch: pytest.MonkeyPatch) -> None:
    take_numbers_api_away(monkeypatch)
    number = PhoneNumberFactory()
    with pytest.raises(ProvisioningError, match="In the provider's console") as refused:
        wire_number(number=number)
    assert inbound_url(number.gateway) in refused.value.text


def test_wiring_what_the_provider_does_not_have_says_so(gateway: Gateway) -> None:
    number = PhoneNumberFactory(gateway=gateway, number="+14155552699", kind="local")
    with pytest.raises(ProvisioningError, match="does not list"):
        wire_number(number=number)
    assert again(number).state == "active"


def test_people_are_told_of_a_number_that_stays_half_way(simulator: SimulatorProcess, gateway: Gateway) -> None:
    """Given a number that stopped, when minutes have passed, then there is one alert, until it is in use."""
    number = stop_half_way(simulator, gateway, "buy:lost")
    awaited = PhoneNumberFactory(gateway=gateway, number="+14155552690", state="pending", step="awaited")
    watch_numbers()
    assert not Alert.objects.exists(), "whoever buys it sees it first"
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=6)):
        watch_numbers()
        watch_numbers()
        alert = Alert.objects.get()
        assert (alert.kind, alert.gateway_id) == ("number_half_way", gateway.pk)
        assert number.number in alert.text
        assert awaited.number not in alert.text
        resume_number(number=number)
        watch_numbers()
    alert.refresh_from_db()
    assert alert.resolved_at is not None

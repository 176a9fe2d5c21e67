"""Repairs of findings: done at the provider and here, refused when the finding is outdated, and never twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from accounts.models import User
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request, TransportFailure
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging import tasks
from messaging.models import NumberCheck, NumberFinding, PhoneNumber
from messaging.services.gateways import inbound_url, status_url
from messaging.services.number_repairs import (
    NotRepaired,
    Outdated,
    give,
    ignore,
    look_again,
    release_again,
    wire,
    write_off,
)
from messaging.services.number_urls import names_by_key, whose
from messaging.services.provider_numbers import ProviderNumbers
from tests.factories import AccountFactory, BatchFactory, GatewayFactory, SenderPoolFactory, StaffFactory
from tests.messaging.numbers_at_provider import ELSEWHERE, A, B, alerts, compare, findings, only, ours, wired

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_other_numbers(simulator: SimulatorProcess) -> Iterator[None]:
    simulator.settings(numbers=[])
    simulator.numbers()
    yield
    simulator.numbers()


@pytest.fixture
def user(db: None) -> User:
    """Who repairs."""
    made: User = StaffFactory.create(email="ann@example.com")
    return made


def break_requests(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have requests of a method fail before they leave."""
    send = HttpxDriver.send

    def failing(self: HttpxDriver, request: Request) -> Reply:
        assert not connection.in_atomic_block
        if request.method == method:
            raise TransportFailure("No route.", request_left=False)
        return send(self, request)

    monkeypatch.setattr(HttpxDriver, "send", failing)


def test_an_unknown_number_is_given_and_wired(gateway: Gateway, simulator: SimulatorProcess, user: User) -> None:
    account = AccountFactory.create()
    simulator.numbers(A)
    compare(gateway)
    row = give(finding_id=only().pk, account_id=account.pk, user=user, label="Desk")
    assert (row.state, row.account, row.number, row.label, row.can_send_media) == ("active", account, A, "Desk", True)
    assert row.provider_id.startswith("PN")
    there = simulator.owned()[A]
    assert (there["sms_url"], there["status_url"]) == (inbound_url(gateway), status_url(gateway))
    finding = NumberFinding.objects.get()
    assert (finding.state, finding.closed_by, finding.note) == ("repaired", user, f"Given to {account} and wired.")
    assert alerts() == []
    compare(gateway)
    assert findings() == [(A, "unknown", "repaired")]


def test_giving_that_fails_half_way_can_be_gone_on_with(
    gateway: Gateway, simulator: SimulatorProcess, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = AccountFactory.create()
    simulator.numbers(A)
    compare(gateway)
    with monkeypatch.context() as broken:
        break_requests("POST", broken)
        with pytest.raises(NotRepaired, match="is pending: it could not be wired"):
            give(finding_id=only().pk, account_id=account.pk, user=user)
    assert PhoneNumber.objects.get().state == "pending"
    compare(gateway)
    assert findings() == [(A, "unknown", "open")]
    assert give(finding_id=only().pk, account_id=account.pk, user=user).state == "active"
    assert PhoneNumber.objects.count() == 1


def test_a_number_of_another_account_is_not_given_away(
    gateway: Gateway, simulator: SimulatorProcess, user: User
) -> None:
    simulator.numbers(A)
    compare(gateway)
    taken = ours(gateway, A, state="pending")
    with pytest.raises(NotRepaired, match=f"belongs to {taken.account}"):
        give(finding_id=only().pk, account_id=AccountFactory.create().pk, user=user)
    assert PhoneNumber.objects.get().account == taken.account
    PhoneNumber.objects.update(state="active")
    with pytest.raises(Outdated, match="entered here meanwhile"):
        give(finding_id=only().pk, account_id=taken.account_id, user=user)
    assert simulator.owned()[A]["sms_url"] == "", "nothing was wired"
    assert findings() == [(A, "unknown", "gone")]


def test_an_account_that_is_closed_gets_no_number(gateway: Gateway, simulator: SimulatorProcess, user: User) -> None:
    simulator.numbers(A)
    compare(gateway)
    closed = AccountFactory.create(status="closed")
    with pytest.raises(NotRepaired, match="Choose an active account"):
        give(finding_id=only().pk, account_id=closed.pk, user=user)
    assert not PhoneNumber.objects.exists()


def test_a_number_that_is_gone_by_now_is_not_given(gateway: Gateway, simulator: SimulatorProcess, user: User) -> None:
    simulator.numbers(A, B)
    compare(gateway)
    simulator.numbers(B)
    finding = NumberFinding.objects.get(number=A)
    with pytest.raises(Outdated, match="was outdated and is closed"):
        give(finding_id=finding.pk, account_id=AccountFactory.create().pk, user=user)
    assert not PhoneNumber.objects.exists()
    assert findings() == [(A, "unknown", "gone"), (B, "unknown", "open")]
    assert alerts()[0].startswith("One number differs")


@pytest.mark.parametrize("how", ["429", "html"])
def test_a_provider_that_cannot_be_asked_stops_every_repair(
    gateway: Gateway, simulator: SimulatorProcess, user: User, how: str
) -> None:
    row = ours(gateway, A)
    simulator.numbers(B)
    compare(gateway)
    simulator.settings(number_page_fails=1, number_page_fails_how=how)
    missing, unknown = (NumberFinding.objects.get(number=number) for number in (A, B))
    with pytest.raises(NotRepaired, match="nothing was changed"):
        write_off(finding_id=missing.pk, user=user)
    with pytest.raises(NotRepaired, match="nothing was changed"):
        give(finding_id=unknown.pk, account_id=row.account_id, user=user)
    row.refresh_from_db()
    assert row.state == "active"
    assert len(findings(state="open")) == 2


def test_a_missing_number_is_written_off_and_what_sends_from_it_pauses(gateway: Gateway, user: User) -> None:
    row, other = ours(gateway, A), ours(gateway, B)
    batch = BatchFactory.create(number=row)
    pool = SenderPoolFactory.create(account=row.account, numbers=[row])
    compare(gateway)
    assert write_off(finding_id=NumberFinding.objects.get(number=A).pk, user=user) == 1
    row.refresh_from_db()
    other.refresh_from_db()
    batch.refresh_from_db()
    pool.refresh_from_db()
    assert (row.state, other.state) == ("released", "active")
    assert row.released_at is not None
    assert row.claimed_until is None
    assert (batch.state, batch.pause_code) == ("paused", "number")
    assert not pool.numbers.exists()
    assert findings() == [(A, "missing", "repaired"), (B, "missing", "open")]


def test_the_other_numbers_of_a_pool_take_over(gateway: Gateway, simulator: SimulatorProcess, user: User) -> None:
    row = ours(gateway, A)
    other = ours(gateway, B, account=row.account)
    pool = SenderPoolFactory.create(account=row.account, numbers=[row, other])
    batch = BatchFactory.create(number=row, pool=pool, sender_ids=[row.pk, other.pk])
    simulator.numbers(wired(gateway, B))
    compare(gateway)
    assert write_off(finding_id=only().pk, user=user) == 0
    batch.refresh_from_db()
    assert batch.state == "sending"
    assert list(pool.numbers.all()) == [other]


def test_a_missing_number_that_is_back_is_not_written_off(
    gateway: Gateway, simulator: SimulatorProcess, user: User
) -> None:
    row = ours(gateway, A)
    compare(gateway)
    simulator.numbers(wired(gateway, A))
    with pytest.raises(Outdated, match="was outdated"):
        write_off(finding_id=only().pk, user=user)
    row.refresh_from_db()
    assert (row.state, findings()) == ("active", [(A, "missing", "gone")])


def test_a_number_is_wired_to_us(gateway: Gateway, simulator: SimulatorProcess, user: User) -> None:
    row = ours(gateway, A)
    simulator.numbers(wired(gateway, A, sms_url=f"{ELSEWHERE}/sms"))
    compare(gateway)
    wire(finding_id=only().pk, user=user)
    assert simulator.owned()[A]["sms_url"] == inbound_url(gateway)
    row.refresh_from_db()
    assert row.provider_id.startswith("PN"), "one that was entered by hand can be released through us from now on"
    assert findings() == [(A, "wrong_urls", "repaired")]
    with pytest.raises(NotRepaired, match="repaired by now"):
        wire(finding_id=NumberFinding.objects.get().pk, user=user)


def test_wiring_looks_again_first(gateway: Gateway, simulator: SimulatorProcess, user: User) -> None:
    ours(gateway, A)
    simulator.numbers(wired(gateway, A, sms_url=f"{ELSEWHERE}/sms"))
    compare(gateway)
    simulator.numbers(wired(gateway, A, sms_url=f"{ELSEWHERE}/another"))
    with pytest.raises(NotRepaired, match="other addresses by now"):
        wire(finding_id=only().pk, user=user)
    assert simulator.owned()[A]["sms_url"] == f"{ELSEWHERE}/another"
    assert only().inbound_url == f"{ELSEWHERE}/another"
    simulator.numbers(wired(gateway, A))
    with pytest.raises(Outdated, match="wired to us by now"):
        wire(finding_id=only().pk, user=user)


def test_a_number_that_is_not_ours_any_more_is_not_wired(
    gateway: Gateway, simulator: SimulatorProcess, user: User
) -> None:
    ours(gateway, A)
    simulator.numbers(A)
    compare(gateway)
    PhoneNumber.objects.update(state="released")
    with pytest.raises(Outdated):
        wire(finding_id=only().pk, user=user)
    assert simulator.owned()[A]["sms_url"] == ""


def test_a_released_number_is_released_again(gateway: Gateway, simulator: SimulatorProcess, user: User) -> None:
    ours(gateway, A, state="released")
    simulator.numbers(A, B)
    compare(gateway)
    release_again(finding_id=NumberFinding.objects.get(number=A).pk, user=user)
    assert list(simulator.owned()) == [B]
    assert findings(number=A) == [(A, "still_there", "repaired")]


def test_a_released_number_is_taken_back_into_any_account(
    gateway: Gateway, simulator: SimulatorProcess, user: User
) -> None:
    old = ours(gateway, A, state="released")
    simulator.numbers(A)
    compare(gateway)
    row = give(finding_id=only().pk, account_id=old.account_id, user=user)
    assert (row.pk != old.pk, row.state, row.account) == (True, "active", old.account)
    assert findings() == [(A, "still_there", "repaired")]


def test_a_number_in_use_again_is_not_released(gateway: Gateway, simulator: SimulatorProcess, user: User) -> None:
    ours(gateway, A, state="released")
    simulator.numbers(A)
    compare(gateway)
    ours(gateway, A)
    with pytest.raises(Outdated, match="in use here again"):
        release_again(finding_id=only().pk, user=user)
    assert A in simulator.owned()


@pytest.mark.parametrize("repair", [wire, write_off, release_again])
def test_a_repair_is_for_its_own_kind(
    gateway: Gateway, simulator: SimulatorProcess, user: User, repair: Callable[..., object]
) -> None:
    simulator.numbers(A)
    compare(gateway)
    with pytest.raises(NotRepaired, match="another repair"):
        repair(finding_id=only().pk, user=user)
    assert A in simulator.owned()


def test_ignoring_needs_a_reason_and_can_be_taken_back(
    gateway: Gateway, simulator: SimulatorProcess, user: User
) -> None:
    simulator.numbers(A)
    compare(gateway)
    finding = only()
    with pytest.raises(NotRepaired, match="Say why"):
        ignore(finding_id=finding.pk, reason="  ", user=user)
    ignore(finding_id=finding.pk, reason="Another installation's", user=user)
    with pytest.raises(NotRepaired, match="ignored by now"):
        ignore(finding_id=finding.pk, reason="Once more", user=user)
    look_again(finding_id=finding.pk, user=user)
    assert len(alerts()) == 1
    with pytest.raises(NotRepaired, match="not ignored"):
        look_again(finding_id=finding.pk, user=user)


def test_repairs_ask_outside_of_transactions(
    gateway: Gateway, simulator: SimulatorProcess, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = AccountFactory.create()
    ours(gateway, B, state="released")
    simulator.numbers(A, B)
    compare(gateway)
    # Nothing fails: it only looks.
    break_requests("NONE", monkeypatch)
    give(finding_id=NumberFinding.objects.get(number=A).pk, account_id=account.pk, user=user)
    release_again(finding_id=NumberFinding.objects.get(number=B).pk, user=user)
    assert list(simulator.owned()) == [A]


def test_the_command_tells_each_gateway_and_fails_with_it(
    gateway: Gateway, simulator: SimulatorProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.numbers(A)
    call_command("reconcile_numbers", gateway=gateway.name)
    assert f"{A}: not known here" in capsys.readouterr().out
    with pytest.raises(CommandError, match=f"There are: {gateway.name}"):
        call_command("reconcile_numbers", gateway="Elsewhere")
    wrong = {**gateway.credentials, "auth_token": "wrong"}
    away = GatewayFactory.create(name="Away", base_url=simulator.url, credentials=wrong)
    with pytest.raises(CommandError, match="1 of 2 gateways"):
        call_command("reconcile_numbers")
    told = capsys.readouterr()
    assert "Away: Not compared" in told.err
    assert f"{gateway.name}: The provider lists 1 number; 1 differs" in told.out
    assert NumberCheck.objects.get(gateway=away).failed


def test_the_task_compares_and_leaves_what_it_cannot(gateway: Gateway, simulator: SimulatorProcess) -> None:
    simulator.numbers(A)
    tasks.reconcile_gateway(gateway.pk)
    assert findings() == [(A, "unknown", "open")]
    Gateway.objects.update(is_enabled=False)
    tasks.reconcile_gateway(gateway.pk)
    assert NumberCheck.objects.get().compared_at is not None


@pytest.mark.parametrize(
    ("url", "says", "is_in_use"),
    [
        ("", "Nobody", False),
        ("https://[broken", "Nobody", False),
        ("https://shop.example.com/sms?x=1", "Another application at shop.example.com", True),
        ("https://two.example.com/webhooks/0123456789abcdef/inbound", "Another installation of Broadcast", True),
    ],
)
def test_whose_an_address_is_of_others(gateway: Gateway, url: str, says: str, is_in_use: bool) -> None:
    told = whose(url, names_by_key())
    assert told.text.startswith(says)
    assert told.is_in_use is is_in_use


def test_whose_an_address_is_of_ours(gateway: Gateway) -> None:
    names = names_by_key()
    assert whose(inbound_url(gateway), names).text == f"This installation, gateway “{gateway.name}”"
    old = inbound_url(gateway).replace("127.0.0.1", "old.example.com")
    assert "not ours any more" in whose(old, names).text
    gone = inbound_url(gateway).replace(gateway.key, "0" * 16)
    assert "not here any more" in whose(gone, names).text


def test_a_person_does_not_wait_long() -> None:
    assert ProviderNumbers(GatewayFactory.build()).patience.longest_seconds <= 2

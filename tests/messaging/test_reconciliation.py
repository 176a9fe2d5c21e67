"""Comparing the provider's list with ours: each kind of difference, repeats, and lists that cannot be trusted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys
from messaging.engine.slots import take_slot
from messaging.models import Alert, NumberCheck, NumberFinding, PhoneNumber
from messaging.services import reconciliation
from messaging.services.findings import apply
from messaging.services.number_repairs import ignore
from messaging.services.reconciliation import Difference, NotCompared, due_gateways, last_time, reconcile
from tests.factories import AccountFactory, GatewayFactory, StaffFactory
from tests.messaging.numbers_at_provider import (
    ELSEWHERE,
    QUICKLY,
    A,
    B,
    C,
    D,
    alerts,
    compare,
    findings,
    only,
    ours,
    wired,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_other_numbers(simulator: SimulatorProcess) -> Iterator[None]:
    simulator.settings(numbers=[])
    simulator.numbers()
    yield
    simulator.numbers()


def test_lists_that_agree_leave_nothing(gateway: Gateway, simulator: SimulatorProcess) -> None:
    for number, state in ((A, "active"), (B, "disabled"), (C, "pending")):
        ours(gateway, number, state=state)
    simulator.numbers(*(wired(gateway, number) for number in (A, B, C)))
    check = compare(gateway)
    assert (check.failed, check.listed, findings(), alerts()) == (False, 3, [], [])
    assert "all is as it should be" in check.text


def test_each_difference_is_found(gateway: Gateway, simulator: SimulatorProcess) -> None:
    ours(gateway, A)
    ours(gateway, B)
    released = ours(gateway, C, state="released")
    simulator.numbers(
        wired(gateway, B, sms_url=f"{ELSEWHERE}/sms"),
        wired(gateway, C),
        wired(gateway, D, name="Front desk"),
    )
    check = compare(gateway)
    assert sorted(findings()) == [
        (A, "missing", "open"),
        (B, "wrong_urls", "open"),
        (C, "still_there", "open"),
        (D, "unknown", "open"),
    ]
    unknown, still_there = (NumberFinding.objects.get(number=number) for number in (D, C))
    assert (unknown.friendly_name, unknown.provider_id[:2], unknown.country) == ("Front desk", "PN", "")
    assert still_there.phone_number == released
    assert NumberFinding.objects.get(number=B).inbound_url == f"{ELSEWHERE}/sms"
    (text,) = alerts()
    assert text.startswith("4 numbers differ")
    assert "4 differ from ours" in check.text
    assert set(PhoneNumber.objects.values_list("state", flat=True)) == {"active", "released"}, "nothing is repaired"


@pytest.mark.parametrize(
    ("changes", "is_wrong"),
    [
        ({}, False),
        ({"status_url": f"{ELSEWHERE}/status"}, True),
        ({"sms_url": ""}, True),
        ({"status_url": ""}, True),
        ({"sms_url": "https://[broken"}, True),
    ],
)
def test_both_addresses_count(
    gateway: Gateway, simulator: SimulatorProcess, changes: dict[str, str], is_wrong: bool
) -> None:
    ours(gateway, A)
    simulator.numbers(wired(gateway, A, **changes))
    compare(gateway)
    assert findings() == ([(A, "wrong_urls", "open")] if is_wrong else [])


def test_another_way_of_writing_our_address_is_ours(gateway: Gateway, simulator: SimulatorProcess) -> None:
    ours(gateway, A)
    simulator.numbers({name: value if name == "number" else f"{value}/" for name, value in wired(gateway, A).items()})
    compare(gateway)
    assert findings() == []


def test_repeating_it_changes_only_when_it_was_seen(gateway: Gateway, simulator: SimulatorProcess) -> None:
    ours(gateway, A)
    simulator.numbers(D)
    compare(gateway)
    before = {row.pk: row for row in NumberFinding.objects.all()}
    compare(gateway)
    after = {row.pk: row for row in NumberFinding.objects.all()}
    assert before.keys() == after.keys()
    for pk, row in after.items():
        assert row.last_seen > before[pk].last_seen
        row.last_seen = before[pk].last_seen
        names = [field.attname for field in NumberFinding._meta.concrete_fields]
        assert [getattr(row, name) for name in names] == [getattr(before[pk], name) for name in names]
    assert len(alerts()) == 1


def test_what_is_not_seen_any_more_closes_by_itself(gateway: Gateway, simulator: SimulatorProcess) -> None:
    ours(gateway, A)
    simulator.numbers(D)
    compare(gateway)
    assert len(alerts()) == 1
    simulator.numbers(wired(gateway, A))
    compare(gateway)
    assert sorted(findings()) == [(A, "missing", "gone"), (D, "unknown", "gone")]
    assert alerts() == []
    simulator.numbers(wired(gateway, A), D)
    compare(gateway)
    assert findings(number=D) == [(D, "unknown", "gone"), (D, "unknown", "open")]


def test_two_comparisons_at_once_make_one_finding(gateway: Gateway) -> None:
    row = ours(gateway, A)
    at = timezone.now()
    NumberFinding.objects.create(gateway=gateway, number=B, kind="missing", first_seen=at, last_seen=at, state="gone")
    with transaction.atomic():
        apply(gateway=gateway, differences=[Difference("missing", A, ours=row)] * 2, left_out=set(), at=at)
    assert findings(state="open") == [(A, "missing", "open")]


@pytest.mark.parametrize("how", ["429", "500", "html"])
@pytest.mark.parametrize("page", [1, 3])
def test_a_list_that_breaks_off_changes_nothing(
    gateway: Gateway, simulator: SimulatorProcess, how: str, page: int
) -> None:
    ours(gateway, A)
    simulator.numbers(B)
    compare(gateway)
    seen = dict(NumberFinding.objects.values_list("number", "last_seen"))
    numbers = [f"+1415555020{digit}" for digit in range(5)]
    simulator.numbers(*numbers, wired(gateway, A))
    simulator.settings(number_page_size=1, number_page_fails=page, number_page_fails_how=how)
    check = compare(gateway)
    assert check.failed
    assert check.answers == page - 1
    assert "nothing was changed" in check.text
    assert "could not be read" in check.text or "refused" in check.text
    assert findings() == [(B, "unknown", "open"), (A, "missing", "open")]
    assert dict(NumberFinding.objects.values_list("number", "last_seen")) == seen
    assert check.compared_at is not None, "it says when it last came to its end"
    simulator.settings(number_page_fails=0)
    assert not compare(gateway).failed
    assert findings(state="open") == [(number, "unknown", "open") for number in numbers]


@pytest.mark.parametrize("how", ["429", "500"])
def test_a_provider_that_wants_patience_gets_it(gateway: Gateway, simulator: SimulatorProcess, how: str) -> None:
    simulator.numbers(A, B, C)
    simulator.settings(number_page_size=1, number_page_fails=2, number_page_fails_how=how, number_page_fails_times=2)
    check = compare(gateway)
    assert (check.failed, check.listed) == (False, 3)
    assert len(findings()) == 3


def test_wrong_credentials_change_nothing_and_are_named(gateway: Gateway) -> None:
    ours(gateway, A)
    gateway.credentials = {**gateway.credentials, "auth_token": "wrong"}
    gateway.save()
    check = compare(gateway)
    assert check.failed
    assert "auth token" in check.text.lower()
    assert findings() == []


def test_several_nights_without_a_comparison_are_told(gateway: Gateway, simulator: SimulatorProcess) -> None:
    simulator.settings(number_page_fails=1, number_page_fails_how="html")
    compare(gateway)
    assert not Alert.objects.exists(), "one night is nothing"
    Gateway.objects.update(created_at=timezone.now() - dt.timedelta(days=4))
    compare(gateway)
    alert = Alert.objects.get()
    assert (alert.kind, alert.gateway) == ("numbers_unread", gateway)
    simulator.settings(number_page_fails=0)
    compare(gateway)
    assert not Alert.objects.open().exists()


def test_a_list_without_any_of_ours_doubts_the_credentials(gateway: Gateway, simulator: SimulatorProcess) -> None:
    ours(gateway, A)
    ours(gateway, B)
    simulator.numbers(C)
    assert "credentials are those of the right account" in compare(gateway).text


def test_numbers_of_the_last_hour_are_left_out(gateway: Gateway, simulator: SimulatorProcess) -> None:
    """Bought just now: the provider's list may be older; released just now: likewise."""
    ours(gateway, A, days=0.02)
    ours(gateway, B, days=0.02)
    ours(gateway, C)
    PhoneNumber.objects.filter(number=C).update(state="released", updated_at=timezone.now() - dt.timedelta(minutes=5))
    simulator.numbers(wired(gateway, B, sms_url=f"{ELSEWHERE}/"), wired(gateway, C))
    compare(gateway)
    assert findings() == []
    then = timezone.now() - dt.timedelta(hours=2)
    PhoneNumber.objects.update(created_at=then, updated_at=then)
    compare(gateway)
    assert {kind for _, kind, _ in findings()} == {"missing", "wrong_urls", "still_there"}


@pytest.mark.parametrize(("was", "becomes"), [("active", "released"), ("pending", "active")])
def test_what_changes_while_the_list_is_read_is_left_out(
    gateway: Gateway, simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, was: str, becomes: str
) -> None:
    """Released, or wired at last: the page that was read before says the opposite."""
    row = ours(gateway, A, state=was)
    simulator.numbers(wired(gateway, A) if becomes == "released" else A)
    send = HttpxDriver.send

    def changed_meanwhile(self: HttpxDriver, request: Request) -> Reply:
        reply = send(self, request)
        PhoneNumber.objects.filter(pk=row.pk).update(state=becomes, updated_at=timezone.now())
        return reply

    monkeypatch.setattr(HttpxDriver, "send", changed_meanwhile)
    compare(gateway)
    assert findings() == []


def test_short_codes_are_not_missed(gateway: Gateway, simulator: SimulatorProcess) -> None:
    """Twilio's list does not have them."""
    row = ours(gateway, "24365")
    PhoneNumber.objects.filter(pk=row.pk).update(kind="short_code")
    simulator.numbers("24365")
    compare(gateway)
    assert findings() == []


def test_numbers_of_a_second_gateway_at_the_same_provider_account_are_known(
    gateway: Gateway, simulator: SimulatorProcess
) -> None:
    simulator.numbers(A, B)
    compare(gateway)
    ids = dict(NumberFinding.objects.values_list("number", "provider_id"))
    other = GatewayFactory.create()
    ours(other, A, provider_id=ids[A])
    ours(other, B, provider_id=ids[B], state="released")
    compare(gateway)
    assert findings() == [(A, "unknown", "gone"), (B, "unknown", "open")]


def test_what_is_ignored_stays_ignored(gateway: Gateway, simulator: SimulatorProcess) -> None:
    simulator.numbers(A)
    compare(gateway)
    ignore(finding_id=only().pk, reason="Of the call centre", user=StaffFactory())
    assert alerts() == []
    compare(gateway)
    assert findings() == [(A, "unknown", "ignored")]
    assert alerts() == []
    simulator.numbers()
    compare(gateway)
    assert findings() == [(A, "unknown", "gone")]
    assert NumberFinding.objects.get().note == "Of the call centre"


def test_an_ignored_wiring_that_changes_is_told_again(gateway: Gateway, simulator: SimulatorProcess) -> None:
    ours(gateway, A)
    simulator.numbers(wired(gateway, A, sms_url=f"{ELSEWHERE}/one"))
    compare(gateway)
    ignore(finding_id=only().pk, reason="While we move", user=StaffFactory())
    compare(gateway)
    assert findings() == [(A, "wrong_urls", "ignored")]
    simulator.numbers(wired(gateway, A, sms_url=f"{ELSEWHERE}/two"))
    compare(gateway)
    assert findings() == [(A, "wrong_urls", "gone"), (A, "wrong_urls", "open")]


def test_findings_of_one_gateway_are_its_own(gateway: Gateway, simulator: SimulatorProcess) -> None:
    other = GatewayFactory.create()
    at = timezone.now()
    NumberFinding.objects.create(gateway=other, number=A, kind="unknown", first_seen=at, last_seen=at)
    ours(other, A, account=AccountFactory())
    simulator.numbers(wired(gateway, B))
    compare(gateway)
    assert findings(gateway=other) == [(A, "unknown", "open")]
    assert findings(gateway=gateway) == [(B, "unknown", "open")]


def test_no_transaction_is_open_while_the_provider_is_asked_and_a_slot_is_taken(
    gateway: Gateway, simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.numbers(A, B)
    simulator.settings(number_page_size=1)
    send, seen = HttpxDriver.send, []

    def watching(self: HttpxDriver, request: Request) -> Reply:
        slots = get_redis().hvals(keys.slots(gateway.pk))
        seen.append((connection.in_atomic_block, sum(int(count) for count in slots)))
        return send(self, request)

    monkeypatch.setattr(HttpxDriver, "send", watching)
    compare(gateway)
    assert seen == [(False, 1), (False, 1)]
    assert not get_redis().hvals(keys.slots(gateway.pk))


def test_without_a_slot_the_provider_is_not_asked(gateway: Gateway) -> None:
    Gateway.objects.filter(pk=gateway.pk).update(concurrency=1)
    assert take_slot(gateway_id=gateway.pk, limit=1, holder="a sender")
    check = compare(gateway)
    assert check.failed
    assert "in use for sending" in check.text


def test_one_comparison_of_a_gateway_at_a_time(gateway: Gateway) -> None:
    get_redis().set(keys.seat(f"numbers:{gateway.pk}"), "another")
    with pytest.raises(NotCompared, match="already"):
        compare(gateway)
    assert not NumberCheck.objects.exists()


@pytest.mark.parametrize("changes", [{"is_enabled": False}, {"stopped_reason": "No money"}, {"kind": "of the past"}])
def test_gateways_that_cannot_be_asked_are_left_alone(gateway: Gateway, changes: dict[str, object]) -> None:
    Gateway.objects.filter(pk=gateway.pk).update(**changes)
    with pytest.raises(NotCompared):
        reconcile(gateway_id=gateway.pk, patience=QUICKLY)


def test_each_gateway_is_due_once_a_night_at_a_time_of_its_own() -> None:
    one, two = GatewayFactory.create(), GatewayFactory.create()
    noon = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)
    assert last_time(one.pk, noon) != last_time(two.pk, noon)
    assert all(2 <= last_time(gateway.pk, noon).hour <= 4 for gateway in (one, two))
    Gateway.objects.update(created_at=noon)
    assert due_gateways(now=noon) == [], "a gateway that was made today waits for the night"
    night = noon + dt.timedelta(hours=18)
    assert set(due_gateways(now=night)) == {one, two}
    NumberCheck.objects.create(gateway=one, started_at=night, finished_at=night)
    assert due_gateways(now=night) == [two]
    assert set(due_gateways(now=night + dt.timedelta(days=1))) == {one, two}


def test_a_gateway_that_cannot_be_read_keeps_no_other_from_its_turn() -> None:
    broken, right = GatewayFactory.create(), GatewayFactory.create()
    Gateway.objects.update(created_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_gateway SET credentials = 'rubbish' WHERE id = %s", [broken.pk])
    assert [gateway.pk for gateway in due_gateways()] == [right.pk]


def test_one_that_failed_at_night_is_tried_again_in_the_morning_and_not_all_day() -> None:
    gateway = GatewayFactory.create()
    Gateway.objects.update(created_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    at = last_time(gateway.pk, dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC))
    NumberCheck.objects.create(gateway=gateway, started_at=at, finished_at=at, failed=True)
    hours = {after: bool(due_gateways(now=at + dt.timedelta(hours=after))) for after in (0.5, 1.1, 5.9, 6.1)}
    assert hours == {0.5: False, 1.1: True, 5.9: True, 6.1: False}


def test_a_lost_comparison_is_not_under_way_for_ever() -> None:
    now = timezone.now()
    check = NumberCheck(asked_at=now, finished_at=now - dt.timedelta(hours=1))
    assert reconciliation.is_under_way(check)
    assert not reconciliation.is_under_way(check, now=now + dt.timedelta(hours=1))
    check.finished_at = now + dt.timedelta(seconds=1)
    assert not reconciliation.is_under_way(check)


def test_the_number_of_queries_does_not_grow_with_the_list(
    gateway: Gateway, simulator: SimulatorProcess, django_assert_max_num_queries: object
) -> None:
    ours(gateway, A)
    simulator.numbers(*(f"+1415555{digits:04d}" for digits in range(1000, 1200)))
    with django_assert_max_num_queries(40):  # type: ignore[operator]  # pytest-django's fixture
        assert compare(gateway).listed == 200
    assert NumberFinding.objects.count() == 201
    with django_assert_max_num_queries(40):  # type: ignore[operator]  # likewise
        compare(gateway)

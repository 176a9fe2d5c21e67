"""Number findings in the console: what they say, their repairs, and comparing from a gateway's page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging import tasks
from messaging.models import NumberCheck, NumberFinding, PhoneNumber
from messaging.services.gateways import inbound_url
from tests.console.test_campaigns import page_of
from tests.factories import AccountFactory, BatchFactory, GatewayFactory, PhoneNumberFactory
from tests.messaging.number_tools import work_off
from tests.messaging.numbers_at_provider import ELSEWHERE, A, B, C, D, compare, only, ours, wired

pytestmark = pytest.mark.django_db

ACTIONS = ("give_it", "wire_it", "write_it_off", "release_it", "ignore_it", "look_again")


@pytest.fixture(autouse=True)
def _no_other_numbers(simulator: SimulatorProcess) -> Iterator[None]:
    simulator.settings(numbers=[])
    simulator.numbers()
    yield
    simulator.numbers()


@pytest.fixture
def four(gateway: Gateway, simulator: SimulatorProcess) -> dict[str, NumberFinding]:
    """One finding of each kind, by kind."""
    ours(gateway, A)
    ours(gateway, B)
    ours(gateway, C, state="released")
    simulator.numbers(wired(gateway, B, sms_url=f"{ELSEWHERE}/sms"), wired(gateway, C), {"number": D, "name": "Desk"})
    compare(gateway)
    return {row.kind: row for row in NumberFinding.objects.all()}


def url(page: str, finding: NumberFinding | None = None) -> str:
    return reverse(f"admin:messaging_numberfinding_{page}", args=[finding.pk] if finding else [])


def gateway_url(page: str, gateway: Gateway) -> str:
    return reverse(f"admin:integrations_gateway_{page}", args=[gateway.pk])


def post(client: Client, page: str, finding: NumberFinding, **data: Any) -> str:
    return page_of(client.post(url(page, finding), data, follow=True))


def repaired(client: Client, page: str, finding: NumberFinding, **data: Any) -> str:
    """The finding's page after a repair was asked for, and done by the cluster."""
    assert "asked for. What comes of it is shown here." in post(client, page, finding, **data)
    work_off()
    return page_of(client.get(url("change", finding)))


def test_the_list_shows_each_with_its_repair(operator: Client, four: dict[str, NumberFinding]) -> None:
    page = page_of(operator.get(url("changelist")))
    for number in (A, B, C, D):
        assert number in page
    for text in ("Not known here", "Missing at the provider", "Wired elsewhere", "Released, still there"):
        assert text in page
    assert "Messages go to other.example.net" in page
    assert "Called “Desk” there" in page
    repairs = {"unknown": "give_it", "missing": "write_it_off", "wrong_urls": "wire_it", "still_there": "release_it"}
    for kind, action in repairs.items():
        assert url(action, four[kind]) in page
    page = page_of(operator.get(url("changelist"), {"kind__exact": "unknown", "state__exact": "open"}))
    assert D in page
    assert A not in page


def test_a_page_shows_both_sides(operator: Client, four: dict[str, NumberFinding]) -> None:
    page = page_of(operator.get(url("change", four["wrong_urls"])))
    assert f"{ELSEWHERE}/sms" in page
    assert inbound_url(four["wrong_urls"].gateway) in page
    assert "Another application at other.example.net" in page
    assert "Not in its list" in page_of(operator.get(url("change", four["missing"])))
    for finding in four.values():
        assert operator.get(url("change", finding)).status_code == 200


def test_only_what_fits_is_offered(operator: Client, four: dict[str, NumberFinding]) -> None:
    page = page_of(operator.get(url("change", four["missing"])))
    assert url("write_it_off", four["missing"]) in page
    for action in ("give_it", "wire_it", "release_it", "look_again"):
        assert url(action, four["missing"]) not in page
    NumberFinding.objects.update(state="repaired")
    page = page_of(operator.get(url("change", four["missing"])))
    assert not [action for action in ACTIONS if url(action, four["missing"]) in page]


def test_looking_at_a_repair_changes_nothing(
    operator: Client, four: dict[str, NumberFinding], simulator: SimulatorProcess
) -> None:
    before = simulator.owned()
    for finding in four.values():
        for action in ACTIONS:
            assert operator.get(url(action, finding)).status_code == 200
    assert simulator.owned() == before
    assert NumberFinding.objects.filter(state="open").count() == 4
    assert PhoneNumber.objects.count() == 3


def test_an_unknown_number_is_given_to_an_account(
    operator: Client, four: dict[str, NumberFinding], simulator: SimulatorProcess
) -> None:
    account = AccountFactory.create(name="Acme")
    assert "Nothing is bought" in page_of(operator.get(url("give_it", four["unknown"])))
    assert "This field is required" in post(operator, "give_it", four["unknown"], kind="local")
    page = repaired(operator, "give_it", four["unknown"], account=account.pk, kind="local", label="Desk")
    assert "Given to Acme and wired." in page
    assert PhoneNumber.objects.get(number=D).account == account
    assert simulator.owned()[D]["sms_url"] == inbound_url(four["unknown"].gateway)


def test_an_inactive_account_gets_no_number(operator: Client, four: dict[str, NumberFinding]) -> None:
    closed = AccountFactory.create(status="closed")
    assert "Select a valid choice" in post(operator, "give_it", four["unknown"], account=closed.pk, kind="local")
    assert not PhoneNumber.objects.filter(number=D).exists()


def test_taking_messages_from_somebody_asks_once_more(
    operator: Client, four: dict[str, NumberFinding], simulator: SimulatorProcess
) -> None:
    finding = four["wrong_urls"]
    page = page_of(operator.get(url("wire_it", finding)))
    assert "another application at other.example.net now, and will not arrive there any more" in page
    assert "Say that its messages shall not go there any more." in post(operator, "wire_it", finding)
    assert simulator.owned()[B]["sms_url"] == f"{ELSEWHERE}/sms"
    assert "Repaired: Wired to us." in repaired(operator, "wire_it", finding, take_over="on")
    assert simulator.owned()[B]["sms_url"] == inbound_url(finding.gateway)


def test_another_installation_is_named(operator: Client, gateway: Gateway, simulator: SimulatorProcess) -> None:
    ours(gateway, A)
    there = f"{ELSEWHERE}/webhooks/0123456789abcdef"
    simulator.numbers(wired(gateway, A, sms_url=f"{there}/inbound", status_url=f"{there}/status"))
    compare(gateway)
    page = page_of(operator.get(url("change", only())))
    assert "Another installation of Broadcast, at other.example.net" in page
    assert "another installation of Broadcast" in page_of(operator.get(url("wire_it", only())))


def test_writing_off_says_what_is_sending_and_pauses_it(operator: Client, four: dict[str, NumberFinding]) -> None:
    batch = BatchFactory.create(number=PhoneNumber.objects.get(number=A))
    page = page_of(operator.get(url("write_it_off", four["missing"])))
    assert "1 campaign is sending from it now." in page
    assert "cannot be undone" in page
    page = repaired(operator, "write_it_off", four["missing"])
    assert "Marked as released. 1 campaign was paused." in page
    batch.refresh_from_db()
    assert batch.state == "paused"


def test_releasing_again(operator: Client, four: dict[str, NumberFinding], simulator: SimulatorProcess) -> None:
    assert "Repaired: Released again." in repaired(operator, "release_it", four["still_there"])
    assert C not in simulator.owned()


def test_ignoring_and_looking_again(operator: Client, four: dict[str, NumberFinding]) -> None:
    assert "This field is required" in post(operator, "ignore_it", four["unknown"], reason="")
    assert "Of the call centre" in post(operator, "ignore_it", four["unknown"], reason="Of the call centre")
    assert NumberFinding.objects.get(number=D).state == "ignored"
    assert "is open again" in post(operator, "look_again", four["unknown"])


def test_an_outdated_finding_says_so_and_closes(
    operator: Client, four: dict[str, NumberFinding], simulator: SimulatorProcess
) -> None:
    simulator.numbers(A)
    page = repaired(operator, "write_it_off", four["missing"])
    assert "lists +14155550101 again" in page
    assert f"Gone: The provider lists {A} again." in page
    assert PhoneNumber.objects.get(number=A).state == "active"
    assert NumberFinding.objects.get(number=A).state == "gone"


@pytest.mark.parametrize("role", ["Support", "Read-only"])
def test_only_operators_repair(
    as_role: Callable[[str], Client], four: dict[str, NumberFinding], simulator: SimulatorProcess, role: str
) -> None:
    client, before = as_role(role), simulator.owned()
    assert D in page_of(client.get(url("changelist")))
    for finding in four.values():
        for action in ACTIONS:
            assert client.get(url(action, finding)).status_code == 403
            assert client.post(url(action, finding), {"reason": "x"}).status_code == 403
    gateway = four["unknown"].gateway
    assert client.post(gateway_url("compare", gateway)).status_code == 403
    assert "Compare now" not in page_of(client.get(gateway_url("change", gateway)))
    assert simulator.owned() == before
    assert NumberFinding.objects.filter(state="open").count() == 4


def test_nobody_without_rights_sees_findings(four: dict[str, NumberFinding], client: Client) -> None:
    assert client.get(url("changelist")).status_code == 302
    assert client.get(gateway_url("number_check", four["unknown"].gateway)).status_code == 302


def test_the_alert_leads_to_the_findings(operator: Client, four: dict[str, NumberFinding]) -> None:
    page = page_of(operator.get(reverse("admin:index")))
    assert "4 numbers differ from the provider" in page
    query = f"?gateway__id__exact={four['unknown'].gateway_id}&state__exact=open"
    assert url("changelist") + query in page.replace("&amp;", "&")
    assert url("changelist") + query in page_of(operator.get(reverse("admin:messaging_alert_changelist"))).replace(
        "&amp;", "&"
    )
    gateway_page = page_of(operator.get(gateway_url("change", four["unknown"].gateway)))
    assert "4 open findings" in gateway_page


@pytest.mark.django_db(transaction=True)
def test_comparing_from_the_gateways_page(
    operator: Client, gateway: Gateway, simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.numbers(D)
    assert "Not compared yet" in page_of(operator.get(gateway_url("change", gateway)))
    assert operator.get(gateway_url("compare", gateway)).status_code == 405
    called: list[tuple[str, tuple[Any, ...]]] = []

    def call(path: str, *args: Any, **_options: Any) -> bool:
        called.append((path, args))
        return True

    monkeypatch.setattr("broadcast.core.queue.enqueue", call)
    page = page_of(operator.post(gateway_url("compare", gateway), follow=True))
    assert called == [("messaging.tasks.reconcile_gateway", (gateway.pk,))]
    assert "Comparing…" in page
    assert f'hx-get="{gateway_url("number_check", gateway)}"' in page
    assert "Compare now" not in page
    tasks.reconcile_gateway(gateway.pk)
    panel = page_of(operator.get(gateway_url("number_check", gateway)))
    assert "The provider lists 1 number; 1 differs from ours." in panel
    assert "1 open finding" in panel
    assert "hx-get" not in panel


def test_a_list_that_failed_is_said_with_when_it_last_did_not(
    operator: Client, gateway: Gateway, simulator: SimulatorProcess
) -> None:
    compare(gateway)
    simulator.settings(number_page_fails=1, number_page_fails_how="html")
    compare(gateway)
    page = page_of(operator.get(gateway_url("change", gateway)))
    assert "Not compared, and nothing was changed" in page
    assert "Last compared" in page


def test_a_gateway_that_lists_no_numbers_has_no_panel(operator: Client) -> None:
    gateway = GatewayFactory.create(is_enabled=False)
    assert "Numbers at the provider" not in page_of(operator.get(gateway_url("change", gateway)))
    NumberCheck.objects.create(gateway=gateway, finished_at=timezone.now(), text="The provider lists 2 numbers.")
    page = page_of(operator.get(gateway_url("change", gateway)))
    assert "The provider lists 2 numbers." in page
    assert "Compare now" not in page
    assert "nothing to compare" in page_of(operator.post(gateway_url("compare", gateway), follow=True))


def test_the_list_asks_the_database_as_often_for_fifty_as_for_one(
    operator: Client, gateway: Gateway, django_assert_max_num_queries: Any
) -> None:
    at = timezone.now()
    for index in range(50):
        number = PhoneNumberFactory.create(gateway=gateway)
        NumberFinding.objects.create(
            gateway=gateway,
            number=number.number,
            kind=("missing", "wrong_urls")[index % 2],
            phone_number=number,
            first_seen=at,
            last_seen=at,
        )
    operator.get(url("changelist"))
    with django_assert_max_num_queries(16):
        page = page_of(operator.get(url("changelist")))
    assert page.count("Mark as released…") == 25

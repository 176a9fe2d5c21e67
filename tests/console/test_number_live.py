"""The live parts of a number's and a finding's page: what is done in the background, in words, as it goes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging import tasks
from messaging.models import NumberFinding, PhoneNumber
from messaging.services.asked_repairs import call_lost_repairs, run_repair
from tests.console.test_campaigns import page_of
from tests.console.test_number_findings import url as finding_url
from tests.console.test_numbers import ALL_ACTIONS, url
from tests.console.test_provisioning import chosen, wanted
from tests.factories import PhoneNumberFactory, StaffFactory
from tests.messaging.number_tools import again, break_numbers, record_requests, work_off
from tests.messaging.numbers_at_provider import D, compare, only

pytestmark = pytest.mark.django_db

SOON = dt.timedelta(minutes=1)
PURCHASE = {"state": "pending", "monthly_price": "1.10", "currency": "USD"}


def polls(page: str, address: str) -> bool:
    return f'hx-get="{address}' in page and 'hx-trigger="every 2s"' in page


def live(client: Client, number: PhoneNumber) -> str:
    return page_of(client.get(url("live", number), {"was_live": "yes"}))


def test_no_web_request_of_a_purchase_waits_for_the_provider(
    operator: Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a confirmation, when it is sent, then the number's page shows what is done next, and no request has left."""
    number, confirmation = chosen(operator, wanted(gateway))
    seen = record_requests(monkeypatch)
    page = page_of(operator.post(confirmation, {"label": "Front desk"}, follow=True))
    row = PhoneNumber.objects.get()
    assert seen == []
    assert f"{number} is asked for. How far it is stands below." in page
    assert "Asked for: it begins in a moment" in page
    assert "To be done: Buy it, wire it and put it to use." in page
    assert polls(page, url("live", row))
    assert not [name for name in ALL_ACTIONS if f'href="{url(name, row)}"' in page]
    work_off()
    over = live(operator, row)
    assert "belongs to Blue Door Books now: it is wired to our webhooks and active." in over
    assert "every 2s" not in over
    # The buttons and the record of the page are fetched with it.
    assert f'hx-get="{url("change", row)}" hx-trigger="load" hx-select="#header-inner"' in over
    page = page_of(operator.get(url("change", row)))
    for name in ("now", "checked", "test", "provider-id"):
        assert f'id="number-{name}"' in page
    assert url("send_test", row) in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"errand": "buy", "step": "wanted"}, ("it begins in a moment", "Buy it, wire it", "1.10 USD a month")),
        ({"errand": "buying", "step": "wanted", "claimed": True}, ("It is being bought at", "Asked for")),
        ({"errand": "buying", "step": "bought", "claimed": True}, ("It is ours, and is being wired to our webhooks",)),
        (
            {"errand": "rebuy", "step": "wanted", "claimed": True},
            ("is asked whether it is ours; if not, it is bought",),
        ),
        ({"errand": "finish", "step": "awaited", "claimed": True}, ("It is being looked up at", "Entered by hand")),
        ({"errand": "give_up", "step": "wanted", "claimed": True}, ("if not, it is given up",)),
        ({"errand": "wire", "state": "active", "claimed": True}, ("is being told where its messages go",)),
        ({"errand": "give_back", "state": "leaving", "claimed": True}, ("It is being given back to",)),
        ({"errand": "keep", "state": "leaving", "claimed": True}, ("is asked whether it is still ours",)),
        ({"errand": "forget", "state": "leaving", "claimed": True}, ("then it is forgotten here",)),
        ({"errand": "buy", "step": "wanted", "asked": 90}, ("Nobody has begun with it for 9", "the cluster runs")),
    ],
)
def test_each_errand_is_said_in_words(operator: Client, fields: dict[str, Any], words: tuple[str, ...]) -> None:
    now = timezone.now()
    values = {**PURCHASE, **fields}
    waited, is_claimed = values.pop("asked", 0), values.pop("claimed", False)
    number = PhoneNumberFactory(
        **values,
        asked_at=now - dt.timedelta(seconds=waited),
        claimed_until=now + SOON if is_claimed else None,
        release_at=now,
    )
    page = page_of(operator.get(url("change", number)))
    for said in words:
        assert said in page
    assert polls(page, url("live", number))
    assert f'href="{url("resume", number)}"' not in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({**PURCHASE, "step": "bought", "problem": "The line broke."}, ("Half-way", "The line broke.", "Resume…")),
        (
            {"state": "released", "step": "wanted", "problem": "Nothing was bought. It is sold."},
            ("Not bought", "Nothing was bought. It is sold.", "Search for another one"),
        ),
        ({"state": "active", "step": "wired", "outcome": "It calls our webhooks."}, ("It calls our webhooks.",)),
    ],
)
def test_each_end_is_said_in_words(operator: Client, fields: dict[str, Any], words: tuple[str, ...]) -> None:
    number = PhoneNumberFactory(asked_at=timezone.now(), **fields)
    page = page_of(operator.get(url("change", number)))
    for said in words:
        assert said in page
    assert "every 2s" not in page


def test_what_came_of_an_errand_is_news_for_an_hour(operator: Client) -> None:
    number = PhoneNumberFactory(outcome="It calls our webhooks.", asked_at=timezone.now() - dt.timedelta(hours=2))
    assert number.outcome not in page_of(operator.get(url("change", number)))


def test_a_failure_half_way_offers_to_go_on(operator: Client, simulator: SimulatorProcess, gateway: Gateway) -> None:
    _, confirmation = chosen(operator, wanted(gateway))
    operator.post(confirmation)
    row = PhoneNumber.objects.get()
    break_numbers(simulator, "buy:lost")
    work_off()
    break_numbers(simulator)
    over = live(operator, row)
    assert "It is not known whether" in over
    assert url("resume", row) in over
    assert "every 2s" not in over


def test_whoever_may_not_see_numbers_sees_no_live_part(client: Client) -> None:
    number = PhoneNumberFactory(errand="wire", asked_at=timezone.now())
    assert client.get(url("live", number)).status_code == 302
    client.force_login(StaffFactory())
    assert client.get(url("live", number)).status_code == 403


@pytest.mark.parametrize("role", ["Support", "Read-only"])
def test_who_may_only_look_is_offered_nothing(as_role: Callable[[str], Client], role: str) -> None:
    number = PhoneNumberFactory(state="pending", step="wanted", problem="It stopped.", asked_at=timezone.now())
    page = live(as_role(role), number)
    assert "It stopped." in page
    assert "Resume…" not in page
    assert as_role(role).post(url("resume", number), {"buys": "True"}).status_code == 403
    assert again(number).errand == ""


@pytest.fixture
def unknown(gateway: Gateway, simulator: SimulatorProcess) -> NumberFinding:
    """A number that the provider has and that is not known here."""
    simulator.settings(numbers=[])
    simulator.numbers({"number": D, "name": "Desk"})
    compare(gateway)
    return only()


def ask_to_give(client: Client, finding: NumberFinding) -> str:
    account = PhoneNumberFactory().account
    asked = {"account": account.pk, "kind": "local"}
    return page_of(client.post(finding_url("give_it", finding), asked, follow=True))


def test_a_repair_is_shown_as_it_goes_and_asks_nothing_in_the_web_request(
    operator: Client, unknown: NumberFinding, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = record_requests(monkeypatch)
    page = ask_to_give(operator, unknown)
    assert seen == []
    assert "given to the account and wired to us" in page
    assert polls(page, finding_url("live", unknown))
    assert finding_url("give_it", unknown) not in page
    assert "is being repaired at this moment" in ask_to_give(operator, unknown)
    assert "HX-Refresh" not in operator.get(finding_url("live", unknown)).headers
    work_off()
    answer = operator.get(finding_url("live", unknown))
    assert answer.headers["HX-Refresh"] == "true"
    assert "every 2s" not in page_of(answer)
    assert NumberFinding.objects.get().state == "repaired"


def test_a_repair_that_fails_says_why_and_can_be_done_again(
    operator: Client, unknown: NumberFinding, gateway: Gateway
) -> None:
    ask_to_give(operator, unknown)
    Gateway.objects.filter(pk=gateway.pk).update(base_url="http://127.0.0.1:9")
    tasks.repair_finding(unknown.pk)
    page = page_of(operator.get(finding_url("change", unknown)))
    assert "The provider could not be asked" in page
    assert f'href="{finding_url("give_it", unknown)}"' in page
    Gateway.objects.filter(pk=gateway.pk).update(base_url=gateway.base_url)
    ask_to_give(operator, unknown)
    tasks.repair_finding(unknown.pk)
    assert NumberFinding.objects.get().state == "repaired"


def test_a_repair_whose_task_was_lost_is_called_again(
    operator: Client, unknown: NumberFinding, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[tuple[Any, ...]] = []
    monkeypatch.setattr("messaging.services.asked_repairs.enqueue", lambda *task, **_options: called.append(task))
    ask_to_give(operator, unknown)
    assert call_lost_repairs() == 0
    assert call_lost_repairs(now=timezone.now() + SOON) == 1
    assert called == [("messaging.tasks.repair_finding", unknown.pk)]
    for _ in range(2):
        run_repair(finding_id=unknown.pk)
    assert PhoneNumber.objects.filter(number=D).count() == 1
    assert call_lost_repairs(now=timezone.now() + SOON) == 0


def test_a_repair_asked_for_long_ago_is_asked_again(
    operator: Client, unknown: NumberFinding, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_to_give(operator, unknown)
    NumberFinding.objects.update(asked_at=timezone.now() - dt.timedelta(hours=2))
    seen = record_requests(monkeypatch)
    tasks.repair_finding(unknown.pk)
    assert (seen, only().state, only().repair) == ([], "open", "")
    assert "not repaired within an hour" in page_of(operator.get(finding_url("change", unknown)))

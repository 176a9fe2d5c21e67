"""Text chains in the console: who may look, build, rehearse, start and end, and what a conversation says of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.models import Chain, ChainRun, Keyword, KeywordAction
from campaigns.services.chains.runs import start, stop
from messaging.models import Conversation, Message
from messaging.services.conversations import hand_over
from messaging.services.threads import newest
from tests.console.test_campaigns import page_of
from tests.factories import (
    AccountFactory,
    ChainFactory,
    ConsentEventFactory,
    KeywordActionFactory,
    KeywordFactory,
    PhoneNumberFactory,
    StaffFactory,
    SubscriberFactory,
)

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db


def talk() -> Conversation:
    """A conversation that waits."""
    return hand_over(number=PhoneNumberFactory.create(), person=PERSON, why="Hello.")


def running(made: Conversation, **values: Any) -> ChainRun:
    chain = ChainFactory.create(account=made.account, **values)
    return start(chain=chain, number=made.number, person=made.person, how="test").run


def here(name: str, made: Conversation) -> str:
    return reverse(f"admin:campaigns_chainrun_{name}_here", args=[made.pk])


def conversation_page(client: Client, made: Conversation) -> str:
    return page_of(client.get(reverse("admin:messaging_conversation_change", args=[made.pk])))


def pages(chain: Chain) -> dict[str, tuple[str, str]]:
    """Address and method of each page, by name."""
    return {
        "list": (reverse("admin:campaigns_chain_changelist"), "get"),
        "builder": (reverse("admin:campaigns_chain_change", args=[chain.pk]), "get"),
        "rehearsal": (reverse("admin:campaigns_chain_rehearse", args=[chain.pk]), "get"),
        "turn": (reverse("admin:campaigns_chain_rehearsal_turn", args=[chain.pk]), "post"),
        "template": (reverse("admin:campaigns_chain_from_template"), "get"),
        "activate": (reverse("admin:campaigns_chain_activate_chain", args=[chain.pk]), "get"),
        "archive": (reverse("admin:campaigns_chain_archive_chain", args=[chain.pk]), "get"),
        "start": (reverse("admin:campaigns_chain_start_chain", args=[chain.pk]), "get"),
        "add": (reverse("admin:campaigns_chain_add"), "get"),
    }


LOOKS = {"list", "builder", "rehearsal", "turn"}
MAY = {
    "Operator": {*LOOKS, "template", "activate", "archive", "start", "add"},
    "Support": {*LOOKS, "start"},
    "Read-only": LOOKS,
    "None": set[str](),
}


@pytest.mark.parametrize("role", MAY)
def test_who_sees_which_page(as_role: Callable[[str], Client], role: str) -> None:
    client = as_role(role) if role != "None" else Client()
    if role == "None":
        client.force_login(StaffFactory.create())
    open_to = {
        name
        for name, (url, method) in pages(ChainFactory.create()).items()
        if getattr(client, method)(url).status_code == 200
    }
    assert open_to == MAY[role]


def test_strangers_are_sent_to_the_login_and_nothing_happens(client: Client) -> None:
    chain, made = ChainFactory.create(), talk()
    run = running(made)
    urls = [url for url, _ in pages(chain).values()]
    urls += [here("start", made), here("end", made), reverse("admin:campaigns_chainrun_end_run", args=[run.pk])]
    for url in urls:
        for response in (client.get(url), client.post(url, {"run": run.pk, "chain": chain.pk})):
            assert response.status_code == 302, url
            assert "/login/" in response.headers["Location"], url
    assert ChainRun.objects.get().state == "running"
    assert Chain.objects.get(pk=chain.pk).state == "active"


@pytest.mark.parametrize(("role", "may"), [("Operator", True), ("Support", False), ("Read-only", False)])
def test_who_makes_a_chain_from_a_template(as_role: Callable[[str], Client], role: str, may: bool) -> None:
    data = {"account": AccountFactory.create().pk, "template": "rsvp", "name": "Gala"}
    response = as_role(role).post(reverse("admin:campaigns_chain_from_template"), data)
    assert response.status_code == (302 if may else 403)
    assert Chain.objects.exists() == may


@pytest.mark.parametrize(("role", "may"), [("Operator", True), ("Support", True), ("Read-only", False)])
def test_who_starts_a_chain_from_its_page(as_role: Callable[[str], Client], role: str, may: bool) -> None:
    number = PhoneNumberFactory.create()
    chain = ChainFactory.create(account=number.account)
    data = {"number": number.pk, "person": PERSON, "confirm": "yes"}
    response = as_role(role).post(reverse("admin:campaigns_chain_start_chain", args=[chain.pk]), data)
    assert response.status_code == (302 if may else 403)
    assert ChainRun.objects.exists() == may


@pytest.mark.parametrize(("role", "may"), [("Operator", True), ("Support", False), ("Read-only", False)])
def test_who_activates_and_archives(as_role: Callable[[str], Client], role: str, may: bool) -> None:
    chain, client = ChainFactory.create(state="draft"), as_role(role)
    client.post(reverse("admin:campaigns_chain_activate_chain", args=[chain.pk]))
    assert (Chain.objects.get().state == "active") == may
    client.post(reverse("admin:campaigns_chain_archive_chain", args=[chain.pk]))
    assert (Chain.objects.get().state == "archived") == may


@pytest.mark.parametrize(("role", "may"), [("Operator", True), ("Support", True), ("Read-only", False)])
def test_who_starts_and_ends_chains_in_a_conversation(as_role: Callable[[str], Client], role: str, may: bool) -> None:
    made, client = talk(), as_role(role)
    chain = ChainFactory.create(account=made.account)
    assert ("Start a text chain…" in conversation_page(client, made)) == may
    client.get(here("start", made))
    assert not ChainRun.objects.exists(), "opening a page starts nothing"
    response = client.post(here("start", made), {"chain": chain.pk})
    assert response.status_code == (302 if may else 403)
    assert ChainRun.objects.exists() == may
    run = ChainRun.objects.first() or running(made)
    assert ("End the chain" in conversation_page(client, made)) == may
    assert client.get(here("end", made)).status_code == 405
    assert client.post(here("end", made), {"run": run.pk}).status_code == (302 if may else 403)
    run.refresh_from_db()
    assert (run.state == "stopped") == may


@pytest.mark.parametrize(("role", "may"), [("Operator", True), ("Support", True), ("Read-only", False)])
def test_who_ends_a_run_on_its_page(as_role: Callable[[str], Client], role: str, may: bool) -> None:
    run, client = running(talk()), as_role(role)
    url = reverse("admin:campaigns_chainrun_end_run", args=[run.pk])
    assert client.get(url).status_code == (200 if may else 403)
    client.post(url, {"confirm": "yes"})
    run.refresh_from_db()
    assert (run.state == "stopped") == may


def test_only_a_live_chain_of_the_account_is_offered_and_replacing_is_said(operator: Client) -> None:
    made = talk()
    ChainFactory.create(account=made.account, name="A draft", state="draft")
    strange = ChainFactory.create(name="Another account's")
    running(made, name="Gala")
    page = page_of(operator.get(here("start", made)))
    assert "Gala” runs with them, and would be replaced" in page
    assert "A draft" not in page
    assert "Another account" not in page
    assert operator.post(here("start", made), {"chain": strange.pk}).status_code == 200
    assert ChainRun.objects.count() == 1


def test_a_run_of_another_conversation_is_not_ended(operator: Client) -> None:
    made, other = talk(), talk()
    run = running(other)
    assert operator.post(here("end", made), {"run": run.pk}).status_code == 404
    assert operator.post(here("end", made), {"run": "x"}).status_code == 404
    run.refresh_from_db()
    assert run.state == "running"


def test_who_answers_by_hand_is_told_of_the_chain_and_ends_nothing_by_it(operator: Client) -> None:
    made = talk()
    unchanged = operator.get(reverse("admin:messaging_conversation_change", args=[made.pk])).context["thread_url"]
    run = running(made, name="Gala")
    page = page_of(operator.get(unchanged))
    assert "The text chain “Gala” runs with them" in page
    assert "guests" in page
    write = reverse("admin:messaging_conversation_write", args=[made.pk])
    operator.post(write, {"text": "Any questions?", "as": "reply", "seen": str(newest(made))})
    run.refresh_from_db()
    assert run.state == "running"
    answer = operator.post(here("end", made), {"run": run.pk}, headers={"HX-Request": "true"})
    parts = answer.content.decode()
    assert re.search(r'id="chain-notice"[^>]*hx-swap-oob', parts)
    assert re.search(r'id="chain-panel"[^>]*hx-swap-oob', parts)
    assert "The text chain “Gala” was ended." in parts
    assert "None is running." in parts
    assert "runs with them" not in conversation_page(operator, made)
    again = operator.post(here("end", made), {"run": run.pk}, headers={"HX-Request": "true"})
    assert "ended already: ended by staff" in again.content.decode()


def test_a_conversation_shows_where_the_chain_stands_and_how_consent_stands(operator: Client) -> None:
    made = talk()
    run = running(made, name="Gala")
    ConsentEventFactory.create(
        account=made.account, number=made.person, action="given", how="chain", list_id=7, list_name="Fans"
    )
    page = conversation_page(operator, made)
    assert re.search(r"Gala</a> runs, and waits at <code>guests</code>", page)
    assert "“Fans”: " in page
    assert reverse("admin:campaigns_consentevent_evidence", args=[made.account_id, made.person]) in page
    assert Message.objects.filter(recipient=made.person).count() == 1
    assert run.pk


def test_a_subscribers_page_lists_their_runs(operator: Client) -> None:
    made = talk()
    person = SubscriberFactory.create(account=made.account, number=made.person)
    run = running(made, name="Gala")
    page = page_of(operator.get(reverse("admin:campaigns_subscriber_change", args=[person.pk])))
    assert reverse("admin:campaigns_chainrun_change", args=[run.pk]) in page
    assert "Gala" in page


def keyword_data(keyword: Keyword, *chains: int) -> dict[str, Any]:
    rows = {
        f"actions-{index}-{name}": value
        for index, chain in enumerate(chains)
        for name, value in (("kind", "chain"), ("chain", chain), ("position", index), ("keyword", keyword.pk))
    }
    return {
        "name": keyword.name,
        "number": keyword.number_id,
        "words": keyword.words,
        "where": "first",
        "priority": 0,
        "is_enabled": "on",
        "reply": "",
        "actions-TOTAL_FORMS": len(chains),
        "actions-INITIAL_FORMS": 0,
        **rows,
    }


@pytest.mark.parametrize("case", ["live", "draft", "strange", "two"])
def test_a_keyword_starts_one_live_chain_of_its_account(operator: Client, case: str) -> None:
    keyword = KeywordFactory.create(number=PhoneNumberFactory.create())
    state = "draft" if case == "draft" else "active"
    account = AccountFactory.create() if case == "strange" else keyword.account
    chains = [chain.pk for chain in ChainFactory.create_batch(2 if case == "two" else 1, account=account, state=state)]
    url = reverse("admin:campaigns_keyword_change", args=[keyword.pk])
    response = operator.post(url, keyword_data(keyword, *chains))
    assert response.status_code == (302 if case == "live" else 200)
    assert list(KeywordAction.objects.values_list("chain", flat=True)) == (chains if case == "live" else [])
    if case == "two":
        assert "Only one text chain runs with a person" in page_of(response)


def test_a_keyword_whose_chain_was_archived_can_be_saved_with_a_warning(operator: Client) -> None:
    action = KeywordActionFactory.create(
        kind="chain", keyword=KeywordFactory.create(number=PhoneNumberFactory.create())
    )
    keyword = action.keyword
    action.chain = ChainFactory.create(account=keyword.account, name="Gala")
    action.save()
    archive = reverse("admin:campaigns_chain_archive_chain", args=[action.chain.pk])
    assert f"Keywords start it: “{keyword}”" in page_of(operator.get(archive))
    operator.post(archive)
    data = keyword_data(keyword, action.chain.pk) | {"actions-INITIAL_FORMS": 1, "actions-0-id": action.pk}
    response = operator.post(reverse("admin:campaigns_keyword_change", args=[keyword.pk]), data)
    assert response.status_code == 302
    said = [str(message) for message in get_messages(response.wsgi_request)]
    assert any("“Gala” is archived: nothing starts it" in text for text in said)


def counting(queries: CaptureQueriesContext) -> list[str]:
    """Queries that count runs or steps."""
    return [
        query["sql"]
        for query in queries.captured_queries
        if re.search(r"COUNT\(", query["sql"]) and re.search("chainrun|chainstep", query["sql"])
    ]


def test_steps_and_runs_are_counted_by_themselves(operator: Client) -> None:
    """Given a chain of two steps with three runs, one of them over, when it is listed, then the counts are not multiplied."""
    made = talk()
    chain = ChainFactory.create(account=made.account, name="Gala")
    for person in (PERSON, "+14155552672", "+14155552673"):
        run = start(chain=chain, number=made.number, person=person, how="test").run
    stop(run_id=run.pk, by=StaffFactory.create())
    ChainFactory.create(account=made.account, name="Other", steps=())
    with CaptureQueriesContext(connection) as queries:
        response = operator.get(reverse("admin:campaigns_chain_changelist"))
    listed = {row.name: (row.step_count, row.running) for row in response.context["cl"].result_list}
    assert listed == {"Gala": (2, 2), "Other": (0, 0)}
    # The two counts are in the list's one query, and how many chains there are is asked without them.
    assert len(counting(queries)) == 1
    sorted_by_runs = operator.get(reverse("admin:campaigns_chain_changelist"), {"o": "-4"})
    assert [row.name for row in sorted_by_runs.context["cl"].result_list] == ["Gala", "Other"]


@pytest.mark.parametrize("page", ["builder", "rehearsal", "turn", "activate", "start", "autocomplete"])
def test_runs_are_counted_in_the_list_only(operator: Client, page: str) -> None:
    chain = ChainFactory.create()
    addresses = pages(chain) | {
        "autocomplete": (
            reverse("admin:autocomplete") + "?app_label=campaigns&model_name=keywordaction&field_name=chain",
            "get",
        )
    }
    url, method = addresses[page]
    with CaptureQueriesContext(connection) as queries:
        assert getattr(operator, method)(url).status_code == 200
    assert counting(queries) == []


@pytest.mark.parametrize(
    ("state", "offered"),
    [("draft", {"activate", "archive"}), ("active", {"start", "archive"}), ("archived", {"activate"})],
)
def test_a_chains_page_offers_what_its_state_allows(operator: Client, state: str, offered: set[str]) -> None:
    chain = ChainFactory.create(state=state)
    page = page_of(operator.get(reverse("admin:campaigns_chain_change", args=[chain.pk])))
    assert {name for name in ("activate", "start", "archive") if f"/{name}_chain" in page} == offered


def test_a_run_that_has_ended_is_not_offered_to_end(operator: Client) -> None:
    run = running(talk())
    url = reverse("admin:campaigns_chainrun_change", args=[run.pk])
    assert "end_run" in page_of(operator.get(url))
    stop(run_id=run.pk, by=StaffFactory.create())
    assert "end_run" not in page_of(operator.get(url))

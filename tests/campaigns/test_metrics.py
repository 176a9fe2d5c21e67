"""Counts: they add up, and each list's are exact however the lists overlap."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from campaigns.admin.campaign_progress import progress_context
from campaigns.models import Campaign
from campaigns.services import audience
from campaigns.services.metrics import campaign_progress, list_results
from messaging.models import Message
from messaging.states import TAKEN_STATES, MessageState
from tests.factories import BatchFactory, CampaignFactory, SubscriberListFactory, SuppressionFactory

pytestmark = pytest.mark.django_db

STATES = [state.value for state in MessageState]
#: Where each state is counted.
SHOWN_AS = {
    "queued": "waiting",
    "sending": "leaving",
    "sent": "accepted",
    "unresolved": "unknown",
    **{
        name: name
        for name in ("accepted", "delivered", "undelivered", "failed", "suppressed", "cancelled", "expired", "unknown")
    },
    "no_report": "no_report",
}


def sending(lists: int, messages: list[tuple[set[int], str]], state: str = "sending") -> Campaign:
    """A campaign to so many lists with a message each: the lists its person is on, and its state."""
    campaign = CampaignFactory.create(lists=[])
    for item in SubscriberListFactory.create_batch(lists, account=campaign.account):
        campaign.campaign_lists.create(list=item)
    audience.fix_positions(campaign)
    campaign.batch = BatchFactory.create(number=campaign.number, source=f"campaign:{campaign.pk}")
    campaign.state, campaign.launched_at = state, timezone.now()
    campaign.save()
    now = timezone.now()
    Message.objects.bulk_create(
        Message(
            account=campaign.account,
            batch=campaign.batch,
            number=campaign.number,
            recipient=f"+1415{2_000_000 + index}",
            cohort=sum(1 << place for place in places),
            state=message_state,
            created_at=now,
            changed_at=now,
        )
        for index, (places, message_state) in enumerate(messages)
    )
    return campaign


def opt_out(campaign: Campaign, index: int, reason: str = "opt_out", **values: Any) -> None:
    """The person with this message opts out."""
    message = Message.objects.filter(batch=campaign.batch).order_by("id")[index]
    SuppressionFactory.create(
        account=campaign.account, recipient=message.recipient, message=message, reason=reason, **values
    )


_messages = st.lists(st.tuples(st.sets(st.integers(0, 3), min_size=1), st.sampled_from(STATES)), max_size=15)


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_messages, st.sets(st.integers(0, 14)))
def test_each_lists_results_are_what_counting_its_people_gives(
    messages: list[tuple[set[int], str]], leavers: set[int]
) -> None:
    campaign = sending(4, messages)
    leavers = {index for index in leavers if index < len(messages)}
    for index in leavers:
        opt_out(campaign, index)
    results = list_results(campaign)
    assert [result.list.pk for result in results] == list(audience.list_positions(campaign))
    for place, result in enumerate(results):
        people = [(index, state) for index, (places, state) in enumerate(messages) if place in places]
        states = [state for _, state in people]
        assert counts_of(result) == {
            "recipients": len(states),
            "sent": sum(state in TAKEN_STATES for state in states),
            "delivered": states.count("delivered"),
            "failed": states.count("failed") + states.count("undelivered"),
            "suppressed": states.count("suppressed"),
            "expired": states.count("expired"),
            "unknown": states.count("unknown") + states.count("unresolved"),
            "opted_out": sum(index in leavers for index, _ in people),
        }


def counts_of(result: Any) -> dict[str, int]:
    names = ("recipients", "sent", "delivered", "failed", "suppressed", "expired", "unknown", "opted_out")
    return {name: getattr(result, name) for name in names}


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STATES), max_size=20))
def test_the_counts_add_up_to_the_audience(states: list[str]) -> None:
    progress = campaign_progress(sending(1, [({0}, state) for state in states]))
    shown = asdict(progress)
    assert progress.total == len(states)
    assert sum(shown[name] for name in set(SHOWN_AS.values())) == progress.total
    for name in set(SHOWN_AS.values()):
        assert shown[name] == sum(SHOWN_AS[state] == name for state in states)
    assert progress.sent == sum(state in TAKEN_STATES for state in states)
    assert progress.left + progress.waiting + progress.leaving == progress.total


def test_every_state_is_shown() -> None:
    assert set(SHOWN_AS) == set(STATES)


def test_who_leaves_comes_back_and_leaves_again_is_one_person() -> None:
    campaign = sending(2, [({0, 1}, "delivered"), ({0}, "delivered")])
    opt_out(campaign, 0, lifted_at=timezone.now())
    opt_out(campaign, 0, "provider_opt_out")
    assert campaign_progress(campaign).opted_out == 1
    assert [result.opted_out for result in list_results(campaign)] == [1, 1]


@pytest.mark.parametrize("reason", ["staff", "bad_number"])
def test_other_suppressions_are_no_opt_outs(reason: str) -> None:
    campaign = sending(1, [({0}, "delivered")])
    opt_out(campaign, 0, reason)
    assert campaign_progress(campaign).opted_out == 0
    assert list_results(campaign)[0].opted_out == 0


def test_opt_outs_of_another_campaign_are_not_ours() -> None:
    campaign, other = (sending(1, [({0}, "delivered")]) for _ in range(2))
    opt_out(other, 0)
    assert campaign_progress(campaign).opted_out == 0


def test_a_draft_has_lists_and_no_counts() -> None:
    campaign = CampaignFactory.create()
    progress = campaign_progress(campaign)
    assert (progress.total, progress.done_share, progress.seconds_left, progress.is_live) == (0, 0.0, None, False)
    assert [result.recipients for result in list_results(campaign)] == [0]


def test_the_rate_is_of_the_last_seconds() -> None:
    campaign = sending(1, [({0}, "accepted") for _ in range(30)] + [({0}, "queued") for _ in range(20)])
    now = timezone.now()
    messages = Message.objects.filter(batch=campaign.batch, state="accepted")
    Campaign.objects.filter(pk=campaign.pk).update(launched_at=now - dt.timedelta(minutes=5))
    campaign.refresh_from_db()
    messages.update(accepted_at=now - dt.timedelta(minutes=1))
    assert campaign_progress(campaign).per_second is None
    messages.update(accepted_at=now)
    progress = campaign_progress(campaign)
    assert progress.per_second == pytest.approx(3.0, rel=0.1)
    assert progress.seconds_left == pytest.approx(20 / 3, rel=0.1)


def test_what_a_sender_holds_already_takes_time_too() -> None:
    states = ["accepted"] * 30 + ["sending"] * 20 + ["queued"] * 10
    campaign = sending(1, [({0}, state) for state in states])
    Campaign.objects.filter(pk=campaign.pk).update(launched_at=timezone.now() - dt.timedelta(minutes=5))
    Message.objects.filter(batch=campaign.batch, state="accepted").update(accepted_at=timezone.now())
    campaign.refresh_from_db()
    assert campaign_progress(campaign).seconds_left == pytest.approx(30 / 3, rel=0.1)


@pytest.mark.parametrize(
    ("state", "message", "live"),
    [
        ("sending", "delivered", True),
        ("paused", "queued", True),
        ("cancelled", "accepted", True),
        ("cancelled", "cancelled", False),
        ("finished", "delivered", False),
        ("finished", "no_report", False),
    ],
)
def test_a_page_asks_for_more_as_long_as_counts_can_change(state: str, message: str, live: bool) -> None:
    assert campaign_progress(sending(1, [({0}, message)], state)).is_live is live


@pytest.mark.parametrize("size", [2, 40])
def test_queries_do_not_grow_with_the_audience(size: int, django_assert_max_num_queries: Any) -> None:
    campaign = sending(3, [({index % 3}, STATES[index % len(STATES)]) for index in range(size)])
    with django_assert_max_num_queries(3):
        campaign_progress(campaign)
    with django_assert_max_num_queries(4):
        list_results(campaign)


def test_the_page_counts_its_rows_once_so_that_its_numbers_agree() -> None:
    campaign = sending(2, [({0}, "delivered"), ({0, 1}, "delivered"), ({1}, "queued")])
    with CaptureQueriesContext(connection) as queries:
        context = progress_context(campaign)
    statements = [query["sql"] for query in queries]
    assert sum('FROM "messaging_message"' in sql and "GROUP BY" in sql for sql in statements) == 1
    assert context["progress"].delivered == 2
    assert [result.delivered for result in context["results"]] == [2, 1]

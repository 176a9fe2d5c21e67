"""The audience: each person once, with exactly the lists they are on and the values they had."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from campaigns.models import Campaign, CampaignList, Subscriber, Subscription
from campaigns.services import audience
from campaigns.services.preview import blocking_problems, preview_launch
from messaging.models import Message
from messaging.services import batches
from tests.factories import (
    CampaignFactory,
    CustomFieldFactory,
    PhoneNumberFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SubscriptionFactory,
    SuppressionFactory,
)

pytestmark = pytest.mark.django_db


def freeze(campaign: Campaign) -> list[Message]:
    """The rows that a launch makes, by number."""
    audience.fix_positions(campaign)
    batch = batches.create_batch(
        account=campaign.account,
        number=campaign.number,
        label=campaign.name,
        template=campaign.body,
        source=f"test:{campaign.pk}",
        recipients=audience.recipient_query(campaign),
    )
    return list(batch.messages.order_by("recipient"))


def overlapping(memberships: list[set[int]], lists: int, **values: Any) -> tuple[Campaign, list[Subscriber]]:
    """A campaign to so many lists, and people who are on those of them that are named."""
    number = PhoneNumberFactory.create()
    chosen = SubscriberListFactory.create_batch(lists, account=number.account)
    people = SubscriberFactory.create_batch(len(memberships), account=number.account)
    Subscription.objects.bulk_create(
        Subscription(list=chosen[index], subscriber=person)
        for person, places in zip(people, memberships, strict=True)
        for index in places
    )
    return CampaignFactory.create(number=number, lists=chosen, **values), people


def test_a_person_on_several_lists_is_one_row_that_knows_them_all() -> None:
    campaign, people = overlapping([{0}, {1}, {0, 1}, {0, 1, 2}, set()], 3)
    cohorts = {message.recipient: message.cohort for message in freeze(campaign)}
    assert cohorts == {
        people[0].number: 0b001,
        people[1].number: 0b010,
        people[2].number: 0b011,
        people[3].number: 0b111,
    }


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sets(st.integers(0, 4)), st.booleans()), max_size=12).filter(
        lambda people: any(places for places, _ in people)
    )
)
def test_any_overlap_is_frozen_as_it_was_measured(people: list[tuple[set[int], bool]]) -> None:
    campaign, subscribers = overlapping([places for places, _ in people], 5)
    for person, (_, suppressed) in zip(subscribers, people, strict=True):
        if suppressed:
            SuppressionFactory.create(account=campaign.account, recipient=person.number, reason="staff")
    preview, rows = preview_launch(campaign), freeze(campaign)
    expected = {
        person.number: (sum(1 << index for index in places), "suppressed" if suppressed else "queued")
        for person, (places, suppressed) in zip(subscribers, people, strict=True)
        if places
    }
    assert {row.recipient: (row.cohort, row.state) for row in rows} == expected
    assert preview.recipients == sum(row.state == "queued" for row in rows)
    assert preview.suppressed == sum(row.state == "suppressed" for row in rows)
    assert preview.subscriptions == sum(len(places) for places, _ in people)
    assert preview.on_several_lists == preview.subscriptions - len(rows)


def test_who_has_left_a_list_is_not_there_because_of_it() -> None:
    campaign, people = overlapping([{0}, {0, 1}], 2)
    Subscription.objects.filter(list=campaign.lists.order_by("id")[0]).update(state="unsubscribed")
    assert [(row.recipient, row.cohort) for row in freeze(campaign)] == [(people[1].number, 0b10)]


def test_people_of_another_account_are_never_there() -> None:
    campaign, people = overlapping([{0}], 1)
    foreign = SubscriberListFactory.create(people=3)
    campaign.campaign_lists.create(list=foreign)
    # Nor are they through a list of ours, whatever put them on it.
    SubscriptionFactory.create(list=campaign.lists.order_by("id")[0], subscriber=SubscriberFactory.create())
    assert preview_launch(campaign).subscriptions == 1
    assert [row.recipient for row in freeze(campaign)] == [people[0].number]
    assert any(f"“{foreign}” belongs to another account" in problem for problem in blocking_problems(campaign))


@pytest.mark.parametrize("reason", ["opt_out", "provider_opt_out", "bad_number", "staff"])
def test_the_suppressed_are_rows_with_the_reason(reason: str) -> None:
    campaign, people = overlapping([{0}, {0}, {0}], 1)
    SuppressionFactory.create(account=campaign.account, recipient=people[0].number, reason=reason)
    SuppressionFactory.create(recipient=people[1].number, reason=reason)
    SuppressionFactory.create(
        account=campaign.account, recipient=people[2].number, lifted_at=campaign.created_at, reason=reason
    )
    rows = {row.recipient: row for row in freeze(campaign)}
    assert (rows[people[0].number].state, rows[people[0].number].reason) == ("suppressed", reason)
    assert rows[people[0].number].reason_text
    assert {rows[person.number].state for person in people[1:]} == {"queued"}


def with_fields(body: str, **fields: Any) -> tuple[Campaign, Subscriber]:
    """A campaign to one person with these custom fields."""
    campaign, [person] = overlapping([{0}], 1, body=body)
    for key in fields:
        CustomFieldFactory.create(account=campaign.account, key=key)
    person.fields = fields
    person.first_name = "Zoë"
    person.save()
    return campaign, person


def test_values_are_those_at_launch_and_only_those_that_the_text_uses() -> None:
    campaign, person = with_fields("{{ first_name }} {{ city }}", city="Köln", other="unused")
    [row] = freeze(campaign)
    person.first_name, person.fields = "Renamed", {"city": "Elsewhere"}
    person.save()
    row.refresh_from_db()
    assert row.context == {"first_name": "Zoë", "city": "Köln"}
    assert row.text == "Zoë Köln"


@pytest.mark.parametrize(
    "value",
    ["text", "", "41", 'a "quoted" \\ {{ email }} \'%s\'\n👍', 41, 1.5, True, False, None, ["a", 1], {"deep": {"n": 1}}, "null"],
)  # fmt: skip
def test_a_custom_field_keeps_its_type_on_either_database(value: object) -> None:
    campaign, _ = with_fields("[{{ thing }}]", thing=value)
    samples = preview_launch(campaign).samples
    [row] = freeze(campaign)
    assert row.context == {"thing": value}
    assert samples == [row.text]


def test_a_field_that_a_person_lacks_has_its_default() -> None:
    campaign, person = with_fields('{{ city | default: "your town" }}', city="Lyon")
    person.fields = {}
    person.save()
    [row] = freeze(campaign)
    assert (row.context, row.text) == ({"city": None}, "your town")


def test_a_standard_field_wins_over_a_custom_one_of_its_name() -> None:
    campaign, person = with_fields("{{ first_name }} {{ number }}", first_name="Impostor", number="0")
    [row] = freeze(campaign)
    assert row.text == f"Zoë {person.number}"
    assert preview_launch(campaign).samples == [row.text]


def test_a_text_without_merge_fields_freezes_no_values() -> None:
    campaign, _ = with_fields("Same for all.", city="Lyon")
    [row] = freeze(campaign)
    assert (row.context, row.text) == ({}, "Same for all.")


def test_as_many_lists_as_there_are_bits_are_counted_apart() -> None:
    most = CampaignList.MAX_LISTS
    campaign, people = overlapping([set(range(most)), {most - 1}, {0}], most)
    cohorts = {row.recipient: row.cohort for row in freeze(campaign)}
    assert cohorts == {people[0].number: 2**most - 1, people[1].number: 2 ** (most - 1), people[2].number: 1}


def test_more_lists_than_bits_are_refused() -> None:
    campaign, _ = overlapping([{0}], CampaignList.MAX_LISTS + 1)
    [problem] = blocking_problems(campaign)
    assert "63 lists; 62 is the most" in problem
    assert preview_launch(campaign).problems == [problem]
    with pytest.raises(audience.TooManyLists):
        audience.list_positions(campaign)


def test_a_list_that_comes_after_the_launch_has_no_bit() -> None:
    campaign, _ = overlapping([{0}, {1}], 2)
    before = audience.list_positions(campaign)
    audience.fix_positions(campaign)
    late = SubscriberListFactory.create(account=campaign.account, people=2)
    campaign.campaign_lists.create(list=late)
    assert audience.list_positions(campaign) == before
    assert len(freeze(campaign)) == 2


def test_the_same_freeze_again_changes_nothing_whoever_subscribes_meanwhile() -> None:
    campaign, _ = overlapping([{0}, {0}], 1)
    first = [(row.pk, row.changed_at) for row in freeze(campaign)]
    SubscriptionFactory.create(list=campaign.lists.get())
    assert [(row.pk, row.changed_at) for row in freeze(campaign)] == first


@pytest.mark.parametrize("size", [3, 60])
def test_queries_do_not_grow_with_the_audience(size: int, django_assert_max_num_queries: Any) -> None:
    campaign, _ = overlapping([{0, 1} for _ in range(size)], 2)
    # Two of them look at the registrations of its numbers.
    with django_assert_max_num_queries(17):
        preview_launch(campaign)
    # One of them lists the places, whatever their number; one reads the account's routes.
    with django_assert_max_num_queries(15):
        freeze(campaign)


def test_samples_are_spread_and_leave_the_suppressed_out() -> None:
    campaign, people = overlapping([{0} for _ in range(9)], 1)
    SuppressionFactory.create(account=campaign.account, recipient=people[0].number)
    sampled = {person.pk for person in audience.sample_people(campaign, 4)}
    assert sampled == {people[index].pk for index in (1, 2, 7, 8)}
    assert len(audience.sample_people(campaign, 100)) == 8

"""A round's campaign: people on three lists that overlap, some asleep, some who have had enough, and what each is to read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from django.utils import timezone

from campaigns.models import Campaign, Subscriber, Subscription
from messaging.models import Message, PhoneNumber
from messaging.states import MessageState
from tests.chaos.installation import SHORT_CODES, Installation
from tests.factories import AccountFactory, CampaignFactory, PhoneNumberFactory, SubscriberListFactory

TEMPLATE = "Hi {{ first_name }}, the sale starts tomorrow at nine. Reply STOP to opt out."
#: Far above what is reached, so that the 40 requests are the limit.
FREE_PACE = 100_000
#: The last seven digits of the first person's number, and how many are used before they begin again: a late answer to a
#: person of one round must not be taken for one of the next.
FIRST_NUMBER, NUMBERS = 2_000_000, 5_000_000
#: Zones an hour apart all year: quiet hours are so that those of the second are asleep when the round begins.
AWAKE, ASLEEP = "Africa/Algiers", "Africa/Abidjan"
#: They may be written to after so long.
ASLEEP_SECONDS = 6.0
#: One in so many is asleep; one in so many has had all the messages that the account allows for today.
ASLEEP_EVERY, CAPPED_EVERY = 4, 25


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a round writes to.

    Args:
        campaign: a draft.
        number: where it leaves from.
        people: E.164 → first 16 digits of the SHA-256 of their text, as the simulator names it.
        lists: list id → the people who are on it at launch.
        asleep: who may not be written to before ``opens_at``.
        opens_at: when they may.
        capped: who must not be written to at all.
    """

    campaign: Campaign
    number: PhoneNumber
    people: dict[str, str]
    lists: dict[int, frozenset[str]]
    asleep: frozenset[str]
    opens_at: dt.datetime
    capped: frozenset[str]


def make_audience(installation: Installation, round_number: int, count: int) -> Audience:
    """An account, a number, people, lists and a draft of its own.

    Args:
        installation: where.
        round_number: from 0; its number is the short code of that place.
        count: people.
    """
    opens_at = (timezone.now() + dt.timedelta(seconds=ASLEEP_SECONDS)).replace(microsecond=0)
    account = AccountFactory.create(
        quiet_start=(opens_at - dt.timedelta(minutes=30)).time(), quiet_end=opens_at.time(), max_per_day=1
    )
    number = PhoneNumberFactory.create(
        account=account,
        gateway=installation.gateway,
        number=SHORT_CODES[round_number % len(SHORT_CODES)],
        pace_segments=FREE_PACE,
    )
    first = FIRST_NUMBER + round_number * count % NUMBERS
    people = Subscriber.objects.bulk_create(
        Subscriber(
            account=account,
            number=f"+1415{first + index}",
            first_name=f"P{round_number}-{index}",
            time_zone=AWAKE if index % ASLEEP_EVERY else ASLEEP,
        )
        for index in range(count)
    )
    lists = [SubscriberListFactory.create(account=account) for _ in range(3)]
    members: dict[int, set[str]] = {item.pk: set() for item in lists}
    places: list[Subscription] = []
    for index, person in enumerate(people):
        # Everybody is on one list, three in ten on a second, one in ten on all.
        for place in range(3 if index % 10 == 9 else 2 if index % 10 < 3 else 1):
            chosen = lists[(index + place) % 3]
            members[chosen.pk].add(person.number)
            places.append(Subscription(list=chosen, subscriber=person, source="chaos"))
    Subscription.objects.bulk_create(places)
    campaign = CampaignFactory.create(number=number, body=TEMPLATE, lists=lists)
    capped = [person.number for index, person in enumerate(people) if index % CAPPED_EVERY == 1]
    _write_before(number, capped)
    return Audience(
        campaign,
        number,
        {person.number: _digest(person.first_name) for person in people},
        {pk: frozenset(numbers) for pk, numbers in members.items()},
        frozenset(person.number for person in people if person.time_zone == ASLEEP),
        opens_at,
        frozenset(capped),
    )


def _write_before(number: PhoneNumber, people: Sequence[str]) -> None:
    """Some people have had a campaign's message a moment ago."""
    now = timezone.now()
    Message.objects.bulk_create(
        Message(
            account=number.account,
            number=number,
            recipient=person,
            kind=Message.Kind.CAMPAIGN,
            body="Yesterday's news",
            state=MessageState.DELIVERED,
            claimed_at=now,
            created_at=now,
            changed_at=now,
        )
        for person in people
    )


def _digest(first_name: str) -> str:
    text = TEMPLATE.replace("{{ first_name }}", first_name)
    return sha256(text.encode()).hexdigest()[:16]

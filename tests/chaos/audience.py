"""A round's campaign: people on three lists that overlap, and what each of them is to read."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from campaigns.models import Campaign, Subscriber, Subscription
from messaging.models import PhoneNumber
from tests.chaos.installation import SHORT_CODES, Installation
from tests.factories import AccountFactory, CampaignFactory, PhoneNumberFactory, SubscriberListFactory

TEMPLATE = "Hi {{ first_name }}, the sale starts tomorrow at nine. Reply STOP to opt out."
#: Far above what is reached, so that the 40 requests are the limit.
FREE_PACE = 100_000
#: The last seven digits of the first person's number, and how many are used before they begin again: a late answer to a
#: person of one round must not be taken for one of the next.
FIRST_NUMBER, NUMBERS = 2_000_000, 5_000_000


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a round writes to.

    Args:
        campaign: a draft.
        number: where it leaves from.
        people: E.164 → first 16 digits of the SHA-256 of their text, as the simulator names it.
        lists: list id → the people who are on it at launch.
    """

    campaign: Campaign
    number: PhoneNumber
    people: dict[str, str]
    lists: dict[int, frozenset[str]]


def make_audience(installation: Installation, round_number: int, count: int) -> Audience:
    """An account, a number, people, lists and a draft of its own.

    Args:
        installation: where.
        round_number: from 0; its number is the short code of that place.
        count: people.
    """
    account = AccountFactory.create()
    number = PhoneNumberFactory.create(
        account=account,
        gateway=installation.gateway,
        number=SHORT_CODES[round_number % len(SHORT_CODES)],
        pace_segments=FREE_PACE,
    )
    first = FIRST_NUMBER + round_number * count % NUMBERS
    people = Subscriber.objects.bulk_create(
        Subscriber(account=account, number=f"+1415{first + index}", first_name=f"P{round_number}-{index}")
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
    return Audience(
        campaign,
        number,
        {person.number: _digest(person.first_name) for person in people},
        {pk: frozenset(numbers) for pk, numbers in members.items()},
    )


def _digest(first_name: str) -> str:
    text = TEMPLATE.replace("{{ first_name }}", first_name)
    return sha256(text.encode()).hexdigest()[:16]

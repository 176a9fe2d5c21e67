"""A campaign's audience: the people on its lists, once each, with the lists that each is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Case, F, Func, JSONField, QuerySet, Sum, Value, When
from django.db.models.functions import JSONObject

from broadcast.core.merge import template_fields
from campaigns.models import Campaign, CampaignList, Subscriber, Subscription
from campaigns.services.composing import STANDARD_FIELDS
from messaging.engine.recipients import RecipientQuery
from messaging.models import Suppression


class TooManyLists(ValueError):
    """A campaign has more lists than can be counted apart."""


def list_positions(campaign: Campaign) -> dict[int, int]:
    """A bit for each list of a campaign: list id → position, as fixed at launch, else as it would be.

    A list that is added to a launched campaign has none: nobody was sent to because of it.

    Raises:
        TooManyLists: there are more lists than bits.
    """
    rows = list(campaign.campaign_lists.order_by("position", "id").values_list("list_id", "position"))
    if len(rows) > CampaignList.MAX_LISTS:
        raise TooManyLists(
            f"“{campaign}” has {len(rows)} lists; {CampaignList.MAX_LISTS} is the most. Put some of them together first."
        )
    fixed = {list_id: position for list_id, position in rows if position is not None}
    return fixed or {list_id: index for index, (list_id, _) in enumerate(rows)}


def fix_positions(campaign: Campaign) -> None:
    """Fix each list's bit for good."""
    for list_id, position in list_positions(campaign).items():
        CampaignList.objects.filter(campaign=campaign, list_id=list_id, position=None).update(position=position)


def members(campaign: Campaign) -> QuerySet[Any, Any]:
    """The people of a campaign's lists: ``subscriber_id`` and ``cohort``, the bits of the lists they are on."""
    positions = list_positions(campaign)
    cases = [When(list_id=list_id, then=Value(1 << position)) for list_id, position in positions.items()]
    bits = Case(*cases, default=Value(0), output_field=BigIntegerField())
    return (
        Subscription.objects.live()
        .filter(list_id__in=list(positions), subscriber__account_id=campaign.account_id)
        .order_by()
        .values("subscriber_id")
        .annotate(cohort=Sum(bits))
    )


def recipient_query(campaign: Campaign) -> RecipientQuery:
    """The audience as one SELECT: each person's number, cohort, own zone and the values of the merge fields of the text."""
    fields = template_fields(campaign.body)
    people = Subscriber.objects.filter(account_id=campaign.account_id).order_by().values("id", "number", "time_zone")
    if fields:
        values = {name: F(name) if name in STANDARD_FIELDS else _custom_field(name) for name in fields}
        people = people.annotate(context=JSONObject(**values))
    else:
        people = people.annotate(context=JSONObject())
    people_sql, people_params = people.query.sql_with_params()
    members_sql, members_params = members(campaign).query.sql_with_params()
    return RecipientQuery(
        f"SELECT s.number AS recipient, m.cohort AS cohort, {_context()} AS context, s.time_zone AS zone "  # noqa: S608  ours
        f"FROM ({members_sql}) m JOIN ({people_sql}) s ON s.id = m.subscriber_id",
        (*members_params, *people_params),
    )


def _custom_field(name: str) -> Func:
    """A custom field's value with its JSON type, as a preview of the same text has it; NULL where a person lacks it."""
    path = name if connection.vendor == "postgresql" else f'$."{name}"'
    return Func(F("fields"), Value(path), template="(%(expressions)s)", arg_joiner=" -> ", output_field=JSONField())


def _context() -> str:
    return "s.context::jsonb" if connection.vendor == "postgresql" else "s.context"


@dataclass(frozen=True, slots=True)
class AudienceSize:
    """How many there are.

    Args:
        subscriptions: places on the campaign's lists.
        people: distinct people.
        suppressed: of them, those who must not be sent to.
        pending: people of the lists who have not confirmed any of them yet; none of ``people``.
    """

    subscriptions: int
    people: int
    suppressed: int
    pending: int = 0

    @property
    def recipients(self) -> int:
        """Who will be sent to."""
        return self.people - self.suppressed

    @property
    def duplicates(self) -> int:
        """Places beyond the first that people have."""
        return self.subscriptions - self.people


def live_subscriptions(campaign: Campaign) -> QuerySet[Subscription]:
    """Places on a campaign's lists."""
    return Subscription.objects.live().filter(
        list_id__in=list(list_positions(campaign)), subscriber__account_id=campaign.account_id
    )


def measure(campaign: Campaign) -> AudienceSize:
    """Count the audience as a launch would freeze it now."""
    live = live_subscriptions(campaign)
    suppressed = Suppression.objects.active().filter(account_id=campaign.account_id).values("recipient")
    people = live.values("subscriber_id").distinct().count()
    left_out = live.filter(subscriber__number__in=suppressed).values("subscriber_id").distinct().count()
    pending = (
        Subscription.objects.pending()
        .filter(list__campaigns=campaign, subscriber__account_id=campaign.account_id)
        .exclude(subscriber_id__in=live.values("subscriber_id"))
    )
    return AudienceSize(live.count(), people, left_out, pending.values("subscriber_id").distinct().count())


def sample_people(campaign: Campaign, limit: int) -> list[Subscriber]:
    """Some people of the audience that would be sent to, spread over it."""
    suppressed = Suppression.objects.active().filter(account_id=campaign.account_id).values("recipient")
    ids = live_subscriptions(campaign).values("subscriber_id")
    people = Subscriber.objects.filter(pk__in=ids).exclude(number__in=suppressed)
    first = list(people.order_by("id")[: limit // 2])
    return [*first, *people.order_by("-id").exclude(pk__in=[person.pk for person in first])[: limit - len(first)]]

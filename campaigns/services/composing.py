"""What a campaign's text may hold."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.models import Account
from broadcast.core.merge import TemplateProblem, check_template
from campaigns.models import Campaign, CampaignList, SubscriberList
from messaging.services.batches import BatchOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User

#: Limits of a campaign, which become those of its batch.
OPTIONS = tuple(field.name for field in fields(BatchOptions))
#: Merge fields that every account has; its custom fields come on top.
STANDARD_FIELDS = ("first_name", "last_name", "email", "number")


def known_fields(account: Account) -> tuple[str, ...]:
    """Names of the merge fields that a text of this account can use, the standard ones first."""
    custom = account.custom_fields.order_by("key").values_list("key", flat=True)
    return (*STANDARD_FIELDS, *(key for key in custom if key not in STANDARD_FIELDS))


def check_body(account: Account, body: str) -> list[TemplateProblem]:
    """Everything that is wrong with a text.

    Args:
        account: whose merge fields it may use.
        body: the template.

    Returns:
        Problems with line and column, in their order; empty when it can be sent.
    """
    return check_template(body, known_fields(account))


@transaction.atomic
def set_lists(*, campaign: Campaign, lists: Iterable[SubscriberList]) -> None:
    """Say whom a campaign goes to; lists that it has already stay as they are.

    Args:
        campaign: one that is not launched yet.
        lists: all of them.
    """
    wanted = {chosen.pk for chosen in lists}
    present = set(campaign.campaign_lists.values_list("list_id", flat=True))
    campaign.campaign_lists.filter(list_id__in=present - wanted).delete()
    CampaignList.objects.bulk_create(
        CampaignList(campaign=campaign, list_id=list_id) for list_id in sorted(wanted - present)
    )


@transaction.atomic
def duplicate_campaign(*, campaign: Campaign, user: User | None) -> Campaign:
    """A new draft with a campaign's text, number or pool, lists and limits.

    Args:
        campaign: in any state.
        user: who makes it.
    """
    longest = (Campaign._meta.get_field("name").max_length or 0) - len(" (copy)")
    copy = Campaign.objects.create(
        account_id=campaign.account_id,
        name=f"{campaign.name[:longest]} (copy)",
        number_id=campaign.number_id,
        pool_id=campaign.pool_id,
        follows_country_rules=campaign.follows_country_rules,
        body=campaign.body,
        **{name: getattr(campaign, name) for name in OPTIONS},
        created_by=user,
    )
    set_lists(campaign=copy, lists=campaign.lists.all())
    return copy

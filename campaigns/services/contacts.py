"""People: what is known of them, and what an opt-out does to their subscriptions."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from campaigns.models import Subscriber, Subscription
from campaigns.querysets import SubscriptionQuerySet


def known_person(account_id: int, number: str) -> dict[str, Any]:
    """Merge fields of a person, empty if the account does not know them.

    Args:
        account_id: whose subscriber.
        number: E.164.
    """
    subscriber = Subscriber.objects.filter(account_id=account_id, number=number).first()
    return {} if subscriber is None else merge_values(subscriber)


def merge_values(subscriber: Subscriber) -> dict[str, Any]:
    """A subscriber's values by merge field; the standard ones win over custom ones of the same name."""
    return {
        **subscriber.fields,
        "first_name": subscriber.first_name,
        "last_name": subscriber.last_name,
        "email": subscriber.email,
        "number": subscriber.number,
    }


def unsubscribe_everywhere(*, account_id: int, number: str) -> list[tuple[int, str]]:
    """End all of a person's subscriptions at an account; id and name of the lists they were on."""
    live = Subscription.objects.filter(state=Subscription.State.SUBSCRIBED)
    return _change(
        live.filter(subscriber__account_id=account_id, subscriber__number=number),
        state=Subscription.State.UNSUBSCRIBED,
        ended_by=Subscription.EndedBy.OPT_OUT,
        unsubscribed_at=timezone.now(),
    )


def subscribe_again(*, account_id: int, number: str) -> list[tuple[int, str]]:
    """Restore the subscriptions that an opt-out ended; id and name of their lists."""
    ended = Subscription.objects.filter(state=Subscription.State.UNSUBSCRIBED, ended_by=Subscription.EndedBy.OPT_OUT)
    return _change(
        ended.filter(subscriber__account_id=account_id, subscriber__number=number),
        state=Subscription.State.SUBSCRIBED,
        ended_by=Subscription.EndedBy.NOBODY,
        unsubscribed_at=None,
    )


def _change(subscriptions: SubscriptionQuerySet, **values: Any) -> list[tuple[int, str]]:
    """Change a person's subscriptions; which lists it was."""
    rows = list(subscriptions.select_for_update(of=("self",)).order_by("pk").values_list("pk", "list_id", "list__name"))
    if rows:
        Subscription.objects.filter(pk__in=[pk for pk, _, _ in rows]).update(**values, updated_at=timezone.now())
    return [(list_id, name) for _, list_id, name in rows]

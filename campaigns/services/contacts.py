"""People: what is known of them, and what an opt-out does to their subscriptions."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from campaigns.models import Subscriber, Subscription


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


def unsubscribe_everywhere(*, account_id: int, number: str) -> int:
    """End all of a person's subscriptions at an account; how many there were."""
    return Subscription.objects.filter(
        subscriber__account_id=account_id, subscriber__number=number, state=Subscription.State.SUBSCRIBED
    ).update(
        state=Subscription.State.UNSUBSCRIBED,
        ended_by=Subscription.EndedBy.OPT_OUT,
        unsubscribed_at=timezone.now(),
        updated_at=timezone.now(),
    )


def subscribe_again(*, account_id: int, number: str) -> int:
    """Restore the subscriptions that an opt-out ended; how many there were."""
    return Subscription.objects.filter(
        subscriber__account_id=account_id,
        subscriber__number=number,
        state=Subscription.State.UNSUBSCRIBED,
        ended_by=Subscription.EndedBy.OPT_OUT,
    ).update(
        state=Subscription.State.SUBSCRIBED,
        ended_by=Subscription.EndedBy.NOBODY,
        unsubscribed_at=None,
        updated_at=timezone.now(),
    )

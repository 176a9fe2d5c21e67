"""People: what is known of them, and what an opt-out does to their subscriptions."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from campaigns.models import OptInRequest, Subscriber, Subscription
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


def ensure_subscriber(*, account_id: int, number: str) -> Subscriber:
    """The account's person with a number, made if they are new.

    Args:
        account_id: whose subscriber.
        number: E.164.
    """
    subscriber, _made = Subscriber.objects.get_or_create(account_id=account_id, number=number)
    return subscriber


def unsubscribe_everywhere(*, account_id: int, number: str) -> list[tuple[int, str]]:
    """End all of a person's subscriptions at an account, those that wait for a YES too; id and name of the lists.

    What was never confirmed is declined, so that a later opt-in does not restore it.
    """
    now = timezone.now()
    theirs = Subscription.objects.filter(subscriber__account_id=account_id, subscriber__number=number)
    OptInRequest.objects.filter(
        subscriber__account_id=account_id, subscriber__number=number, state=OptInRequest.State.WAITING
    ).update(state=OptInRequest.State.DECLINED, answered_at=now, updated_at=now)
    ended = {"state": Subscription.State.UNSUBSCRIBED, "unsubscribed_at": now}
    declined = _change(theirs.pending(), ended_by=Subscription.EndedBy.DECLINED, **ended)
    return declined + _change(theirs.live(), ended_by=Subscription.EndedBy.OPT_OUT, **ended)


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

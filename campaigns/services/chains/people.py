"""What a chain does to the person it talks to: fields, lists."""

from __future__ import annotations

from django.db import transaction

from campaigns.models import Subscriber, SubscriberList, Subscription

#: Fields that are columns, with their longest value in characters.
_COLUMNS = {"first_name": 80, "last_name": 80, "email": 254}


@transaction.atomic
def save_value(*, account_id: int, person: str, field: str, value: str) -> None:
    """Keep a value of a person; somebody unknown becomes a subscriber.

    Args:
        account_id: whose subscriber.
        person: E.164.
        field: a standard field or a custom field's key.
        value: as it is kept.
    """
    known, _ = Subscriber.objects.get_or_create(account_id=account_id, number=person)
    # Fields are one JSON value: two writers at once would lose one of them.
    subscriber = Subscriber.objects.select_for_update().get(pk=known.pk)
    if field in _COLUMNS:
        setattr(subscriber, field, value[: _COLUMNS[field]])
        subscriber.save(update_fields=(field, "updated_at"))
        return
    subscriber.fields = {**subscriber.fields, field: value}
    subscriber.save(update_fields=("fields", "updated_at"))


@transaction.atomic
def join_list(*, account_id: int, person: str, list_id: int, source: str) -> bool:
    """Put a person on a list at their own wish; somebody unknown becomes a subscriber, who had left is on it again.

    Args:
        account_id: whose subscriber.
        person: E.164.
        list_id: a list of the account.
        source: where they came from, for the subscription.

    Returns:
        False when there is no such list in the account any more.
    """
    if not SubscriberList.objects.filter(pk=list_id, account_id=account_id).exists():
        return False
    subscriber, _ = Subscriber.objects.get_or_create(account_id=account_id, number=person)
    Subscription.objects.update_or_create(
        list_id=list_id,
        subscriber=subscriber,
        defaults={
            "state": Subscription.State.SUBSCRIBED,
            "ended_by": Subscription.EndedBy.NOBODY,
            "unsubscribed_at": None,
        },
        create_defaults={"source": source[:60]},
    )
    return True

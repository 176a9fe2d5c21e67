"""People: what is known of them, and what an opt-out does to their subscriptions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import Concat
from django.utils import timezone

from campaigns.models import OptInRequest, Subscriber, Subscription
from campaigns.querysets import SubscriptionQuerySet
from messaging.services.people import People

#: Newest subscribers, of all accounts, whose names are looked through.
PEOPLE_SEARCHED = 100_000

#: Standard fields that may be written, with their longest value in characters. A number is who somebody is.
STANDARD_FIELDS = {"first_name": 80, "last_name": 80, "email": 254}
#: Longest value of a custom field, in characters.
MAX_VALUE_CHARACTERS = 500


def known_person(account_id: int, number: str) -> dict[str, Any]:
    """Merge fields of a person, empty if the account does not know them.

    Args:
        account_id: whose subscriber.
        number: E.164.
    """
    subscriber = Subscriber.objects.filter(account_id=account_id, number=number).first()
    return {} if subscriber is None else merge_values(subscriber)


def known_names(people: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Names of people, without those that are no subscribers or have none.

    Args:
        people: pairs of account id and E.164 number.
    """
    rows = Subscriber.objects.filter(
        account_id__in={account_id for account_id, _ in people}, number__in={number for _, number in people}
    )
    names = {(row.account_id, row.number): row.full_name for row in rows}
    return {pair: name for pair in people if (name := names.get(pair))}


def people_named(words: str, account_id: int | None, limit: int) -> People:
    """Subscribers whose name or e-mail address holds these words, among the newest.

    Args:
        words: as somebody types them; first and last name in this order.
        account_id: one account's only; None for all.
        limit: most that are returned, the newest.
    """
    rows = Subscriber.objects.order_by("-id")
    oldest = rows.values_list("id", flat=True)[PEOPLE_SEARCHED : PEOPLE_SEARCHED + 1].first()
    if oldest is not None:
        rows = rows.filter(pk__gt=oldest)
    if account_id is not None:
        rows = rows.filter(account_id=account_id)
    named = rows.alias(name=Concat("first_name", Value(" "), "last_name")).filter(
        Q(name__icontains=words) | Q(email__icontains=words)
    )
    pairs = list(named.values_list("account_id", "number")[:limit])
    return People(pairs, oldest is None and len(pairs) < limit)


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


def lock_person(*, account_id: int, number: str) -> Subscriber | None:
    """Hold a person until the transaction ends: of two changes of their consent one comes first. None if they are not known.

    Args:
        account_id: whose subscriber.
        number: E.164.
    """
    return Subscriber.objects.select_for_update().filter(account_id=account_id, number=number).first()


@transaction.atomic
def set_value(*, subscriber: Subscriber, field: str, value: str) -> None:
    """Keep one value of a person, in the row and in ``subscriber``.

    Args:
        subscriber: the person.
        field: a standard field, or a custom field's key.
        value: cut at the field's longest.
    """
    # Custom fields are one JSON value: two writers at once would lose one of them.
    locked = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
    if field in STANDARD_FIELDS:
        for row in (locked, subscriber):
            setattr(row, field, value[: STANDARD_FIELDS[field]])
        locked.save(update_fields=(field, "updated_at"))
        return
    subscriber.fields = locked.fields = {**locked.fields, field: value[:MAX_VALUE_CHARACTERS]}
    locked.save(update_fields=("fields", "updated_at"))


def unsubscribe_everywhere(*, account_id: int, number: str) -> list[tuple[int, str]]:
    """End all of a person's subscriptions at an account, those that wait for a YES too; id and name of the lists.

    What was never confirmed is declined, so that a later opt-in does not restore it.
    """
    lock_person(account_id=account_id, number=number)
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
    lock_person(account_id=account_id, number=number)
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

"""Subscriptions that staff change by hand, with their record in the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from campaigns.models import OptInRequest, Subscriber, Subscription
from campaigns.services.consent.ledger import Action, Entry, How, Origin, record_many
from campaigns.services.double_opt_in import Joined, Outcome, join, refusal

if TYPE_CHECKING:
    from accounts.models import User

State = Subscription.State
#: Where subscriptions come from that staff add.
CONSOLE = "console"


def save_subscriptions(
    *, changed: Iterable[Subscription], removed: Iterable[Subscription] = (), user: User
) -> list[Joined]:
    """Store what staff changed of somebody's subscriptions; a list with double opt-in asks the person first.

    Args:
        changed: new ones, and old ones with their new list or state; not saved yet.
        removed: those to delete.
        user: who did it.

    Returns:
        what became of the places that need the person's YES, and of those that nobody gets who must not be sent to.
    """
    joined: list[Joined] = []
    with transaction.atomic():
        for subscription in changed:
            # An opt-out at this moment comes before or after.
            person = Subscriber.objects.select_for_update().get(pk=subscription.subscriber_id)
            before = Subscription.objects.filter(pk=subscription.pk).select_related("list", "subscriber").first()
            if _joins(before, subscription) and (why := refusal(account_id=person.account_id, number=person.number)):
                joined.append(Joined(subscription.list, Outcome.REFUSED, why))
                continue
            if _must_confirm(before, subscription):
                joined += _ask(before, subscription, user)
                continue
            left = subscription.state == State.UNSUBSCRIBED
            if before is None or before.state != subscription.state:
                # An opt-in restores what an opt-out ended, and nothing that staff decided since.
                by = Subscription.EndedBy
                subscription.ended_by = by.STAFF if left else by.NOBODY
            subscription.unsubscribed_at = (subscription.unsubscribed_at or timezone.now()) if left else None
            subscription.source = subscription.source or CONSOLE
            subscription.save()
            record_many(_changes(before, subscription, user))
        for subscription in removed:
            if subscription.state != State.UNSUBSCRIBED:
                record_many([_entry(subscription, Action.WITHDRAWN, user, "Taken off the list")])
            subscription.delete()
    return joined


def save_subscriber(*, subscriber: Subscriber, user: User) -> list[Joined]:
    """Store a person; consent to one number is none to another, so a new number of theirs is a change of consent.

    The old number leaves every list. Staff vouch for the new one, but a list with double opt-in asks it, and one that has opted
    out joins nothing.

    Args:
        subscriber: the person, new or changed, not saved yet.
        user: who changed them, and vouches for the new number.

    Returns:
        what became of the lists that they were on; empty when the number stayed.
    """
    with transaction.atomic():
        before = Subscriber.objects.select_for_update().filter(pk=subscriber.pk).first()
        subscriber.save()
        if before is None or before.number == subscriber.number:
            return []
        return _move_to(subscriber, before, user)


def delete_subscribers(*, subscribers: Iterable[Subscriber], user: User) -> None:
    """Delete people; the lists they were on lose them, and the ledger says so.

    Args:
        subscribers: whom.
        user: who did it.
    """
    with transaction.atomic():
        for subscriber in subscribers:
            live = subscriber.subscriptions.exclude(state=State.UNSUBSCRIBED).select_related("list", "subscriber")
            record_many(_entry(one, Action.WITHDRAWN, user, "Subscriber deleted") for one in live)
            subscriber.delete()


def _move_to(subscriber: Subscriber, before: Subscriber, user: User) -> list[Joined]:
    moved = f"Number changed from {before.number} to {subscriber.number}"
    now = timezone.now()
    # A START from the new number must not undo what the old one asked for.
    subscriber.subscriptions.filter(ended_by=Subscription.EndedBy.OPT_OUT).update(
        ended_by=Subscription.EndedBy.STAFF, updated_at=now
    )
    # Nor is a YES from the new number an answer to what the old one was asked.
    subscriber.opt_in_requests.filter(state=OptInRequest.State.WAITING).update(
        state=OptInRequest.State.DECLINED, answered_at=now, updated_at=now
    )
    theirs = list(
        subscriber.subscriptions.exclude(state=State.UNSUBSCRIBED).select_related("list__account").order_by("pk")
    )
    for subscription in theirs:
        subscription.subscriber = before
    record_many([_entry(one, Action.WITHDRAWN, user, moved) for one in theirs])
    Subscription.objects.filter(pk__in=[one.pk for one in theirs]).update(
        state=State.UNSUBSCRIBED, ended_by=Subscription.EndedBy.STAFF, unsubscribed_at=now, updated_at=now
    )
    # Who was pending has agreed to nothing, and a list that asks nobody any more cannot ask them.
    lists = [one.list for one in theirs if one.state == State.SUBSCRIBED or one.list.double_opt_in]
    return join(subscriber=subscriber, lists=lists, origin=Origin(how=How.STAFF, source=moved, by=user), now=now)


def _joins(before: Subscription | None, after: Subscription) -> bool:
    """Whether staff give somebody a place on a list that they did not have."""
    if after.state == State.UNSUBSCRIBED:
        return False
    return before is None or before.list_id != after.list_id or before.state != after.state


def _must_confirm(before: Subscription | None, after: Subscription) -> bool:
    """Whether a place that staff give somebody needs the person's YES first."""
    if not after.list.double_opt_in or after.state == State.UNSUBSCRIBED:
        return False
    return before is None or before.list_id != after.list_id or before.state != State.SUBSCRIBED


def _ask(before: Subscription | None, after: Subscription, user: User) -> list[Joined]:
    origin = Origin(how=How.STAFF, source=CONSOLE, by=user)
    if before and before.list_id != after.list_id:
        if before.state != State.UNSUBSCRIBED:
            record_many([_entry(before, Action.WITHDRAWN, user)])
        Subscription.objects.filter(pk=before.pk).delete()
    return join(subscriber=after.subscriber, lists=[after.list], origin=origin)


def _changes(before: Subscription | None, after: Subscription, user: User) -> list[Entry]:
    was = before.state if before else State.UNSUBSCRIBED
    moved = before is not None and before.list_id != after.list_id
    entries = []
    if before and was != State.UNSUBSCRIBED and (moved or after.state == State.UNSUBSCRIBED):
        entries.append(_entry(before, Action.WITHDRAWN, user))
    if after.state != State.UNSUBSCRIBED and (moved or was != after.state):
        given = after.state == State.SUBSCRIBED
        entries.append(_entry(after, Action.GIVEN if given else Action.REQUESTED, user))
    return entries


def _entry(subscription: Subscription, action: Action, user: User, source: str = "") -> Entry:
    origin = Origin(how=How.STAFF, source=source or CONSOLE, by=user)
    return origin.entry(action, subscription.subscriber, subscription.list)

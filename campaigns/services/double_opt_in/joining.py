"""Joining and leaving lists, one person at a time: keywords, staff and the API come through here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from campaigns.models import OptInRequest, Subscriber, SubscriberList, Subscription
from campaigns.services.consent import Action, Origin, record
from campaigns.services.double_opt_in.asking import ANSWER_DAYS, ask, latest_request
from messaging.models import PhoneNumber, Suppression

State = Subscription.State


class Outcome(StrEnum):
    """What became of a wish to join."""

    JOINED = "joined"
    ALREADY = "already"
    #: Pending, and asked now.
    ASKED = "asked"
    #: Pending, and asked before: their YES counts.
    WAITING = "waiting"
    #: Pending, and nobody could ask them.
    NOT_ASKED = "not_asked"
    #: Nothing changed.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of one list.

    Args:
        list: the list.
        outcome: what became of it.
        why: for a person, where it says more.
    """

    list: SubscriberList
    outcome: Outcome
    why: str = ""

    def __str__(self) -> str:
        sentences = {
            Outcome.JOINED: f"joined “{self.list}”",
            Outcome.ALREADY: f"was on “{self.list}” already",
            Outcome.ASKED: f"asked to confirm “{self.list}”",
            Outcome.WAITING: f"“{self.list}” waits for their YES, asked before",
            Outcome.NOT_ASKED: f"“{self.list}” waits for their YES, not asked: {self.why}",
            Outcome.REFUSED: f"did not join “{self.list}”: {self.why}",
        }
        return sentences[self.outcome]


def join(
    *,
    subscriber: Subscriber,
    lists: Iterable[SubscriberList],
    origin: Origin,
    number: PhoneNumber | None = None,
    now: dt.datetime | None = None,
    muted: str = "",
) -> list[Joined]:
    """Put somebody on lists; on one with double opt-in they are pending and asked once.

    Who has opted out, or must not be sent to, joins nothing: START comes first.

    Args:
        subscriber: the person.
        lists: of the person's account.
        origin: where the wish comes from, for the consent ledger.
        number: where they wrote to; questions leave from there unless a list has a number of its own.
        now: the moment; lists that are joined at the same one are confirmed by one YES.
        muted: why nobody may be asked now; empty to ask.

    Raises:
        ValueError: a list is another account's.
    """
    now = now or timezone.now()
    wanted = list(lists)
    for list_ in wanted:
        if list_.account_id != subscriber.account_id:
            raise ValueError(f"“{list_}” is a list of another account than {subscriber}.")
    with transaction.atomic():
        # Two wishes of one person at once must not ask twice.
        subscriber = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
        why = refusal(account_id=subscriber.account_id, number=subscriber.number)
        if why:
            return [Joined(list_, Outcome.REFUSED, why) for list_ in wanted]
        return [_join(subscriber, list_, origin, number, now, muted) for list_ in wanted]


def refusal(*, account_id: int, number: str) -> str:
    """Why somebody can join no list; empty when they can.

    Args:
        account_id: whose list.
        number: E.164.
    """
    active = Suppression.objects.active().filter(account_id=account_id, recipient=number)
    suppression = active.exclude(reason=Suppression.Reason.REVIEW).first()
    return f"they are suppressed ({suppression.get_reason_display().lower()})" if suppression else ""


def _join(
    subscriber: Subscriber,
    list_: SubscriberList,
    origin: Origin,
    number: PhoneNumber | None,
    now: dt.datetime,
    muted: str,
) -> Joined:
    subscription = Subscription.objects.filter(list=list_, subscriber=subscriber).first()
    if subscription and subscription.state == State.SUBSCRIBED:
        return Joined(list_, Outcome.ALREADY)
    state = State.PENDING if list_.double_opt_in else State.SUBSCRIBED
    if subscription is None:
        Subscription.objects.create(list=list_, subscriber=subscriber, state=state, source=origin.source[:60])
    else:
        subscription.state = state
        subscription.ended_by = Subscription.EndedBy.NOBODY
        subscription.unsubscribed_at = None
        subscription.source = origin.source[:60]
        subscription.save()
    if state == State.SUBSCRIBED:
        record(origin.entry(Action.GIVEN, subscriber, list_))
        return Joined(list_, Outcome.JOINED)
    record(origin.entry(Action.REQUESTED, subscriber, list_))
    before = latest_request(subscriber, list_, now)
    if before is not None:
        _wait_again(before, number, now)
        return Joined(list_, Outcome.WAITING, f"asked in the last {ANSWER_DAYS} days")
    why_not = muted or ask(subscriber=subscriber, list_=list_, number=number, now=now)
    return Joined(list_, Outcome.NOT_ASKED if why_not else Outcome.ASKED, why_not)


def _wait_again(before: OptInRequest, number: PhoneNumber | None, now: dt.datetime) -> None:
    """Let a YES count of somebody who comes of their own will and may not be asked again yet."""
    number = number or before.number
    if before.state == OptInRequest.State.WAITING:
        OptInRequest.objects.filter(pk=before.pk).update(number=number, last_asked_at=now, updated_at=now)
        return
    # What was answered stays as it is: it is evidence.
    OptInRequest.objects.create(
        list_id=before.list_id,
        subscriber_id=before.subscriber_id,
        recipient=before.recipient,
        number=number,
        message_id=before.message_id,
        wording=before.wording,
        asked_at=before.asked_at,
        last_asked_at=now,
    )


def leave(*, subscriber: Subscriber, list_: SubscriberList, ended_by: str, origin: Origin) -> bool:
    """Take somebody off a list; what waits for their YES is over, too.

    Args:
        subscriber: the person.
        list_: the list.
        ended_by: a value of ``Subscription.EndedBy``.
        origin: where the wish comes from, for the consent ledger.

    Returns:
        False when they were not on it.
    """
    now = timezone.now()
    with transaction.atomic():
        # A YES at this moment comes before or after.
        Subscriber.objects.select_for_update().get(pk=subscriber.pk)
        left = (
            Subscription.objects.filter(list=list_, subscriber=subscriber)
            .exclude(state=State.UNSUBSCRIBED)
            .update(state=State.UNSUBSCRIBED, ended_by=ended_by, unsubscribed_at=now, updated_at=now)
        )
        OptInRequest.objects.filter(list=list_, subscriber=subscriber, state=OptInRequest.State.WAITING).update(
            state=OptInRequest.State.DECLINED, answered_at=now, updated_at=now
        )
        if left:
            record(origin.entry(Action.WITHDRAWN, subscriber, list_))
    return bool(left)

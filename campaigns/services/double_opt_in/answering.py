"""A pending person's YES or NO."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from broadcast.core.merge import TemplateError
from campaigns.models import OptInRequest, Subscriber, SubscriberList, Subscription
from campaigns.services.consent import Action, Entry, How, Origin, record_many
from campaigns.services.double_opt_in import texts
from campaigns.services.double_opt_in.asking import ANSWER_DAYS
from messaging.inbound.context import Decision, Inbound
from messaging.models import InboundMessage, PhoneNumber

State = Subscription.State


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer settled.

    Args:
        subscriber: who answered.
        lists: the lists it was about.
    """

    subscriber: Subscriber
    lists: list[SubscriberList]


def answer(*, message: InboundMessage, number: PhoneNumber, yes: bool) -> Answered | None:
    """Settle what somebody was asked last, for all lists of that occasion; None when nothing waits for an answer.

    Only questions that left this number, in the last 30 days, are answered: a YES to another number is about something else.

    Args:
        message: the YES or NO; kept with the request, in their words.
        number: where it came to.
        yes: whether it was a YES.
    """
    now = timezone.now()
    with transaction.atomic():
        # Of two answers at once the second finds nothing left to answer.
        subscriber = (
            Subscriber.objects.select_for_update().filter(account_id=number.account_id, number=message.sender).first()
        )
        if subscriber is None:
            return None
        waiting = _waiting(number, message.sender, now)
        last = _last(waiting)
        if last is None:
            return None
        # Held: what ended meanwhile without the person's lock is neither confirmed nor recorded.
        pending = Subscription.objects.pending().filter(subscriber=subscriber)
        still = set(pending.select_for_update(of=("self",)).values_list("list_id", flat=True))
        found = waiting.filter(last_asked_at=last).select_related("list__account").order_by("id")
        asked = [request for request in found if request.list_id in still]
        if not asked:
            return None
        OptInRequest.objects.filter(pk__in=[request.pk for request in asked]).update(
            state=OptInRequest.State.CONFIRMED if yes else OptInRequest.State.DECLINED,
            answered_at=now,
            answer=message,
            answer_text=message.body[:255],
            updated_at=now,
        )
        lists = [request.list for request in asked]
        pending.filter(list__in=lists).update(
            state=State.SUBSCRIBED if yes else State.UNSUBSCRIBED,
            ended_by=Subscription.EndedBy.NOBODY if yes else Subscription.EndedBy.DECLINED,
            unsubscribed_at=None if yes else now,
            updated_at=now,
        )
        record_many(_entry(request, subscriber, message, yes=yes) for request in asked)
    return Answered(subscriber, lists)


def asked_at(*, number: PhoneNumber, person: str) -> dt.datetime | None:
    """When somebody was asked last from this number what still waits for a YES or NO; None when nothing does.

    Args:
        number: ours.
        person: E.164.
    """
    return _last(_waiting(number, person, timezone.now()))


def _waiting(number: PhoneNumber, person: str, now: dt.datetime) -> QuerySet[OptInRequest]:
    pending = Subscription.objects.pending().filter(list=OuterRef("list"), subscriber=OuterRef("subscriber"))
    return OptInRequest.objects.filter(
        Exists(pending),
        subscriber__account_id=number.account_id,
        subscriber__number=person,
        recipient=person,
        number=number,
        state=OptInRequest.State.WAITING,
        last_asked_at__gt=now - dt.timedelta(days=ANSWER_DAYS),
    )


def _last(waiting: QuerySet[OptInRequest]) -> dt.datetime | None:
    return waiting.order_by("-last_asked_at").values_list("last_asked_at", flat=True).first()


def _entry(request: OptInRequest, subscriber: Subscriber, message: InboundMessage, *, yes: bool) -> Entry:
    wording = f"Asked: {request.reminder_wording or request.wording}\nAnswered: {message.body}"
    origin = Origin(
        how=How.MESSAGE, source="double opt-in", wording=wording, inbound_id=message.pk, at=message.received_at
    )
    action = Action.CONFIRMED if yes else Action.WITHDRAWN
    return origin.entry(action, subscriber, request.list, message_id=request.message_id)


def double_opt_in(inbound: Inbound) -> Decision | None:
    """The inbound handler: a YES or NO of somebody who was asked."""
    yes = inbound.reading.is_yes
    if not yes and not inbound.reading.is_no:
        return None
    answered = answer(message=inbound.message, number=inbound.number, yes=yes)
    if answered is None:
        return None
    names = ", ".join(f"“{list_}”" for list_ in answered.lists)
    if not yes:
        return Decision(f"Declined {names}.", f"{inbound.account}: all right, you will not get these messages.")
    if inbound.handled_by_provider:
        return Decision(f"Confirmed {names}; the provider has answered already.")
    try:
        replies = [texts.confirmed(list_, answered.subscriber) for list_ in answered.lists]
    except TemplateError as error:
        return Decision(f"Confirmed {names}. The answer cannot be made: {error}", waits=True)
    return Decision(f"Confirmed {names}.", "\n".join(dict.fromkeys(replies)))

"""Asking once more those who have not answered, where a list wishes it."""

from __future__ import annotations

import datetime as dt
import logging
from itertools import islice

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from broadcast.core.merge import TemplateError
from campaigns.models import OptInRequest, Subscriber, SubscriberList, Subscription
from campaigns.services.double_opt_in import texts
from campaigns.services.double_opt_in.asking import ANSWER_DAYS
from messaging.engine.places import open_now
from messaging.models import PhoneNumber, Suppression
from messaging.services.singles import submit

logger = logging.getLogger(__name__)

#: Reminders of one list in one run; the rest follow in the next.
MOST = 500


def due(list_: SubscriberList, now: dt.datetime) -> QuerySet[OptInRequest]:
    """Questions of a list that it is time to repeat: unanswered, never repeated, to people who may be written to."""
    pending = Subscription.objects.pending().filter(list=OuterRef("list"), subscriber=OuterRef("subscriber"))
    suppressed = Suppression.objects.active().filter(
        account_id=list_.account_id, recipient=OuterRef("subscriber__number")
    )
    return OptInRequest.objects.filter(
        Exists(pending),
        ~Exists(suppressed),
        list=list_,
        state=OptInRequest.State.WAITING,
        reminded_at=None,
        asked_at__lte=now - dt.timedelta(hours=list_.reminder_hours),
        asked_at__gt=now - dt.timedelta(days=ANSWER_DAYS),
        number__state=PhoneNumber.State.ACTIVE,
    )


def remind() -> int:
    """Repeat questions once, each at a decent hour where the person is; safe to run twice.

    Returns:
        How many people were reminded.
    """
    now = timezone.now()
    reminded = 0
    lists = SubscriberList.objects.filter(double_opt_in=True, reminder_hours__gt=0).select_related("account")
    for list_ in lists:
        if list_.account.is_active:
            reminded += sum(_remind_one(list_, *row, now) for row in _awake(list_, now))
    return reminded


def _awake(list_: SubscriberList, now: dt.datetime) -> list[tuple[int, int]]:
    """The next questions to repeat, with whom they were put to; who is asleep is passed over."""
    is_open = open_now(list_.account, now)
    values = ("pk", "subscriber_id", "subscriber__number", "subscriber__time_zone")
    rows = due(list_, now).order_by("id").values_list(*values).iterator()
    awake = ((pk, subscriber_id) for pk, subscriber_id, number, zone in rows if is_open(number, zone))
    return list(islice(awake, MOST))


def _remind_one(list_: SubscriberList, request_id: int, subscriber_id: int, now: dt.datetime) -> bool:
    with transaction.atomic():
        # The same lock as an answer's: who says YES at this moment is not reminded.
        subscriber = Subscriber.objects.select_for_update().filter(pk=subscriber_id).first()
        request = due(list_, now).filter(pk=request_id).select_related("number").first()
        if subscriber is None or request is None:
            return False
        request.reminded_at = now
        try:
            request.reminder_wording = texts.reminder(list_, subscriber)
        except TemplateError as error:
            logger.warning("The reminder of list %s cannot be made: %s", list_.pk, error)
            request.save(update_fields=("reminded_at", "updated_at"))
            return False
        request.last_asked_at = now
        request.save(update_fields=("reminded_at", "reminder_wording", "last_asked_at", "updated_at"))
        submit(account=list_.account, number=request.number, recipient=subscriber.number, body=request.reminder_wording)
    return True

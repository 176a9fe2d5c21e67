"""Carriers refuse a number as not registered: it is marked, somebody is told, and after a few of them nothing more leaves it."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from messaging.models import Alert, CarrierRefusal, Message, PhoneNumber
from messaging.services.alerts import raise_alert
from messaging.services.gateways import drop_numbers
from messaging.services.registration_checks import REFUSALS_TO_STOP

logger = logging.getLogger(__name__)


def note_refused(*, message_ids: list[int], code: str, text: str) -> None:
    """Carriers refused some messages because the number they left from is not registered.

    Args:
        message_ids: of one refusal's code; each once.
        code: the provider's.
        text: what it means, in words.
    """
    counts: dict[int, int] = {}
    for number_id in Message.objects.filter(pk__in=message_ids).values_list("number_id", flat=True):
        counts[number_id] = counts.get(number_id, 0) + 1
    for number_id, count in counts.items():
        mark_number(number_id=number_id, code=code, text=text, count=count)


def mark_number(*, number_id: int, code: str, text: str, count: int = 1) -> None:
    """Mark a number as refused; from ``REFUSALS_TO_STOP`` refusals on nothing more leaves from it.

    Others of its pool or route take over what waits at it. Where there are none, what leaves from it is paused.

    Args:
        number_id: which.
        code: the provider's, of the last refusal.
        text: what it means, in words.
        count: how many messages were refused now.
    """
    now = timezone.now()
    number = PhoneNumber.objects.select_related("account", "gateway").get(pk=number_id)
    with transaction.atomic():
        row = _count(number, code, text, count, now)
        stopped = row.count >= REFUSALS_TO_STOP
        done = "Nothing more leaves from it." if stopped else "If more are refused, nothing more leaves from it."
        messages = "message was" if row.count == 1 else "messages were"
        told = (
            f"Carriers refuse {number} of {number.account} as not registered ({code}); {row.count:,} {messages} refused. {done} "
            f"Register it at the provider, then say so on the number's page. It says: {text}"
        )
        raise_alert(kind=Alert.Kind.REGISTRATION, subject=f"number:{number_id}", text=told)
    logger.warning("Number %s is refused as not registered: %s", number_id, code)
    if stopped:
        # Later: the recorder counts within the transaction of the rows it writes.
        transaction.on_commit(lambda: _drop(number_id))


def _drop(number_id: int) -> None:
    drop_numbers([number_id])


def _count(number: PhoneNumber, code: str, text: str, count: int, now: dt.datetime) -> CarrierRefusal:
    values = {"code": code[:32], "text": text[:255], "last_at": now}
    row = CarrierRefusal.objects.filter(number=number)
    if not row.update(count=F("count") + count, **values):
        try:
            with transaction.atomic():
                return CarrierRefusal.objects.create(number=number, count=count, since=now, **values)
        except IntegrityError:
            # Another recorder has marked it a moment ago.
            row.update(count=F("count") + count, **values)
    return row.get()

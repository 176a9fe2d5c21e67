"""Mails to staff about inbound messages; what the mail server does not take is tried again for a day."""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.db.models import F
from django.utils import timezone

from broadcast.core.queue import enqueue_on_commit
from campaigns.models import StaffNotice
from campaigns.services.calls.delivering import CLAIM_SECONDS, GIVE_UP_AFTER, CallError, wait_seconds
from messaging.models import InboundMessage

logger = logging.getLogger(__name__)

#: Mails of one run.
MOST = 50

State = StaffNotice.State


def queue_notice(*, inbound: InboundMessage, addresses: Sequence[str], subject: str, body: str) -> StaffNotice:
    """Have staff written to once the open transaction is committed.

    Args:
        inbound: what it is about; of a number of an account.
        addresses: e-mail addresses.
        subject: cut to a header's length.
        body: the text.

    Raises:
        ValueError: the message came to a number that is not ours.
    """
    if inbound.account is None:
        raise ValueError("A message to an unknown number is nobody's, so nobody is written to.")
    # A line break in a name must not end the header.
    subject = " ".join(subject.split())[:200]
    notice = StaffNotice.objects.create(
        account=inbound.account, inbound=inbound, addresses=list(addresses), subject=subject, body=body
    )
    enqueue_on_commit("campaigns.tasks.send_notices")
    return notice


def send_due_notices() -> int:
    """Send what is due; safe to run twice, though a process killed in between sends the same mail again.

    Returns:
        How many mails the server took.
    """
    now = timezone.now()
    due = StaffNotice.objects.filter(state=State.WAITING, next_at__lte=now).order_by("next_at", "pk")
    return sum(_send(notice_id, now) for notice_id in list(due.values_list("pk", flat=True)[:MOST]))


def send_again(*, notice_id: int) -> None:
    """Try a failed mail again, for another 24 hours.

    Args:
        notice_id: the mail.

    Raises:
        CallError: it has not failed, or is gone.
    """
    now = timezone.now()
    again = StaffNotice.objects.filter(pk=notice_id, state=State.FAILED).update(
        state=State.WAITING, next_at=now, first_at=now, attempts=0, updated_at=now
    )
    if not again:
        raise CallError("Only a failed mail can be tried again; this one is waiting or was sent.")
    enqueue_on_commit("campaigns.tasks.send_notices")


def _send(notice_id: int, now: dt.datetime) -> bool:
    claimed = StaffNotice.objects.filter(pk=notice_id, state=State.WAITING, next_at__lte=now).update(
        next_at=now + dt.timedelta(seconds=CLAIM_SECONDS), attempts=F("attempts") + 1, updated_at=now
    )
    if not claimed:
        return False
    notice = StaffNotice.objects.get(pk=notice_id)
    rows = StaffNotice.objects.filter(pk=notice_id, state=State.WAITING)
    try:
        EmailMessage(notice.subject, notice.body, to=notice.addresses).send()
    except (smtplib.SMTPException, OSError) as error:
        later = timezone.now() + dt.timedelta(seconds=wait_seconds(notice.attempts))
        told = {"last_error": str(error)[:255], "updated_at": timezone.now()}
        if later - notice.first_at > GIVE_UP_AFTER:
            logger.error("Notice %s could not be sent by e-mail for 24 hours: %s", notice_id, error)
            rows.update(state=State.FAILED, **told)
        else:
            logger.warning("Notice %s could not be sent by e-mail; it is tried again: %s", notice_id, error)
            rows.update(next_at=later, **told)
        return False
    done = timezone.now()
    return bool(rows.update(state=State.SENT, sent_at=done, last_error="", updated_at=done))

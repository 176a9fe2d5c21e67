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
from campaigns.services.calls.delivering import CLAIM_SECONDS, GIVE_UP_AFTER, wait_seconds
from messaging.models import InboundMessage

logger = logging.getLogger(__name__)

#: Mails of one run.
MOST = 50


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
    due = StaffNotice.objects.filter(sent_at=None, next_at__lte=now, created_at__gt=now - GIVE_UP_AFTER)
    return sum(_send(notice_id, now) for notice_id in list(due.order_by("pk").values_list("pk", flat=True)[:MOST]))


def _send(notice_id: int, now: dt.datetime) -> bool:
    claimed = StaffNotice.objects.filter(pk=notice_id, sent_at=None, next_at__lte=now).update(
        next_at=now + dt.timedelta(seconds=CLAIM_SECONDS), attempts=F("attempts") + 1
    )
    if not claimed:
        return False
    notice = StaffNotice.objects.get(pk=notice_id)
    rows = StaffNotice.objects.filter(pk=notice_id, sent_at=None)
    try:
        EmailMessage(notice.subject, notice.body, to=notice.addresses).send()
    except (smtplib.SMTPException, OSError) as error:
        logger.error("Notice %s could not be sent by e-mail; it is tried again: %s", notice_id, error)
        later = timezone.now() + dt.timedelta(seconds=wait_seconds(notice.attempts))
        rows.update(next_at=later, last_error=str(error)[:255])
        return False
    return bool(rows.update(sent_at=timezone.now(), last_error=""))

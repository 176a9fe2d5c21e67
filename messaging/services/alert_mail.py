"""Alerts by e-mail: what is open and not yet told, several in one mail."""

from __future__ import annotations

import logging
import smtplib

from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.queue import enqueue
from messaging.models import Alert
from messaging.querysets import AlertQuerySet

logger = logging.getLogger(__name__)

#: Alerts in one mail; the rest follow in the next.
MOST = 50


def waiting() -> AlertQuerySet:
    """Open alerts that nobody was written to about."""
    return Alert.objects.open().filter(emailed_at=None)


def remind() -> bool:
    """Call the task that sends if it has something to send; whoever should have called it may have been killed."""
    return bool(config().alert_emails and waiting().exists() and enqueue("messaging.tasks.email_alerts"))


def email_open() -> int:
    """Write to those whom ``BROADCAST_ALERT_EMAILS`` names about what is open, in one mail.

    One process at a time does this (``messaging.tasks.email_alerts``). No transaction is open meanwhile; one that is killed
    after the mail has left sends it again.

    Returns:
        How many alerts the mail tells of; 0 when there is nothing to tell, nobody to tell, or the mail server failed. Then they
        wait for the next call.
    """
    addresses = config().alert_emails
    alerts = list(waiting().select_related("batch", "gateway").order_by("id")[:MOST])
    if not alerts or not addresses:
        return 0
    try:
        _mail(alerts, addresses).send()
    except (smtplib.SMTPException, OSError) as error:
        logger.error("%s alerts could not be sent by e-mail; this is tried again each minute: %s", len(alerts), error)
        return 0
    return Alert.objects.filter(pk__in=[alert.pk for alert in alerts]).update(emailed_at=timezone.now())


def _mail(alerts: list[Alert], addresses: tuple[str, ...]) -> EmailMessage:
    first = alerts[0]
    subject = f"Broadcast: {_headline(first)}" if len(alerts) == 1 else f"Broadcast: {len(alerts)} alerts"
    parts = [f"{_headline(alert)}\n{alert.text}\n{console_url(alert)}" for alert in alerts]
    # A line break in a name must not end the header.
    return EmailMessage(" ".join(subject.split())[:200], "\n\n".join(parts) + "\n", to=list(addresses))


def _headline(alert: Alert) -> str:
    about = alert.batch or alert.gateway
    kind: str = alert.get_kind_display()
    return f"{kind}: {about}" if about else kind


def console_url(alert: Alert) -> str:
    """The alert's page in the console."""
    return f"{config().public_url}{reverse('admin:messaging_alert_change', args=[alert.pk])}"

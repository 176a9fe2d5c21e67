"""Alerts: raised once for each cause, resolved when the cause is gone or when a person says that it is dealt with."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.queue import enqueue_on_commit
from integrations.models import Gateway
from messaging.models import Alert, Batch, PhoneNumber
from messaging.states import BatchState

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

Kind = Alert.Kind

#: Alerts that a batch leaves behind when it goes on or is over. ``EXPIRED`` stays: people did not get their message, and
#: somebody should have seen that.
ENDS_WITH_PAUSE = (Kind.REJECTIONS, Kind.CANARY, Kind.NUMBER_STOPPED)
ENDS_WITH_BATCH = (*ENDS_WITH_PAUSE, Kind.STALLED)
#: Somebody else may raise, and a third resolve, the same alert between two of our statements so often at most.
_TRIES = 5


def raise_alert(
    *, kind: str, text: str, batch: Batch | None = None, gateway: Gateway | None = None, subject: str = ""
) -> Alert:
    """Tell people of something that needs them; while the same alert is open it is the one that is returned.

    Part of the open transaction, so that what is told of and the alert are there together. An open alert takes the newer text;
    its e-mail is not repeated.

    Args:
        kind: a value of ``Alert.Kind``.
        text: what happened, to what, and what to do; 500 characters at most are kept.
        batch: which batch it is about; one open alert of a kind for each.
        gateway: which gateway it is about, where it is not about a batch.
        subject: what it is about, where it is about neither: ``brand:3``.
    """
    text = text[:500]
    cause = _cause(kind, batch, gateway, subject)
    for _ in range(_TRIES):
        alert = Alert.objects.open().filter(cause).first()
        if alert is not None:
            # Resolved in between: it is raised anew.
            if not Alert.objects.open().filter(pk=alert.pk).update(text=text):
                continue
            alert.text = text
            return alert
        try:
            with transaction.atomic():
                alert = Alert.objects.create(
                    kind=kind, batch=batch, gateway=gateway, subject=subject, text=text, created_at=timezone.now()
                )
        except IntegrityError:
            continue
        logger.warning("Alert %s: %s", alert.get_kind_display(), text)
        if config().alert_emails:
            enqueue_on_commit("messaging.tasks.email_alerts")
        return alert
    raise RuntimeError(f"An alert of kind {kind} was raised and resolved {_TRIES} times while it was being raised.")


def _cause(kind: str, batch: Batch | None, gateway: Gateway | None, subject: str) -> Q:
    if batch is not None:
        return Q(kind=kind, batch=batch)
    return Q(kind=kind, gateway=gateway, batch=None, subject=subject)


def resolve(
    *, kind: str, batch: Batch | None = None, gateway: Gateway | None = None, subject: str = "", note: str = ""
) -> int:
    """The cause of an alert is gone; how many open alerts there were.

    Args:
        kind: a value of ``Alert.Kind``.
        batch: as when it was raised.
        gateway: as when it was raised.
        subject: as when it was raised.
        note: why it is resolved.
    """
    return _close(Alert.objects.filter(_cause(kind, batch, gateway, subject)), note or "The cause is gone.")


def resolve_for_batch(batch_id: int, *, note: str) -> int:
    """A batch goes on or is over: what it was paused or stalled for needs nobody any more; how many alerts there were."""
    return _close(Alert.objects.filter(batch_id=batch_id, kind__in=ENDS_WITH_BATCH), note)


def resolve_by_person(*, alert_id: int, user: User) -> bool:
    """Somebody has dealt with it; False when it was resolved before."""
    return bool(_close(Alert.objects.filter(pk=alert_id), f"Dealt with by {user}."))


def resolve_outdated() -> int:
    """Resolve alerts whose cause is gone although nobody could say so: whoever removed it was killed; how many there were."""
    over = Q(batch__state__in=(BatchState.FINISHED, BatchState.CANCELLED))
    goes_on = Q(batch__state=BatchState.SENDING)
    closed = _close(Alert.objects.filter(over, kind__in=ENDS_WITH_BATCH), "It is over.")
    closed += _close(Alert.objects.filter(goes_on, kind__in=ENDS_WITH_PAUSE), "It goes on.")
    closed += _close(Alert.objects.filter(kind=Kind.STALLED, batch__stalled_at=None), "It moves again.")
    # Numbers that were disabled since the alert; one that somebody disabled before is none of its business.
    refused = PhoneNumber.objects.filter(
        gateway=OuterRef("gateway"), state=PhoneNumber.State.DISABLED, updated_at__gte=OuterRef("created_at")
    )
    enabled = Alert.objects.filter(~Exists(refused), kind=Kind.NUMBER_STOPPED, batch=None)
    closed += _close(enabled, "The number is in use again.")
    started = Alert.objects.filter(kind=Kind.GATEWAY_STOPPED, gateway__stopped_reason="")
    return closed + _close(started, "The gateway is in use again.")


def _close(alerts: QuerySet[Alert], note: str) -> int:
    # By id: an UPDATE cannot join.
    ids = list(alerts.filter(resolved_at=None).values_list("pk", flat=True))
    if not ids:
        return 0
    return Alert.objects.open().filter(pk__in=ids).update(resolved_at=timezone.now(), resolved_note=note[:200])

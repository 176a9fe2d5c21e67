"""Replays webhooks that were kept because nobody understood them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from django.db import transaction
from django.utils import timezone

from integrations.sms.errors import AdapterError
from messaging.jobs.inbound import route
from messaging.jobs.recorder import Recorder, as_webhook
from messaging.models import RejectedWebhook

if TYPE_CHECKING:
    from accounts.models import User

State = RejectedWebhook.State


class NotReplayed(Exception):
    """A webhook cannot be replayed; the text says which, why and what to do."""


def replay(*, webhook_id: int, user: User | None = None) -> int:
    """Have a kept webhook take effect as if it came now; what took effect before has none again.

    Args:
        webhook_id: the kept webhook.
        user: who asks; None for a command.

    Returns:
        How many inbound messages or delivery reports were in it that are new.

    Raises:
        NotReplayed: it was replayed before, cannot be read any more, or is not understood now either.
    """
    with transaction.atomic():
        kept = _locked(webhook_id)
        if not kept.event:
            raise NotReplayed(f"Webhook {kept.pk} was kept before replays were possible; only its text is here.")
        event = orjson.loads(kept.event)
        try:
            if kept.kind == "inbound":
                adapter = kept.gateway.adapter
                count = route(event, adapter.parse_inbound(as_webhook(event)), repeat_header=adapter.repeat_header)
            else:
                count = Recorder().replay(event)
        except AdapterError as error:
            raise NotReplayed(f"Webhook {kept.pk} is not understood now either: {error}") from error
        _close(kept, State.REPLAYED, user)
    return count


def dismiss(*, webhook_id: int, user: User | None = None) -> None:
    """Nobody needs to look at a kept webhook any more.

    Raises:
        NotReplayed: it was replayed or dismissed before.
    """
    with transaction.atomic():
        _close(_locked(webhook_id), State.DISMISSED, user)


def _locked(webhook_id: int) -> RejectedWebhook:
    kept = (
        RejectedWebhook.objects.select_for_update(of=("self",)).select_related("gateway").filter(pk=webhook_id).first()
    )
    if kept is None:
        raise NotReplayed(f"There is no kept webhook {webhook_id}.")
    if kept.state != State.KEPT:
        raise NotReplayed(f"Webhook {kept.pk} is {kept.get_state_display().lower()} already; there is nothing to do.")
    return kept


def _close(kept: RejectedWebhook, state: str, user: User | None) -> None:
    kept.state, kept.closed_at, kept.closed_by = state, timezone.now(), user
    kept.save(update_fields=("state", "closed_at", "closed_by"))

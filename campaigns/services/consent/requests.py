"""Opt-outs that were asked for by e-mail, telephone, letter or in person: entered, honoured, closed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from broadcast.core.phones import normalise
from campaigns.models import ConsentEvent, OptOutRequest
from campaigns.services.consent.clock import Clock, clock
from campaigns.services.consent.ledger import Action, Entry, How, record
from messaging.models import Suppression
from messaging.services.suppressions import suppress

if TYPE_CHECKING:
    from accounts.models import Account, User

State = OptOutRequest.State


class RequestRefused(Exception):
    """A request cannot be entered, honoured or closed; the text says why and what to do, for a person."""


def enter_request(
    *, account: Account, who: str, channel: str, received_at: dt.datetime, words: str, user: User, number: str = ""
) -> OptOutRequest:
    """Enter an opt-out request, and honour it at once when the number is known.

    Args:
        account: whom they do not want to hear from any more.
        who: who asked, as they gave it.
        channel: a value of ``OptOutRequest.Channel``.
        received_at: aware time at which it reached us.
        words: their words.
        user: who enters it.
        number: theirs, as written; empty while it is not known.

    Raises:
        RequestRefused: the number is none, or the time has not come yet.
    """
    e164 = _number(account, number) if number else ""
    if received_at > timezone.now():
        raise RequestRefused("It cannot have been received in the future. Correct the date and the time.")
    with transaction.atomic():
        request = OptOutRequest.objects.create(
            account=account, number="", who=who, channel=channel, received_at=received_at, words=words, entered_by=user
        )
        if e164:
            _honour(request, e164, user)
    return request


def honour_request(*, request_id: int, number: str, user: User) -> OptOutRequest:
    """Honour an open request whose number was found.

    Args:
        request_id: the request.
        number: theirs, as written.
        user: who found it.

    Raises:
        RequestRefused: the number is none, or the request was settled before.
    """
    with transaction.atomic():
        request = _open(request_id)
        _honour(request, _number(request.account, number), user)
    return request


def close_request(*, request_id: int, reason: str, user: User) -> OptOutRequest:
    """Close an open request that cannot be honoured.

    Args:
        request_id: the request.
        reason: why, for whoever asks later.
        user: who closes it.

    Raises:
        RequestRefused: no reason, or the request was settled before.
    """
    reason = reason.strip()
    if not reason:
        raise RequestRefused("Say why it is closed: somebody may ask for it later.")
    with transaction.atomic():
        request = _open(request_id)
        _settle(request, state=State.CLOSED, user=user, closed_reason=reason[:300])
    return request


def clock_of(request: OptOutRequest) -> Clock:
    """The legal clock: as it stands while the request is open, as it stood when it was settled."""
    return clock(request.received_at, request.account.zone, now=request.settled_at or timezone.now())


def _number(account: Account, raw: str) -> str:
    parsed = normalise(raw, account.default_region)
    if not parsed.e164:
        raise RequestRefused(parsed.reason or f"“{raw}” is not a phone number.")
    return parsed.e164


def _open(request_id: int) -> OptOutRequest:
    """The request, held until the transaction ends."""
    request = OptOutRequest.objects.select_for_update(of=("self",)).select_related("account").get(pk=request_id)
    if request.state != State.OPEN:
        raise RequestRefused(f"This request was {request.get_state_display().lower()} before; there is nothing to do.")
    return request


def _settle(request: OptOutRequest, *, state: str, user: User, **values: str) -> None:
    """``open`` → settled, once, whoever else tries."""
    values = {"state": state, **values}
    now = timezone.now()
    if not OptOutRequest.objects.open().filter(pk=request.pk).update(settled_at=now, settled_by=user, **values):
        raise RequestRefused("Somebody settled this request a moment ago; there is nothing to do.")
    request.refresh_from_db()


def _honour(request: OptOutRequest, number: str, user: User) -> None:
    _settle(request, state=State.HONOURED, user=user, number=number)
    source = f"{request.get_channel_display()}, request {request.pk}"
    ledger = ConsentEvent.objects.of_person(request.account_id, number)
    newest = ledger.values_list("id", flat=True).last() or 0
    suppress(
        account_id=request.account_id,
        recipient=number,
        reason=Suppression.Reason.OPT_OUT,
        note=request.words,
        user=user,
        how="staff",
        source=source,
        at=request.received_at,
    )
    if not ledger.filter(id__gt=newest, action=Action.WITHDRAWN).exists():
        # They had opted out before, so nothing changed; that they asked again is kept all the same.
        record(
            Entry(
                account_id=request.account_id,
                number=number,
                action=Action.WITHDRAWN,
                how=How.STAFF,
                wording=request.words,
                source=source,
                at=request.received_at,
                by=user,
            )
        )

"""Suppressions: added at once and everywhere, lifted with a note."""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from broadcast.core.redis import RedisAway, get_redis
from messaging.engine import keys
from messaging.models import Message, PhoneNumber, Suppression
from messaging.signals import How, suppression_added, suppression_lifted
from messaging.states import TAKEN_STATES

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

#: Reasons that are the person's own wish.
OPT_OUTS = (Suppression.Reason.OPT_OUT, Suppression.Reason.PROVIDER_OPT_OUT)
#: Reasons that are somebody's wish, the person's or staff's; they outlast the others.
WISHES = (*OPT_OUTS, Suppression.Reason.STAFF)
#: Reasons that say nothing of anybody's wish: they give way.
WEAKER = (Suppression.Reason.BAD_NUMBER, Suppression.Reason.REVIEW)
#: Stands in a note of staff's when the person opted out as well.
ALSO_OPTED_OUT = "They opted out too:"


def suppress(
    *,
    account_id: int,
    recipient: str,
    reason: str,
    note: str = "",
    message_id: int | None = None,
    user: User | None = None,
    how: How = "staff",
    source: str = "",
    inbound_id: int | None = None,
    at: dt.datetime | None = None,
) -> bool:
    """Never send to this recipient again, until it is lifted.

    Senders that hold the recipient's message already see it too, through Redis.

    Args:
        account_id: whose recipient.
        recipient: E.164.
        reason: a value of ``Suppression.Reason``.
        note: their words, or a person's.
        message_id: the message that led to it; the last campaign message they had when omitted.
        user: who did it, None for the system.
        how: by which way they asked; ``message`` for a text of theirs, ``provider`` for what a provider says of them.
        source: where it is from, for the consent ledger, e.g. which e-mail.
        inbound_id: the inbound message that asked for it.
        at: aware time at which they asked; now when omitted.

    Returns:
        False when they were suppressed before. An opt-out, or staff, takes the place of a number that could not be reached and
        of a doubt; what staff suppressed stays theirs to lift, with the opt-out in its note.
    """
    if message_id is None:
        message_id = last_campaign_message(account_id, recipient)
    with transaction.atomic():
        # Held, so that of two opt-outs at once one is confirmed, and a START at this moment comes before or after.
        suppression, created = Suppression.objects.select_for_update().get_or_create(
            account_id=account_id,
            recipient=recipient,
            lifted_at=None,
            defaults={"reason": reason, "note": note[:200], "message_id": message_id, "created_by": user},
        )
        told = created
        if not created and reason in WISHES and suppression.reason in WEAKER:
            _take_the_place(suppression, reason=reason, note=note, message_id=message_id, user=user)
            told = created = True
        elif not created and reason in OPT_OUTS and suppression.reason not in OPT_OUTS:
            _opt_out_as_well(suppression, note, at or timezone.now())
            told = True
        if told:
            suppression_added.send(
                sender=Suppression,
                account_id=account_id,
                recipient=recipient,
                reason=reason,
                message_id=message_id,
                how=how,
                note=note,
                source=source,
                inbound_id=inbound_id,
                user=user,
                at=at or timezone.now(),
            )
    tell_senders(account_id=account_id, recipient=recipient, reason=reason)
    return created


def tell_senders(*, account_id: int, recipient: str, reason: str) -> None:
    """Have senders that hold a message to this recipient see the suppression before it leaves."""
    member = mark_of(account_id=account_id, recipient=recipient, reason=reason)
    try:
        get_redis().pipeline(transaction=False).zadd(keys.STOPS, {member: time.time()}).publish(
            keys.STOPPED, member
        ).execute()
    except RedisAway as error:
        logger.warning("Redis is away: a suppression holds from the next claim on: %s", error)


def mark_of(*, account_id: int, recipient: str, reason: str) -> str:
    """The mark by which senders see a suppression: a member of ``keys.STOPS``."""
    is_doubt = reason == Suppression.Reason.REVIEW
    return (keys.hold_of_account if is_doubt else keys.stop_of_account)(account_id, recipient)


def _take_the_place(
    suppression: Suppression, *, reason: str, note: str, message_id: int | None, user: User | None
) -> None:
    suppression.reason, suppression.note, suppression.message_id = reason, note[:200], message_id
    suppression.created_by = user
    suppression.save(update_fields=("reason", "note", "message_id", "created_by"))


def _opt_out_as_well(suppression: Suppression, note: str, at: dt.datetime) -> None:
    """An opt-out of somebody whom staff have suppressed; it outlasts what staff did."""
    if suppression.opted_out_at is None:
        added = f" {ALSO_OPTED_OUT} {note}"[:100]
        suppression.note = f"{suppression.note[: 200 - len(added)]}{added}".strip()
        suppression.opted_out_at, suppression.opted_out_words = at, note[:200]
        suppression.save(update_fields=("note", "opted_out_at", "opted_out_words"))


def lift(
    *,
    account_id: int,
    recipient: str,
    note: str = "",
    user: User | None = None,
    how: How = "staff",
    source: str = "",
    inbound_id: int | None = None,
    at: dt.datetime | None = None,
) -> bool:
    """Allow sending to a recipient again; False when they were not suppressed.

    Of somebody who opted out while staff had them suppressed, the opt-out stays in force: it is lifted by itself.

    Args:
        account_id: whose recipient.
        recipient: E.164.
        note: why; shown with the history.
        user: who did it, None when the recipient did.
        how: by which way they came back; ``message`` for a text of theirs.
        source: where it is from, for the consent ledger.
        inbound_id: the inbound message that asked for it.
        at: aware time at which they asked; now when omitted.
    """
    kept_note = f"{note} ({user})".strip() if user is not None else note
    with transaction.atomic():
        active = Suppression.objects.active().filter(account_id=account_id, recipient=recipient)
        suppression = active.select_for_update().first()
        if suppression is not None:
            active.update(lifted_at=timezone.now(), lifted_note=kept_note[:200])
            if suppression.opted_out_at is not None:
                # Nothing is told: to the person's consent nothing has happened.
                _keep_opt_out(suppression, at=suppression.opted_out_at)
            else:
                suppression_lifted.send(
                    sender=Suppression,
                    account_id=account_id,
                    recipient=recipient,
                    reason=suppression.reason,
                    how=how,
                    note=note,
                    source=source,
                    inbound_id=inbound_id,
                    user=user,
                    at=at or timezone.now(),
                )
    if suppression is None or suppression.opted_out_at is not None:
        forget_hold(account_id=account_id, recipient=recipient)
        return suppression is not None
    _forget(marks_of(suppression))
    return True


def _keep_opt_out(lifted: Suppression, *, at: dt.datetime) -> None:
    Suppression.objects.create(
        account_id=lifted.account_id,
        recipient=lifted.recipient,
        reason=Suppression.Reason.OPT_OUT,
        note=lifted.opted_out_words,
        created_at=at,
    )


def forget_hold(*, account_id: int, recipient: str) -> None:
    """Take the mark of a doubt away; those of an opt-out stay."""
    _forget([keys.hold_of_account(account_id, recipient)])


def marks_of(suppression: Suppression) -> list[str]:
    """The marks that go when it is lifted. Any other is of a STOP that has arrived and waits to be routed: it stays."""
    account_id, recipient = suppression.account_id, suppression.recipient
    members = [keys.hold_of_account(account_id, recipient)]
    if suppression.reason == Suppression.Reason.REVIEW:
        return members
    members.append(keys.stop_of_account(account_id, recipient))
    if suppression.reason in OPT_OUTS:
        numbers = PhoneNumber.objects.filter(account_id=account_id).values_list("number", flat=True)
        members += [keys.stop_of_number(number, recipient) for number in numbers]
    return members


def _forget(members: list[str]) -> None:
    try:
        get_redis().zrem(keys.STOPS, *members)
    except RedisAway as error:
        logger.warning("Redis is away: they are sent to once the sweeper has taken their mark away: %s", error)


def last_campaign_message(account_id: int, recipient: str) -> int | None:
    """The last campaign message that a recipient had; opt-outs are counted with it."""
    return (
        Message.objects.filter(
            account_id=account_id,
            recipient=recipient,
            kind=Message.Kind.CAMPAIGN,
            state__in=(*TAKEN_STATES, "unknown", "sending"),
        )
        .order_by("-id")
        .values_list("id", flat=True)
        .first()
    )

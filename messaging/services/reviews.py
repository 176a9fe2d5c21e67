"""Messages that may be opt-outs: asked about once a person, blocking campaigns, decided with one click."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from accounts.models import Account
from messaging.models import InboundMessage, Message, OptOutReview, Suppression
from messaging.services.singles import submit
from messaging.services.suppressions import OPT_OUTS, forget_hold, lift, suppress, tell_senders
from messaging.signals import suppression_added
from messaging.wording import Reading

if TYPE_CHECKING:
    from accounts.models import User

State = OptOutReview.State


class ReviewSettled(Exception):
    """The review was decided before; the text says so, for a person."""


def ask(*, inbound: InboundMessage, reading: Reading) -> OptOutReview:
    """Have a person decide whether somebody opted out; until then they get no campaigns.

    Further unclear messages of theirs join the review that waits.

    Args:
        inbound: the message, routed to an account.
        reading: how it was read.

    Raises:
        ValueError: the message came to no account.
    """
    if inbound.account_id is None:
        raise ValueError(f"Message {inbound.pk} came to no account; there is nobody to opt out from.")
    with transaction.atomic():
        suppress(
            account_id=inbound.account_id,
            recipient=inbound.sender,
            reason=Suppression.Reason.REVIEW,
            note=inbound.body,
            how="message",
            inbound_id=inbound.pk,
            at=inbound.received_at,
        )
        review, created = OptOutReview.objects.get_or_create(
            account_id=inbound.account_id,
            recipient=inbound.sender,
            state=State.PENDING,
            defaults={"inbound": inbound, "score": reading.score, "rules": list(reading.rules)},
        )
        review.messages.add(inbound)
        if not created and reading.score > review.score:
            review.score, review.rules = reading.score, list(reading.rules)
            review.save(update_fields=("score", "rules"))
    return review


def decide_opt_out(*, review_id: int, user: User) -> OptOutReview:
    """They opted out: as of their message, with the one confirmation that is allowed.

    Args:
        review_id: the review.
        user: who decided.

    Raises:
        ReviewSettled: somebody decided before.
    """
    with transaction.atomic():
        review = _close(review_id, State.OPTED_OUT, user)
        if _opt_out(review, user):
            _confirm(review)
    return review


def decide_keep(*, review_id: int, user: User) -> OptOutReview:
    """They did not mean it: campaigns reach them again.

    What suppresses them for another reason stays.

    Args:
        review_id: the review.
        user: who decided.

    Raises:
        ReviewSettled: somebody decided before.
    """
    with transaction.atomic():
        review = _close(review_id, State.KEPT, user)
        held = Suppression.objects.active().filter(account_id=review.account_id, recipient=review.recipient)
        if held.filter(reason=Suppression.Reason.REVIEW).exists():
            lift(
                account_id=review.account_id,
                recipient=review.recipient,
                note="Reviewed: not meant as an opt-out.",
                user=user,
                source=f"Review {review.pk}",
                inbound_id=review.inbound_id,
            )
        else:
            forget_hold(account_id=review.account_id, recipient=review.recipient)
    return review


def settle(*, account_id: int, recipient: str, opted_out: bool) -> bool:
    """Close the review of somebody who has said clearly what they want; False when none waited.

    Args:
        account_id: whose recipient.
        recipient: E.164.
        opted_out: whether they opted out, else came back.
    """
    waiting = OptOutReview.objects.filter(account_id=account_id, recipient=recipient, state=State.PENDING)
    state = State.OPTED_OUT if opted_out else State.KEPT
    return bool(waiting.update(state=state, decided_at=timezone.now()))


def opt_out_text(account: Account) -> str:
    """The one confirmation of an opt-out."""
    return account.opt_out_text or (
        f"{account.name}: you are unsubscribed and will get no more messages. Reply START to come back."
    )


def _close(review_id: int, state: str, user: User) -> OptOutReview:
    """``pending`` → decided, once."""
    review = OptOutReview.objects.select_related("account", "inbound__number__gateway").filter(pk=review_id).first()
    if review is None:
        raise ReviewSettled("This review is not here any more; there is nothing to decide.")
    # The suppression is locked first, as everywhere: a STOP that is routed this moment is over or waits.
    blocked = Suppression.objects.active().filter(account_id=review.account_id, recipient=review.recipient)
    blocked.select_for_update().first()
    closed = OptOutReview.objects.filter(pk=review_id, state=State.PENDING).update(
        state=state, decided_at=timezone.now(), decided_by=user
    )
    review.refresh_from_db(fields=("state", "decided_at", "decided_by"))
    if not closed:
        said = review.get_state_display().lower()
        raise ReviewSettled(f"{review.recipient} was decided before ({said}); there is nothing to do.")
    return review


def _opt_out(review: OptOutReview, user: User) -> bool:
    """Make the review's block an opt-out; False when they had opted out before."""
    since: dt.datetime = review.inbound.received_at
    blocked = Suppression.objects.active().filter(account_id=review.account_id, recipient=review.recipient)
    changed = blocked.filter(reason=Suppression.Reason.REVIEW).update(
        reason=Suppression.Reason.OPT_OUT, note=review.inbound.body[:200], created_at=since, created_by=user
    )
    if not changed:
        if blocked.filter(reason__in=OPT_OUTS).exists():
            return False
        return suppress(
            account_id=review.account_id,
            recipient=review.recipient,
            reason=Suppression.Reason.OPT_OUT,
            note=review.inbound.body,
            user=user,
            how="message",
            source=f"Review {review.pk}",
            inbound_id=review.inbound_id,
            at=since,
        )
    tell_senders(account_id=review.account_id, recipient=review.recipient, reason=Suppression.Reason.OPT_OUT)
    suppression_added.send(
        sender=Suppression,
        account_id=review.account_id,
        recipient=review.recipient,
        reason=Suppression.Reason.OPT_OUT,
        message_id=blocked.values_list("message_id", flat=True).first(),
        how="message",
        note=review.inbound.body,
        source=f"Review {review.pk}",
        inbound_id=review.inbound_id,
        user=user,
        at=since,
    )
    return True


def _confirm(review: OptOutReview) -> None:
    """Say so once, from the number they wrote to, while that still sends."""
    number = review.inbound.number
    if number is None or not number.answers or not review.account.is_active:
        return
    answered = Message.objects.filter(in_reply_to=review.inbound).exists()
    submit(
        account=review.account,
        number=number,
        recipient=review.recipient,
        body=opt_out_text(review.account),
        kind=Message.Kind.SERVICE,
        in_reply_to=None if answered else review.inbound,
    )

"""Routes an inbound message: receiving number → account → what is known of the sender → the first handler that takes it.

Layers above add handlers at a named place: ``register("keyword", handler, before="default_reply")``. The decision is stored
with the message, so that a person can see why this answer was given.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from integrations.sms.events import InboundSms
from messaging.inbound import handlers, strays
from messaging.inbound.context import Decision, Handler, Inbound
from messaging.models import InboundMessage, PhoneNumber
from messaging.services.conversations import note_inbound
from messaging.services.people import known_of
from messaging.services.people import register_person_source as register_person_source
from messaging.services.singles import submit
from messaging.states import MessageState
from messaging.wording import read

_handlers: list[tuple[str, Handler]] = [
    ("loop_guard", handlers.loop_guard),
    ("opt_out", handlers.opt_out),
    ("help", handlers.help_word),
    ("opt_in", handlers.opt_in),
    ("unclear_opt_out", handlers.unclear_opt_out),
    ("default_reply", handlers.default_reply),
    ("inbox", handlers.inbox),
]


def register(name: str, handler: Handler, *, before: str) -> None:
    """Add a handler.

    Args:
        name: stored with the messages it takes; at most 20 characters.
        handler: returns None for what is not its business.
        before: name of the handler in front of which it goes.

    Raises:
        LookupError: there is no such handler.
    """
    if any(known == name for known, _ in _handlers):
        return
    for index, (known, _) in enumerate(_handlers):
        if known == before:
            _handlers.insert(index, (name, handler))
            return
    raise LookupError(f"There is no inbound handler “{before}”.")


def handler_names() -> list[str]:
    """Names of all handlers, in the order in which they are asked."""
    return [name for name, _ in _handlers]


def receive(
    *, gateway_id: int, sms: InboundSms, received_at: dt.datetime, idempotency_token: str = ""
) -> InboundMessage | None:
    """Store and route one inbound message; None when it was here before.

    One transaction: the row, its effects and the answer are there together or not at all.

    Args:
        gateway_id: where it came in.
        sms: the message; NUL characters, which the database cannot hold, are taken out.
        received_at: aware time at which the webhook was stored.
        idempotency_token: the provider's mark of the webhook, where it holds one message: the same token has one effect.
    """
    sms = _without_nul(sms)
    token = idempotency_token.replace("\x00", "")[:64]
    with transaction.atomic():
        if token and InboundMessage.objects.filter(gateway_id=gateway_id, idempotency_token=token).exists():
            return None
        known = PhoneNumber.objects.select_related("account", "gateway")
        number = known.receiver(gateway_id=gateway_id, number=sms.recipient, at=received_at)
        message, created = InboundMessage.objects.get_or_create(
            gateway_id=gateway_id,
            provider_id=sms.provider_id,
            defaults={
                "account": number.account if number else None,
                "number": number,
                "sender": sms.sender,
                "recipient": sms.recipient,
                "body": sms.body,
                "media": [list(item) for item in sms.media],
                "segments": sms.segments,
                "idempotency_token": token,
                "received_at": received_at,
            },
        )
        if not created:
            return None
        if number is None:
            strays.keep(message, sms)
            return message
        _route(message, number, sms)
    return message


def _without_nul(sms: InboundSms) -> InboundSms:
    def clean(text: str) -> str:
        return text.replace("\x00", "")

    return replace(
        sms,
        provider_id=clean(sms.provider_id),
        sender=clean(sms.sender),
        recipient=clean(sms.recipient),
        body=clean(sms.body),
        media=tuple((clean(url), clean(kind)) for url, kind in sms.media),
    )


def _route(message: InboundMessage, number: PhoneNumber, sms: InboundSms) -> None:
    inbound = Inbound(
        message=message,
        account=number.account,
        number=number,
        reading=read(message.body),
        person=known_of(number.account_id, message.sender),
        handled_by_provider=sms.handled_by_provider,
    )
    name, decision = _decide(inbound)
    not_answered = _answer(inbound, decision) if decision.reply else ""
    _close(message, InboundMessage.State.HANDLED, name, f"{decision.why} {not_answered}".strip())
    # What should have been answered by machine and was not is a person's to answer, unless silence is what is meant.
    note_inbound(message=message, waits=decision.waits or bool(not_answered and not inbound.muted))


def _answer(inbound: Inbound, decision: Decision) -> str:
    """Queue the answer; else why there is none."""
    account, number = inbound.account, inbound.number
    if inbound.muted:
        return f"Not answered: {inbound.muted}"
    if not account.is_active:
        return f"Not answered: {account} is {account.get_status_display().lower()}."
    if not number.answers:
        return f"Not answered: {number} is {number.get_state_display().lower()}."
    answers = [
        submit(
            account=account,
            number=number,
            recipient=inbound.message.sender,
            body=text,
            kind=decision.kind,
            # One message is the answer; what follows it stands for itself.
            in_reply_to=None if index else inbound.message,
        )
        for index, text in enumerate((decision.reply, *decision.more))
    ]
    return "Not answered: they are suppressed." if answers[0].state == MessageState.SUPPRESSED else ""


def _decide(inbound: Inbound) -> tuple[str, Decision]:
    for name, handler in _handlers:
        decision = handler(inbound)
        if decision is not None:
            return name, decision
    return "inbox", handlers.inbox(inbound)


def _close(message: InboundMessage, state: str, handler: str, decision: str) -> None:
    message.state, message.handler, message.decision = state, handler, decision[:255]
    message.handled_at = timezone.now()
    message.save(update_fields=("state", "handler", "decision", "handled_at"))

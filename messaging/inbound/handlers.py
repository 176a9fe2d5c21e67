"""The transport's own handlers, in their order: loop guard, opt-out, help, opt-in, unclear opt-out, default reply, inbox."""

from __future__ import annotations

import logging

from broadcast.core.merge import TemplateError, render_template
from integrations.sms.events import OptOutAction
from messaging.inbound.context import Decision, Inbound
from messaging.models import Message, Suppression
from messaging.services.loops import LOOP_MESSAGES, LOOP_MINUTES, is_talking_in_circles
from messaging.services.reviews import ask, opt_out_text
from messaging.services.suppressions import OPT_OUTS, lift, suppress
from messaging.wording import Intent, is_help, is_opt_in, is_opt_out, read

logger = logging.getLogger(__name__)


def loop_guard(inbound: Inbound) -> Decision | None:
    """Too many messages to and from one person at once: two machines answer each other, so ours falls silent.

    What people ask of us about their consent is done all the same, without a word.
    """
    message = inbound.message
    if not is_talking_in_circles(inbound.account.pk, message.sender, message.received_at, but=message.pk):
        return None
    silent = f"Over {LOOP_MESSAGES} messages to and from them in {LOOP_MINUTES} minutes: no automatic answer."
    intent = read(message.body).intent
    if intent in (Intent.OPT_OUT, Intent.OPT_IN, Intent.UNCLEAR) or inbound.handled_by_provider:
        inbound.muted = silent
        return None
    logger.warning("Inbound message %s is not answered: over %s messages in a few minutes", message.pk, LOOP_MESSAGES)
    return Decision(silent, waits=True)


def opt_out(inbound: Inbound) -> Decision | None:
    """STOP and its like: suppress at once, confirm once."""
    message, account = inbound.message, inbound.account
    if not is_opt_out(message.body) and inbound.handled_by_provider != OptOutAction.STOP:
        return None
    added = suppress(
        account_id=account.pk,
        recipient=message.sender,
        reason=Suppression.Reason.OPT_OUT,
        note=message.body,
        how="message",
        inbound_id=message.pk,
        at=message.received_at,
    )
    if not added:
        return Decision("They were suppressed before; one confirmation is all that is allowed.")
    if inbound.handled_by_provider:
        return Decision("Opted out; the provider has confirmed it already.")
    return Decision("Opted out and confirmed.", opt_out_text(account), Message.Kind.SERVICE)


def help_word(inbound: Inbound) -> Decision | None:
    """HELP: who we are and how to stop."""
    if not is_help(inbound.message.body) and inbound.handled_by_provider != OptOutAction.HELP:
        return None
    if inbound.handled_by_provider:
        return Decision("Asked for help; the provider has answered already.")
    account = inbound.account
    text = account.help_text or f"{account.name}: reply STOP to unsubscribe. Message and data rates may apply."
    return Decision("Asked for help.", text, Message.Kind.SERVICE)


def opt_in(inbound: Inbound) -> Decision | None:
    """START: undo an opt-out. YES and the like say nothing to who has not opted out."""
    message, account = inbound.message, inbound.account
    if not is_opt_in(message.body) and inbound.handled_by_provider != OptOutAction.START:
        return None
    suppression = Suppression.objects.active().filter(account=account, recipient=message.sender).first()
    if suppression is None:
        return None
    if suppression.reason not in (*OPT_OUTS, Suppression.Reason.REVIEW):
        return Decision(f"Asked to come back, but stays suppressed: {suppression.get_reason_display().lower()}.")
    lift(
        account_id=account.pk,
        recipient=message.sender,
        note=message.body,
        how="message",
        inbound_id=message.pk,
        at=message.received_at,
    )
    if inbound.handled_by_provider:
        return Decision("Opted in again; the provider has confirmed it already.")
    text = account.opt_in_text or f"{account.name}: welcome back. Reply HELP for help, STOP to unsubscribe."
    return Decision("Opted in again and confirmed.", text, Message.Kind.SERVICE)


def default_reply(inbound: Inbound) -> Decision | None:
    """The account's answer to anything else, if it has one."""
    template = inbound.account.default_reply
    if not template:
        return None
    try:
        text = render_template(template, inbound.person)
    except TemplateError as error:
        return Decision(f"The default reply cannot be made: {error}"[:255], waits=True)
    if not text:
        return Decision("The default reply is empty for this person.", waits=True)
    # Nobody has understood what they wrote, so a person still looks at it.
    return Decision("Nothing else answered: the account's default reply.", text, waits=True)


def inbox(inbound: Inbound) -> Decision:
    """Nobody answers by machine: it waits for a person."""
    if inbound.message.body:
        return Decision("No automatic answer: it waits in the inbox.", waits=True)
    return Decision("Without text: it waits in the inbox.", waits=True)


def unclear_opt_out(inbound: Inbound) -> Decision | None:
    """What may be an opt-out waits for a person, and blocks campaigns until then."""
    reading = read(inbound.message.body)
    if reading.intent is not Intent.UNCLEAR:
        return None
    active = Suppression.objects.active().filter(account=inbound.account, recipient=inbound.message.sender)
    if active.filter(reason__in=OPT_OUTS).exists():
        # There is nothing to decide; what else they want is for the handlers that follow.
        return None
    ask(inbound=inbound.message, reading=reading)
    return Decision(reading.why, waits=True)

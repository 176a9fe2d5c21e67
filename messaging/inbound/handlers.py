"""The transport's own handlers, in their order: opt-out, help, opt-in, default reply, inbox."""

from __future__ import annotations

from broadcast.core.merge import TemplateError, render_template
from integrations.sms.events import OptOutAction
from messaging.inbound.context import Decision, Inbound
from messaging.models import Message, Suppression
from messaging.services.suppressions import lift, suppress
from messaging.words import is_help, is_opt_in, is_opt_out


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
    )
    if not added:
        return Decision("They were suppressed before; one confirmation is all that is allowed.")
    if inbound.handled_by_provider:
        return Decision("Opted out; the provider has confirmed it already.")
    text = account.opt_out_text or (
        f"{account.name}: you are unsubscribed and will get no more messages. Reply START to come back."
    )
    return Decision("Opted out and confirmed.", text, Message.Kind.SERVICE)


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
    if suppression.reason not in (Suppression.Reason.OPT_OUT, Suppression.Reason.PROVIDER_OPT_OUT):
        return Decision(f"Asked to come back, but stays suppressed: {suppression.get_reason_display().lower()}.")
    lift(account_id=account.pk, recipient=message.sender, note=message.body)
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
        return Decision(f"The default reply cannot be made: {error}"[:255])
    if not text:
        return Decision("The default reply is empty for this person.")
    return Decision("Nothing else answered: the account's default reply.", text)


def inbox(inbound: Inbound) -> Decision:
    """Nobody answers by machine: it waits for a person."""
    if inbound.message.body:
        return Decision("No automatic answer: it waits in the inbox.")
    return Decision("Without text: it waits in the inbox.")

"""The transport's own handlers, in their order: loop guard, opt-out, help, opt-in, unclear opt-out, default reply, inbox."""

from __future__ import annotations

import datetime as dt
import logging

from django.utils import timezone

from accounts.answers import help_answer
from broadcast.core.merge import TemplateError, render_template
from integrations.sms.events import OptOutAction
from messaging.inbound.context import Decision, Inbound
from messaging.models import InboundMessage, Message, Suppression
from messaging.services.loops import LOOP_MESSAGES, LOOP_MINUTES, is_expected, is_talking_in_circles
from messaging.services.reviews import ask, opt_out_text
from messaging.services.suppressions import OPT_OUTS, lift, suppress
from messaging.wording import Intent

logger = logging.getLogger(__name__)

#: So long after a reply of a person no machine says that nobody is there.
TALK_HOURS = 12


def loop_guard(inbound: Inbound) -> Decision | None:
    """Too many messages to and from one person at once: two machines answer each other, so ours falls silent.

    What people ask of us about their consent is done all the same, without a word. What a running exchange waits for goes on:
    a long one has more messages.
    """
    message = inbound.message
    if not is_talking_in_circles(inbound.account.pk, message.sender, message.received_at, but=message.pk):
        return None
    intent = inbound.reading.intent
    # HELP is answered, not taken: it would be expected for ever.
    may_go_on = intent in (Intent.NONE, Intent.OPT_IN) and not inbound.handled_by_provider
    if may_go_on and is_expected(number_id=inbound.number.pk, person=message.sender, text=message.body):
        return None
    silent = f"Over {LOOP_MESSAGES} messages to and from them in {LOOP_MINUTES} minutes: no automatic answer."
    if intent in (Intent.OPT_OUT, Intent.OPT_IN, Intent.UNCLEAR) or inbound.handled_by_provider:
        inbound.muted = silent
        return None
    logger.warning("Inbound message %s is not answered: over %s messages in a few minutes", message.pk, LOOP_MESSAGES)
    return Decision(silent, waits=True)


def opt_out(inbound: Inbound) -> Decision | None:
    """STOP and its like: suppress at once, confirm once."""
    message, account = inbound.message, inbound.account
    if inbound.reading.intent is not Intent.OPT_OUT and inbound.handled_by_provider != OptOutAction.STOP:
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
    """HELP: who we are, whom to ask and how to stop; in Spanish or French for who asks in it."""
    if inbound.reading.intent is not Intent.HELP and inbound.handled_by_provider != OptOutAction.HELP:
        return None
    if inbound.handled_by_provider:
        return Decision("Asked for help; the provider has answered already.")
    answer = help_answer(account=inbound.account, person=inbound.person, language=inbound.reading.help_language)
    return Decision(f"Asked for help. {answer.problem}".strip(), answer.text, Message.Kind.SERVICE)


def opt_in(inbound: Inbound) -> Decision | None:
    """START: undo an opt-out. YES and the like say nothing to who has not opted out.

    Only what they asked for themselves is theirs to undo: what staff suppressed stays, and a person looks at their wish. A
    number that was given up as out of reach is in reach, as they write from it.
    """
    message, account = inbound.message, inbound.account
    if inbound.reading.intent is not Intent.OPT_IN and inbound.handled_by_provider != OptOutAction.START:
        return None
    suppression = Suppression.objects.active().filter(account=account, recipient=message.sender).first()
    if suppression is None:
        return None
    if suppression.reason not in OPT_OUTS and inbound.reading.is_bare_yes and not inbound.handled_by_provider:
        # To a question whether to stop, "yes" means the opposite.
        return None
    if suppression.reason == Suppression.Reason.STAFF:
        return Decision(
            "Asked to come back, but stays suppressed by staff: lift it under Suppressions if they may.", waits=True
        )
    if _opted_out_since(message, account_id=account.pk):
        return Decision("Asked to come back, but opted out again after it: stays suppressed.")
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


def _opted_out_since(message: InboundMessage, *, account_id: int) -> bool:
    """Whether they opted out after they wrote this, which can be so of a webhook that was late or replayed."""
    opt_outs = InboundMessage.objects.filter(account_id=account_id, sender=message.sender, handler="opt_out")
    return opt_outs.filter(received_at__gt=message.received_at).exists()


def default_reply(inbound: Inbound) -> Decision | None:
    """The account's answer to anything else, if it has one; not in between when somebody of us is talking with them."""
    template = inbound.account.default_reply
    if not template:
        return None
    if _talks_with_us(inbound):
        return Decision("Somebody of us answered them lately: no automatic answer.", waits=True)
    try:
        text = render_template(template, inbound.person)
    except TemplateError as error:
        return Decision(f"The default reply cannot be made: {error}"[:255], waits=True)
    if not text:
        return Decision("The default reply is empty for this person.", waits=True)
    # Nobody has understood what they wrote, so a person still looks at it.
    return Decision("Nothing else answered: the account's default reply.", text, waits=True)


def _talks_with_us(inbound: Inbound) -> bool:
    """Whether a person wrote to them from this number lately."""
    since = timezone.now() - dt.timedelta(hours=TALK_HOURS)
    written = Message.objects.filter(
        account=inbound.account, recipient=inbound.message.sender, number=inbound.number, author__isnull=False
    )
    return written.filter(created_at__gte=since).exists()


def inbox(inbound: Inbound) -> Decision:
    """Nobody answers by machine: it waits for a person."""
    if inbound.message.body:
        return Decision("No automatic answer: it waits in the inbox.", waits=True)
    return Decision("Without text: it waits in the inbox.", waits=True)


def unclear_opt_out(inbound: Inbound) -> Decision | None:
    """What may be an opt-out waits for a person, and blocks campaigns until then."""
    reading = inbound.reading
    if reading.intent is not Intent.UNCLEAR:
        return None
    active = Suppression.objects.active().filter(account=inbound.account, recipient=inbound.message.sender)
    if active.filter(reason__in=OPT_OUTS).exists():
        # There is nothing to decide; what else they want is for the handlers that follow.
        return None
    ask(inbound=inbound.message, reading=reading)
    return Decision(reading.why, waits=True)

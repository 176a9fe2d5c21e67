"""Inbound messages to numbers that are not ours at the gateway they came through: released, at another gateway, or unknown.

They are kept for staff and nobody is answered. Only an opt-out still counts, for whoever had the number last.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

from django.utils import timezone

from accounts.models import Account
from integrations.sms.events import InboundSms, OptOutAction
from messaging.models import InboundMessage, PhoneNumber, Suppression
from messaging.services.suppressions import suppress
from messaging.wording import Intent, read

logger = logging.getLogger(__name__)

#: An opt-out that comes this long after a number's release is meant for the account that had it.
OPT_OUT_DAYS = 90
#: Where a message that was kept says who took it.
HANDLER = "opt_out"


@dataclass(frozen=True, slots=True)
class Belongs:
    """To whom a message may belong whose number is not ours here.

    Args:
        why: for a person: what there is to know of the number.
        account: for whom an opt-out counts, None for nobody.
        number: the account's row.
    """

    why: str
    account: Account | None = None
    number: PhoneNumber | None = None


def keep(message: InboundMessage, sms: InboundSms) -> None:
    """Decide on a message that no number of ours is there for; part of the transaction that stores it.

    Args:
        message: its row, just made, without an account.
        sms: as it came.
    """
    belongs = _belongs(message)
    intent = read(message.body).intent
    is_opt_out = intent is Intent.OPT_OUT or sms.handled_by_provider == OptOutAction.STOP
    if is_opt_out and belongs.account is not None:
        added = suppress(
            account_id=belongs.account.pk,
            recipient=message.sender,
            reason=Suppression.Reason.OPT_OUT,
            note=message.body,
            how="message",
            inbound_id=message.pk,
            at=message.received_at,
        )
        done = f"Opted out of {belongs.account}" if added else f"Opted out of {belongs.account} before"
        message.account, message.number = belongs.account, belongs.number
        _close(message, InboundMessage.State.HANDLED, f"{done}; not confirmed. {belongs.why}", HANDLER)
        return
    logger.warning("Inbound message %s came to a number that is not ours at gateway %s", message.pk, message.gateway_id)
    doubt = "It may be an opt-out: see whom it is meant for. " if is_opt_out or intent is Intent.UNCLEAR else ""
    _close(message, InboundMessage.State.UNROUTED, f"{doubt}{belongs.why}")


def _belongs(message: InboundMessage) -> Belongs:
    rows = PhoneNumber.objects.filter(number=message.recipient).select_related("account", "gateway")
    rows = rows.defer("gateway__credentials")
    here = message.gateway.name
    released = rows.filter(gateway_id=message.gateway_id, state=PhoneNumber.State.RELEASED).order_by("pk").last()
    live = rows.exclude(state=PhoneNumber.State.RELEASED).order_by("pk").first()
    if live is not None:
        why = (
            f"{live.number} belongs to {live.account} at the gateway “{live.gateway}”; this came in at “{here}”. Kept, not "
            f"answered: have the provider send it to “{live.gateway}”."
        )
        # The same short code of another country is somebody else's; a whole number is the same everywhere.
        has_moved = released is not None and released.account_id == live.account_id
        return Belongs(why, live.account, live) if live.number.startswith("+") or has_moved else Belongs(why)
    if released is None:
        return Belongs("There is no such number at this gateway.")
    at = released.released_since or released.updated_at
    why = f"{released.number} was released by {released.account} on {at:%-d %B %Y}. Kept for staff, not answered."
    if message.received_at - at > dt.timedelta(days=OPT_OUT_DAYS):
        return Belongs(why)
    return Belongs(why, released.account, released)


def _close(message: InboundMessage, state: str, decision: str, handler: str = "") -> None:
    message.state, message.decision, message.handler = state, decision[:255], handler
    message.handled_at = timezone.now()
    message.save(update_fields=("state", "decision", "handler", "handled_at", "account", "number"))

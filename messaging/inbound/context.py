"""What a handler of an inbound message sees and says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from accounts.models import Account
from integrations.sms.events import OptOutAction
from messaging.models import InboundMessage, Message, PhoneNumber
from messaging.wording import Reading


@dataclass(slots=True)
class Inbound:
    """An inbound message on its way through the handlers.

    Args:
        message: its row.
        account: whose number it came to.
        number: the number.
        reading: what its words were taken for; read once, for all handlers.
        person: what is known of the sender, by name; merge fields of an answer.
        handled_by_provider: the standard word, also one of the provider's own settings, that it has answered already.
        muted: why nothing is answered, whatever a handler decides; empty to answer.
    """

    message: InboundMessage
    account: Account
    number: PhoneNumber
    reading: Reading
    person: dict[str, Any] = field(default_factory=dict)
    handled_by_provider: OptOutAction = OptOutAction.NONE
    muted: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a handler decided.

    Args:
        why: for a person: why this answer, or none.
        reply: text of the answer, empty for none.
        kind: kind of the answer.
        waits: whether a person still has to look at the message: it is then unread in the inbox.
        more: further texts, each a message of its own, in this order after the answer.
    """

    why: str
    reply: str = ""
    kind: str = Message.Kind.REPLY
    waits: bool = False
    more: tuple[str, ...] = ()


Handler = Callable[[Inbound], Decision | None]

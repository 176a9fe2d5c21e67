"""What is said of a number's webhooks: at some providers a person sets them, once for all numbers."""

from __future__ import annotations

from integrations.models import Gateway
from integrations.sms.registry import ADAPTERS
from messaging.models import PhoneNumber


def wiring_help(gateway: Gateway) -> str:
    """What a person does at the provider so that messages to its numbers come to us; empty when it is done from here."""
    adapter = ADAPTERS.get(gateway.kind)
    return adapter.wiring_help if adapter is not None else ""


def in_use(number: PhoneNumber) -> str:
    """What a number is once it is in use, as the end of a sentence that names it."""
    by_hand = wiring_help(number.gateway)
    return f"is active. {by_hand}" if by_hand else "is wired to our webhooks and active."

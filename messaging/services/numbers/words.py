"""What is said of a number: at some providers a person sets its webhooks, once for all numbers."""

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
    if number.checked_at is None:
        return f"is active. {unchecked_text(number)}"
    by_hand = wiring_help(number.gateway)
    return f"is active. {by_hand}" if by_hand else "is wired to our webhooks and active."


def wired_text(number: PhoneNumber) -> str:
    """What is said of a number whose URLs were set."""
    by_hand = wiring_help(number.gateway)
    return f"{number.number} is set up for us. {by_hand}" if by_hand else f"{number.number} calls our webhooks."


def unchecked_text(number: PhoneNumber) -> str:
    """Why a number in use was never seen at the provider, and what to see to."""
    return (
        f"It could not be checked whether {number.gateway} has it: its API says nothing of such numbers. See in the provider's "
        "console that it is there and calls our webhooks."
    )

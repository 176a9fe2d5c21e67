"""Trying a number: one message to a telephone of ours."""

from __future__ import annotations

from django.db import transaction

from messaging.models import Message, PhoneNumber
from messaging.services.numbers.errors import ProvisioningError
from messaging.services.numbers.rows import Claim
from messaging.services.singles import submit


def send_test_message(*, number: PhoneNumber, recipient: str) -> Message:
    """Send a short text from a number to somebody of us; ``number.test_message`` shows what became of it.

    Args:
        number: active.
        recipient: E.164.

    Returns:
        The queued message; ``suppressed`` when the recipient has opted out of the account's messages.

    Raises:
        ProvisioningError: the number cannot send.
    """
    if number.state != PhoneNumber.State.ACTIVE:
        state = number.get_state_display().lower()
        raise ProvisioningError(f"{number.number} is {state}: it sends nothing. Nothing was sent.", number)
    if not number.gateway.is_enabled or not number.account.is_active:
        raise ProvisioningError(
            f"Nothing can be sent now: see that {number.gateway} is enabled and {number.account} is active.", number
        )
    with transaction.atomic():
        message = submit(account=number.account, number=number, recipient=recipient, body=_text(number))
        number.test_recipient, number.test_message = recipient, message
        PhoneNumber.objects.filter(pk=number.pk).update(test_recipient=recipient, test_message=message)
    return message


def send_first_test(claim: Claim) -> None:
    """Send the test that was asked for at the purchase, once; part of the transaction that makes the number active."""
    row = claim.row
    if row.test_recipient and row.test_message_id is None:
        message = submit(account=row.account, number=row, recipient=row.test_recipient, body=_text(row))
        claim.note(test_message=message)


def _text(number: PhoneNumber) -> str:
    return f"{number.account}: a test of {number.number}. It can send; answer to see whether it receives."

"""What going on with a number would do, said before it is done."""

from __future__ import annotations

from dataclasses import dataclass

from messaging.models import PhoneNumber
from messaging.services.numbers.errors import ProvisioningError
from messaging.services.numbers.provider import FOR_A_PERSON_SECONDS, find_number

State, Step = PhoneNumber.State, PhoneNumber.Step


@dataclass(frozen=True, slots=True)
class ResumePlan:
    """What ``resume_number`` would do now.

    Args:
        text: for a person.
        buys: money would be spent.
        possible: whether there is anything to go on with.
    """

    text: str
    buys: bool = False
    possible: bool = True


def plan_resumption(*, number: PhoneNumber) -> ResumePlan:
    """Look up what the provider has, and say what going on would do. Changes nothing.

    Args:
        number: pending, or one that is not any more.
    """
    if number.state != State.PENDING:
        state = number.get_state_display().lower()
        return ResumePlan(f"{number.number} is {state} by now; there is nothing to resume.", possible=False)
    if number.is_claimed or number.errand:
        return ResumePlan(
            f"{number.number} is being dealt with at the provider at this moment. Look again in a minute.",
            possible=False,
        )
    if number.step in (Step.BOUGHT, Step.WIRED):
        return ResumePlan(f"{number.number} is bought. It is wired to our webhooks and put to use; nothing is bought.")
    try:
        # In the web request: it reads, and its answer is what the person decides by.
        owned = find_number(gateway=number.gateway, number=number.number, within_seconds=FOR_A_PERSON_SECONDS)
    except ProvisioningError as error:
        return ResumePlan(f"It cannot be seen whether {number.number} is ours already. {error.text}", possible=False)
    if owned is not None:
        return ResumePlan(
            f"{number.gateway} lists {number.number} among our numbers: it is ours already. It is wired to our webhooks and "
            "put to use; nothing is bought."
        )
    if number.step == Step.AWAITED:
        return ResumePlan(f"{number.gateway} does not list {number.number} yet. Checking again buys nothing.")
    return ResumePlan(
        f"{number.gateway} does not list {number.number} among our numbers, so the purchase did not go through. It is bought "
        "now, for the first time: money is spent.",
        buys=True,
    )

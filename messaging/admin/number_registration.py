"""What a number's page says of its registration with the carriers."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html
from unfold.enums import ActionVariant

from broadcast.core.admin import display, page_link
from broadcast.core.confirm import ActionRefused, ConfirmForm, confirmed_action
from messaging.models import CarrierRefusal, PhoneNumber
from messaging.services.registration_checks import (
    is_required,
    may_send,
    needs_ten_dlc,
    needs_verification,
    registration_of,
)
from messaging.services.registrations import forget_refusals


def offered_for(number_id: int) -> set[str]:
    """Names of the actions that a number's registration allows.

    Args:
        number_id: the number.
    """
    is_refused = CarrierRefusal.objects.filter(number_id=number_id).exists()
    return {"messaging_phonenumber_taken_again"} if is_refused else set()


class NumberRegistrationMixin:
    """A number's registration, for its page."""

    @confirmed_action(
        "Carriers take it again…",
        permission="messaging.change_phonenumber",
        button="They take it again",
        question="Carriers refused messages of {object} because it was not registered. Say here that it is by now: campaigns can "
        "be launched and resumed again. If carriers go on refusing it, it is stopped anew.",
        icon="verified",
        variant=ActionVariant.PRIMARY,
    )
    def taken_again(self, request: HttpRequest, number: PhoneNumber, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Forget what carriers refused."""
        if not forget_refusals(number_ids=[number.pk]):
            raise ActionRefused(f"Nobody refuses {number.number} any more; there is nothing to do.")
        return f"{number.number} may be sent from again. Resume what was paused."

    @display(description="Registration")
    def display_registration(self, number: PhoneNumber) -> Any:
        """What it sends under, in which state, and whether carriers refuse it."""
        if not number.pk:
            return "-"
        if not (needs_ten_dlc(number) or needs_verification(number)):
            return "None needed"
        row = registration_of(number)
        if row is not None:
            state = row.get_state_display().lower()
            said = format_html("{}: {}", page_link(row), state)
        else:
            said = format_html("{}", "No 10DLC campaign" if needs_ten_dlc(number) else "Not verified")
        if not is_required(number.account):
            said = format_html("{} (not checked for this account)", said)
        if refused := CarrierRefusal.objects.filter(number=number).first():
            times = "once" if refused.count == 1 else f"{refused.count:,} times"
            said = format_html(
                '{}<p class="console-note console-note-danger">Carriers have refused it {} since {}, as not registered ({}).</p>',
                said,
                times,
                f"{refused.since.day} {refused.since:%B %Y}",
                refused.code,
            )
        elif refusal := may_send(number):
            said = format_html('{}<p class="console-note console-note-warning">{}</p>', said, refusal.text)
        return said

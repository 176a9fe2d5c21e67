"""What staff do with a number: go on with it, try it, stop it, let it go, keep it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import formats, timezone
from unfold.enums import ActionVariant

from broadcast.core.confirm import ActionRefused, ConfirmForm, confirmed_action
from messaging.admin.buying import NO_PRICE, prices_of
from messaging.admin.number_forms import ForgetForm, ReleaseForm, ResumeForm, TestMessageForm
from messaging.models import Batch, PhoneNumber
from messaging.querysets import BatchQuerySet
from messaging.services.batches import pause_obstructed
from messaging.services.gateways import number_changed
from messaging.services.numbers import (
    ProvisioningError,
    ask_to_forget,
    ask_to_give_up,
    ask_to_keep,
    ask_to_release,
    ask_to_resume,
    ask_to_wire,
    plan_resumption,
    send_test_message,
)
from messaging.services.numbers.errands import kept_text
from messaging.services.numbers.words import wiring_help

State, Step = PhoneNumber.State, PhoneNumber.Step

#: Which actions a number's state allows; of a pending one, its step.
OFFERED: dict[str, tuple[str, ...]] = {
    Step.WANTED: ("resume", "give_up"),
    Step.AWAITED: ("check_again", "give_up"),
    Step.BOUGHT: ("resume", "release"),
    Step.WIRED: ("resume", "release"),
    State.ACTIVE: ("send_test", "disable", "wire", "release"),
    State.DISABLED: ("enable", "wire", "release"),
    State.LEAVING: ("keep",),
    State.RELEASED: (),
}


def offered(number: PhoneNumber) -> tuple[str, ...]:
    """Names of the actions that a number's state and step allow."""
    if number.errand:
        # Whatever was asked for comes first.
        return ()
    allowed = OFFERED[(number.step or Step.WANTED) if number.state == State.PENDING else number.state]
    # The last way out, once the others have failed.
    is_stuck = number.state in (State.PENDING, State.LEAVING) and bool(number.problem)
    return (*allowed, "forget") if is_stuck else allowed


def resume_context(_admin: Any, _request: HttpRequest, number: PhoneNumber) -> dict[str, Any]:
    """What going on does, after a look at what we own at the provider."""
    plan = plan_resumption(number=number)
    if not plan.possible:
        return {"problems": [plan.text]}
    form = ResumeForm(target=number, initial={"buys": plan.buys})
    context: dict[str, Any] = {"question": plan.text, "form": form, "media": form.media}
    if plan.buys:
        price = prices_of(number) or NO_PRICE
        context["warning"] = f"Money is spent at {number.gateway} for {number.account}. Price: {price}."
        context["button"] = f"Buy {number.number}"
    return context


def release_context(_admin: Any, _request: HttpRequest, number: PhoneNumber) -> dict[str, Any]:
    """What happens to it, and whether the provider hears of it."""
    if number.provider_id or number.step == Step.BOUGHT:
        end = f"is given back to {number.gateway}; somebody else may get it after that."
    else:
        end = "is forgotten here. Give it back in the provider's console: we never saw it there."
    return {
        "question": f"{number} sends no more campaigns from now on. It still receives, and STOP and HELP are answered, until it "
        f"{end} Until then it can be kept. Its history stays here in any case."
    }


def wire_context(_admin: Any, _request: HttpRequest, number: PhoneNumber) -> dict[str, Any]:
    """What is set there, and what a person sets."""
    by_hand = wiring_help(number.gateway)
    if by_hand:
        return {"question": f"{number.gateway} is told that {number} belongs to our service.", "warning": by_hand}
    return {
        "question": f"The provider is told where messages and statuses of {number} go, in place of whatever is set there now."
    }


class NumberActions:
    """The actions of a number's page. Each asks first, and each is one call of a service; none waits for the provider."""

    @confirmed_action(
        "Resume…",
        permission="messaging.add_phonenumber",
        button="Resume",
        context=resume_context,
        form_class=ResumeForm,
        errors=(ProvisioningError,),
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
    )
    def resume(self, request: HttpRequest, number: PhoneNumber, form: ResumeForm) -> str:  # noqa: ARG002  an action's signature
        """``pending`` → ``active``, from whichever step was reached."""
        return _asked(ask_to_resume(number=number, may_buy=form.cleaned_data["buys"]))

    @confirmed_action(
        "Check again…",
        permission="messaging.add_phonenumber",
        button="Check again",
        question="It is looked up at the provider. If it is there, it is wired to our webhooks and active; nothing is bought.",
        errors=(ProvisioningError,),
        icon="refresh",
        variant=ActionVariant.PRIMARY,
    )
    def check_again(self, request: HttpRequest, number: PhoneNumber, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """``pending`` → ``active`` once it has arrived."""
        return _asked(ask_to_resume(number=number))

    @confirmed_action(
        "Give up…",
        permission="messaging.change_phonenumber",
        button="Give up",
        question="{object} is given up: it was not bought, or it does not arrive. The provider is asked first; one that is ours "
        "after all is not lost.",
        errors=(ProvisioningError,),
        icon="close",
    )
    def give_up(self, request: HttpRequest, number: PhoneNumber, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """``pending`` → ``released``."""
        return _asked(ask_to_give_up(number=number))

    @confirmed_action(
        "Send a test…",
        permission="messaging.change_phonenumber",
        button="Send",
        question="One message leaves from {object}, and its delivery is shown on the number's page.",
        form_class=TestMessageForm,
        errors=(ProvisioningError,),
        icon="send_to_mobile",
    )
    def send_test(self, request: HttpRequest, number: PhoneNumber, form: TestMessageForm) -> str:  # noqa: ARG002  an action's signature
        """One message to a telephone of ours."""
        message = send_test_message(number=number, recipient=form.cleaned_data["recipient"])
        return f"The test message to {message.recipient} is {message.get_state_display().lower()}."

    @confirmed_action(
        "Set webhooks…",
        permission="messaging.change_phonenumber",
        button="Set webhooks",
        context=wire_context,
        errors=(ProvisioningError,),
        icon="cable",
    )
    def wire(self, request: HttpRequest, number: PhoneNumber, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Its URLs at the provider are ours."""
        return _asked(ask_to_wire(number=number))

    @confirmed_action(
        "Enable…",
        permission="messaging.change_phonenumber",
        button="Enable",
        question="{object} can send again.",
        icon="play_arrow",
    )
    def enable(self, request: HttpRequest, number: PhoneNumber, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """``disabled`` → ``active``."""
        _move(number, State.ACTIVE, (State.DISABLED,))
        number_changed(number.pk)
        return f"{number.number} is active."

    @confirmed_action(
        "Disable…",
        permission="messaging.change_phonenumber",
        button="Disable",
        question="Nothing more leaves from {object}. Campaigns that are sending from it alone are paused; resume them when it "
        "is enabled again. The other numbers of its sender pools take over its recipients.",
        icon="pause",
    )
    def disable(self, request: HttpRequest, number: PhoneNumber, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """``active`` → ``disabled``."""
        _move(number, State.DISABLED, (State.ACTIVE,))
        number_changed(number.pk)
        paused = pause_obstructed(_batches_from(number))
        held = f" {paused} {'campaign was' if paused == 1 else 'campaigns were'} paused." if paused else ""
        return f"{number.number} is disabled.{held}"

    @confirmed_action(
        "Release…",
        permission="messaging.change_phonenumber",
        button="Release",
        context=release_context,
        form_class=ReleaseForm,
        errors=(ProvisioningError,),
        icon="delete_forever",
        variant=ActionVariant.DANGER,
    )
    def release(self, request: HttpRequest, number: PhoneNumber, form: ReleaseForm) -> str:  # noqa: ARG002  an action's signature
        """→ ``leaving``, or ``released`` with no days to wait."""
        left = ask_to_release(number=number, after_days=form.cleaned_data["after_days"])
        if left.errand:
            return _asked(left)
        return f"{left.number} leaves on {left_on(left)}. Until then it receives and answers, and can be kept."

    @confirmed_action(
        "Forget…",
        permission="messaging.change_phonenumber",
        button="Forget",
        question="{object} is forgotten here without being given back by us: for a provider that cannot be asked any more. Its "
        "history stays.",
        form_class=ForgetForm,
        errors=(ProvisioningError,),
        icon="link_off",
        variant=ActionVariant.DANGER,
    )
    def forget(self, request: HttpRequest, number: PhoneNumber, form: ForgetForm) -> str:  # noqa: ARG002  an action's signature
        """``pending`` or ``leaving`` → ``released``."""
        return _asked(ask_to_forget(number=number))

    @confirmed_action(
        "Keep…",
        permission="messaging.change_phonenumber",
        button="Keep",
        question="{object} is not given back: it is what it was before.",
        errors=(ProvisioningError,),
        icon="undo",
        variant=ActionVariant.PRIMARY,
    )
    def keep(self, request: HttpRequest, number: PhoneNumber, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """``leaving`` → what it was."""
        kept = ask_to_keep(number=number)
        return _asked(kept) if kept.errand else kept_text(kept)


def moment(at: dt.datetime) -> str:
    """A time for a person."""
    return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT")


def left_on(number: PhoneNumber) -> str:
    """When a leaving number is given back."""
    return moment(number.release_at) if number.release_at else "-"


def _asked(number: PhoneNumber) -> str:
    return f"{number.number}: asked for. What comes of it is shown here."


def _batches_from(number: PhoneNumber) -> BatchQuerySet:
    """Batches that leave from a number, alone or among those of a pool."""
    pools = number.pools.values("pk")
    return Batch.objects.filter(Q(number=number) | Q(pool__in=pools))


def _move(number: PhoneNumber, to: str, allowed: tuple[str, ...]) -> None:
    """One arrow of the drawing in ``PhoneNumber``.

    Raises:
        ActionRefused: the number is in another state by now.
    """
    if not PhoneNumber.objects.filter(pk=number.pk, state__in=allowed).update(state=to):
        number.refresh_from_db()
        raise ActionRefused(f"{number.number} is {number.get_state_display().lower()} by now. Nothing was changed.")

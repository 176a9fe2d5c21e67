"""The live part of a number's page: what is being done with it at the provider, how far that is, and what came of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from messaging.admin.buying import NO_PRICE, prices_of
from messaging.admin.number_actions import left_on
from messaging.models import PhoneNumber
from messaging.services.numbers import LOST_AFTER
from messaging.services.numbers.words import unchecked_text

Errand, State, Step = PhoneNumber.Errand, PhoneNumber.State, PhoneNumber.Step

#: What came of an errand is news for so long.
NEWS = dt.timedelta(hours=1)
#: What is done at a gateway while an errand is under way, by errand; a number that is bought is being wired whatever was asked.
DOING: dict[str, str] = {
    Errand.BUY: "It is being bought at {}",
    Errand.BUYING: "It is being bought at {}",
    Errand.BUY_AFTER_ALL: "{} is asked whether it is ours; if not, it is bought",
    Errand.FINISH: "It is being looked up at {}",
    Errand.WIRE: "{} is being told where its messages go",
    Errand.GIVE_BACK: "It is being given back to {}",
    Errand.KEEP: "{} is asked whether it is still ours; then it is kept",
    Errand.GIVE_UP: "{} is asked whether it is ours; if not, it is given up",
    Errand.FORGET: "{} is asked once more; then it is forgotten here",
}


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One line of how far a number is.

    Args:
        name: what it is.
        is_done: whether it is behind us.
        is_now: whether it is being done.
    """

    name: str
    is_done: bool
    is_now: bool = False


def live_context(number: PhoneNumber, *, was_live: bool = False) -> dict[str, Any]:
    """What the live part shows.

    Args:
        number: whose page it is.
        was_live: only this part is asked for, and the rest of the page was made while an errand was under way; if that is over,
            the page fetches its buttons and its record anew.
    """
    is_recent = number.asked_at is not None and number.asked_at > timezone.now() - NEWS
    is_new = number.created_at > timezone.now() - NEWS
    outcome = number.outcome if is_recent and not number.errand else ""
    page = reverse("admin:messaging_phonenumber_change", args=[number.pk])
    context: dict[str, Any] = {
        "phone": number,
        "live_url": f"{reverse('admin:messaging_phonenumber_live', args=[number.pk])}?was_live=yes",
        "page_url": page if was_live and not number.errand else "",
        "phone_doing": _doing(number),
        "phone_waits_seconds": _waits_seconds(number),
        "phone_outcome": outcome,
        "phone_steps": shown_steps(number) if number.state == State.PENDING or (outcome and is_new) else [],
        "phone_price": (prices_of(number) or NO_PRICE) if _is_purchase(number) else "",
        "leaves_on": left_on(number),
        "search_url": _search_url(number) if number.was_never_ours and number.problem else "",
    }
    if number.state == State.ACTIVE and number.checked_at is None and not number.provider_id:
        context["unchecked"] = unchecked_text(number)
    return context


def live_view(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The live part by itself, which the page asks for while an errand is under way.

    Raises:
        PermissionDenied: not allowed.
    """
    number = admin.get_object(request, unquote(object_id))
    if number is None or not admin.has_view_permission(request, number):
        raise PermissionDenied
    context = live_context(number, was_live=request.GET.get("was_live") == "yes")
    return TemplateResponse(request, "messaging/number_head.html", context)


def shown_steps(number: PhoneNumber) -> list[ShownStep]:
    """The steps of a new number: those done, and the one that is being done."""
    is_active = number.state == State.ACTIVE
    is_there = is_active or number.step in (Step.BOUGHT, Step.WIRED)
    by_hand = number.step == Step.AWAITED
    if by_hand:
        names = ("Entered by hand", "At the provider")
    else:
        names = ("Asked for", "Bought at the provider" if is_there or _is_at_work(number) else _not_bought(number))
    done = [
        (names[0], True),
        (names[1], is_there),
        ("Wired to our webhooks", is_active or number.step == Step.WIRED),
        ("In use", is_active),
    ]
    first_open = next((index for index, (_, is_done) in enumerate(done) if not is_done), None)
    now = first_open if _is_at_work(number) else None
    return [ShownStep(name, is_done, index == now) for index, (name, is_done) in enumerate(done)]


def _not_bought(number: PhoneNumber) -> str:
    return "Bought at the provider" if number.errand == Errand.BUY else "Bought at the provider: not known"


def _is_at_work(number: PhoneNumber) -> bool:
    return bool(number.errand) and number.is_claimed


def _doing(number: PhoneNumber) -> str:
    """What is done at this moment, or will be in a moment; empty without an errand."""
    if not number.errand:
        return ""
    is_owned = number.state == State.PENDING and number.step in (Step.BOUGHT, Step.WIRED)
    if is_owned and number.errand in (Errand.BUYING, Errand.BUY_AFTER_ALL, Errand.FINISH):
        return "It is ours, and is being wired to our webhooks"
    return DOING[number.errand].format(number.gateway)


def _waits_seconds(number: PhoneNumber) -> int:
    """How long nobody has begun with an errand, once that is longer than usual; 0 while all is well."""
    if not number.errand or number.is_claimed or number.asked_at is None:
        return 0
    waits = timezone.now() - number.asked_at
    return int(waits.total_seconds()) if waits > LOST_AFTER else 0


def _is_purchase(number: PhoneNumber) -> bool:
    return number.step in (Step.WANTED, Step.BOUGHT, Step.WIRED)


def _search_url(number: PhoneNumber) -> str:
    """Another search like the one that found a number that could not be bought."""
    asked = {
        "account": number.account_id,
        "gateway": number.gateway_id,
        "country": number.country,
        "kind": number.kind,
    }
    return f"{reverse('admin:messaging_phonenumber_buy')}?{urlencode(asked)}"

"""Entering a number by hand: short codes, and numbers that were or are being ported in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from messaging.admin.number_forms import AdoptForm
from messaging.admin.wiring_words import in_use
from messaging.models import PhoneNumber
from messaging.services.numbers import ProvisioningError, adopt_number

_PREFILLED = ("account", "gateway", "kind", "country")


def adopt_number_view(admin: Any, request: HttpRequest) -> HttpResponse:
    """The page. Nothing that waits for a provider may run in the transaction of the admin's own add page.

    Args:
        admin: the admin of numbers.
        request: by somebody who may add numbers.

    Raises:
        PermissionDenied: not allowed.
    """
    if not admin.has_add_permission(request):
        raise PermissionDenied
    if request.method == "POST":
        form = AdoptForm(request.POST)
        if form.is_valid() and (answer := _adopt(admin, request, form)):
            return answer
    else:
        form = AdoptForm(initial={name: request.GET[name] for name in _PREFILLED if request.GET.get(name)})
    context = {
        **admin.admin_site.each_context(request),
        "title": "Enter a number by hand",
        "opts": admin.opts,
        "form": form,
        "media": admin.media + form.media,
        "buy_url": reverse("admin:messaging_phonenumber_buy"),
    }
    return TemplateResponse(request, "messaging/adopt_number.html", context)


def _adopt(admin: Any, request: HttpRequest, form: AdoptForm) -> HttpResponse | None:
    """Adopt, and go to the number's page; None when it was refused, which the form then says."""
    try:
        number = adopt_number(**form.cleaned_data)
    except ProvisioningError as error:
        form.add_error(None, error.text)
        return None
    admin.log_addition(request, number, "Entered by hand.")
    if number.state == PhoneNumber.State.PENDING:
        messages.warning(request, f"{number.number} is stored and not in use yet. {number.problem}")
    elif number.checked_at is None:
        messages.warning(request, f"{number.number} is active. {unchecked_text(number)}")
    else:
        messages.success(request, f"{number.gateway} has {number.number}: it {in_use(number)}")
    return HttpResponseRedirect(reverse("admin:messaging_phonenumber_change", args=[number.pk]))


def unchecked_text(number: PhoneNumber) -> str:
    """Why a number in use was never seen at the provider, and what to see to."""
    return (
        f"It could not be checked whether {number.gateway} has it: its API says nothing of such numbers. See in the provider's "
        "console that it is there and calls our webhooks."
    )

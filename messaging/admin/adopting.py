"""Entering a number by hand: short codes, and numbers that were or are being ported in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from messaging.admin.number_forms import AdoptForm
from messaging.models import PhoneNumber
from messaging.services.numbers import ProvisioningError, ask_to_adopt
from messaging.services.numbers.words import unchecked_text

_PREFILLED = ("account", "gateway", "kind", "country")


def adopt_number_view(admin: Any, request: HttpRequest) -> HttpResponse:
    """The page. It takes the place of the admin's own add page, which knows nothing of allowances and errands.

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
    """Enter it, and go to the number's page; None when it was refused, which the form then says."""
    try:
        number = ask_to_adopt(**form.cleaned_data)
    except ProvisioningError as error:
        form.add_error(None, error.text)
        return None
    admin.log_addition(request, number, "Entered by hand.")
    if number.state == PhoneNumber.State.PENDING:
        messages.info(request, f"{number.number} is stored. It is looked up at {number.gateway} now; see below.")
    else:
        messages.warning(request, f"{number.number} is active. {unchecked_text(number)}")
    return HttpResponseRedirect(reverse("admin:messaging_phonenumber_change", args=[number.pk]))

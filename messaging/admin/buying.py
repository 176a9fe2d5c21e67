"""Searching and buying a number at the provider, in three steps on one page: search, choose, confirm."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Account, validate_region
from integrations.models import Gateway
from integrations.sms.contract import NumberQuery, ProviderNumber
from integrations.sms.registry import ADAPTERS
from messaging.models import PhoneNumber
from messaging.services.numbers import ProvisioningError, provision_number, search_numbers

Kind = PhoneNumber.Kind

#: Gateways through which numbers can be bought.
_SELLING = [kind for kind, adapter in ADAPTERS.items() if adapter.capabilities.numbers]


class NumberSearchForm(forms.Form):
    """Which numbers are wanted, for whom."""

    account = forms.ModelChoiceField(Account.objects.none(), widget=UnfoldAdminSelect2Widget())
    gateway = forms.ModelChoiceField(Gateway.objects.none(), widget=UnfoldAdminSelectWidget())
    kind = forms.ChoiceField(
        choices=[(kind.value, kind.label) for kind in (Kind.LOCAL, Kind.TOLL_FREE, Kind.MOBILE)],
        widget=UnfoldAdminSelectWidget(),
    )
    country = forms.CharField(
        initial="US", max_length=2, validators=[validate_region], widget=UnfoldAdminTextInputWidget()
    )
    area_code = forms.CharField(
        required=False,
        max_length=6,
        widget=UnfoldAdminTextInputWidget(),
        help_text="For example 415; not for every country.",
    )
    contains = forms.CharField(
        label="Digits",
        required=False,
        max_length=16,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Digits that the number should hold; * stands for any.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = cast("forms.ModelChoiceField[Account]", self.fields["account"])
        account.queryset = Account.objects.active()
        gateway = cast("forms.ModelChoiceField[Gateway]", self.fields["gateway"])
        gateway.queryset = Gateway.objects.filter(is_enabled=True, kind__in=_SELLING)

    @property
    def query(self) -> NumberQuery:
        """What the provider is asked."""
        chosen = self.cleaned_data
        return NumberQuery(
            country=chosen["country"], kind=chosen["kind"], area_code=chosen["area_code"], contains=chosen["contains"]
        )


def buy_number_view(admin: Any, request: HttpRequest) -> HttpResponse:
    """The page; searching reads at the provider, only a POST buys.

    Args:
        admin: the admin of numbers.
        request: by somebody who may add numbers.

    Raises:
        PermissionDenied: not allowed.
    """
    if not admin.has_add_permission(request):
        raise PermissionDenied
    form = NumberSearchForm(request.GET if "account" in request.GET else None)
    found: list[ProviderNumber] | None = None
    chosen = request.GET.get("number", "")
    if form.is_valid():
        if request.method == "POST" and chosen:
            return _buy(request, form, chosen)
        if not chosen:
            try:
                found = search_numbers(gateway=form.cleaned_data["gateway"], query=form.query)
            except (ProvisioningError, ValueError) as error:
                messages.error(request, str(error))
    asked = {name: request.GET[name] for name in form.fields if request.GET.get(name)}
    context = {
        **admin.admin_site.each_context(request),
        "title": "Buy a number",
        "opts": admin.opts,
        "form": form,
        "media": admin.media + form.media,
        "found": None if found is None else [(offer, urlencode({**asked, "number": offer.number})) for offer in found],
        "chosen": chosen if form.is_valid() else "",
        "search_query": urlencode(asked),
    }
    return TemplateResponse(request, "messaging/buy_number.html", context)


def _buy(request: HttpRequest, form: NumberSearchForm, number: str) -> HttpResponse:
    chosen = form.cleaned_data
    try:
        bought = provision_number(
            account=chosen["account"], gateway=chosen["gateway"], number=number, kind=chosen["kind"]
        )
    except ProvisioningError as error:
        messages.error(request, error.text)
        if error.number is None:
            return HttpResponseRedirect(
                f"{request.path}?{urlencode({k: v for k, v in request.GET.items() if k != 'number'})}"
            )
        return HttpResponseRedirect(reverse("admin:messaging_phonenumber_change", args=[error.number.pk]))
    messages.success(request, f"{bought.number} belongs to {bought.account} now, and its webhooks are set.")
    return HttpResponseRedirect(reverse("admin:messaging_phonenumber_change", args=[bought.pk]))

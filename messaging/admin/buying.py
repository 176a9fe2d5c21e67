"""Provisioning a number on one page: search, choose, confirm. Only a POST of the confirmation asks for a purchase.

A search stays in the web request: it reads, and is over within the time-outs of one request. The purchase is a background task's.
"""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.models import Account
from broadcast.core.countries import country_name
from integrations.sms.contract import ProviderNumber
from messaging.admin.number_forms import NumberSearchForm, PurchaseForm
from messaging.models import PhoneNumber
from messaging.services.numbers import (
    ProvisioningError,
    allowance_left,
    ask_to_buy,
    numbers_in_use,
    search_numbers,
)
from messaging.services.numbers.words import wiring_help

_SALT = "messaging.number-offer"
#: An offer may be sold by then; the price is not that old.
OFFER_SECONDS = 1800
NO_PRICE = "The provider does not say the price; see its price list"


def price_text(price: Decimal | None, currency: str, *, each: str = "") -> str:
    """A price for a person, empty for none."""
    if price is None:
        return ""
    amount = f"{price.normalize():f}"
    whole, _, cents = amount.partition(".")
    return f"{whole}.{cents.ljust(2, '0')} {currency}".strip() + (f" {each}" if each else "")


def prices_of(number: PhoneNumber) -> str:
    """What a number costs, as it was told when it was bought; empty where nothing was told."""
    monthly = price_text(number.monthly_price, number.currency, each="a month")
    upfront = price_text(number.upfront_price, number.currency, each="once")
    return " and ".join(text for text in (monthly, upfront) if text)


def abilities(offer: ProviderNumber) -> str:
    """What a number can do."""
    can = [name for name, able in (("SMS", offer.sms), ("MMS", offer.mms), ("voice", offer.voice)) if able]
    return ", ".join(can) or "-"


def place(offer: ProviderNumber) -> str:
    """Where a number is from."""
    near = ", ".join(part for part in (offer.locality, offer.region) if part)
    return near or (country_name(offer.country) if offer.country else "")


def _place_of_sale(form: NumberSearchForm) -> list[Any]:
    """What an offer is bound to: the gateway that made it, and what was searched there."""
    return [form.cleaned_data["gateway"].pk, form.cleaned_data["kind"], form.cleaned_data["country"]]


def _sign(offer: ProviderNumber, form: NumberSearchForm) -> str:
    values = {name: value for name, value in asdict(offer).items() if value not in ("", None, False)}
    prices = {name: str(values[name]) for name in ("monthly_price", "upfront_price") if name in values}
    return signing.dumps([_place_of_sale(form), {**values, **prices}], salt=_SALT, compress=True)


def _read(signed: str, form: NumberSearchForm) -> ProviderNumber | None:
    """The offer that a link of ours carries; None when it is too old, not ours, or of another search than the form's."""
    values: dict[str, Any]
    try:
        sold_at, values = signing.loads(signed, salt=_SALT, max_age=OFFER_SECONDS)
    except (signing.BadSignature, ValueError):
        return None
    if sold_at != _place_of_sale(form):
        return None
    for name in ("monthly_price", "upfront_price"):
        if name in values:
            values[name] = Decimal(values[name])
    # What a provider cannot do was left out.
    return ProviderNumber(**{"sms": False, **values})


def _initial(request: HttpRequest) -> dict[str, Any]:
    """The account that the link names, and its country."""
    pk = request.GET.get("account", "")
    account = Account.objects.active().filter(pk=pk).first() if pk.isascii() and pk.isdecimal() else None
    return {"account": account, "country": account.default_region} if account else {}


def buy_number_view(admin: Any, request: HttpRequest) -> HttpResponse:
    """The page; searching reads at the provider, only a POST has something bought.

    Args:
        admin: the admin of numbers.
        request: by somebody who may add numbers.

    Raises:
        PermissionDenied: not allowed.
    """
    if not admin.has_add_permission(request):
        raise PermissionDenied
    asked_for = "kind" in request.GET
    form = NumberSearchForm(request.GET) if asked_for else NumberSearchForm(initial=_initial(request))
    asked = {name: request.GET[name] for name in form.fields if request.GET.get(name)}
    context: dict[str, Any] = {"form": form, "asked": urlencode(asked), "step": 1, "no_gateway": not form.has_choice}
    if form.is_valid():
        if form.cleaned_data["kind"] == PhoneNumber.Kind.SHORT_CODE:
            return _enter_by_hand(request, form)
        signed = request.GET.get("offer", "")
        offer = _read(signed, form) if signed else None
        if offer is not None:
            return _confirm(admin, request, form, offer, asked)
        if signed:
            messages.warning(
                request, "That offer is too old, or of another search, so it was looked for again. Choose once more."
            )
        context |= _search(request, form, asked)
    elif asked_for:
        messages.error(request, "Nothing was searched. Correct what is marked.")
    return _page(admin, request, form, context)


def _page(admin: Any, request: HttpRequest, form: Any, context: dict[str, Any]) -> TemplateResponse:
    page = {
        **admin.admin_site.each_context(request),
        "title": "Provision a number",
        "opts": admin.opts,
        "media": admin.media + form.media,
        "form_title": "Search again" if context.get("searched") else "Which number?",
        "adopt_url": reverse("admin:messaging_phonenumber_add"),
        **context,
    }
    return TemplateResponse(request, "messaging/buy_number.html", page)


def _enter_by_hand(request: HttpRequest, form: NumberSearchForm) -> HttpResponse:
    messages.info(
        request, "Short codes are leased from the provider, not bought here. Enter one that you have; it is checked."
    )
    chosen = form.cleaned_data
    values = {
        "account": chosen["account"].pk,
        "gateway": chosen["gateway"].pk,
        "kind": chosen["kind"],
        "country": chosen["country"],
    }
    return HttpResponseRedirect(f"{reverse('admin:messaging_phonenumber_add')}?{urlencode(values)}")


def _search(request: HttpRequest, form: NumberSearchForm, asked: dict[str, str]) -> dict[str, Any]:
    """What the provider has, or the words of what went wrong; the form keeps what was typed."""
    try:
        found = search_numbers(gateway=form.cleaned_data["gateway"], query=form.query)
    except ProvisioningError as error:
        messages.error(request, error.text)
        return {}
    offers = [
        {
            "number": offer.number,
            "friendly": offer.friendly_name if offer.friendly_name != offer.number else "",
            "place": place(offer),
            "abilities": abilities(offer),
            "monthly": price_text(offer.monthly_price, offer.currency),
            "upfront": price_text(offer.upfront_price, offer.currency),
            "query": urlencode({**asked, "offer": _sign(offer, form)}),
        }
        for offer in found
    ]
    priced = any(offer["monthly"] for offer in offers)
    return {"offers": offers, "step": 2, "searched": True, "priced": priced, "no_price": NO_PRICE}


def _confirm(
    admin: Any, request: HttpRequest, form: NumberSearchForm, offer: ProviderNumber, asked: dict[str, str]
) -> HttpResponse:
    account = form.cleaned_data["account"]
    purchase = PurchaseForm(request.POST if request.method == "POST" else None, account=account)
    if request.method == "POST" and purchase.is_valid():
        return _buy(request, form, purchase, offer, asked)
    left = allowance_left(account=account)
    context = {
        "form": form,
        "asked": urlencode(asked),
        "step": 3,
        "offer": offer,
        "account": account,
        "gateway": form.cleaned_data["gateway"],
        "wiring_help": wiring_help(form.cleaned_data["gateway"]),
        "kind": PhoneNumber.Kind(form.cleaned_data["kind"]).label,
        "country": country_name(offer.country or form.cleaned_data["country"]),
        "place": ", ".join(part for part in (offer.locality, offer.region) if part),
        "abilities": abilities(offer),
        "monthly": price_text(offer.monthly_price, offer.currency, each="a month"),
        "upfront": price_text(offer.upfront_price, offer.currency),
        "no_price": NO_PRICE,
        "purchase": purchase,
        "in_use": numbers_in_use(account=account),
        "left": left,
    }
    return _page(admin, request, purchase, context)


def _buy(
    request: HttpRequest, form: NumberSearchForm, purchase: PurchaseForm, offer: ProviderNumber, asked: dict[str, str]
) -> HttpResponse:
    chosen = form.cleaned_data
    try:
        number = ask_to_buy(
            account=chosen["account"],
            gateway=chosen["gateway"],
            number=offer.number,
            kind=chosen["kind"],
            country=offer.country or chosen["country"],
            label=purchase.cleaned_data["label"],
            monthly_price=offer.monthly_price,
            upfront_price=offer.upfront_price,
            currency=offer.currency,
            test_recipient=purchase.cleaned_data["test_recipient"],
        )
    except ProvisioningError as error:
        if error.number is not None and error.number.account_id == chosen["account"].pk:
            messages.warning(request, error.text)
            return HttpResponseRedirect(reverse("admin:messaging_phonenumber_change", args=[error.number.pk]))
        messages.error(request, f"Nothing was bought. {error.text}")
        return HttpResponseRedirect(f"{request.path}?{urlencode(asked)}")
    if number.errand:
        messages.success(request, f"{number.number} is asked for. How far it is stands below.")
    else:
        messages.info(request, f"{number.account} has {number.number} already; nothing was bought again.")
    return HttpResponseRedirect(reverse("admin:messaging_phonenumber_change", args=[number.pk]))

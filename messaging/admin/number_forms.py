"""Forms of phone numbers: searching, buying, entering by hand, letting go, trying."""

from __future__ import annotations

import re
from typing import Any, cast

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.models import Account
from broadcast.core.confirm import ConfirmForm
from broadcast.core.countries import country_choices
from broadcast.core.phones import normalise
from integrations.models import Gateway
from integrations.sms.contract import NumberQuery
from integrations.sms.registry import ADAPTERS
from messaging.models import PhoneNumber
from messaging.services.numbers import COOL_DOWN_DAYS, MOST_COOL_DOWN_DAYS, selling_gateways

Kind = PhoneNumber.Kind

#: Kinds as somebody who looks for a number calls them.
SEARCHED = (
    (Kind.LOCAL, "Local (long code)"),
    (Kind.TOLL_FREE, "Toll-free"),
    (Kind.MOBILE, "Mobile"),
    (Kind.SHORT_CODE, "Short code (entered by hand)"),
)

#: What narrows a search, beside country and kind.
FILTERS = ("area_code", "contains", "locality", "region", "postal_code")


def _text(label: str, help_text: str = "", *, most: int) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, max_length=most, widget=UnfoldAdminTextInputWidget(), help_text=help_text
    )


def staff_phone(account: Account, raw: str) -> str:
    """A telephone of ours in E.164, empty for none.

    Raises:
        ValidationError: it is no number.
    """
    if not raw.strip():
        return ""
    parsed = normalise(raw, account.default_region)
    if not parsed.e164:
        raise forms.ValidationError(parsed.reason, code="number")
    return parsed.e164


class NumberSearchForm(forms.Form):
    """Which numbers are wanted, for whom."""

    account = forms.ModelChoiceField(Account.objects.none(), widget=UnfoldAdminSelect2Widget())
    gateway = forms.ModelChoiceField(Gateway.objects.none(), widget=UnfoldAdminSelectWidget(), empty_label=None)
    country = forms.ChoiceField(choices=country_choices, initial="US", widget=UnfoldAdminSelect2Widget())
    kind = forms.ChoiceField(choices=SEARCHED, widget=UnfoldAdminSelectWidget())
    area_code = _text("Area code", "For example 415; not in every country.", most=6)
    contains = _text("Digits it should contain", "* stands for any digit.", most=16)
    locality = _text("Near: city", "For example Oakland.", most=60)
    region = _text("Near: state or province", "As its letters, for example CA.", most=60)
    postal_code = _text("Near: postal code", most=12)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = cast("forms.ModelChoiceField[Account]", self.fields["account"])
        account.queryset = Account.objects.active()
        gateway = cast("forms.ModelChoiceField[Gateway]", self.fields["gateway"])
        selling = [item.pk for item in selling_gateways()]
        #: Whether any gateway sells numbers.
        self.has_choice = bool(selling)
        gateway.queryset = Gateway.objects.filter(pk__in=selling).defer("credentials")

    def clean(self) -> dict[str, Any]:
        """What the gateway's search does not know is said beside its field, not left out of the search."""
        asked = super().clean() or {}
        gateway = asked.get("gateway")
        adapter = ADAPTERS.get(gateway.kind) if gateway is not None else None
        if adapter is None:
            return asked
        can = adapter.capabilities
        kind = asked.get("kind")
        if kind and kind != Kind.SHORT_CODE and kind not in can.number_kinds:
            offered = " and ".join(str(label) for value, label in SEARCHED if value in can.number_kinds)
            self.add_error("kind", f"{adapter.label} does not sell them here. It has: {offered}.")
        for name in FILTERS:
            if asked.get(name, "").strip() and name not in can.number_filters and kind != Kind.SHORT_CODE:
                self.add_error(
                    name, f"{adapter.label} does not search by it. Leave it empty, or choose another gateway."
                )
        return asked

    @property
    def query(self) -> NumberQuery:
        """What the provider is asked."""
        return NumberQuery(**{name: self.cleaned_data[name].strip() for name in ("country", "kind", *FILTERS)})


class PurchaseForm(forms.Form):
    """What is asked for before money is spent."""

    label = _text("Label", "What you call it, for example Box office.", most=60)
    test_recipient = _text(
        "Test message to",
        "A telephone of yours; it gets a message as soon as the number is active. Empty: none.",
        most=40,
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._account = account

    def clean_test_recipient(self) -> str:
        """In E.164."""
        return staff_phone(self._account, self.cleaned_data["test_recipient"])


class AdoptForm(forms.ModelForm[PhoneNumber]):
    """A number that we have at the gateway already, or soon will."""

    class Meta:
        model = PhoneNumber
        fields = (
            "account",
            "gateway",
            "number",
            "kind",
            "country",
            "label",
            "pace_segments",
            "can_receive",
            "can_send_media",
        )
        widgets = {
            "account": UnfoldAdminSelect2Widget(),
            "gateway": UnfoldAdminSelectWidget(),
            "number": UnfoldAdminTextInputWidget(),
            "kind": UnfoldAdminSelectWidget(),
            "country": UnfoldAdminSelect2Widget(choices=country_choices),
            "label": UnfoldAdminTextInputWidget(),
            "pace_segments": UnfoldAdminIntegerFieldWidget(),
            "can_receive": UnfoldBooleanSwitchWidget(),
            "can_send_media": UnfoldBooleanSwitchWidget(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        gateway = cast("forms.ModelChoiceField[Gateway]", self.fields["gateway"])
        gateway.queryset = Gateway.objects.defer("credentials")
        number = cast("forms.CharField", self.fields["number"])
        number.max_length, number.validators = None, []
        number.widget.attrs.pop("maxlength", None)
        number.help_text = "As you have it, for example (415) 555-2671, or a short code's digits."
        self.fields["can_send_media"].help_text = "The provider's word counts where it tells."

    def _post_clean(self) -> None:
        """Nothing: the service checks the whole row, with words of its own."""

    def clean(self) -> dict[str, Any]:
        """Store one way of writing a number; refuse one that another account has at the gateway."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        account, gateway, raw = cleaned.get("account"), cleaned.get("gateway"), cleaned.get("number")
        if not (account and raw):
            return cleaned
        digits = re.sub(r"\D", "", raw)
        if cleaned.get("kind") == Kind.SHORT_CODE:
            if not 3 <= len(digits) <= 8:
                self.add_error("number", f"“{raw}” is not a short code: those have 3 to 8 digits.")
                return cleaned
            cleaned["number"] = digits
        else:
            parsed = normalise(raw, account.default_region)
            if not parsed.e164:
                hint = " If it is a short code, choose that as its kind." if 3 <= len(digits) <= 8 else ""
                self.add_error("number", parsed.reason + hint)
                return cleaned
            cleaned["number"] = parsed.e164
        held = PhoneNumber.objects.held().filter(gateway=gateway, number=cleaned["number"])
        taken = held.select_related("account").first() if gateway else None
        if taken:
            self.add_error(
                "number", f"{taken.number} belongs to {taken.account} at this gateway. Release it there first."
            )
        return cleaned


class PhoneNumberForm(forms.ModelForm[PhoneNumber]):
    """What may change of a number."""

    class Meta:
        model = PhoneNumber
        fields = ("label", "pace_segments", "can_receive", "can_send_media")


class ReleaseForm(ConfirmForm):
    """How long the number still receives."""

    after_days = forms.IntegerField(
        label="Give it back after (days)",
        initial=COOL_DOWN_DAYS,
        min_value=0,
        max_value=MOST_COOL_DOWN_DAYS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=f"0 to {MOST_COOL_DOWN_DAYS}. Until then it receives, answers and can be kept. 0: at once, for good.",
    )


class ForgetForm(ConfirmForm):
    """Has somebody say what the provider cannot be asked."""

    is_given_back = forms.BooleanField(
        label="I have seen to it in the provider's console",
        widget=UnfoldBooleanSwitchWidget(),
        help_text="The number was given back there, or was never bought. One that is still there is billed every month.",
        error_messages={"required": "See to it in the provider's console first, then say so."},
    )


class ResumeForm(ConfirmForm):
    """Carries what the page said, so that nothing is bought that the page did not announce."""

    buys = forms.BooleanField(required=False, widget=forms.HiddenInput())


class TestMessageForm(ConfirmForm):
    """Whom to send the test to."""

    recipient = forms.CharField(
        label="Telephone",
        max_length=40,
        widget=UnfoldAdminTextInputWidget(),
        help_text="One of yours, for example (415) 555-2671. The text says which number it comes from.",
    )

    def clean_recipient(self) -> str:
        """In E.164."""
        return staff_phone(self.target.account, self.cleaned_data["recipient"])

"""Forms of the registrations with the carriers."""

from __future__ import annotations

from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from broadcast.core.confirm import ConfirmForm
from messaging.models import Brand, PhoneNumber, TenDlcCampaign, TenDlcNumber, TollFreeVerification
from messaging.services.registrations import numbers_of
from messaging.states import REGISTRATION_MOVES, RegistrationState


class MoveForm(ConfirmForm):
    """The state that the provider shows, its words, and its id."""

    state = forms.ChoiceField(label="State", widget=UnfoldAdminSelectWidget)
    words = forms.CharField(
        label="The provider's words",
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Why it was rejected or suspended, for example. It is shown to whoever may not send because of it.",
    )
    provider_id = forms.CharField(
        label="The provider's id", required=False, max_length=64, widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        state = cast("forms.ChoiceField", self.fields["state"])
        state.choices = [(value, RegistrationState(value).label) for value in REGISTRATION_MOVES[self.target.state]]
        self.fields["provider_id"].initial = self.target.provider_id

    def clean_provider_id(self) -> str:
        """One id for one registration."""
        given: str = self.cleaned_data["provider_id"].strip()
        model = type(self.target)
        other = model._default_manager.filter(provider_id=given).exclude(pk=self.target.pk).first() if given else None
        if other is not None:
            raise forms.ValidationError(f"“{other}” has this id already. Look at the provider which of them it is.")
        return given


class BrandForm(forms.ModelForm[Brand]):
    """A brand."""

    class Meta:
        model = Brand
        fields = (
            "account",
            "name",
            "kind",
            "tax_id",
            "trust_score",
            "provider_id",
            "daily_cap_segments",
            "share_percent",
            "cap_zone",
        )

    def clean_cap_zone(self) -> str:
        """A zone that this machine knows: its midnight is reckoned each day."""
        zone: str = self.cleaned_data["cap_zone"]
        if zone not in available_timezones():
            raise forms.ValidationError(f"“{zone}” is not a time zone. Write a name such as America/Los_Angeles.")
        return zone


class NumbersForm(forms.ModelForm[Any]):
    """A registration with its numbers. What the service refused is said beside them."""

    #: Set by the admin for one request.
    refused = ""

    class Media:
        js = ("broadcast/account_choices.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "members" not in self.fields:
            return
        members = cast("forms.ModelMultipleChoiceField[PhoneNumber]", self.fields["members"])
        members.queryset = PhoneNumber.objects.all()
        members.widget = AutocompleteSelectMultiple(
            self.source_field(), admin.site, attrs={"data-of-account": self.account_id() or ""}
        )
        members.widget.choices = members.choices
        if self.instance.pk:
            members.initial = list(numbers_of(self.instance).values_list("pk", flat=True))

    def source_field(self) -> Any:
        """The relation that the choices are of."""
        raise NotImplementedError

    def account_id(self) -> int | None:
        """Whose numbers are offered; None while that is not known."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        """Say what the service refused."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.refused and "members" in self.fields:
            self.add_error("members", self.refused)
        return cleaned


class TenDlcForm(NumbersForm):
    """A 10DLC campaign and its numbers."""

    members = forms.ModelMultipleChoiceField(
        queryset=PhoneNumber.objects.none(),
        label="Numbers",
        required=False,
        help_text="Of the brand's account: 10-digit numbers of the United States. Each is in one 10DLC campaign.",
    )

    class Meta:
        model = TenDlcCampaign
        fields = ("brand", "name", "use_case", "provider_id", "per_minute_segments", "per_day_segments")

    def source_field(self) -> Any:
        """A number's place in a 10DLC campaign."""
        return TenDlcNumber._meta.get_field("number")

    def account_id(self) -> int | None:
        """The brand's account."""
        return self.instance.brand.account_id if self.instance.brand_id else None


class VerificationForm(NumbersForm):
    """A toll-free verification and its numbers."""

    members = forms.ModelMultipleChoiceField(
        queryset=PhoneNumber.objects.none(),
        label="Numbers",
        required=False,
        help_text="Of this account: toll-free numbers of North America.",
    )

    class Meta:
        model = TollFreeVerification
        fields = ("account", "business_name", "use_case", "provider_id")

    def source_field(self) -> Any:
        """A verification's numbers."""
        return TollFreeVerification._meta.get_field("numbers")

    def account_id(self) -> int | None:
        """Its own."""
        return cast("int | None", self.instance.account_id)

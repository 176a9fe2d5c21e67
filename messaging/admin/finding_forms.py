"""What the repairs of number findings ask for."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from unfold.widgets import (
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.models import Account
from broadcast.core.confirm import ConfirmForm
from messaging.admin.finding_words import others_in_use
from messaging.models import PhoneNumber

#: What a number is by its look; a person may know better.
_TOLL_FREE = ("+1800", "+1833", "+1844", "+1855", "+1866", "+1877", "+1888")


class GiveForm(ConfirmForm):
    """Who gets a number."""

    account = forms.ModelChoiceField(Account.objects.none(), widget=UnfoldAdminSelect2Widget())
    kind = forms.ChoiceField(choices=PhoneNumber.Kind.choices, widget=UnfoldAdminSelectWidget())
    label = forms.CharField(
        max_length=60,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="For people, for example Front desk.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = cast("forms.ModelChoiceField[Account]", self.fields["account"])
        account.queryset = Account.objects.active()
        number = self.target.number
        if self.target.phone_number:
            account.initial = self.target.phone_number.account_id
            self.fields["kind"].initial = self.target.phone_number.kind
        elif not number.startswith("+"):
            self.fields["kind"].initial = PhoneNumber.Kind.SHORT_CODE
        elif number.startswith(_TOLL_FREE):
            self.fields["kind"].initial = PhoneNumber.Kind.TOLL_FREE


class WireForm(ConfirmForm):
    """Asks once more where another application would lose the number's messages."""

    take_over = forms.BooleanField(
        label="Take its messages away from there",
        widget=UnfoldBooleanSwitchWidget(),
        error_messages={"required": "Say that its messages shall not go there any more."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not others_in_use(self.target):
            del self.fields["take_over"]


class IgnoreForm(ConfirmForm):
    """Why a difference is left as it is."""

    reason = forms.CharField(
        max_length=255,
        widget=UnfoldAdminTextInputWidget(),
        help_text="For whoever looks next: for example, it belongs to another installation.",
    )

"""Forms of the chain's pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django import forms
from django.forms.models import BaseInlineFormSet
from unfold.widgets import (
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import Account
from broadcast.core.confirm import ConfirmForm
from broadcast.core.phones import normalise
from campaigns.models import Chain, ChainStep
from campaigns.services.chains import notation
from campaigns.services.chains.templates import TEMPLATES
from messaging.models import PhoneNumber

T = TypeVar("T")

#: New steps come after all others until somebody drags them.
_AT_THE_END = 10_000


def _lines(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, help_text=help_text, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class StepForm(forms.ModelForm[ChainStep]):
    """A step, with its lists of things as lines of text."""

    choices_text = _lines("Choices", "A line each, with other words for it: Fish: salmon, pescado")
    points_text = _lines("Points", "A line each: yes = 2. For numbers * = 1 gives a point for each unit.")
    branches_text = _lines("Branches", "A line each: answer is no -> pity, score at least 5 -> good, otherwise -> bye")

    class Meta:
        model = ChainStep
        exclude = ("choices", "weights")  # noqa: DJ006  written by the two fields above
        widgets = {
            "text": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
            "retry_text": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
            "reminder_text": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "branches_text" in self.fields:
            self.initial.update(
                choices_text=notation.format_choices(self.instance),
                points_text=notation.format_points(self.instance),
                branches_text=notation.format_branches(self.instance),
            )

    def clean_points_text(self) -> dict[str, int]:
        """The points by answer."""
        return self._read(notation.parse_points, "points_text")

    def clean_branches_text(self) -> list[notation.BranchValues]:
        """The branches."""
        return self._read(notation.parse_branches, "branches_text")

    def _read(self, parse: Callable[[str], T], name: str) -> T:
        try:
            return parse(self.cleaned_data[name])
        except notation.NotationError as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        """The list is the account's."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        chosen, account_id = cleaned.get("list"), self.instance.chain.account_id if self.instance.chain_id else None
        if chosen and account_id and chosen.account_id != account_id:
            self.add_error("list", f"“{chosen}” is another account's list. Choose one of this account.")
        return cleaned

    def save(self, commit: bool = True) -> Any:
        """Save the step with its lines; the branches once it has an id."""
        self.instance.choices = notation.parse_choices(self.cleaned_data.get("choices_text", ""))
        self.instance.weights = self.cleaned_data.get("points_text") or {}
        return super().save(commit)


class StepFormSet(BaseInlineFormSet[ChainStep, Chain, StepForm]):
    """The steps of a chain, in their order."""

    def save_new(self, form: StepForm, commit: bool = True) -> ChainStep:
        """A new step, at the end unless it was dragged."""
        if "position" not in form.changed_data:
            form.instance.position = _AT_THE_END + self.forms.index(form)
        return super().save_new(form, commit)

    def clean(self) -> None:
        """A list belongs to the account that is being chosen, too."""
        super().clean()
        account_id = self.instance.account_id
        for form in self.forms:
            chosen = getattr(form, "cleaned_data", {}).get("list")
            if chosen and account_id and chosen.account_id != account_id:
                raise forms.ValidationError(f"“{chosen}” is another account's list. Choose one of this account.")


class TemplateForm(forms.Form):
    """A new chain made from a template."""

    account = forms.ModelChoiceField(Account.objects.none(), widget=UnfoldAdminSelect2Widget())
    template = forms.ChoiceField(
        choices=[(key, f"{template.name}: {template.about}") for key, template in TEMPLATES.items()],
        widget=UnfoldAdminSelectWidget(),
    )
    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ModelChoiceField[Account]", self.fields["account"]).queryset = Account.objects.active()

    def clean(self) -> dict[str, Any]:
        """The name is free."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        account, name = cleaned.get("account"), cleaned.get("name")
        if account and Chain.objects.filter(account=account, name=name).exists():
            self.add_error("name", f"{account} has a chain of this name. Choose another name.")
        return cleaned


class StartHereForm(ConfirmForm):
    """Which chain is started with a conversation's person."""

    chain = forms.ModelChoiceField(Chain.objects.none(), label="Text chain", widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chain = cast("forms.ModelChoiceField[Chain]", self.fields["chain"])
        chain.queryset = Chain.objects.filter(account_id=self.target.account_id, state=Chain.State.ACTIVE)


class StartForm(ConfirmForm):
    """With whom a chain is started, and from which number."""

    number = forms.ModelChoiceField(
        PhoneNumber.objects.none(), label="From our number", widget=UnfoldAdminSelectWidget()
    )
    person = forms.CharField(
        label="To the person's number", max_length=40, widget=UnfoldAdminTextInputWidget(), help_text="(415) 555-2671"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        number = cast("forms.ModelChoiceField[PhoneNumber]", self.fields["number"])
        number.queryset = PhoneNumber.objects.filter(account_id=self.target.account_id, state="active")

    def clean_person(self) -> str:
        """The number in E.164."""
        parsed = normalise(self.cleaned_data["person"], self.target.account.default_region)
        if parsed.reason:
            raise forms.ValidationError(parsed.reason)
        return parsed.e164

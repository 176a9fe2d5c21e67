"""Forms of the keywords' pages."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.db.models import Q
from django.forms import BaseInlineFormSet
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget

from accounts.models import Account
from broadcast.core.admin import InlineFormSetMixin
from campaigns.admin.campaign_forms import OF_ACCOUNT, LocalDateTimeField, moment_of
from campaigns.models import CallEndpoint, Chain, CustomField, Keyword, KeywordAction, SubscriberList, Tag
from campaigns.services.composing import check_body
from campaigns.services.keywords import clashes, kind_of, kinds, phrase_problems

#: Fields of an action that a kind may use, in the order of the form.
ACTION_FIELDS = ("list", "tag", "field", "value", "chain", "emails", "endpoint")
#: Entered and shown by the account's clock.
TIMES = ("active_from", "active_until")
#: Read by ``keyword_actions.js``: which kind uses which field.
USED_BY = "data-used-by"
_OF_ACCOUNT = {"list": SubscriberList, "tag": Tag, "field": CustomField, "chain": Chain, "endpoint": CallEndpoint}


class KeywordForm(forms.ModelForm[Keyword]):
    """A keyword; words, times and priority must leave no doubt which of two keywords answers."""

    active_from = LocalDateTimeField(
        label="Active from", required=False, widget=UnfoldAdminSplitDateTimeWidget(), help_text="Empty: at once."
    )
    active_until = LocalDateTimeField(
        label="Active until", required=False, widget=UnfoldAdminSplitDateTimeWidget(), help_text="Empty: for good."
    )

    class Meta:
        model = Keyword
        fields = (
            *("account", "name", "number", "words", "where", "priority"),
            *("active_from", "active_until", "is_enabled", "reply"),
        )
        widgets = {
            "words": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
            "reply": UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        }

    class Media:
        js = ("broadcast/account_choices.js", "broadcast/keyword_actions.js")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "number" in self.fields:
            widget: Any = self.fields["number"].widget
            # The admin puts a frame with links around it.
            getattr(widget, "widget", widget).attrs |= {OF_ACCOUNT: self.instance.account_id or ""}
        account = self.instance.account if self.instance.account_id else None
        for name in TIMES:
            if name not in self.fields:
                continue
            moment = getattr(self.instance, name)
            if account and moment:
                self.initial[name] = moment.astimezone(account.zone).replace(tzinfo=None)
            clock = f"In {account.time_zone}." if account else "By the account's own clock."
            self.fields[name].help_text = f"{clock} {self.fields[name].help_text}"

    def _moments(self, cleaned: dict[str, Any], account: Account) -> None:
        for name in TIMES:
            if cleaned.get(name):
                try:
                    cleaned[name] = moment_of(cleaned[name], account)
                except forms.ValidationError as error:
                    self.add_error(name, error)

    def clean(self) -> dict[str, Any]:
        """Check words and reply, and that number and words are not in doubt."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        account: Account | None = cleaned.get("account") or (
            self.instance.account if self.instance.account_id else None
        )
        if account is None:
            # The form is shown again, and nothing of it is kept.
            return {name: value for name, value in cleaned.items() if name not in TIMES}
        self._moments(cleaned, account)
        number = cleaned.get("number")
        if number and number.account_id != account.pk:
            self.add_error("number", f"{number} belongs to another account. Choose a number of {account}.")
        for problem in phrase_problems(cleaned.get("words", "")) if "words" in cleaned else ():
            self.add_error("words", problem)
        for template_problem in check_body(account, cleaned.get("reply", "")):
            self.add_error("reply", str(template_problem))
        if not self.errors:
            columns = ("number", "words", "priority", "active_from", "active_until", "is_enabled")
            wanted = Keyword(pk=self.instance.pk, account=account, **{name: cleaned[name] for name in columns})
            for clash in clashes(wanted):
                self.add_error("words", clash)
        return cleaned


class KeywordActionForm(forms.ModelForm[KeywordAction]):
    """One action: only what its kind uses is kept."""

    kind = forms.ChoiceField(label="Action", widget=UnfoldAdminSelectWidget)

    class Meta:
        model = KeywordAction
        fields = ("position", "kind", *ACTION_FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" not in self.fields:
            return
        kind = cast("forms.ChoiceField", self.fields["kind"])
        known = [(one.name, one.label) for one in kinds()]
        # An action whose module is gone is shown as it is, not changed by a save.
        if self.instance.kind and self.instance.kind not in dict(known):
            known.append((self.instance.kind, f"{self.instance.kind} (not installed)"))
        kind.choices = [("", "Choose an action"), *known]
        for name in ACTION_FIELDS:
            users = [one.name for one in kinds() if name in (*one.needs, *one.uses)]
            widget: Any = self.fields[name].widget
            getattr(widget, "widget", widget).attrs[USED_BY] = " ".join(users)

    def offer(self, account_id: int) -> None:
        """Offer what belongs to an account, and nothing else."""
        for name, model in _OF_ACCOUNT.items():
            if name in self.fields:
                choice = cast("forms.ModelChoiceField[Any]", self.fields[name])
                rows = cast("Any", model).objects.filter(account_id=account_id)
                if model is Chain:
                    # One that is no longer active stays chosen, so that the rest of the keyword can still be saved.
                    rows = rows.filter(Q(state=Chain.State.ACTIVE) | Q(pk=self.instance.chain_id))
                choice.queryset = rows

    def clean(self) -> dict[str, Any]:
        """Everything that the kind needs, and nothing that it does not use."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        candidate = KeywordAction(
            kind=cleaned.get("kind", ""), value=cleaned.get("value", ""), emails=cleaned.get("emails", "")
        )
        kind = kind_of(candidate)
        if kind is None:
            return cleaned
        for name in ACTION_FIELDS:
            if name not in (*kind.needs, *kind.uses):
                cleaned[name] = None if name in _OF_ACCOUNT else ""
                self.errors.pop(name, None)
            elif name in kind.needs and not cleaned.get(name) and name not in self.errors:
                label = str(self.fields[name].label).lower()
                self.add_error(name, f"“{kind.label}” needs this: choose or enter the {label}.")
        for name, problem in kind.check(candidate).items():
            self.add_error(name if name in self.fields else None, problem)
        return cleaned


class KeywordActionFormSet(InlineFormSetMixin, BaseInlineFormSet[KeywordAction, Keyword, KeywordActionForm]):
    """A keyword's actions: everything in them is the keyword's account's."""

    def clean(self) -> None:
        """Of two chains the second would replace the first at once."""
        super().clean()
        kept = [form for form in self.forms if form not in self.deleted_forms and hasattr(form, "cleaned_data")]
        if sum(bool(form.cleaned_data.get("chain")) for form in kept) > 1:
            raise forms.ValidationError("Only one text chain runs with a person: keep one of these actions.")

    def add_fields(self, form: KeywordActionForm, index: int | None) -> None:
        """Offer the account's."""
        super().add_fields(form, index)
        form.offer(self.instance.account_id or 0)

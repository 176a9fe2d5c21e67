"""Forms of the campaign's pages."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.utils import timezone
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget

from accounts.models import Account
from broadcast.core.confirm import ConfirmForm
from campaigns.admin.campaign_options import OPTION_FIELDS, OptionFields
from campaigns.models import Campaign, CampaignList, SubscriberList
from campaigns.services.composing import STANDARD_FIELDS, check_body, known_fields
from messaging.models import SenderPool
from messaging.services.pools import first_active
from messaging.services.routes import preferred_sender

#: Read by ``account_choices.js``.
OF_ACCOUNT = "data-of-account"
INSTEAD_OF = "data-instead-of"


class CampaignForm(forms.ModelForm[Campaign], OptionFields):
    """Text, number or pool, and lists, all of one account; and the options."""

    audience = forms.ModelMultipleChoiceField(
        queryset=SubscriberList.objects.none(),
        label="Lists",
        help_text="Somebody who is on several of them gets one message.",
    )

    class Meta:
        model = Campaign
        fields = ("account", "name", "number", "pool", "follows_country_rules", "body", *OPTION_FIELDS)
        widgets = {"body": UnfoldAdminTextareaWidget(attrs={"rows": 5})}

    class Media:
        js = ("broadcast/account_choices.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account_id = self.instance.account_id or ""
        if "audience" in self.fields:
            audience = cast("forms.ModelMultipleChoiceField[SubscriberList]", self.fields["audience"])
            audience.queryset = SubscriberList.objects.select_related("account")
            field = cast("Any", Campaign._meta.get_field("lists"))
            audience.widget = AutocompleteSelectMultiple(field, admin.site, attrs={OF_ACCOUNT: account_id})
            audience.widget.choices = audience.choices
            if self.instance.pk:
                audience.initial = list(self.instance.lists.values_list("pk", flat=True))
        for name, other in (("number", "pool"), ("pool", "number")):
            if name not in self.fields:
                continue
            widget: Any = self.fields[name].widget
            # The admin puts a frame with links around it.
            inner = getattr(widget, "widget", widget)
            inner.attrs |= {OF_ACCOUNT: account_id, INSTEAD_OF: f"id_{other}"}
            inner.is_required = self.fields[name].required = False
        if "number" in self.fields:
            self.fields["number"].help_text = (
                "It leaves from this one number; or choose a sender pool instead. Both empty: from the account's preferred sender, "
                "if its routing names one."
            )
            if self.instance.pool_id:
                # It was taken from the pool.
                self.initial["number"] = None
        if "body" in self.fields:
            names = known_fields(self.instance.account) if account_id else STANDARD_FIELDS
            more = "" if account_id else ", and the account's custom fields"
            self.fields[
                "body"
            ].help_text = (
                f'Merge fields: {", ".join(names)}{more}. With a fallback: {{{{ first_name | default: "there" }}}}.'
            )

    def clean(self) -> dict[str, Any]:
        """Everything is the account's, the number can send, the text can be rendered."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self._refuse_if_launched()
        account = cleaned.get("account") or (self.instance.account if self.instance.account_id else None)
        if account is None:
            return cleaned
        self._check_senders(account, cleaned)
        strangers = [str(chosen) for chosen in cleaned.get("audience") or () if chosen.account_id != account.pk]
        if strangers:
            self.add_error("audience", f"Not a list of {account}: {', '.join(strangers)}.")
        if len(cleaned.get("audience") or ()) > CampaignList.MAX_LISTS:
            self.add_error("audience", f"A campaign goes to {CampaignList.MAX_LISTS} lists at most.")
        for problem in check_body(account, cleaned["body"]) if cleaned.get("body") else ():
            self.add_error("body", str(problem))
        return cleaned

    def _check_senders(self, account: Account, cleaned: dict[str, Any]) -> None:
        """One number, or a pool that can send; a pool's first active number stands for it."""
        if {"number", "pool"} & set(self.errors):
            return
        number, pool = cleaned.get("number"), cleaned.get("pool")
        if number is None and pool is None:
            preferred = preferred_sender(account)
            number, pool = (None, preferred) if isinstance(preferred, SenderPool) else (preferred, None)
            cleaned |= {"number": number, "pool": pool}
        if number and pool:
            self.add_error("pool", f"Choose {number} or the pool {pool}, not both: empty one of the two fields.")
        elif pool and pool.account_id != account.pk:
            self.add_error("pool", f"The pool {pool} does not belong to {account}. Choose one of its own pools.")
        elif pool:
            first = first_active(pool)
            if first is None:
                self.add_error(
                    "pool",
                    f"No number of the pool {pool} can send. Enable one, or add one to it, or choose another pool.",
                )
            cleaned["number"] = first
        elif number is None:
            self.add_error("number", "Choose the number that it leaves from, or a sender pool.")
        elif number.account_id != account.pk:
            self.add_error("number", f"{number} does not belong to {account}. Choose one of its own numbers.")
        elif number.state != "active":
            self.add_error(
                "number", f"{number} is {number.get_state_display().lower()} and cannot send. Choose another."
            )

    def _refuse_if_launched(self) -> None:
        """Hold the row, so that a launch at this moment sees either the old text or the new one."""
        if not self.instance.pk:
            return
        same = Campaign.objects.select_for_update().filter(pk=self.instance.pk, state=self.instance.state)
        if not (self.instance.is_editable and same.exists()):
            raise forms.ValidationError(
                "The campaign was launched or changed meanwhile. Nothing was saved; open it again."
            )


class LocalDateTimeField(forms.SplitDateTimeField):
    """A date and time as a wall clock shows it; which clock, the form knows."""

    def compress(self, data_list: Any) -> Any:
        """A naive time; None without one where none is needed."""
        if not self.required and not any(data_list or ()):
            return None
        if not data_list or data_list[0] in self.empty_values or data_list[1] in self.empty_values:
            raise forms.ValidationError("Give a date and a time.", code="required")
        return dt.datetime.combine(*data_list)


def moment_of(wall: dt.datetime, account: Account) -> dt.datetime:
    """The moment at which an account's clock shows a time.

    Args:
        wall: naive.
        account: whose clock.

    Raises:
        ValidationError: the clock never shows it.
    """
    moment = wall.replace(tzinfo=account.zone)
    if moment.astimezone(dt.UTC).astimezone(account.zone).replace(tzinfo=None) != wall:
        raise forms.ValidationError(
            f"The clocks of {account.time_zone} go forward then: {wall:%H:%M} does not exist on that day."
        )
    return moment


class ScheduleForm(ConfirmForm):
    """When a campaign is to leave, by the account's clock."""

    at = LocalDateTimeField(label="Launch on", widget=UnfoldAdminSplitDateTimeWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.target.account
        clock = f"{timezone.now().astimezone(account.zone):%H:%M}"
        self.fields["at"].help_text = f"In {account}'s time zone, {account.time_zone}: it is {clock} there now."
        if self.target.scheduled_at:
            self.fields["at"].initial = self.target.scheduled_at.astimezone(account.zone).replace(tzinfo=None)

    def clean_at(self) -> dt.datetime:
        """The moment, aware; refused when the clock never shows it or it has passed."""
        moment = moment_of(self.cleaned_data["at"], self.target.account)
        if moment <= timezone.now():
            raise forms.ValidationError("That time has passed. Choose a later one, or launch the campaign now.")
        return moment


class CancelForm(ConfirmForm):
    """A yes that is hard to give by mistake."""

    sure = forms.BooleanField(label="Yes, cancel it for good")

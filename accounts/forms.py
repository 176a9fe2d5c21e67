"""Forms of the clients' pages."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelect2Widget, UnfoldAdminTextareaWidget

from accounts.answers import help_problems
from accounts.models import Account


class AccountForm(forms.ModelForm[Account]):
    """An account; a new one can get its owner at once."""

    owner_email = forms.EmailField(
        label="Owner's e-mail",
        required=False,
        widget=UnfoldAdminEmailInputWidget(),
        help_text="The client who runs this account. Somebody new cannot log in until you set a password on their page.",
    )

    class Meta:
        model = Account
        fields = (
            "name",
            "status",
            "time_zone",
            "default_region",
            "quiet_start",
            "quiet_end",
            "keeps_legal_hours",
            "max_per_day",
            "max_per_week",
            "number_allowance",
            "contact",
            "help_text",
            "opt_out_text",
            "opt_in_text",
            "default_reply",
        )
        widgets = {
            name: UnfoldAdminTextareaWidget(attrs={"rows": 2})
            for name in ("help_text", "opt_out_text", "opt_in_text", "default_reply")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "time_zone" in self.fields:
            zones = sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone or zone == "UTC")
            current = self.instance.time_zone
            choices = [
                (zone, zone.replace("_", " ")) for zone in zones if not zone.startswith(("Etc/", "posix/", "right/"))
            ]
            if current and current not in zones:
                choices.insert(0, (current, current))
            self.fields["time_zone"].widget = UnfoldAdminSelect2Widget(choices=choices)

    def clean_help_text(self) -> str:
        """Merge fields must be some that there are."""
        text: str = self.cleaned_data["help_text"]
        problems = help_problems(text)
        if problems:
            raise ValidationError([str(problem) for problem in problems], code="merge_fields")
        return text

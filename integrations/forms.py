"""The forms of a gateway, with an input for each of its provider's credentials."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
    UnfoldBooleanSwitchWidget,
)

from broadcast.core.confirm import ConfirmForm
from integrations.models import Gateway
from integrations.services.rotation import KEPT_HOURS, USUAL_HOURS
from integrations.sms.contract import CredentialField
from integrations.sms.errors import AdapterError
from integrations.sms.registry import ADAPTERS, make_adapter

_MOVED = "The base URL names another host, which stored secrets are not sent to: enter it anew, or keep the base URL as it was."
#: Between a kind and the name of a credential, in the names of inputs.
SEPARATOR = "__"
REMOVE = "__remove"


def input_names(kind: str, stored: Mapping[str, str]) -> list[str]:
    """Names of the inputs for a kind's credentials, in the provider's order.

    Args:
        kind: of the gateway.
        stored: what it has already; an optional secret of these can be removed.
    """
    names = []
    for credential in ADAPTERS[kind].credential_fields if kind in ADAPTERS else ():
        name = f"{kind}{SEPARATOR}{credential.name}"
        names.append(name)
        if credential.secret and not credential.required and stored.get(credential.name):
            names.append(name + REMOVE)
    return names


def _input(credential: CredentialField) -> forms.CharField:
    widget: forms.Widget
    if credential.secret:
        widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    else:
        widget = UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
    # Required is checked with the whole gateway: an empty input may mean that a stored secret is kept.
    return forms.CharField(
        label=credential.label,
        required=False,
        widget=widget,
        help_text=credential.help_text,
        strip=True,
        validators=[_check_printable],
    )


def _check_printable(value: str) -> None:
    """A line break in a header would be refused by the HTTP library, which shows the header."""
    if not value.isprintable():
        raise ValidationError("It holds characters that no credential has, such as a line break. Copy it once more.")


def _version_field(gateway: Gateway) -> dict[str, forms.Field]:
    """A hidden input for the version of the credentials that a person has seen."""
    return {
        "seen_version": forms.IntegerField(initial=gateway.credentials_version, widget=forms.HiddenInput, min_value=1)
    }


def _remove(credential: CredentialField) -> forms.BooleanField:
    return forms.BooleanField(
        label=f"Remove the {credential.label}", required=False, widget=UnfoldBooleanSwitchWidget()
    )


class _GatewayForm(forms.ModelForm[Gateway]):
    """Stored secrets are never sent to the browser: their inputs are empty, and empty keeps what is stored."""

    base_url = forms.URLField(
        label="Base URL",
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget(),
        help_text="Leave empty for the provider's own. The simulator's address goes here.",
    )

    seen_version = forms.IntegerField(label="", required=False, widget=forms.HiddenInput)

    class Meta:
        model = Gateway
        fields = ("name", "kind", "base_url", "concurrency", "default_pace", "is_enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance.credentials or {}
        #: The credentials before whatever is entered.
        self.before: dict[str, str] = dict(stored)
        self.fields["seen_version"].initial = self.instance.credentials_version
        for kind, adapter in ADAPTERS.items():
            for credential in adapter.credential_fields:
                field = self.fields.get(f"{kind}{SEPARATOR}{credential.name}")
                value = stored.get(credential.name) if kind == self.instance.kind else None
                if field is None or not value:
                    continue
                if credential.secret:
                    field.help_text = f"{credential.help_text} Stored. Leave empty to keep it.".strip()
                else:
                    field.initial = value

    def clean(self) -> dict[str, Any]:
        """Put the credentials together and let the adapter look at them."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kind = cleaned.get("kind") or self.instance.kind
        if kind not in ADAPTERS:
            return cleaned
        stored = (self.instance.credentials or {}) if kind == self.instance.kind else {}
        is_moved = self._is_moved(cleaned)
        credentials = {}
        for credential in ADAPTERS[kind].credential_fields:
            name = f"{kind}{SEPARATOR}{credential.name}"
            if name not in self.fields:
                value = stored.get(credential.name, "")
            elif cleaned.get(name + REMOVE):
                value = ""
            else:
                kept = stored.get(credential.name, "") if credential.secret else ""
                value = cleaned.get(name) or ("" if is_moved else kept)
                if kept and not value and name not in self.errors:
                    self.add_error(name, _MOVED)
            if value:
                credentials[credential.name] = value
        is_changed = is_moved or credentials != self.before
        if self.instance.pk and is_changed and self._is_outdated(cleaned.get("seen_version")):
            self.add_error(
                None,
                "Somebody else has changed the credentials since you opened this page, so nothing is saved. Open it once more "
                "and look at their history.",
            )
            return cleaned
        self.instance.credentials = credentials
        self.instance.kind = kind
        missing = [
            field for field in ADAPTERS[kind].credential_fields if field.required and field.name not in credentials
        ]
        for field in missing:
            if f"{kind}{SEPARATOR}{field.name}" in self.errors:
                continue
            self.add_error(f"{kind}{SEPARATOR}{field.name}", f"{ADAPTERS[kind].label} needs it.")
        if not missing:
            try:
                make_adapter(kind, self.instance.config)
            except AdapterError as error:
                self.add_error(None, str(error))
        return cleaned

    def _is_moved(self, cleaned: Mapping[str, Any]) -> bool:
        """Whether requests of a stored gateway would go to another host than its stored secrets were entered for."""
        if not self.instance.pk or "base_url" not in cleaned:
            return False
        moved = copy(self.instance)
        moved.base_url = cleaned["base_url"]
        return moved.origin != self.instance.origin

    def _is_outdated(self, seen: int | None) -> bool:
        # Locked until what is entered is saved.
        rows = Gateway.objects.select_for_update().filter(pk=self.instance.pk)
        current = rows.values_list("credentials_version", flat=True).first()
        return {seen or current, self.instance.credentials_version} != {current}


def _inputs() -> dict[str, forms.Field]:
    made: dict[str, forms.Field] = {}
    for kind, adapter in ADAPTERS.items():
        for credential in adapter.credential_fields:
            name = f"{kind}{SEPARATOR}{credential.name}"
            made[name] = _input(credential)
            if credential.secret and not credential.required:
                made[name + REMOVE] = _remove(credential)
    return made


GatewayForm: type[_GatewayForm] = type("GatewayForm", (_GatewayForm,), _inputs())


def _hours(hours: int) -> str:
    if not hours:
        return "Not at all: they have leaked"
    return f"{hours} hour{'' if hours == 1 else 's'}" if hours < 48 else f"{hours // 24} days"


class RotationForm(ConfirmForm):
    """New values for a gateway's credentials; what stays empty stays as it is, and no stored secret is shown."""

    keep_hours = forms.TypedChoiceField(
        label="Accept webhooks signed with the former ones for",
        coerce=int,
        choices=[(hours, _hours(hours)) for hours in KEPT_HOURS],
        initial=USUAL_HOURS,
        widget=UnfoldAdminSelectWidget(),
        help_text="Long enough for the provider to switch over. They are wiped afterwards.",
    )

    version_field = staticmethod(_version_field)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.target.credentials or {}
        inputs: dict[str, forms.Field] = {}
        for credential in ADAPTERS[self.target.kind].credential_fields:
            inputs[credential.name] = made = _input(credential)
            value = stored.get(credential.name, "")
            if not credential.secret:
                made.initial = value
                continue
            kept = "Stored. Leave empty to keep it." if value else "Not set."
            made.help_text = f"{credential.help_text} {kept}".strip()
            if value and not credential.required:
                inputs[credential.name + REMOVE] = _remove(credential)
        self.fields = {**inputs, **self.fields, **_version_field(self.target)}

    @property
    def entered(self) -> dict[str, str]:
        """What was entered, by the credential's name; empty takes it away."""
        values: dict[str, str] = {}
        for credential in ADAPTERS[self.target.kind].credential_fields:
            given = self.cleaned_data[credential.name]
            if given or not credential.secret:
                values[credential.name] = given
            elif self.cleaned_data.get(credential.name + REMOVE):
                values[credential.name] = ""
        return values

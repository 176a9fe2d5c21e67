"""The form of a gateway, with an input for each of its provider's credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
    UnfoldBooleanSwitchWidget,
)

from integrations.models import Gateway
from integrations.sms.contract import CredentialField
from integrations.sms.errors import AdapterError
from integrations.sms.registry import ADAPTERS, make_adapter

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
        label=credential.label, required=False, widget=widget, help_text=credential.help_text, strip=True
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

    class Meta:
        model = Gateway
        fields = ("name", "kind", "base_url", "concurrency", "default_pace", "is_enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance.credentials or {}
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
        credentials = {}
        for credential in ADAPTERS[kind].credential_fields:
            name = f"{kind}{SEPARATOR}{credential.name}"
            if name not in self.fields:
                value = stored.get(credential.name, "")
            elif cleaned.get(name + REMOVE):
                value = ""
            else:
                kept = stored.get(credential.name, "") if credential.secret else ""
                value = cleaned.get(name) or kept
            if value:
                credentials[credential.name] = value
        self.instance.credentials = credentials
        self.instance.kind = kind
        missing = [
            field for field in ADAPTERS[kind].credential_fields if field.required and field.name not in credentials
        ]
        for field in missing:
            self.add_error(f"{kind}{SEPARATOR}{field.name}", f"{ADAPTERS[kind].label} needs it.")
        if not missing:
            try:
                make_adapter(kind, self.instance.config)
            except AdapterError as error:
                self.add_error(None, str(error))
        return cleaned


def _inputs() -> dict[str, forms.Field]:
    made: dict[str, forms.Field] = {}
    for kind, adapter in ADAPTERS.items():
        for credential in adapter.credential_fields:
            name = f"{kind}{SEPARATOR}{credential.name}"
            made[name] = _input(credential)
            if credential.secret and not credential.required:
                made[name + REMOVE] = forms.BooleanField(
                    label=f"Remove the {credential.label}", required=False, widget=UnfoldBooleanSwitchWidget()
                )
    return made


GatewayForm: type[_GatewayForm] = type("GatewayForm", (_GatewayForm,), _inputs())

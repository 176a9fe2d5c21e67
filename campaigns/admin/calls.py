"""Webhook endpoints and the calls that were made to them."""

from __future__ import annotations

from typing import Any

import orjson
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, BooleanRadioFilter, ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from broadcast.core.admin import (
    ConsoleAdmin,
    CountsMixin,
    LargeTableMixin,
    ReadOnlyAdmin,
    display,
    list_url,
    page_link,
)
from broadcast.core.config import config
from broadcast.core.confirm import ConfirmForm, confirmed_action
from broadcast.core.outgoing import AddressRefused, check_url
from campaigns.admin.deleting import without_permission
from campaigns.models import CallEndpoint, OutgoingCall
from campaigns.querysets import count_of
from campaigns.services.calls import CallError, new_secret, try_again

MIN_SECRET_CHARACTERS = 16
STATE_LABELS = {"waiting": "info", "delivered": "success", "failed": "danger"}


class CallEndpointForm(forms.ModelForm[CallEndpoint]):
    """An endpoint; its secret goes in and is never shown again."""

    new_secret = forms.CharField(
        label="Secret", required=False, strip=True, max_length=200, widget=UnfoldAdminTextInputWidget
    )

    class Meta:
        model = CallEndpoint
        fields = ("account", "name", "url", "is_enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "new_secret" not in self.fields:
            return
        secret = self.fields["new_secret"]
        secret.widget.attrs["autocomplete"] = "off"
        if self.instance.pk is None:
            secret.initial = new_secret()
            secret.help_text = "Copy it to the receiver now: it signs every call and is not shown again."
        else:
            secret.help_text = (
                "Empty: it stays as it is. A new one counts from the next try of every call; "
                f"for example this one, which was made just now: {new_secret()}"
            )

    def clean_url(self) -> str:
        """Refuse addresses that are never called."""
        url: str = self.cleaned_data["url"]
        try:
            check_url(url, private_networks=config().calls_private_networks)
        except AddressRefused as error:
            raise ValidationError(str(error)) from None
        return url

    def clean_new_secret(self) -> str:
        """Long enough, and there from the start."""
        secret: str = self.cleaned_data["new_secret"]
        if not secret and self.instance.pk:
            return secret
        if len(secret) < MIN_SECRET_CHARACTERS:
            raise ValidationError(f"Use at least {MIN_SECRET_CHARACTERS} characters that nobody can guess.")
        return secret

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's hook, which its types leave out
        if self.cleaned_data.get("new_secret"):
            self.instance.secret = self.cleaned_data["new_secret"]
        if {"url", "is_enabled"} & set(self.changed_data):
            # What went wrong at the old address says nothing of the new one.
            self.instance.strain, self.instance.free_at = 0, timezone.now()


@admin.register(CallEndpoint)
class CallEndpointAdmin(CountsMixin, ConsoleAdmin[CallEndpoint]):
    """Where accounts want to be told."""

    form = CallEndpointForm
    list_display = ("name", "display_account", "url", "is_enabled", "display_calls", "display_failed")
    list_filter = (("account", AutocompleteSelectFilter), ("is_enabled", BooleanRadioFilter))
    list_select_related = ("account",)
    search_fields = ("name", "url", "account__name")
    autocomplete_fields = ("account",)
    fieldsets = ((None, {"fields": (("name", "account"), "url", "new_secret", "is_enabled")}),)
    delete_confirmation_template = "campaigns/delete.html"
    delete_selected_confirmation_template = "campaigns/delete_selected.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CallEndpoint]:
        """Without its secret."""
        return super().get_queryset(request).defer("secret")

    def with_counts(self, rows: QuerySet[CallEndpoint]) -> QuerySet[CallEndpoint]:
        """With counts of its calls."""
        theirs = OutgoingCall.objects.filter(endpoint=OuterRef("pk"))
        return rows.annotate(
            made=count_of(theirs, "endpoint"), failed=count_of(theirs.filter(state="failed"), "endpoint")
        )

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The record of its calls goes with it, though nobody deletes one by itself."""
        return without_permission(super().get_deleted_objects(objs, request), OutgoingCall)

    def get_fieldsets(self, request: HttpRequest, obj: CallEndpoint | None = None) -> Any:
        """The secret's input only for those who may change it."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        return ((None, {"fields": (("name", "account"), "url", "is_enabled")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: CallEndpoint | None = None) -> Any:
        """An endpoint stays in its account."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "account")

    @display(description="Account", ordering="account__name")
    def display_account(self, endpoint: CallEndpoint) -> Any:
        """A link to the account."""
        return page_link(endpoint.account)

    @display(description="Calls", ordering="made")
    def display_calls(self, endpoint: Any) -> SafeString:
        """How many, with a link to them."""
        url = list_url(OutgoingCall, endpoint__id__exact=endpoint.pk)
        return format_html('<a href="{}" class="text-link">{}</a>', url, f"{endpoint.made:,}")

    @display(description="Failed", ordering="failed")
    def display_failed(self, endpoint: Any) -> SafeString:
        """How many failed for good, with a link to them."""
        url = list_url(OutgoingCall, endpoint__id__exact=endpoint.pk, state__exact="failed")
        return format_html('<a href="{}" class="text-link">{}</a>', url, f"{endpoint.failed:,}")


@admin.register(OutgoingCall)
class OutgoingCallAdmin(LargeTableMixin, ReadOnlyAdmin[OutgoingCall]):
    """Calls, and why one failed."""

    list_display = ("id", "display_endpoint", "display_state", "attempts", "last_status", "last_error", "created_at")
    list_filter = (("endpoint", AutocompleteSelectFilter), ("state", ChoicesDropdownFilter))
    list_select_related = ("endpoint",)
    search_fields = ("key", "endpoint__name")
    actions_detail = ("try_call_again",)
    fieldsets = (
        (None, {"fields": (("display_endpoint", "state"), ("attempts", "last_status"), "last_error")}),
        ("When", {"fields": (("created_at", "next_at"), ("first_at", "delivered_at"))}),
        ("What", {"fields": ("key", "display_payload")}),
    )
    readonly_fields = ("display_endpoint", "display_payload")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutgoingCall]:
        """Without the endpoint's secret."""
        return super().get_queryset(request).select_related("endpoint").defer("endpoint__secret")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Only what failed can be tried again."""
        failed = OutgoingCall.objects.filter(pk=object_id, state=OutgoingCall.State.FAILED).exists()
        return super().get_actions_detail(request, object_id) if failed else []  # type: ignore[misc]  # unfold has no types

    @confirmed_action(
        "Try again",
        permission="campaigns.change_outgoingcall",
        button="Try again",
        question="{object} is tried again for up to 24 hours, with the same idempotency key: a receiver that has it already "
        "can tell.",
        errors=(CallError,),
        icon="replay",
    )
    def try_call_again(self, request: HttpRequest, call: OutgoingCall, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Put it back."""
        try_again(call_id=call.pk)
        return f"{call} is tried again."

    @display(description="Endpoint", ordering="endpoint__name")
    def display_endpoint(self, call: OutgoingCall) -> Any:
        """A link to the endpoint."""
        return page_link(call.endpoint)

    @display(description="State", label=STATE_LABELS, ordering="state")
    def display_state(self, call: OutgoingCall) -> tuple[str, str]:
        """Where it stands."""
        return call.state, call.get_state_display()

    @display(description="Payload")
    def display_payload(self, call: OutgoingCall) -> SafeString:
        """The body, readable."""
        text = orjson.dumps(call.payload, option=orjson.OPT_INDENT_2).decode()
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', text)

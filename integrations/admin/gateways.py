"""Gateways."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from broadcast.core.admin import ConsoleAdmin, display
from broadcast.core.config import config
from integrations.admin.credentials import CredentialActions
from integrations.forms import GatewayForm, input_names
from integrations.models import Gateway
from integrations.services.rotation import enter
from integrations.sms.registry import ADAPTERS

_CORRECTING = (
    "What you enter here counts at once and untested: it is for mistakes. To replace credentials in use, “Rotate credentials…” "
    "tests the new ones first, and webhooks may be signed with the former ones for a while."
)
_HISTORY = (
    '<div class="console-scroll"><table class="console-table"><thead><tr><th>When</th><th>What</th><th>Which</th><th>Who</th>'
    "</tr></thead><tbody>{}</tbody></table></div>"
)
#: Most changes that a gateway's page shows, the latest.
_SHOWN_CHANGES = 20
#: Where a request keeps the gateway that was saved and is to be checked.
_SAVED = "_saved_gateway"
#: Actions of a gateway that has former credentials.
_OF_FORMER = ("roll_back", "stop_former")
#: A button beside “Save”, as unfold's template reads it.
_SAVE_AND_CHECK = SimpleNamespace(action_name="_check", attrs={"name": "_check"}, icon="", description="Save and check")
_SETTINGS = ("name", "kind", ("concurrency", "default_pace"), "base_url", "is_enabled")


@admin.register(Gateway)
class GatewayAdmin(CredentialActions, ConsoleAdmin[Gateway]):
    """Gateways. Only administrators change them; nobody reads a secret back."""

    form = GatewayForm
    # The model's own order is lost in a query that counts.
    ordering = ("name",)
    list_display = ("name", "kind", "display_state", "concurrency", "default_pace", "display_numbers", "created_at")
    list_filter = (("kind", ChoicesDropdownFilter), ("is_enabled", BooleanRadioFilter))
    search_fields = ("name",)
    readonly_fields = (
        "display_stopped",
        "display_credentials",
        "display_history",
        "display_inbound_url",
        "display_status_url",
        "created_at",
        "updated_at",
    )
    actions_detail = ("check_credentials", "rotate_credentials", *_OF_FORMER)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Gateway]:
        """With the count of active numbers."""
        return super().get_queryset(request).annotate(active=Count("numbers", filter=Q(numbers__state="active")))

    def get_fieldsets(self, request: HttpRequest, obj: Gateway | None = None) -> Any:
        """Inputs for credentials only for those who may change them."""
        if obj is None:
            classes = ("tab",) if len(ADAPTERS) > 1 else ()
            inputs = [
                (f"{adapter.label}'s credentials", {"fields": input_names(kind, {}), "classes": classes})
                for kind, adapter in ADAPTERS.items()
            ]
            return ((None, {"fields": _SETTINGS}), *inputs)
        may_change = self.has_change_permission(request, obj)
        credentials = ["display_credentials"]
        if may_change:
            credentials = [*input_names(obj.kind, obj.credentials or {}), "seen_version"]
        return (
            (None, {"fields": (*(("display_stopped",) if obj.stopped_reason else ()), *_SETTINGS)}),
            (
                "Webhooks",
                {
                    "description": _wiring(obj),
                    "fields": ("display_inbound_url", "display_status_url"),
                },
            ),
            ("Credentials", {"fields": credentials, "description": _CORRECTING if may_change else None}),
            ("History of credentials", {"fields": ("display_history",)}),
            ("Record", {"fields": (("created_at", "updated_at"),)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Gateway | None = None) -> Any:
        """The kind is chosen once: numbers and messages belong to it."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "kind")

    def has_delete_permission(self, request: HttpRequest, obj: Gateway | None = None) -> bool:
        """Not while numbers hang on it."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.numbers.exists())

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """With a button that saves and asks the provider; it is asked once the form's transaction is over."""
        context = {**(extra_context or {}), "actions_submit_line": [_SAVE_AND_CHECK]}
        response = super().changeform_view(request, object_id, form_url, context)
        if (gateway := getattr(request, _SAVED, None)) is not None:
            self.show_check(request, gateway)
        return response

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[Any]:  # noqa: ARG002  unfold's signature
        """The same button on the page of a gateway that exists."""
        return [_SAVE_AND_CHECK] if self.has_change_permission(request) else []

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What concerns former credentials only while there are some."""
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold's, unknown to stubs
        if Gateway.objects.filter(pk=object_id, former_until__gt=timezone.now()).exists():
            return actions
        return [action for action in actions if action.action_name.rpartition("_gateway_")[2] not in _OF_FORMER]

    def save_model(self, request: HttpRequest, obj: Gateway, form: Any, change: bool) -> None:
        """Save what was changed and nothing else: somebody may have changed the rest meanwhile."""
        enter(gateway=obj, before=form.before, changed=form.changed_data if change else None, by=request.user)  # type: ignore[arg-type]  # of somebody who may

    def response_add(self, request: HttpRequest, obj: Gateway, post_url_continue: str | None = None) -> HttpResponse:
        """To the gateway's page, where it is to be checked."""
        response = super().response_add(request, obj, post_url_continue)
        return self._then_check(request, obj) or response

    def response_change(self, request: HttpRequest, obj: Gateway) -> HttpResponse:
        """To the gateway's page, where it is to be checked."""
        response = super().response_change(request, obj)
        return self._then_check(request, obj) or response

    def _then_check(self, request: HttpRequest, gateway: Gateway) -> HttpResponse | None:
        if _SAVE_AND_CHECK.action_name not in request.POST:
            return None
        setattr(request, _SAVED, gateway)
        return HttpResponseRedirect(reverse("admin:integrations_gateway_change", args=[gateway.pk]))

    @display(description="State", label={"on": "success", "off": "", "stopped": "danger"}, ordering="is_enabled")
    def display_state(self, gateway: Gateway) -> tuple[str, str]:
        """Whether it sends."""
        if gateway.stopped_reason:
            return "stopped", "Stopped"
        return ("on", "Enabled") if gateway.is_enabled else ("off", "Disabled")

    @display(description="Active numbers", ordering="active")
    def display_numbers(self, gateway: Any) -> int:
        """How many numbers send through it."""
        return int(gateway.active)

    @display(description="Stopped")
    def display_stopped(self, gateway: Gateway) -> str:
        """Why nothing leaves, and what to do."""
        return (
            f"The provider refuses everything: {gateway.stopped_reason} "
            "Use “Rotate credentials…”, or correct them below and use “Check credentials”; resume the paused campaigns afterwards."
        )

    @display(description="Stored")
    def display_credentials(self, gateway: Gateway) -> str:
        """Which credentials there are, without their values."""
        stored = gateway.credentials or {}
        fields = ADAPTERS[gateway.kind].credential_fields if gateway.kind in ADAPTERS else ()
        return ", ".join(field.label for field in fields if stored.get(field.name)) or "None"

    @display(description="Changes")
    def display_history(self, gateway: Gateway) -> SafeString | str:
        """Who changed which credentials when; never their values."""
        changes = gateway.credential_changes.select_related("by")[:_SHOWN_CHANGES]
        rows = (
            (
                date_format(timezone.localtime(change.at), "DATETIME_FORMAT"),
                change.get_what_display(),
                ", ".join(change.fields),
                str(change.by or ""),
            )
            for change in changes
        )
        lines = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows)
        return format_html(_HISTORY, lines) if lines else "None yet"

    @display(description="Inbound messages")
    def display_inbound_url(self, gateway: Gateway) -> SafeString:
        """Where the provider delivers what people write."""
        return _address(f"{config().webhook_url}/webhooks/{gateway.key}/inbound")

    @display(description="Delivery statuses")
    def display_status_url(self, gateway: Gateway) -> SafeString:
        """Where the provider reports; a message's request may carry an address of its own below this one."""
        return _address(f"{config().webhook_url}/webhooks/{gateway.key}/status")


def _wiring(gateway: Gateway) -> str:
    """How the webhooks' addresses come to the provider."""
    adapter = ADAPTERS.get(gateway.kind)
    if adapter is not None and adapter.wiring_help:
        return adapter.wiring_help
    if adapter is not None and adapter.capabilities.numbers:
        return (
            "Numbers bought here are wired to these by themselves. For other numbers and short codes, give the first one to the "
            "provider as the address to forward messages to."
        )
    return (
        "Give the first one to the provider for each number, as the address to forward messages to. Requests carry the "
        "second one by themselves."
    )


def _address(url: str) -> SafeString:
    return format_html('<code class="console-code">{}</code>', url)

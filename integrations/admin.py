"""Gateways."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import pluralize
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from broadcast.core.admin import ConsoleAdmin, display
from broadcast.core.config import config
from broadcast.core.confirm import ActionRefused, ConfirmForm, confirmed_action
from integrations.forms import GatewayForm, input_names
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import TransportFailure
from integrations.models import Gateway
from integrations.sms.contract import OutboundSms, SmsAdapter
from integrations.sms.errors import AdapterError
from integrations.sms.registry import ADAPTERS

_SETTINGS = ("name", "kind", ("concurrency", "default_pace"), "base_url", "is_enabled")


@admin.register(Gateway)
class GatewayAdmin(ConsoleAdmin[Gateway]):
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
        "display_inbound_url",
        "display_status_url",
        "created_at",
        "updated_at",
    )
    actions_detail = ("check_credentials",)

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
        credentials = input_names(obj.kind, obj.credentials or {}) if may_change else ["display_credentials"]
        return (
            (None, {"fields": (*(("display_stopped",) if obj.stopped_reason else ()), *_SETTINGS)}),
            (
                "Webhooks",
                {
                    "description": _wiring(obj),
                    "fields": ("display_inbound_url", "display_status_url"),
                },
            ),
            ("Credentials", {"fields": credentials}),
            ("Record", {"fields": (("created_at", "updated_at"),)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Gateway | None = None) -> Any:
        """The kind is chosen once: numbers and messages belong to it."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "kind")

    def has_delete_permission(self, request: HttpRequest, obj: Gateway | None = None) -> bool:
        """Not while numbers hang on it."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.numbers.exists())

    @confirmed_action(
        "Check credentials",
        permission="integrations.change_gateway",
        button="Ask the provider",
        question="This asks the provider of {object} something that costs nothing: for the first page of its numbers or, "
        "where it lists none, for a message. Nothing is changed there.",
        icon="verified_user",
    )
    def check_credentials(self, request: HttpRequest, gateway: Gateway, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Ask the provider for something that costs nothing."""
        try:
            adapter = gateway.adapter
            with HttpxDriver(timeout_seconds=config().request_timeout_seconds) as driver:
                seen = _ask(adapter, driver)
        except LookupError as error:
            raise ActionRefused(f"These credentials show only when something is sent: {error}") from error
        except TransportFailure as error:
            raise ActionRefused(error.text) from error
        except AdapterError as error:
            raise ActionRefused(f"{gateway.get_kind_display()} refused: {error}") from error
        if gateway.stopped_reason:
            gateway.stopped_reason = ""
            gateway.save(update_fields=["stopped_reason", "updated_at"])
        return f"{gateway.get_kind_display()} takes the credentials of “{gateway}”{seen}."

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
            "Correct the credentials, then use “Check credentials”; resume the paused campaigns afterwards."
        )

    @display(description="Stored")
    def display_credentials(self, gateway: Gateway) -> str:
        """Which credentials there are, without their values."""
        stored = gateway.credentials or {}
        fields = ADAPTERS[gateway.kind].credential_fields if gateway.kind in ADAPTERS else ()
        return ", ".join(field.label for field in fields if stored.get(field.name)) or "None"

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


def _ask(adapter: SmsAdapter, driver: HttpxDriver) -> str:
    """Ask for something that needs the credentials and changes nothing; what there is to say of the answer.

    Raises:
        LookupError: the provider can be asked nothing.
        AdapterError: it refused.
        TransportFailure: it gave no answer.
    """
    can = adapter.capabilities
    if can.lookup and (can.own_numbers_key or not can.numbers):
        # There is no message 0, which is as good an answer as any.
        nobody = OutboundSms(0, "", "", "")
        today = f"{timezone.now().astimezone(dt.UTC):%Y-%m-%d}"
        adapter.parse_lookup(nobody, driver.send(adapter.build_lookup(nobody, provider_id="", on_date=today)))
        if not can.numbers:
            return ""
    numbers, more = adapter.parse_list(driver.send(adapter.build_list()))
    count = f"{len(numbers)} or more numbers" if more else f"{len(numbers)} number{pluralize(len(numbers))}"
    return f" and lists {count}"


def _address(url: str) -> SafeString:
    return format_html('<code class="console-code">{}</code>', url)

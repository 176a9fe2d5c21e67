"""Routing: which sender an account's campaigns leave from, by country."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminSelect2Widget

from broadcast.core.admin import ConsoleAdmin, display, page_link
from messaging.engine.countries import all_countries, name_of
from messaging.models import Route
from messaging.services.routes import check_route, gateway_of

SENDERS = ("number", "pool", "second_number", "second_pool")
EVERYWHERE = "Everywhere else"


class RouteForm(forms.ModelForm[Route]):
    """A route; the service says what does not fit together."""

    country = forms.ChoiceField(
        required=False,
        widget=UnfoldAdminSelect2Widget,
        help_text="By the recipient's calling code or, in North America, area code.",
    )

    class Meta:
        model = Route
        fields = ("account", "country", "is_blocked", *SENDERS, "patience_seconds", "when_stopped", "when_disabled")

    class Media:
        js = ("broadcast/account_choices.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "country" in self.fields:
            choices = [("", EVERYWHERE), *((code, f"{name} ({code})") for code, name in all_countries())]
            self.fields["country"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField has them
        for name, other in zip(SENDERS, ("pool", "number", "second_pool", "second_number"), strict=True):
            if name in self.fields:
                widget: Any = self.fields[name].widget
                # The admin puts a frame with links around it.
                inner = getattr(widget, "widget", widget)
                inner.attrs |= {"data-of-account": self.instance.account_id or "", "data-instead-of": f"id_{other}"}

    def _post_clean(self) -> None:
        """Ask the service what does not fit together."""
        super()._post_clean()  # type: ignore[misc]  # Django's stubs leave it out
        if "account" in self.errors or self.instance.account_id is None:
            return
        for name, problem in check_route(self.instance).items():
            self.add_error(name, problem)

    def _get_validation_exclusions(self) -> set[str]:
        """Leave out the database's own checks, whose words are for nobody: the service's are the same."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # Django's stubs leave it out
        return excluded | {*SENDERS, "country", "is_blocked"}


@admin.register(Route)
class RouteAdmin(ConsoleAdmin[Route]):
    """Routes. What leaves from where is the services' business."""

    form = RouteForm
    ordering = ("account__name", "country")
    list_display = ("display_where", "display_account", "display_sender", "display_second", "display_takes_over")
    list_filter = (("account", AutocompleteSelectFilter), "is_blocked")
    list_select_related = ("account", "number__gateway", "pool", "second_number__gateway", "second_pool")
    search_fields = ("account__name", "country", "number__number", "second_number__number")
    autocomplete_fields = ("account", *SENDERS)
    readonly_fields = ("created_at", "updated_at")
    description = (
        "Which sender an account's campaigns leave from. A country's route goes before a campaign's own number or pool, unless "
        "the campaign says otherwise; the route for everywhere else names what a campaign without a number leaves from. "
        "The second sender, at another gateway, takes over what has not left when the first one's gateway does not send. "
        "Answers to people always leave from the number that they wrote to."
    )
    fieldsets = (
        (None, {"description": description, "fields": (("account", "country"), "is_blocked")}),
        ("Preferred sender", {"fields": (("number", "pool"),)}),
        (
            "Second sender",
            {"fields": (("second_number", "second_pool"), "patience_seconds", ("when_stopped", "when_disabled"))},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without credentials."""
        return (
            super().get_queryset(request).defer("number__gateway__credentials", "second_number__gateway__credentials")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Route | None = None) -> Any:
        """A route stays in its account."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "account")

    @display(description="For", ordering="country")
    def display_where(self, route: Route) -> str:
        """The country."""
        return name_of(route.country) if route.country else EVERYWHERE

    @display(description="Account", ordering="account__name")
    def display_account(self, route: Route) -> Any:
        """A link to the account."""
        return page_link(route.account)

    @display(description="Preferred sender")
    def display_sender(self, route: Route) -> str:
        """The sender and its gateway."""
        return "Nothing is sent" if route.is_blocked else _named(route.sender)

    @display(description="Second sender")
    def display_second(self, route: Route) -> str:
        """The sender that stands in, and its gateway."""
        return _named(route.second)

    @display(description="Takes over")
    def display_takes_over(self, route: Route) -> str:
        """When the second sender takes over."""
        if route.second is None:
            return "-"
        when = [f"After {route.patience_seconds} s of silence"]
        when += ["when it refuses everything"] if route.when_stopped else []
        when += ["when it is disabled"] if route.when_disabled else []
        return ", ".join(when)


def _named(sender: Any) -> str:
    if sender is None:
        return "-"
    gateway = gateway_of(sender)
    return f"{sender}, {gateway}" if gateway is not None else str(sender)

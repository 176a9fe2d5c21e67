"""Registrations with the carriers: brands, 10DLC campaigns, toll-free verifications."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from broadcast.core.admin import CountsMixin, display, page_link
from broadcast.core.confirm import ConfirmForm, confirmed_action
from messaging.admin.registration_forms import BrandForm, TenDlcForm, VerificationForm
from messaging.admin.registration_pages import (
    DESCRIPTION,
    RECORD,
    NumbersMixin,
    RegistrationAdmin,
    move_action,
    number_links,
)
from messaging.models import Brand, TenDlcCampaign, TollFreeVerification
from messaging.services.brand_days import DayError, open_day
from messaging.services.budgets import day_of
from messaging.services.registrations import numbers_of


@admin.register(Brand)
class BrandAdmin(CountsMixin, RegistrationAdmin[Brand]):
    """Brands."""

    form = BrandForm
    # The model's own order is lost in a query that counts.
    ordering = ("name", "pk")
    list_display = ("name", "display_state", "display_account", "kind", "display_cap", "display_campaigns")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("account", AutocompleteSelectFilter),
    )
    list_select_related = ("account",)
    search_fields = ("name", "provider_id", "tax_id", "account__name")
    autocomplete_fields = ("account",)
    readonly_fields = (*RegistrationAdmin.readonly_fields, "display_today", "display_registered")
    move = move_action("messaging.change_brand")
    actions_detail = ("move", "open_today")
    add_fieldsets = (
        (
            None,
            {
                "description": DESCRIPTION,
                "fields": ("account", ("name", "kind"), ("tax_id", "trust_score"), "provider_id"),
            },
        ),
    )
    fieldsets = (
        (None, {"description": DESCRIPTION, "fields": (("state", "state_changed_at"), "provider_words")}),
        (
            "Company",
            {"fields": (("name", "account"), ("kind", "tax_id"), ("trust_score", "provider_id"), "display_registered")},
        ),
        ("Budget", {"fields": ("display_today", ("daily_cap_segments", "share_percent"), "cap_zone")}),
        RECORD,
    )

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """A day is opened again only where carriers have closed it."""
        brand = Brand.objects.filter(pk=object_id).first()
        actions = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold has no types
        if brand is not None and day_of(brand).closed_by:
            return actions
        return [action for action in actions if not action.action_name.endswith("open_today")]

    @confirmed_action(
        "Open its day again…",
        permission="messaging.change_brand",
        button="Open the day",
        question="Carriers said that “{object}” has used up its day. If they take more by now, what waits goes on within a minute, "
        "within the cap that is entered here. If they do not, each message that they refuse is paid for and gone.",
        errors=(DayError,),
        icon="lock_open",
    )
    def open_today(self, request: HttpRequest, brand: Brand, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """What carriers have closed is open again."""
        open_day(brand=brand)
        return f"The day of “{brand}” is open again."

    def with_counts(self, rows: QuerySet[Brand]) -> QuerySet[Brand]:
        """How many 10DLC campaigns each has."""
        return rows.annotate(campaigns=Count("ten_dlc_campaigns"))

    @display(description="Account", ordering="account__name")
    def display_account(self, brand: Brand) -> Any:
        """A link to the account."""
        return page_link(brand.account)

    @display(description="Cap")
    def display_cap(self, brand: Brand) -> str:
        """What may leave in a day."""
        cap = brand.segments_per_day
        return "None" if cap is None else f"{cap:,} segments a day"

    @display(description="10DLC campaigns", ordering="campaigns")
    def display_campaigns(self, brand: Any) -> str:
        """How many it has."""
        return f"{brand.campaigns:,}"

    @display(description="10DLC campaigns")
    def display_registered(self, brand: Brand) -> SafeString | str:
        """Links to them, with their states."""
        rows = brand.ten_dlc_campaigns.all() if brand.pk else ()
        return (
            format_html_join(", ", "{}: {}", ((page_link(row), row.get_state_display().lower()) for row in rows))
            or "None"
        )

    @display(description="Today")
    def display_today(self, brand: Brand) -> str:
        """What is left of the day, and when the next begins."""
        if not brand.pk:
            return "-"
        day = day_of(brand)
        return f"{day.text}; the next day begins {day.renewal}"


@admin.register(TenDlcCampaign)
class TenDlcCampaignAdmin(CountsMixin, NumbersMixin, RegistrationAdmin[TenDlcCampaign]):
    """What brands registered to send from their 10-digit numbers."""

    form = TenDlcForm
    owner_field = "brand"
    ordering = ("name", "pk")
    list_display = (
        "name",
        "display_state",
        "use_case",
        "display_brand",
        "display_account",
        "display_caps",
        "display_count",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("use_case", ChoicesDropdownFilter),
        ("brand", AutocompleteSelectFilter),
        ("brand__account", AutocompleteSelectFilter),
    )
    list_select_related = ("brand__account",)
    search_fields = ("name", "provider_id", "brand__name", "assignments__number__number")
    autocomplete_fields = ("brand",)
    readonly_fields = (*RegistrationAdmin.readonly_fields, "display_numbers")
    move = move_action("messaging.change_tendlccampaign")
    add_fieldsets = (
        (
            None,
            {
                "description": f"{DESCRIPTION} Its numbers are entered once it is saved.",
                "fields": (("brand", "name"), ("use_case", "provider_id"), ("per_minute_segments", "per_day_segments")),
            },
        ),
    )

    def with_counts(self, rows: QuerySet[TenDlcCampaign]) -> QuerySet[TenDlcCampaign]:
        """How many numbers each has."""
        return rows.annotate(numbers=Count("assignments", distinct=True))

    def get_fieldsets(self, request: HttpRequest, obj: TenDlcCampaign | None = None) -> Any:
        """A form for those who may change it, a record for others."""
        if obj is None:
            return self.add_fieldsets
        members = "members" if self.has_change_permission(request, obj) else "display_numbers"
        return (
            (None, {"description": DESCRIPTION, "fields": (("state", "state_changed_at"), "provider_words")}),
            ("What it sends", {"fields": (("name", "brand"), ("use_case", "provider_id"), members)}),
            ("Caps", {"fields": (("per_minute_segments", "per_day_segments"),)}),
            RECORD,
        )

    @display(description="Brand", ordering="brand__name")
    def display_brand(self, campaign: TenDlcCampaign) -> Any:
        """A link to the brand."""
        return page_link(campaign.brand)

    @display(description="Account", ordering="brand__account__name")
    def display_account(self, campaign: TenDlcCampaign) -> Any:
        """A link to the account."""
        return page_link(campaign.brand.account)

    @display(description="Caps")
    def display_caps(self, campaign: TenDlcCampaign) -> str:
        """Its own, beside the brand's."""
        caps = ((campaign.per_minute_segments, "a minute"), (campaign.per_day_segments, "a day"))
        return ", ".join(f"{cap:,} {per}" for cap, per in caps if cap) or "The brand's"

    @display(description="Numbers", ordering="numbers")
    def display_count(self, campaign: Any) -> str:
        """How many send under it."""
        return f"{campaign.numbers:,}"

    @display(description="Numbers")
    def display_numbers(self, campaign: TenDlcCampaign) -> SafeString | str:
        """Links to them."""
        return number_links(numbers_of(campaign).order_by("number"))


@admin.register(TollFreeVerification)
class TollFreeVerificationAdmin(CountsMixin, NumbersMixin, RegistrationAdmin[TollFreeVerification]):
    """Verifications of toll-free numbers."""

    form = VerificationForm
    ordering = ("business_name", "pk")
    list_display = ("business_name", "display_state", "display_account", "display_count", "state_changed_at")
    list_filter = (("state", ChoicesDropdownFilter), ("account", AutocompleteSelectFilter))
    list_select_related = ("account",)
    search_fields = ("business_name", "provider_id", "account__name", "numbers__number")
    autocomplete_fields = ("account",)
    readonly_fields = (*RegistrationAdmin.readonly_fields, "display_numbers")
    move = move_action("messaging.change_tollfreeverification")
    add_fieldsets = (
        (
            None,
            {
                "description": DESCRIPTION,
                "fields": (("account", "business_name"), ("use_case", "provider_id"), "members"),
            },
        ),
    )

    def with_counts(self, rows: QuerySet[TollFreeVerification]) -> QuerySet[TollFreeVerification]:
        """How many numbers each has."""
        return rows.annotate(count=Count("numbers", distinct=True))

    def get_fieldsets(self, request: HttpRequest, obj: TollFreeVerification | None = None) -> Any:
        """A form for those who may change it, a record for others."""
        if obj is None:
            return self.add_fieldsets
        members = "members" if self.has_change_permission(request, obj) else "display_numbers"
        return (
            (None, {"description": DESCRIPTION, "fields": (("state", "state_changed_at"), "provider_words")}),
            ("Business", {"fields": (("business_name", "account"), ("use_case", "provider_id"), members)}),
            RECORD,
        )

    @display(description="Account", ordering="account__name")
    def display_account(self, verification: TollFreeVerification) -> Any:
        """A link to the account."""
        return page_link(verification.account)

    @display(description="Numbers", ordering="count")
    def display_count(self, verification: Any) -> str:
        """How many it is for."""
        return f"{verification.count:,}"

    @display(description="Numbers")
    def display_numbers(self, verification: TollFreeVerification) -> SafeString | str:
        """Links to them."""
        return number_links(numbers_of(verification).order_by("number"))

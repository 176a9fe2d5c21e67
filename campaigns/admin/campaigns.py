"""Campaigns: writing them, and watching them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from broadcast.core.admin import ConsoleAdmin, display, page_link
from campaigns.admin.campaign_actions import OFFERED, CampaignActionsMixin, unresolved
from campaigns.admin.campaign_forms import CampaignForm
from campaigns.admin.campaign_options import OPTION_FIELDS, are_usual, option_sentences
from campaigns.admin.campaign_progress import CAMPAIGN_LABELS, local_time, progress_context, waits_for_first
from campaigns.admin.imports import export_recipients_view
from campaigns.models import Campaign
from campaigns.services.composing import set_lists

if TYPE_CHECKING:
    from accounts.models import User

State = Campaign.State


@admin.register(Campaign)
class CampaignAdmin(CampaignActionsMixin, ConsoleAdmin[Campaign]):
    """Campaigns. One that was launched is looked at, not changed."""

    form = CampaignForm
    # The model's own order is lost in a query that counts.
    ordering = ("-id",)
    list_display = ("name", "display_state", "display_account", "display_number", "display_lists", "display_when")
    list_filter = (("state", ChoicesDropdownFilter), ("account", AutocompleteSelectFilter))
    list_select_related = ("account", "number", "pool")
    search_fields = ("name", "body", "account__name")
    date_hierarchy = "created_at"
    autocomplete_fields = ("account", "number", "pool")
    readonly_fields = (
        "display_text",
        "display_options",
        "display_audience",
        "display_scheduled",
        "state",
        "created_by",
        "created_at",
        "launched_by",
        "display_launched",
        "display_finished",
    )
    actions_detail = ("launch", "schedule", "unschedule", "go_on", "pause", "resume", "cancel", "resend", "duplicate")
    actions_row = ("launch", "pause", "resume", "duplicate")
    change_form_outer_before_template = "campaigns/campaign_head.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        """With the number of lists."""
        return super().get_queryset(request).annotate(list_count=Count("campaign_lists"))

    def get_fieldsets(self, request: HttpRequest, obj: Campaign | None = None) -> Any:
        """A form while it may be changed, a record afterwards."""
        options = ("Options", {"fields": OPTION_FIELDS, "classes": ("collapse",) if are_usual(obj) else ()})
        if obj is None:
            return (
                (
                    None,
                    {"fields": ("account", "name", ("number", "pool"), "follows_country_rules", "audience", "body")},
                ),
                options,
            )
        record = (
            "Record",
            {"fields": (("created_by", "created_at"), ("launched_by", "display_launched"), "display_finished")},
        )
        if self.has_change_permission(request, obj):
            content: tuple[Any, ...] = (
                ("name", "account"),
                ("number", "pool"),
                "follows_country_rules",
                "audience",
                "body",
                "display_scheduled",
            )
            return ((None, {"fields": content}), options, record)
        sender = "pool" if obj.pool_id else "number"
        content = (("name", "account"), (sender, "display_audience"), "display_text", "display_scheduled")
        return ((None, {"fields": (*content, "display_options")}), record)

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> Any:
        """A campaign stays in its account."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "account")

    def has_change_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        """Not once it is launched."""
        return super().has_change_permission(request, obj) and (not isinstance(obj, Campaign) or obj.is_editable)

    def has_delete_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        """Drafts only: what was sent is a record."""
        return super().has_delete_permission(request, obj) and (
            not isinstance(obj, Campaign) or obj.state == State.DRAFT
        )

    def get_actions(self, request: HttpRequest) -> Any:  # noqa: ARG002  Django's signature
        """None for many at once: each is confirmed by itself."""
        return {}

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Only what the state allows."""
        campaign = self.get_object(request, unquote(str(object_id)))
        if campaign is None:
            return []
        offered = {f"campaigns_campaign_{name}" for name in OFFERED[campaign.state]}
        if waits_for_first(campaign):
            offered.add("campaigns_campaign_go_on")
        if unresolved(campaign).exists():
            offered.add("campaigns_campaign_resend")
        actions = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold has no types
        return [action for action in actions if action.action_name in offered]

    def get_urls(self) -> list[URLPattern]:
        """With the live part and the export."""
        own = [
            path(
                "<path:object_id>/progress/",
                self.admin_site.admin_view(self.progress),
                name="campaigns_campaign_progress",
            ),
            path("<path:object_id>/export/", self.admin_site.admin_view(self.export), name="campaigns_campaign_export"),
        ]
        return [*own, *super().get_urls()]

    def progress(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The live part of the page, asked for every two seconds while something may change."""
        context = progress_context(self._get(request, object_id), shown_state=request.GET.get("shown", ""))
        return render(request, "campaigns/progress.html", context)

    def export(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The recipients and what became of each."""
        return export_recipients_view(request, self._get(request, object_id))

    def _get(self, request: HttpRequest, object_id: str) -> Campaign:
        campaign = self.get_object(request, unquote(object_id))
        if campaign is None:
            raise Http404("There is no such campaign any more.")
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        return campaign

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form or the record, under the live part."""
        campaign = self.get_object(request, unquote(object_id))
        live = progress_context(campaign) if campaign and self.has_view_permission(request, campaign) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **live})

    def save_model(self, request: HttpRequest, obj: Campaign, form: ModelForm[Campaign], change: bool) -> None:
        """Save, with who made it."""
        if not change:
            obj.created_by = cast("User", request.user)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: ModelForm[Campaign], formsets: Any, change: bool) -> None:
        """Save the lists."""
        super().save_related(request, form, formsets, change)
        set_lists(campaign=form.instance, lists=form.cleaned_data["audience"])

    @display(description="State", ordering="state", label=CAMPAIGN_LABELS)
    def display_state(self, campaign: Campaign) -> tuple[str, str]:
        """The state as a label."""
        return campaign.state, campaign.get_state_display()

    @display(description="Account", ordering="account__name")
    def display_account(self, campaign: Campaign) -> Any:
        """A link to the account."""
        return page_link(campaign.account)

    @display(description="From", ordering="number__number")
    def display_number(self, campaign: Campaign) -> str:
        """The sending number or the pool."""
        return str(campaign.pool or campaign.number)

    @display(description="Lists", ordering="list_count")
    def display_lists(self, campaign: Any) -> int:
        """How many lists it goes to."""
        return int(campaign.list_count)

    @display(description="When")
    def display_when(self, campaign: Campaign) -> str:
        """When it was or will be launched, by the account's clock."""
        return local_time(campaign, campaign.launched_at or campaign.scheduled_at)

    @display(description="Scheduled for")
    def display_scheduled(self, campaign: Campaign) -> str:
        """When it leaves by itself, by the account's clock."""
        if campaign.scheduled_at:
            return local_time(campaign, campaign.scheduled_at)
        return "Not scheduled" if campaign.is_editable else "-"

    @display(description="Launched")
    def display_launched(self, campaign: Campaign) -> SafeString:
        """When, by the account's clock; the live part of the page replaces it."""
        return format_html('<span id="campaign-launched">{}</span>', local_time(campaign, campaign.launched_at))

    @display(description="Finished")
    def display_finished(self, campaign: Campaign) -> SafeString:
        """When, by the account's clock; the live part of the page replaces it."""
        return format_html('<span id="campaign-finished">{}</span>', local_time(campaign, campaign.finished_at))

    @display(description="Text")
    def display_text(self, campaign: Campaign) -> SafeString:
        """The template."""
        return format_html('<div class="console-bubble">{}</div>', campaign.body)

    @display(description="Options")
    def display_options(self, campaign: Campaign) -> SafeString:
        """What its options mean."""
        return format_html_join(mark_safe("<br>"), "{}", ((text,) for text in option_sentences(campaign)))

    @display(description="Lists")
    def display_audience(self, campaign: Campaign) -> str:
        """Names of its lists."""
        return ", ".join(campaign.lists.order_by("name").values_list("name", flat=True)) or "-"

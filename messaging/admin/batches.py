"""Batches, for looking at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RadioFilter

from broadcast.core.admin import ReadOnlyAdmin, display, list_url, page_link
from messaging.admin.labels import BATCH_LABELS
from messaging.admin.sources import source_link
from messaging.models import Batch, Message, PhoneNumber
from messaging.services.detour_notes import notes
from messaging.states import MessageState


class StalledFilter(RadioFilter):  # type: ignore[misc]  # unfold has no types
    """Whether it moves."""

    title = "standstill"
    parameter_name = "stalled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002  Django's signature
        """The choices."""
        return [("yes", "Stalled"), ("no", "Not stalled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Batch]) -> QuerySet[Batch]:  # noqa: ARG002  Django's signature
        """The chosen rows."""
        return queryset.filter(stalled_at__isnull=self.value() == "no") if self.value() else queryset


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin[Batch]):
    """Batches. Their submitter (a campaign) is where they are paused and cancelled."""

    list_display = ("label", "display_state", "display_account", "display_sender", "launched_at", "finished_at")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("pause_code", ChoicesDropdownFilter),
        ("canary_state", ChoicesDropdownFilter),
        StalledFilter,
        ("account", AutocompleteSelectFilter),
        ("pool", AutocompleteSelectFilter),
    )
    list_select_related = ("account", "number", "pool")
    search_fields = ("label", "source")
    date_hierarchy = "created_at"
    readonly_fields = ("display_counts", "display_source", "display_senders", "display_limits", "display_detours")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("label", "state"),
                    ("account", "display_senders"),
                    "display_counts",
                    "display_detours",
                    "display_source",
                )
            },
        ),
        ("Pause", {"fields": ("pause_code", "pause_reason", "resume_at")}),
        (
            "Limits",
            {"fields": (("expires_at", "respects_quiet_hours"), "display_limits", ("canary_state", "canary_until"))},
        ),
        ("Standstill", {"fields": (("stalled_at", "moved_at"), "stall_reason")}),
        ("Text", {"fields": ("template",)}),
        ("Record", {"fields": (("created_at", "updated_at"), ("launched_at", "finished_at"))}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        """A list needs no texts."""
        return super().get_queryset(request).defer("template")

    @display(description="State", ordering="state", label=BATCH_LABELS)
    def display_state(self, batch: Batch) -> tuple[str, str]:
        """The state as a label."""
        return batch.state, batch.get_state_display()

    @display(description="Account", ordering="account__name")
    def display_account(self, batch: Batch) -> Any:
        """A link to the account."""
        return page_link(batch.account)

    @display(description="From", ordering="number__number")
    def display_sender(self, batch: Batch) -> Any:
        """A link to the pool or the number."""
        return page_link(batch.pool or batch.number)

    @display(description="From")
    def display_senders(self, batch: Batch) -> SafeString:
        """Links to the pool and the numbers as they were at launch."""
        numbers = PhoneNumber.objects.filter(pk__in=batch.senders).order_by("number")
        links = format_html_join(", ", "{}", ((page_link(number),) for number in numbers))
        return format_html("{}: {}", page_link(batch.pool), links) if batch.pool and not batch.routed_ids else links

    @display(description="Detours")
    def display_detours(self, batch: Batch) -> SafeString | str:
        """What left through another gateway than it was to."""
        recipients = batch.messages.count() if len(batch.senders) > 1 else 0
        found = notes(batch, recipients=recipients, zone=batch.account.zone)
        return format_html_join(mark_safe("<br>"), "{}", ((note.text,) for note in found)) or "None"

    @display(description="Submitted by")
    def display_source(self, batch: Batch) -> Any:
        """A link to where it is paused and cancelled."""
        return source_link(batch) if batch.source else "-"

    @display(description="Stops by itself")
    def display_limits(self, batch: Batch) -> str:
        """Its limits in words."""
        refused, opted_out = batch.max_rejected_percent, batch.max_opt_out_percent
        limits = [f"When more than {refused} % of the last sends are refused"] if refused else []
        if batch.canary_percent and opted_out:
            limits.append(f"when more than {opted_out} % of the first few opt out")
        return "; ".join(limits) or "Never"

    @display(description="Messages")
    def display_counts(self, batch: Batch) -> SafeString:
        """How many messages are in each state, with a link to all."""
        counts = batch.messages.counts()
        text = ", ".join(f"{n:,} {label.lower()}" for state, label in MessageState.choices if (n := counts.get(state)))
        return format_html(
            '<a href="{}" class="text-link">{}</a>', list_url(Message, batch__id__exact=batch.pk), text or "None yet"
        )

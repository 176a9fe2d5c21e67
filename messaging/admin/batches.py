"""Batches, for looking at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from broadcast.core.admin import ReadOnlyAdmin, display, list_url, page_link
from messaging.admin.labels import BATCH_LABELS
from messaging.models import Batch, Message
from messaging.states import MessageState


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin[Batch]):
    """Batches. Their submitter (a campaign) is where they are paused and cancelled."""

    list_display = ("label", "display_state", "display_account", "display_number", "launched_at", "finished_at")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("pause_code", ChoicesDropdownFilter),
        ("account", AutocompleteSelectFilter),
    )
    list_select_related = ("account", "number")
    search_fields = ("label", "source")
    date_hierarchy = "created_at"
    readonly_fields = ("display_counts",)
    fieldsets = (
        (None, {"fields": ("label", ("account", "number"), ("state", "source"), "display_counts")}),
        ("Pause", {"fields": ("pause_code", "pause_reason", "resume_at")}),
        ("Text", {"fields": ("template", "respects_quiet_hours")}),
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

    @display(description="Number", ordering="number__number")
    def display_number(self, batch: Batch) -> Any:
        """A link to the number."""
        return page_link(batch.number)

    @display(description="Messages")
    def display_counts(self, batch: Batch) -> SafeString:
        """How many messages are in each state, with a link to all."""
        counts = batch.messages.counts()
        text = ", ".join(f"{n:,} {label.lower()}" for state, label in MessageState.choices if (n := counts.get(state)))
        return format_html(
            '<a href="{}" class="text-link">{}</a>', list_url(Message, batch__id__exact=batch.pk), text or "None yet"
        )

"""Runs of chains, with their record."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from broadcast.core.admin import Labels, LargeTableMixin, ReadOnlyAdmin, display, page_link
from campaigns.models import ChainRun
from campaigns.models.chain_values import RunState

RUN_LABELS: Labels = {
    RunState.RUNNING: "info",
    RunState.FINISHED: "success",
    RunState.TIMED_OUT: "warning",
    RunState.REPLACED: "",
    RunState.OPTED_OUT: "warning",
    RunState.HANDED_OVER: "primary",
    RunState.FAILED: "danger",
}


@admin.register(ChainRun)
class ChainRunAdmin(LargeTableMixin, ReadOnlyAdmin[ChainRun]):
    """What became of each exchange."""

    list_display = ("display_person", "display_state", "display_chain", "step", "score", "display_number", "started_at")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("chain", AutocompleteSelectFilter),
        ("account", AutocompleteSelectFilter),
    )
    list_select_related = ("account", "chain", "number")
    search_fields = ("person",)
    number_search_fields = ("person",)
    search_help_text = "A number"
    readonly_fields = ("display_chain", "display_answers", "display_record")
    fieldsets = (
        (None, {"fields": (("person", "number"), ("display_chain", "how"))}),
        (
            "Where it stands",
            {"fields": (("state", "state_reason"), ("step", "wakes_at"), ("display_answers", "score"))},
        ),
        ("Record", {"fields": ("display_record", ("started_at", "ended_at"))}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChainRun]:
        """Newest first, without the chain as it was."""
        return super().get_queryset(request).defer("plan").order_by("-id")

    @display(description="Person", ordering="person")
    def display_person(self, run: ChainRun) -> str:
        """Their number."""
        return run.person

    @display(description="State", ordering="state", label=RUN_LABELS)
    def display_state(self, run: ChainRun) -> tuple[str, str]:
        """The state as a label."""
        return run.state, run.get_state_display()

    @display(description="Chain", ordering="chain__name")
    def display_chain(self, run: ChainRun) -> Any:
        """A link to the chain."""
        return page_link(run.chain)

    @display(description="On", ordering="number__number")
    def display_number(self, run: ChainRun) -> str:
        """Our number."""
        return str(run.number)

    @display(description="Answers")
    def display_answers(self, run: ChainRun) -> Any:
        """Each answer by its question."""
        return format_html_join("", "<div><strong>{}</strong> {}</div>", run.answers.items()) or "-"

    @display(description="What happened")
    def display_record(self, run: ChainRun) -> str:
        """The record, oldest first."""
        return render_to_string("campaigns/chain_record.html", {"events": run.events.order_by("id")})

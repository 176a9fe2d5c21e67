"""Runs of chains, with their record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from broadcast.core.admin import Labels, LargeTableMixin, ReadOnlyAdmin, display, page_link
from broadcast.core.confirm import ConfirmForm, confirmed_action
from campaigns.admin.chain_talk import END_PERMISSION, end_from_inbox, start_page
from campaigns.models import ChainRun
from campaigns.models.chain_values import RunState
from campaigns.services.chains.runs import ChainError, stop

if TYPE_CHECKING:
    from accounts.models import User

RUN_LABELS: Labels = {
    RunState.RUNNING: "info",
    RunState.FINISHED: "success",
    RunState.TIMED_OUT: "warning",
    RunState.REPLACED: "",
    RunState.OPTED_OUT: "warning",
    RunState.HANDED_OVER: "primary",
    RunState.STOPPED: "warning",
    RunState.FAILED: "danger",
}


def end_context(_admin: Any, _request: HttpRequest, run: ChainRun) -> dict[str, Any]:
    """What stands in the way."""
    return {"problems": [] if run.state == RunState.RUNNING else ["It has ended already."]}


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
    actions_detail = ("end_run",)
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

    def get_urls(self) -> list[URLPattern]:
        """What is done with chains beside a conversation."""
        begin, end = (self.admin_site.admin_view(view) for view in (self.start_here, self.end_here))
        return [
            path("conversation/<int:pk>/start/", begin, name="campaigns_chainrun_start_here"),
            path("conversation/<int:pk>/end/", end, name="campaigns_chainrun_end_here"),
            *super().get_urls(),
        ]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Ending is offered while it runs."""
        runs = ChainRun.objects.filter(pk=unquote(str(object_id)), state=RunState.RUNNING).exists()
        return super().get_actions_detail(request, object_id) if runs else []  # type: ignore[misc]  # unfold has no types

    def start_here(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Start one with a conversation's person."""
        return start_page(self, request, pk)

    def end_here(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End what runs with a conversation's person."""
        return end_from_inbox(self, request, pk)

    @confirmed_action(
        "End the chain…",
        permission=END_PERMISSION,
        button="End the chain",
        question="{object}: nothing is sent, and their next message is handled as if there were no chain.",
        context=end_context,
        errors=(ChainError,),
        icon="stop_circle",
    )
    def end_run(self, request: HttpRequest, run: ChainRun, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """End it by hand."""
        stop(run_id=run.pk, by=cast("User", request.user))
        return "The chain was ended."

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

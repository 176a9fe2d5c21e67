"""Text chains: building, checking, rehearsing and starting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import StackedInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import action
from unfold.enums import ActionVariant

from broadcast.core.admin import ConsoleAdmin, Labels, display, list_url, page_link
from broadcast.core.confirm import ConfirmForm, confirmed_action, link_action
from campaigns.admin.chain_forms import StartForm, StepForm, StepFormSet
from campaigns.admin.chain_pages import rehearsal_page, rehearsal_turn, template_page
from campaigns.models import Chain, ChainRun, ChainStep
from campaigns.services.chains.drawing import draw
from campaigns.services.chains.lifecycle import (
    ChainNotReady,
    activate,
    archive,
    check_chain,
    errors_of,
    note_change,
)
from campaigns.services.chains.notation import set_branches
from campaigns.services.chains.plan import plan_of
from campaigns.services.chains.runs import ChainError, start

if TYPE_CHECKING:
    from accounts.models import User

CHANGE = "campaigns.change_chain"
START = "campaigns.add_chainrun"
CHAIN_LABELS: Labels = {Chain.State.DRAFT: "", Chain.State.ACTIVE: "success", Chain.State.ARCHIVED: "warning"}

#: Actions that not every state allows, by the last part of their address.
OFFERED = {
    "activate_chain": {Chain.State.DRAFT, Chain.State.ARCHIVED},
    "start_chain": {Chain.State.ACTIVE},
    "archive_chain": {Chain.State.DRAFT, Chain.State.ACTIVE},
}


class StepInline(StackedInline):  # type: ignore[misc]  # unfold has no types
    """The steps, dragged into their order."""

    model = ChainStep
    form = StepForm
    formset = StepFormSet
    extra = 0
    ordering_field = "position"
    hide_ordering_field = True
    collapsible = True
    autocomplete_fields = ("list",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("label", "kind"),
                    "text",
                    ("answer_kind", "save_to"),
                    "choices_text",
                    ("minimum", "maximum"),
                    "retry_text",
                    ("most_tries", "then_to"),
                    "points_text",
                    "list",
                    "assign_to",
                    "branches_text",
                    ("reminder_minutes", "reminder_text"),
                    ("timeout_minutes", "timeout_to"),
                    "goes_to",
                    "position",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChainStep]:
        """With the branches, which each form shows."""
        found: QuerySet[ChainStep] = super().get_queryset(request).select_related("list", "chain")
        return found.prefetch_related("branches")


def activation_context(_admin: Any, _request: HttpRequest, chain: Chain) -> dict[str, Any]:
    """What stands in the way."""
    if chain.state == Chain.State.ACTIVE:
        return {"problems": [f"“{chain}” is active already."]}
    return {"problems": errors_of(chain)}


def archive_context(_admin: Any, _request: HttpRequest, chain: Chain) -> dict[str, Any]:
    """Which keywords would start nothing any more."""
    names = chain.keyword_actions.order_by("keyword__name").values_list("keyword__name", flat=True).distinct()
    named = ", ".join(f"“{name}”" for name in names)
    warning = f"Keywords start it: {named}. They will answer without it, and each such message waits in the inbox."
    return {"warning": warning if named else ""}


def _count_of(rows: QuerySet[Any]) -> Coalesce:
    """How many rows a chain has, counted by themselves: joined, steps would multiply runs."""
    counted = rows.filter(chain=OuterRef("pk")).order_by().values("chain").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)


@admin.register(Chain)
class ChainAdmin(ConsoleAdmin[Chain]):
    """Text chains."""

    list_display = ("name", "display_state", "display_account", "display_steps", "display_runs", "updated_at")
    list_filter = (("state", ChoicesDropdownFilter), ("account", AutocompleteSelectFilter))
    list_select_related = ("account",)
    # The model's own order is lost in a query that counts.
    ordering = ("name",)
    search_fields = ("name", "account__name")
    autocomplete_fields = ("account",)
    inlines = (StepInline,)
    actions_list = ("from_template",)
    actions_detail = ("rehearse", "activate_chain", "start_chain", "archive_chain")
    change_form_outer_before_template = "campaigns/chain_head.html"
    fieldsets = ((None, {"fields": (("name", "account"), "run_limit_hours")}),)

    class Media:
        js = ("broadcast/chain_builder.js",)
        css = {"all": ("broadcast/chains.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Chain]:
        """With the number of steps and runs, but only where they are shown: not for a form or a turn of a rehearsal."""
        found = super().get_queryset(request).select_related("account")
        if request.resolver_match is None or request.resolver_match.url_name != "campaigns_chain_changelist":
            return found
        return found.annotate(
            step_count=_count_of(ChainStep.objects.all()), running=_count_of(ChainRun.objects.filter(state="running"))
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Chain | None = None) -> Any:
        """A chain stays in its account."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "account")

    def has_delete_permission(self, request: HttpRequest, obj: Chain | None = None) -> bool:
        """Only one that was never run: runs are a record."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.runs.exists())

    def get_actions(self, request: HttpRequest) -> Any:  # noqa: ARG002  Django's signature
        """None for many at once: each is confirmed by itself."""
        return {}

    def get_urls(self) -> list[URLPattern]:
        """With the turns of a rehearsal."""
        view = self.admin_site.admin_view(self.turn)
        return [
            path("<int:object_id>/rehearsal-turn/", view, name="campaigns_chain_rehearsal_turn"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The builder, under the picture and the checks."""
        chain = self.get_object(request, unquote(object_id))
        head: dict[str, Any] = {}
        if chain is not None and self.has_view_permission(request, chain):
            findings = check_chain(chain)
            head = {
                "chain": chain,
                "drawing": draw(plan_of(chain)),
                "chain_errors": [finding for finding in findings if finding.is_error],
                "chain_hints": [finding for finding in findings if not finding.is_error],
                "runs_url": list_url(ChainRun, chain__id__exact=chain.pk),
                "rehearse_url": reverse("admin:campaigns_chain_rehearse", args=[chain.pk]),
                "state_label": CHAIN_LABELS[chain.state],
            }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **head})

    def save_model(self, request: HttpRequest, obj: Chain, form: ModelForm[Chain], change: bool) -> None:
        """Save, with who made it."""
        if not change:
            obj.created_by = cast("User", request.user)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: ModelForm[Chain], formsets: Any, change: bool) -> None:
        """Save the steps with their branches; an active chain that has errors now is a draft again."""
        super().save_related(request, form, formsets, change)
        for formset in formsets:
            for step_form in formset.forms:
                is_gone = step_form in formset.deleted_forms
                if step_form.instance.pk and not is_gone and "branches_text" in step_form.changed_data:
                    set_branches(step=step_form.instance, branches=step_form.cleaned_data["branches_text"])
        if note_change(chain_id=form.instance.pk):
            messages.warning(request, "The chain has errors now, so it is a draft again and is not started by anybody.")

    def turn(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """A turn of a rehearsal."""
        return rehearsal_turn(request, self._get(request, str(object_id)))

    def _get(self, request: HttpRequest, object_id: str) -> Chain:
        chain = self.get_object(request, unquote(object_id))
        if chain is None:
            raise Http404("There is no such chain any more.")
        if not self.has_view_permission(request, chain):
            raise PermissionDenied
        return chain

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Only what the state allows: an active chain is not activated, an archived one neither archived nor started."""
        chain = self.get_object(request, unquote(str(object_id)))
        if chain is None:
            return []
        offered = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold has no types
        return [
            offer
            for offer in offered
            if chain.state in OFFERED.get(offer.path.strip("/").rsplit("/", 1)[-1], Chain.State)
        ]

    @action(description="New from template…", url_path="from-template", permissions=["campaigns.add_chain"])  # type: ignore[untyped-decorator]  # unfold has no types
    def from_template(self, request: HttpRequest) -> HttpResponse:
        """The form of a new chain from a template."""
        return template_page(self, request)

    @link_action("Rehearse", permission="campaigns.view_chain", icon="smartphone")
    def rehearse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The rehearsal."""
        return rehearsal_page(self, request, self._get(request, object_id))

    @confirmed_action(
        "Activate…",
        permission=CHANGE,
        button="Activate",
        question="From now on “{object}” can be started, by keywords and by staff.",
        context=activation_context,
        errors=(ChainNotReady,),
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
    )
    def activate_chain(self, request: HttpRequest, chain: Chain, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Allow it to be started."""
        activate(chain_id=chain.pk)
        return f"“{chain}” is active."

    @confirmed_action(
        "Start with a person…",
        permission=START,
        button="Start",
        question="The first text of “{object}” leaves at once. What runs with them on this number is replaced.",
        form_class=StartForm,
        errors=(ChainError,),
        icon="send",
    )
    def start_chain(self, request: HttpRequest, chain: Chain, form: ConfirmForm) -> str:
        """Start it with one person."""
        chosen = form.cleaned_data
        started = start(chain=chain, number=chosen["number"], person=chosen["person"], how=f"staff: {request.user}")
        done = f"“{chain}” was started with {chosen['person']}. Its runs are listed with their record."
        return " ".join((done, *started.troubles))

    @confirmed_action(
        "Archive…",
        permission=CHANGE,
        button="Archive",
        question="“{object}” is not started any more. What runs goes on to its end. It can be activated again.",
        context=archive_context,
        errors=(ChainNotReady,),
        icon="archive",
    )
    def archive_chain(self, request: HttpRequest, chain: Chain, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Allow no further start."""
        archive(chain_id=chain.pk)
        return f"“{chain}” is archived."

    @display(description="State", ordering="state", label=CHAIN_LABELS)
    def display_state(self, chain: Chain) -> tuple[str, str]:
        """The state as a label."""
        return chain.state, chain.get_state_display()

    @display(description="Account", ordering="account__name")
    def display_account(self, chain: Chain) -> Any:
        """A link to the account."""
        return page_link(chain.account)

    @display(description="Steps", ordering="step_count")
    def display_steps(self, chain: Any) -> int:
        """How many."""
        return int(chain.step_count)

    @display(description="Running now", ordering="running")
    def display_runs(self, chain: Any) -> SafeString:
        """How many, with a link to all runs."""
        url = list_url(ChainRun, chain__id__exact=chain.pk)
        return format_html('<a href="{}" class="text-link">{}</a>', url, f"{chain.running:,}")

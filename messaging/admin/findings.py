"""Number findings: where the providers' lists and ours differ, and one-click repairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.enums import ActionVariant

from broadcast.core.admin import LargeTableMixin, ReadOnlyAdmin, display, page_link
from broadcast.core.confirm import ConfirmForm, confirmed_action
from messaging.admin.finding_forms import GiveForm, IgnoreForm, WireForm
from messaging.admin.finding_words import (
    give_context,
    in_words,
    live_context,
    meaning,
    release_context,
    sides,
    wire_context,
    write_off_context,
)
from messaging.admin.labels import FINDING_KIND_LABELS, FINDING_LABELS
from messaging.models import NumberFinding
from messaging.services import number_repairs as repairs
from messaging.services.asked_repairs import ask_for_repair
from messaging.services.number_repairs import NotRepaired

if TYPE_CHECKING:
    from accounts.models import User

Kind = NumberFinding.Kind
State = NumberFinding.State

PERMISSION = "messaging.change_numberfinding"
#: What an open finding of each kind offers; the first is what the list offers.
OFFERED: dict[str, tuple[str, ...]] = {
    Kind.UNKNOWN: ("give_it", "ignore_it"),
    Kind.MISSING: ("write_it_off", "ignore_it"),
    Kind.WRONG_URLS: ("wire_it", "ignore_it"),
    Kind.STILL_THERE: ("release_it", "give_it", "ignore_it"),
}
#: What the list calls them.
_LINKS = {
    "give_it": "Give to an account…",
    "write_it_off": "Mark as released…",
    "wire_it": "Wire to us…",
    "release_it": "Release again…",
}


def offered(finding: NumberFinding) -> tuple[str, ...]:
    """Names of the actions that a finding's state and kind allow."""
    if finding.repair:
        # What was asked for comes first.
        return ()
    if finding.state == State.OPEN:
        return OFFERED[finding.kind]
    return ("look_again",) if finding.state == State.IGNORED else ()


@admin.register(NumberFinding)
class NumberFindingAdmin(LargeTableMixin, ReadOnlyAdmin[NumberFinding]):
    """Findings. They come from comparisons; a person repairs or ignores them."""

    list_display = (
        "number",
        "display_kind",
        "display_what",
        "display_gateway",
        "display_account",
        "display_seen",
        "display_state",
        "display_repair",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("gateway", RelatedDropdownFilter),
    )
    list_select_related = ("gateway", "phone_number__account")
    search_fields = ("number", "friendly_name")
    number_search_fields = ("number",)
    # What is open comes first.
    ordering = (F("closed_at").desc(nulls_first=True), "-id")
    sortable_by = ()
    change_form_outer_before_template = "messaging/finding_live.html"
    actions_detail = ("give_it", "wire_it", "write_it_off", "release_it", "ignore_it", "look_again")
    readonly_fields = ("display_meaning", "display_sides", "display_gateway", "display_end")
    fieldsets = (
        (None, {"fields": (("number", "kind"), "display_meaning", "display_sides")}),
        ("Record", {"fields": (("display_gateway", "state"), ("first_seen", "last_seen"), "display_end")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[NumberFinding]:
        """Without credentials, which would be decrypted for each row."""
        found = super().get_queryset(request).select_related("gateway", "phone_number__account", "closed_by")
        return found.defer("gateway__credentials")

    def get_urls(self) -> list[URLPattern]:
        """Beside the page: its live part."""
        view = self.admin_site.admin_view(self.live_view)
        return [path("<path:object_id>/live/", view, name="messaging_numberfinding_live"), *super().get_urls()]

    def live_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The live part by itself, which the page asks for while a repair is under way; it then fetches the whole page.

        Raises:
            PermissionDenied: not allowed.
        """
        finding = self.get_object(request, unquote(object_id))
        if finding is None or not self.has_view_permission(request, finding):
            raise PermissionDenied
        # Nothing can be typed on this page, so that nothing is lost.
        headers = None if finding.repair else {"HX-Refresh": "true"}
        return TemplateResponse(request, "messaging/finding_live.html", live_context(finding), headers=headers)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Under what is being done about it."""
        finding = self.get_object(request, unquote(object_id))
        live = live_context(finding) if finding and self.has_view_permission(request, finding) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **live})

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Only what its kind and state allow."""
        finding = NumberFinding.objects.filter(pk=object_id).only("kind", "state", "repair").first()
        names = {f"messaging_numberfinding_{name}" for name in offered(finding)} if finding else set()
        actions = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold has no types
        return [action for action in actions if action.action_name in names]

    @confirmed_action(
        "Give to an account…",
        permission=PERMISSION,
        button="Give and wire it",
        form_class=GiveForm,
        context=give_context,
        errors=(NotRepaired,),
        icon="person_add",
        variant=ActionVariant.PRIMARY,
    )
    def give_it(self, request: HttpRequest, finding: NumberFinding, form: GiveForm) -> str:
        """Enter it and wire it."""
        chosen = form.cleaned_data
        options = {"account_id": chosen["account"].pk, "kind": chosen["kind"], "label": chosen["label"]}
        return _ask(request, finding, NumberFinding.Repair.GIVE, **options)

    @confirmed_action(
        "Wire to us…",
        permission=PERMISSION,
        button="Wire it to us",
        form_class=WireForm,
        context=wire_context,
        errors=(NotRepaired,),
        icon="cable",
        variant=ActionVariant.PRIMARY,
    )
    def wire_it(self, request: HttpRequest, finding: NumberFinding, form: WireForm) -> str:  # noqa: ARG002  an action's signature
        """Set our addresses."""
        return _ask(request, finding, NumberFinding.Repair.WIRE)

    @confirmed_action(
        "Mark as released…",
        permission=PERMISSION,
        button="Mark as released",
        context=write_off_context,
        errors=(NotRepaired,),
        icon="delete_forever",
        variant=ActionVariant.DANGER,
    )
    def write_it_off(self, request: HttpRequest, finding: NumberFinding, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Any state of a number → ``released``."""
        return _ask(request, finding, NumberFinding.Repair.WRITE_OFF)

    @confirmed_action(
        "Release again…",
        permission=PERMISSION,
        button="Release it",
        context=release_context,
        errors=(NotRepaired,),
        icon="delete_forever",
        variant=ActionVariant.DANGER,
    )
    def release_it(self, request: HttpRequest, finding: NumberFinding, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Give it back to the provider."""
        return _ask(request, finding, NumberFinding.Repair.RELEASE)

    @confirmed_action(
        "Ignore…",
        permission=PERMISSION,
        button="Ignore it",
        question="{object}. It is left as it is and not told of again while it stays the same; “Look again” undoes this.",
        form_class=IgnoreForm,
        errors=(NotRepaired,),
        icon="visibility_off",
    )
    def ignore_it(self, request: HttpRequest, finding: NumberFinding, form: IgnoreForm) -> str:
        """``open`` → ``ignored``."""
        repairs.ignore(finding_id=finding.pk, reason=form.cleaned_data["reason"], user=cast("User", request.user))
        return f"{finding.number} is left as it is."

    @confirmed_action(
        "Look again…",
        permission=PERMISSION,
        button="Open it again",
        question="{object}. It needs somebody again.",
        errors=(NotRepaired,),
        icon="visibility",
    )
    def look_again(self, request: HttpRequest, finding: NumberFinding, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """``ignored`` → ``open``."""
        repairs.look_again(finding_id=finding.pk, user=cast("User", request.user))
        return f"{finding.number} is open again."

    @display(description="What", ordering="kind", label=FINDING_KIND_LABELS)
    def display_kind(self, finding: NumberFinding) -> tuple[str, str]:
        """The kind as a label."""
        return finding.kind, finding.get_kind_display()

    @display(description="State", ordering="state", label=FINDING_LABELS)
    def display_state(self, finding: NumberFinding) -> tuple[str, str]:
        """The state as a label."""
        return finding.state, finding.get_state_display()

    @display(description="In short")
    def display_what(self, finding: NumberFinding) -> str:
        """What there is to know of it in a line."""
        return in_words(finding)

    @display(description="Gateway")
    def display_gateway(self, finding: NumberFinding) -> Any:
        """A link to the gateway."""
        return page_link(finding.gateway)

    @display(description="Account")
    def display_account(self, finding: NumberFinding) -> Any:
        """Whose number it is, or was."""
        return page_link(finding.phone_number.account) if finding.phone_number else "-"

    @display(description="Since", ordering="first_seen")
    def display_seen(self, finding: NumberFinding) -> Any:
        """When it was seen first."""
        return finding.first_seen

    @display(description="Repair")
    def display_repair(self, finding: NumberFinding) -> Any:
        """A link to the repair's page."""
        if finding.repair:
            return "Under way"
        if finding.state != State.OPEN:
            return "-"
        name = OFFERED[finding.kind][0]
        url = reverse(f"admin:messaging_numberfinding_{name}", args=[finding.pk])
        return format_html('<a href="{}" class="text-link">{}</a>', url, _LINKS[name])

    @display(description="What it means")
    def display_meaning(self, finding: NumberFinding) -> str:
        """What it means, and what each repair does."""
        return meaning(finding)

    @display(description="Both sides")
    def display_sides(self, finding: NumberFinding) -> str:
        """Here and at the provider, side by side."""
        return render_to_string("messaging/finding_sides.html", {"rows": sides(finding)})

    @display(description="What became of it")
    def display_end(self, finding: NumberFinding) -> str:
        """What was done, and by whom."""
        if finding.state == State.OPEN:
            return finding.note or "It is still open"
        by = f" ({finding.closed_by})" if finding.closed_by else ""
        return f"{finding.get_state_display()}: {finding.note}{by}"


def _ask(request: HttpRequest, finding: NumberFinding, repair: str, **options: Any) -> str:
    """Have a repair done in the background: each asks the provider, which may take its time."""
    ask_for_repair(finding_id=finding.pk, repair=repair, user=cast("User", request.user), options=options)
    return f"{finding.number}: asked for. What comes of it is shown here."

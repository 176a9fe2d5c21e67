"""The consent ledger, and a person's evidence to print or download."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.cache import patch_cache_control
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from accounts.models import Account
from broadcast.core.admin import Labels, LargeTableMixin, ReadOnlyAdmin, display, page_link
from broadcast.core.confirm import link_action
from campaigns.admin.export_views import download
from campaigns.models import ConsentEvent
from campaigns.services.consent.evidence import evidence_of, export_evidence
from campaigns.services.consent.in_words import how, what
from messaging.admin.sources import EVIDENCE_PERMISSION, evidence_url

_NUMBER = re.compile(r"\+?[0-9]{3,15}")

CONSENT_LABELS: Labels = {
    ConsentEvent.Action.REQUESTED: "info",
    ConsentEvent.Action.GIVEN: "success",
    ConsentEvent.Action.CONFIRMED: "success",
    ConsentEvent.Action.WITHDRAWN: "danger",
    ConsentEvent.Action.RESTORED: "success",
}


@admin.register(ConsentEvent)
class ConsentEventAdmin(LargeTableMixin, ReadOnlyAdmin[ConsentEvent]):
    """The ledger. Nobody writes in it by hand: it is written by what changes consent."""

    list_display = ("number", "display_action", "display_what", "display_account", "source", "display_by", "at")
    list_filter = (
        ("action", ChoicesDropdownFilter),
        ("how", ChoicesDropdownFilter),
        ("account", AutocompleteSelectFilter),
    )
    list_select_related = ("account",)
    search_fields = ("number",)
    number_search_fields = ("number",)
    search_help_text = "A number"
    sortable_by = ()
    actions_detail = ("evidence",)
    readonly_fields = ("display_account", "display_what", "display_by")
    fieldsets = (
        (None, {"fields": (("number", "display_account"), "display_what", "wording", "source")}),
        ("Record", {"fields": (("at", "recorded_at"), ("display_by", "how"), ("inbound_id", "message_id"))}),
    )

    def get_urls(self) -> list[URLPattern]:
        """A person's evidence, of whom no subscriber need be known."""
        view = self.admin_site.admin_view(self.evidence_page)
        return [
            path("evidence/<int:account_id>/<str:number>/", view, name="campaigns_consentevent_evidence"),
            *super().get_urls(),
        ]

    def evidence_page(self, request: HttpRequest, account_id: int, number: str) -> HttpResponse:
        """Everything there is, as a page to print; ``?format=csv`` to download."""
        if not request.user.has_perm(EVIDENCE_PERMISSION):
            raise PermissionDenied
        if not _NUMBER.fullmatch(number):
            raise Http404(f"“{number}” is not a number.")
        evidence = evidence_of(account=get_object_or_404(Account, pk=account_id), number=number)
        if request.GET.get("format") == "csv":
            return download(request, lambda: export_evidence(evidence))
        context = {"evidence": evidence, "by": request.user, "title": f"Evidence: {number}"}
        response = TemplateResponse(request, "campaigns/evidence.html", context)
        patch_cache_control(response, private=True, no_store=True)
        return response

    @link_action("Export evidence", permission=EVIDENCE_PERMISSION, icon="verified_user")
    def evidence(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the evidence of the event's person."""
        event = self.get_object(request, object_id)
        if event is None:
            raise Http404("There is no such event.")
        return HttpResponseRedirect(evidence_url(event.account_id, event.number))

    @display(description="Action", label=CONSENT_LABELS)
    def display_action(self, event: ConsentEvent) -> tuple[str, str]:
        """The action as a label."""
        return event.action, event.get_action_display()

    @display(description="What happened")
    def display_what(self, event: ConsentEvent) -> str:
        """In words."""
        return f"{what(event)}, {how(event)}"

    @display(description="Account")
    def display_account(self, event: ConsentEvent) -> Any:
        """A link to the account."""
        return page_link(event.account)

    @display(description="By")
    def display_by(self, event: ConsentEvent) -> str:
        """The member of staff."""
        return event.by_name or "-"

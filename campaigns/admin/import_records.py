"""Past imports: what each did, and its refused rows to download."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.decorators import action

from broadcast.core.admin import ReadOnlyAdmin, display, page_link
from campaigns.admin.export_views import download
from campaigns.admin.import_preview import column_use
from campaigns.models import SubscriberImport
from campaigns.services.exports import export_rejected
from campaigns.services.imports import Outcome, format_name

#: Refused rows that the page itself shows.
ROWS_SHOWN = 100
_COUNTS = tuple(f"rows_{outcome.value}" for outcome in Outcome)


@admin.register(SubscriberImport)
class SubscriberImportAdmin(ReadOnlyAdmin[SubscriberImport]):
    """A list of imports and a page for each."""

    list_display = ("file_name", "display_list", "account", "rows_read", *_COUNTS, "created_by", "created_at")
    list_select_related = ("list__account", "created_by")
    list_filter = ("list__account", "created_at")
    search_fields = ("file_name", "list__name")
    date_hierarchy = "created_at"
    actions_detail = ("download_refused",)
    fieldsets = (
        (None, {"fields": ("display_list", "account", "file_name", "display_reading", "created_by", "created_at")}),
        ("Consent", {"fields": ("consent_wording",)}),
        ("Rows", {"fields": ("rows_read", _COUNTS[:3], _COUNTS[3:])}),
        ("Refused rows", {"fields": ("display_rejected",)}),
    )
    readonly_fields = ("display_list", "account", "display_reading", "display_rejected")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SubscriberImport]:
        """The list of imports needs no refused rows, which can be many."""
        queryset = super().get_queryset(request).select_related("list__account", "created_by")
        return (
            queryset
            if request.resolver_match and "object_id" in request.resolver_match.kwargs
            else queryset.defer("rejected", "columns")
        )

    def has_download_refused_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        """Who may import may have the rows back."""
        return request.user.has_perm("campaigns.change_subscriberlist")

    @action(description="Download refused rows", icon="download", permissions=["download_refused"], url_path="refused")  # type: ignore[untyped-decorator]  # unfold has no types
    def download_refused(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The refused rows as CSV."""
        record = self.get_object(request, object_id)
        if record is None:
            raise Http404("There is no such import.")
        return download(request, lambda: export_rejected(record))

    @display(description="List", ordering="list__name")
    def display_list(self, record: SubscriberImport) -> str | SafeString:
        """The list, to go to."""
        return page_link(record.list)

    @display(description="Account", ordering="list__account__name")
    def account(self, record: SubscriberImport) -> str:
        """Whose list it is."""
        return str(record.list.account)

    @display(description="Read as")
    def display_reading(self, record: SubscriberImport) -> SafeString:
        """Encoding, delimiter and what each column was used for."""
        return SafeString(
            render_to_string("admin/campaigns/subscriberimport/reading.html", {"reading": reading_of(record)})
        )

    @display(description="Refused rows")
    def display_rejected(self, record: SubscriberImport) -> SafeString:
        """The first refused rows; all of them are in the file."""
        context = {
            "columns": record.columns,
            # "values" is a method of every dictionary for a template.
            "rows": [{**row, "values_shown": row["values"]} for row in record.rejected[:ROWS_SHOWN]],
            "more": max(record.rows_invalid + record.rows_opted_out - ROWS_SHOWN, 0),
            "kept": len(record.rejected),
        }
        return SafeString(render_to_string("admin/campaigns/subscriberimport/rejected.html", context))


def reading_of(record: SubscriberImport) -> dict[str, Any]:
    """How a file was read, for the template that the preview uses as well."""
    return {
        "format": format_name(record.encoding, record.delimiter),
        "columns": [(column["header"], column_use(column["field"])) for column in record.columns],
    }

"""Importing and exporting subscribers in the console.

For ``SubscriberListAdmin``::

    class SubscriberListAdmin(SubscriberImportMixin, ConsoleAdmin[SubscriberList]): ...

gives a list's page the buttons "Import subscribers", "Export as CSV" and "Export as Excel", and the list of lists an
"Import" button. An admin with ``actions_detail`` of its own starts them with ``*SubscriberImportMixin.actions_detail``.

For ``CampaignAdmin``: ``export_recipients_view(request, campaign)`` is the download of a campaign's recipients.

Both are for staff with ``campaigns.change_subscriberlist`` (``campaigns.change_campaign``): who may only look, may
neither import nor take data away.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.defaultfilters import pluralize
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from import_export.admin import ImportMixin
from import_export.tmp_storages import MediaStorage
from unfold.decorators import action

from campaigns.admin.export_views import export_recipients_view, export_subscribers_view
from campaigns.admin.import_forms import ConfirmForm, UploadForm
from campaigns.admin.import_preview import preview_of
from campaigns.admin.import_records import SubscriberImportAdmin
from campaigns.models import SubscriberImport, SubscriberList
from campaigns.resources import AnyTable, PlanResult, SubscriberResource
from campaigns.services.exports import XLSX

__all__ = ["SubscriberImportAdmin", "SubscriberImportMixin", "export_recipients_view", "export_subscribers_view"]

#: Uploads that nobody confirmed hold people's data, so they do not stay.
FORGET_UPLOADS_AFTER = dt.timedelta(hours=24)


class SubscriberImportMixin(ImportMixin):  # type: ignore[misc]  # import-export has no types
    """Pages and buttons for the admin of lists."""

    resource_classes = [SubscriberResource]
    import_form_class = UploadForm
    confirm_form_class = ConfirmForm
    import_template_name = "admin/campaigns/subscriberlist/import.html"
    tmp_storage_class = MediaStorage
    skip_import_confirm = False
    actions_detail: tuple[Any, ...] = ("import_subscribers", "export_csv", "export_xlsx")

    def has_import_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        """Who may change lists."""
        return request.user.has_perm("campaigns.change_subscriberlist")

    def has_export_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        """Who may change lists: a file of people leaves the console with whoever takes it."""
        return request.user.has_perm("campaigns.change_subscriberlist")

    def get_import_formats(self) -> list[type[AnyTable]]:
        """One, for every kind of file."""
        return [AnyTable]

    @action(description="Import subscribers", icon="upload", permissions=["import"], url_path="import")  # type: ignore[untyped-decorator]  # unfold has no types
    def import_subscribers(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """To the import's page with the list chosen."""
        return HttpResponseRedirect(reverse(f"{self._names()}_import") + f"?list={object_id}")

    @action(description="Export as CSV", icon="download", permissions=["export"], url_path="export")  # type: ignore[untyped-decorator]  # unfold has no types
    def export_csv(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Everybody on the list."""
        return export_subscribers_view(request, self._list(request, object_id))

    @action(description="Export as Excel", icon="table_view", permissions=["export"], url_path="export-excel")  # type: ignore[untyped-decorator]  # unfold has no types
    def export_xlsx(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Everybody on the list, as a workbook."""
        return export_subscribers_view(request, self._list(request, object_id), file_format=XLSX)

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The form; with a file, the preview."""
        if request.method == "POST":
            forget_old_uploads()
        response: HttpResponse = super().import_action(request, **kwargs)
        if isinstance(response, TemplateResponse) and response.context_data and "result" in response.context_data:
            response.context_data["preview"] = preview_of(response.context_data["result"].plan)
        return response

    def get_import_form_initial(self, request: HttpRequest) -> dict[str, Any]:
        """The list that the person came from."""
        return {**super().get_import_form_initial(request), "list": request.GET.get("list")}

    def get_confirm_form_initial(self, request: HttpRequest, import_form: UploadForm | None) -> dict[str, Any]:
        """What the preview was of."""
        initial: dict[str, Any] = super().get_confirm_form_initial(request, import_form)
        if import_form is not None:
            initial["list"] = import_form.cleaned_data["list"].pk
            initial["consent_wording"] = import_form.cleaned_data["consent_wording"]
        return initial

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        """What the resource works with: the plan that the form made."""
        form: UploadForm | ConfirmForm = kwargs["form"]
        return {"plan": form.plan, "upload": form.cleaned_data.get("import_file_name", "")}

    def process_import(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """Carry the import out; a second confirmation of the same preview leads to the first one's result."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_import_permission(request):
            raise PermissionDenied
        form: ConfirmForm = self.create_confirm_form(request)
        if not form.is_valid():
            messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
            return HttpResponseRedirect(reverse(f"{self._names()}_import"))
        if form.done is not None:
            return self._to_result(request, form.done)
        upload = form.cleaned_data["import_file_name"]
        result = SubscriberResource().import_data(
            b"",
            dry_run=False,
            plan=form.plan,
            user=request.user,
            upload=upload,
            consent_wording=form.cleaned_data["consent_wording"],
        )
        MediaStorage(name=upload).remove()
        return self.process_result(result, request)

    def process_result(self, result: PlanResult, request: HttpRequest) -> HttpResponse:
        """Note it in the list's history and show what came of it."""
        record = result.record
        if record is None:
            raise Http404("Nothing was imported.")
        self.log_change(request, record.list, f"Imported {record.file_name}: {_summary(record)}")
        return self._to_result(request, record)

    def _to_result(self, request: HttpRequest, record: SubscriberImport) -> HttpResponse:
        messages.success(
            request, format_html("“{}” was imported into {}: {}", record.file_name, record.list, _summary(record))
        )
        return HttpResponseRedirect(
            reverse(f"{self.admin_site.name}:campaigns_subscriberimport_change", args=[record.pk])
        )

    def _list(self, request: HttpRequest, object_id: str) -> SubscriberList:
        list_: SubscriberList | None = self.get_object(request, object_id)
        if list_ is None:
            raise Http404("There is no such list.")
        return list_

    def _names(self) -> str:
        return f"{self.admin_site.name}:campaigns_subscriberlist"


def _summary(record: SubscriberImport) -> str:
    return (
        f"{record.rows_new:,} new, {record.rows_updated:,} updated, {record.rows_unchanged:,} already on the list, "
        f"{record.rows_opted_out:,} opted out, {record.rows_duplicate:,} duplicate{pluralize(record.rows_duplicate)}, "
        f"{record.rows_invalid:,} invalid."
    )


def forget_old_uploads() -> None:
    """Delete uploads that were previewed and never confirmed."""
    folder = MediaStorage().MEDIA_FOLDER
    try:
        _folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        path = f"{folder}/{name}"
        try:
            old = timezone.now() - default_storage.get_modified_time(path) > FORGET_UPLOADS_AFTER
        except FileNotFoundError:
            continue
        if old:
            default_storage.delete(path)

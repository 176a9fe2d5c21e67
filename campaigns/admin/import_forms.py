"""The two steps of an import in the console: choose a file, confirm what it will do."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from import_export.forms import ConfirmImportForm
from import_export.tmp_storages import MediaStorage
from unfold.contrib.import_export.forms import ImportForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from broadcast.core.config import config
from campaigns.models import SubscriberImport, SubscriberList
from campaigns.services.imports import ImportPlan, UnreadableFile, plan_import, read_table

MEGABYTE = 1024 * 1024


class UploadForm(ImportForm):  # type: ignore[misc]  # unfold has no types
    """A list and a file; valid when the file can be imported, and ``plan`` says what that would do."""

    list = forms.ModelChoiceField(
        SubscriberList.objects.none(), label="List", help_text="The people in the file are added to this list."
    )
    consent_wording = forms.CharField(
        label="Consent statement",
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="What these people agreed to, in the words they saw, for example those beside the box they ticked. "
        "It is kept in the consent ledger of each one who joins the list.",
    )
    field_order = ["list", "import_file", "consent_wording", "resource", "format"]
    plan: ImportPlan | None = None

    def __init__(self, formats: Sequence[Any], resources: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(formats, resources, **kwargs)
        choice: Any = self.fields["list"]
        choice.queryset = SubscriberList.objects.select_related("account").order_by("account__name", "name")
        choice.label_from_instance = lambda list_: f"{list_.account}: {list_}"
        choice.widget = UnfoldAdminSelectWidget(choices=choice.choices)
        # There is one format, which asks nothing of the person.
        self.fields["format"].widget = forms.HiddenInput()
        self.initial["format"] = "0"
        self.fields["import_file"].label = "File"
        self.fields["import_file"].help_text = (
            f"CSV, TSV or Excel (.xlsx), up to {config().import_max_megabytes} MB. Encoding, delimiter and columns are "
            "recognised; one column must hold phone numbers. Nothing is changed before you confirm."
        )

    def clean_import_file(self) -> Any:
        """Refuse what is too large before a byte of it is read."""
        file = self.cleaned_data["import_file"]
        most = config().import_max_megabytes
        if file.size > most * MEGABYTE:
            size = file.size / MEGABYTE
            list_ = self.cleaned_data.get("list")
            raise ValidationError(
                f"“{file.name}” has {size:,.1f} MB; this form takes up to {most} MB. Copy it to the server and run "
                f"manage.py import_subscribers {list_.pk if list_ else 'LIST_ID'} FILE, which takes files "
                "of any size, or split it."
            )
        return file

    def clean(self) -> dict[str, Any]:
        """Read the file and plan its import."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        file, list_ = cleaned.get("import_file"), cleaned.get("list")
        if file and list_:
            try:
                self.plan = plan_import(
                    list_=list_, table=read_table(file, file.name, region=list_.account.default_region)
                )
            except UnreadableFile as error:
                self.add_error("import_file", error.text)
            finally:
                file.seek(0)
        return cleaned


class ConfirmForm(ConfirmImportForm):  # type: ignore[misc]  # import-export has no types
    """What the preview was of; valid when the upload is still there, or was imported already."""

    list = forms.ModelChoiceField(
        SubscriberList.objects.select_related("account"), widget=forms.HiddenInput(), required=True
    )
    import_file_name = forms.RegexField(
        r"\A[0-9a-f]{32}\Z",
        widget=forms.HiddenInput(),
        error_messages={"invalid": "This is not the name of an upload. Choose the file again."},
    )
    consent_wording = forms.CharField(required=False, max_length=2000, widget=forms.HiddenInput())
    plan: ImportPlan | None = None
    done: SubscriberImport | None = None

    def clean(self) -> dict[str, Any]:
        """Find the upload and plan its import again: the world may have changed since the preview."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        upload, list_, name = (cleaned.get(key) for key in ("import_file_name", "list", "original_file_name"))
        if not (upload and list_ and name):
            return cleaned
        self.done = SubscriberImport.objects.filter(upload=upload).first()
        if self.done:
            return cleaned
        storage = MediaStorage(name=upload, read_mode="rb")
        try:
            table = read_table(BytesIO(storage.read()), name, region=list_.account.default_region)
            self.plan = plan_import(list_=list_, table=table)
        except FileNotFoundError:
            # The same confirmation may have been sent twice, and the first one is through by now.
            self.done = SubscriberImport.objects.filter(upload=upload).first()
            if self.done is None:
                raise ValidationError("The upload is not there any more. Choose the file again.") from None
        except UnreadableFile as error:
            raise ValidationError(error.text) from None
        return cleaned
